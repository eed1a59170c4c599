"""The command `rekey`, on a project that was really recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_mimic._core.vault.locks import Locks

NOTHING = (
    "nothing to change: the recordings in .mimic_vault have the identities of"
    " today's lines"
)


def test_nothing_changes_without_a_changed_line(
    shop: Path, call: Callable[..., Any]
) -> None:
    result = call("rekey")

    assert (result.code, result.lines) == (0, [NOTHING])


def test_recordings_and_cassettes_follow_a_line(
    shop: Path, call: Callable[..., Any]
) -> None:
    ini = shop / "pytest.ini"
    ini.write_text(ini.read_text().replace("shop:*", "shop:* ignore=day"))

    result = call("rekey")

    assert (result.code, result.lines[:2]) == (
        1,
        [
            "9 recordings got the identity of today's line",
            "2 recordings with options that were given in Python stay as they are",
        ],
    )
    assert call("check").code == 0


def test_a_run_that_records_is_not_disturbed(
    shop: Path, call: Callable[..., Any]
) -> None:
    locks = Locks(str(shop / ".mimic_vault"))
    locks.join()

    result = call("rekey")

    locks.leave()
    assert (result.code, result.err.splitlines()) == (
        2,
        [
            "ERROR: a run is recording in .mimic_vault",
            "  wait for its end, and run pytest-mimic rekey again",
        ],
    )


def test_a_selector_that_names_nothing_is_said(
    shop: Path, call: Callable[..., Any]
) -> None:
    result = call("rekey", "tests/test_gone.py")

    assert (result.code, result.lines) == (
        1,
        ["nothing in .mimic_vault matches tests/test_gone.py"],
    )
