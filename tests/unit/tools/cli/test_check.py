"""What `check` is asked, and what it says to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def recording(shop, function):
    """Return the only recording of a function."""
    [file] = (shop / ".mimic_vault/calls/shop" / function).glob("*.json")
    return file


def edit(file, **facts):
    """Change facts of the only outcome of a recording; None takes one out."""
    document = json.loads(file.read_text())
    changed = {**document["outcomes"][0], **facts}
    document["outcomes"][0] = {name: fact for name, fact in changed.items() if fact is not None}
    file.write_text(json.dumps(document))


def the_object(shop, function, kind):
    return shop / ".mimic_vault" / json.loads(recording(shop, function).read_text())["outcomes"][0][kind]


def flip(file):
    data = bytearray(file.read_bytes())
    data[80] ^= 1
    file.write_bytes(data)


DAMAGE = {
    "cut short": (lambda shop: recording(shop, "rates").write_text('{\n "format": 4,'), "rates", r"is not valid JSON, line 2"),
    "empty": (lambda shop: recording(shop, "rates").write_text(""), "rates", r"\(empty\)"),
    "no outcome": (lambda shop: edit(recording(shop, "rates"), value=1, raised=1), "rates", "one value, exception"),
    "wrong stream": (lambda shop: edit(recording(shop, "words"), stream={}), "words", "'items' is missing"),
    "renamed": (
        lambda shop: recording(shop, "rates").rename(shop / ".mimic_vault/calls/shop/rates/x.json"),
        "rates",
        "its name is not that of a call of shop:rates",
    ),
    "flipped byte": (lambda shop: flip(the_object(shop, "odd", "pickle")), "odd", r"objects/.*\.pkl is not what was"),
    "missing pickle": (lambda shop: the_object(shop, "odd", "pickle").unlink(), "odd", "is missing, .* names it"),
    "missing JSON": (lambda shop: the_object(shop, "long", "json").unlink(), "long", "is missing, .* names it"),
    "wrong JSON": (lambda shop: the_object(shop, "long", "json").write_text("[]"), "long", "is not what was recorded"),
    "short list": (
        lambda shop: edit(recording(shop, "odd"), code=[]),
        "odd",
        "it imports shop:Odd, which .* does not list",
    ),
    "code among imports": (
        lambda shop: edit(recording(shop, "odd"), imports=["shop:Odd"], code=["shop:other"]),
        "odd",
        "it imports shop:Odd, which .* does not list as code",
    ),
    "short list of tags": (
        lambda shop: edit(recording(shop, "picture"), value={"$shop:Odd": {}}),
        "picture",
        "it names shop:Odd, which .* does not list",
    ),
    **{
        f"short list of tags in {body}": (
            lambda shop, body=body: edit(recording(shop, "picture"), value=None, **body),
            "picture",
            "it names .*shop:Odd, which .* does not list",
        )
        for body in (
            {"raised": {"$builtins:KeyError": {"args": [], "cause": {"$shop:Odd": {"args": []}}}}},
            {"stream": {"items": [], "end": {"raised": {"$shop:Odd": {"args": []}}}}},
        )
    },
    "misread tag": (
        lambda shop: edit(recording(shop, "picture"), value={"$date": "soon"}),
        "picture",
        r"\(\$date: 'soon'\)",
    ),
}  # fmt: skip


def test_next_step_is_for_the_same_vault(shop, call):
    act, _, _ = DAMAGE["misread tag"]
    act(shop)
    (shop / ".mimic_vault").rename(shop / "the vault")

    result = call("check", "--vault", "the vault")

    assert result.lines[-1].endswith(": pytest-mimic check --fix --vault 'the vault'")


def test_selectors_limit_the_check(shop, call):
    flip(the_object(shop, "odd", "pickle"))
    recording(shop, "words").write_text("")

    assert call("check", "shop:rates").code == 0
    assert call("check", "tests/test_shop.py::test_odd").code == 1
    assert call("check", "calls/shop/words").lines[0].startswith(".mimic_vault/calls/shop/words/")


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
