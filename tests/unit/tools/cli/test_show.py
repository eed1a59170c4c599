"""`show` prints recordings without loading a pickle or showing a secret."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize("what", ["calls/shop/odd", "shop:odd", "shop:od*"])
def test_a_damaged_recording_is_found_by_its_folder_and_by_its_target(shop, call, what):
    [damaged] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    damaged.write_text("{")

    assert (
        call("show", "calls/shop").lines[-1]
        == "1 file cannot be read: pytest-mimic check"
    )
    found = call("show", what)
    assert (found.code, found.lines[0][:27]) == (1, ".mimic_vault/calls/shop/odd")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (
            "tests/test_shop.py::test_user[Ann]",
            "  returned User(name='Ann', born=2001-02-03, password=<redacted>)",
        ),
        ("shop:fails", "  raised shop.NoRatesError('no rates for XXX')"),
        ("shop:picture", "  returned <bytes, 284 B>"),
    ],
)
def test_show_prints_an_outcome_of_each_kind(shop, call, what, expected):
    assert expected in call("show", what).lines


def test_show_cuts_a_long_value(shop, call):
    assert "    ... 200 more," in call("show", "shop:long").lines


def test_show_takes_digits_and_files_as_ls_prints_them(shop, call):
    [row] = call("ls", "--json", "shop:odd").data["recordings"]
    whole = call("show", "shop:odd").out

    for what in (
        row["file"].rpartition("/")[2][:8],
        f".mimic_vault/{row['file']}",
        row["test"],
    ):
        assert call("show", what).out == whole
    assert call("show", "shopping").out == call("show", "cassettes/shopping.json").out


def test_show_describes_a_pickle_without_loading_it(shop, call):
    (shop / "shop.py").write_text("raise SystemExit('this module was imported')")

    lines = call("show", "shop:odd").lines

    assert re.fullmatch(
        r"  returned a pickle, \d+ B: objects/../[0-9a-f]{32}\.pkl", lines[-3]
    )
    assert lines[-2:] == ["  preview: Odd(n=3)", "  imports: shop:Odd"]


def test_arguments_recorded_before_their_name_became_secret_are_hidden(shop, call):
    with (shop / "pytest.ini").open("a") as ini:
        ini.write("mimic_redact = base\n")

    shown = [call("ls", *words).out for words in (["shop:rates"], ["--json"])]
    shown.append(call("show", "shop:rates").out)

    assert not [text for text in shown if "EUR" in text]
    assert all("base=<redacted>" in text for text in shown)
