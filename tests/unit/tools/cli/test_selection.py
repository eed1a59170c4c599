"""The recordings that a subcommand was asked for."""

from __future__ import annotations

import json
import re

import pytest


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["tests/test_shop.py::test_odd", "shop:words"], ["odd", "words"]),
        (["./tests/test_shop.py::test_error"], ["fails"]),
        (["shop:rates"], ["rates", "shopping"]),
        (["shop:us*"], ["user", "user", "shopping"]),
        (["calls/shop/odd"], ["odd"]),
        (["--errors"], ["fails"]),
        (["tests/test_shop.py::test_user"], ["user", "user"]),
        (["tests/test_shop.py::test_user[Ann]"], ["user"]),
        (
            ["--sort", "size", "shop:long", "shop:odd", "shop:words"],
            ["long", "odd", "words"],
        ),
        (["shop:odd", "shop:words", "--errors"], []),
    ],
)
def test_ls_selects(shop, call, words, targets):
    result = call("ls", "--json", *words)

    found = [
        row["file"].removesuffix(".json").split("/")
        for row in result.data["recordings"]
    ]
    names = [parts[2] if parts[0] == "calls" else parts[-1] for parts in found]
    assert names == targets
    assert result.code == (0 if targets else 1)


def test_older_goes_by_the_recorded_date(shop, call):
    [old] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    old.write_text(
        re.sub(r'"recorded": "[^"]*"', '"recorded": "2020-02-29"', old.read_text())
    )

    for span in ("90d", "12w"):
        rows = call("ls", "--json", "--older", span).data["recordings"]
        assert [row["calls"][0]["target"] for row in rows] == ["shop:odd"]


@pytest.mark.parametrize("command", ["ls", "show", "rm", "check"])
def test_a_selector_that_matches_nothing_is_said(shop, call, command):
    files = set((shop / ".mimic_vault").rglob("*"))

    result = call(command, "shop:odd", "shop:od")
    nothing = call(command, "shop:od")

    said = "nothing in .mimic_vault matches shop:od"
    assert (result.code, nothing.code) == (1, 1)
    assert said in result.lines
    assert said in nothing.lines
    gone = {file.suffix for file in files - set((shop / ".mimic_vault").rglob("*"))}
    assert gone == ({".json", ".pkl", ""} if command == "rm" else set())


@pytest.mark.parametrize(
    "words", [["--errors", "shop:odd"], ["shop:odd", "--older", "90d"]]
)
def test_options_that_match_nothing_are_said(shop, call, words):
    result = call("ls", *words)

    said = {"--errors": "shop:odd --errors"}.get(words[0], " ".join(words))
    assert (result.code, result.lines) == (
        1,
        [f"nothing in .mimic_vault matches {said}"],
    )


@pytest.mark.parametrize("words", [["ls"], ["show", "http"], ["rm", "-n", "calls"]])
def test_recordings_of_the_former_format_are_named_with_rekey(shop, call, words):
    folder = shop / ".mimic_vault/calls/http"
    folder.mkdir()
    former = {"format": 4, "target": "http", "test": "tests/test_shop.py::test_rates"}
    for number in range(2):
        (folder / f"{number}.json").write_text(json.dumps(former))

    result = call(*words)

    assert result.code == 1
    assert "pytest-mimic rekey" in result.out
    assert "pytest-mimic check" not in result.out
