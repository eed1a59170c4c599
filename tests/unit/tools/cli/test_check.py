"""What `check` is asked, and what it says to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.tools.cli.edited_vaults import edit, flip, recording, the_object


def test_next_step_is_for_the_same_vault(shop, call):
    edit(recording(shop, "picture"), value={"$date": "soon"})
    (shop / ".mimic_vault").rename(shop / "the vault")

    result = call("check", "--vault", "the vault")

    assert result.lines[-1].endswith(": pytest-mimic check --fix --vault 'the vault'")


def test_selectors_limit_the_check(shop, call):
    flip(the_object(shop, "odd", "pickle"))
    recording(shop, "words").write_text("")

    assert call("check", "shop:rates").code == 0
    assert call("check", "tests/test_shop.py::test_odd").code == 1
    assert (
        call("check", "calls/shop/words")
        .lines[0]
        .startswith(".mimic_vault/calls/shop/words/")
    )


@pytest.mark.parametrize("words", [["--older", "900d"], ["--errors"]])
def test_what_cannot_be_read_has_no_age_and_no_errors(shop, call, words):
    damaged = next(shop.glob(".mimic_vault/calls/shop/words/*.json"))
    damaged.write_text("{")

    call("check", "--fix", *words)

    assert damaged.exists()


def test_a_hook_for_pre_commit_calls_check():
    text = (Path(__file__).parents[4] / ".pre-commit-hooks.yaml").read_text()

    assert "entry: pytest-mimic check" in text
    assert "pass_filenames: false" in text
