"""`ls` and `show` on a vault of a real run."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress

import pytest

from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.ls import shortened_test
from pytest_mimic._tools.cli.main import main


def columns_of(lines):
    """Return the columns of a table without dates, durations and sizes."""
    return [re.split(r" {2,}", line) for line in lines]


def test_ls_lists_every_recording_and_cassette(shop, call):
    result = call("ls")

    assert result.code == 0
    rows = [(row[4], row[5], row[6]) for row in columns_of(result.lines[:-1])]
    assert max(map(len, result.lines)) <= 120
    whole = [
        (
            "shop:fails(base='XXX')",
            "raised NoRatesError",
            "tests/test_shop.py::test_error",
        ),
        ("shop:keyed(n=3)", rows[1][1], "tests/test_shop.py::test_matrix"),
        ("shop:long(n=300)", "JSON", "tests/test_shop.py::test_long"),
        (
            "shop:matrix(n=20)",
            "ndarray float64 20x20",
            "tests/test_shop.py::test_matrix",
        ),
        ("shop:odd(n=3)", rows[4][1], "tests/test_shop.py::test_odd"),
        ("shop:picture()", rows[5][1], "tests/test_shop.py::test_long"),
        (
            "shop:rates(base='EUR', day=2024-05-01, password=<redacted>)",
            rows[6][1],
            "tests/test_shop.py::test_rates",
        ),
        ("shop:user(name='Bob')", rows[7][1], "tests/test_shop.py::test_user[Bob]"),
        ("shop:user(name='Ann')", rows[8][1], "tests/test_shop.py::test_user[Ann]"),
        (
            "shop:words(text='pen ink paper')",
            "stream of 3 items",
            "tests/test_shop.py::test_words",
        ),
        (
            "cassette shopping (2 calls)",
            rows[10][1],
            "tests/test_shop.py::test_cassette",
        ),
    ]
    for shown, expected in zip(rows, whole, strict=True):
        for cell, text in zip(shown, expected, strict=True):
            # Of a test that is cut, the folders may go, too.
            kept = [re.escape(part) for part in cell.split("...")]
            assert re.search(".*".join(kept) + "$", text), cell
    starts = {
        4: "Odd(n=3)",
        5: "<bytes",
        6: "{'USD'",
        7: "User(na",
        10: "2 outco",
    }
    assert [
        number
        for number, start in starts.items()
        if not rows[number][1].startswith(start)
    ] == []
    assert result.lines[-1].startswith("10 recordings and 1 cassette, ")


def test_the_total_counts_a_shared_object_once(shop, call):
    vault = shop / ".mimic_vault"
    [recording] = (vault / "calls/shop/odd").glob("*.json")
    recording.with_name(f"{'0' * 32}.json").write_bytes(recording.read_bytes())

    files = [
        file
        for file in vault.rglob("*")
        if file.is_file() and file.suffix in (".json", ".pkl", ".bin")
    ]
    assert (
        call("ls")
        .lines[-1]
        .endswith(f", {size(sum(file.stat().st_size for file in files))}")
    )


def test_a_pickled_exception_is_named_by_its_class(shop, call):
    [recording] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    facts = json.loads(recording.read_text(encoding="utf-8"))
    preview = [
        "raised shop:NoRatesError: 'no rates for XXX'",
        "args[0]: 'no rates for XXX'",
    ]
    facts["outcomes"][0].update(kind="raised", preview=preview)
    recording.write_text(json.dumps(facts), encoding="utf-8")

    [row] = columns_of(call("ls", "shop:odd").lines[:-1])
    [shown] = call("ls", "shop:odd", "--json").data["recordings"]

    assert row[5] == "raised NoRatesError"
    assert shown["calls"][0]["errors"] == ["raised NoRatesError"]


def test_a_project_without_recordings_says_how_to_record(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    result = call("ls")

    assert (result.code, result.lines) == (
        0,
        ["no recordings in .mimic_vault", "  to record: pytest --mimic-record"],
    )
    assert call("check").code == call("check", "--fix").code == 0


def test_the_command_finds_the_vault_from_a_folder_below(shop, call, monkeypatch):
    monkeypatch.chdir(shop / "tests")

    result = call("ls", "tests/test_shop.py::test_odd")

    assert len(result.lines) == 2
    assert "../.mimic_vault/calls/shop/odd/" in call("show", "shop:odd").out


def test_no_secret_is_shown_by_any_command(shop, call):
    outputs = [
        call(*words).out
        for words in (["ls"], ["ls", "--json"], ["show", "calls", "cassettes"])
    ]

    assert all("s3cret" not in text and "hush" not in text for text in outputs)
    assert all(len(text) > 100 for text in outputs)


@pytest.mark.skipif(os.name == "nt", reason="needs pseudo-terminals")
@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (80, "dates and outcomes: in a wider terminal, or by pytest-mimic show"),
        (95, "outcomes: in a wider terminal, or by pytest-mimic show"),
        (120, None),
    ],
)
def test_each_row_fits_the_terminal(shop, monkeypatch, width, left_out):
    [recording] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    facts = json.loads(recording.read_text(encoding="utf-8"))
    facts["test"] = f"tests/test_shop.py::test_of_a_{'very_' * 20}long_name[EUR]"
    recording.write_text(json.dumps(facts), encoding="utf-8")

    lines = lines_in_a_terminal(monkeypatch, width, "ls")

    rows = lines[:11]
    assert [row for row in rows if len(row) > width] == []
    [odd] = [row for row in rows if "shop:odd(n=3)" in row]
    assert odd.endswith("me[EUR]")
    # A call is told apart by its first argument.
    assert any("shop:rates(base='EUR'" in row for row in rows)
    assert ("2026-" in odd) == (width > 80)
    assert lines[11].startswith("10 recordings and 1 cassette, ")
    assert lines[12:] == ([left_out] if left_out else [])


def lines_in_a_terminal(monkeypatch, width, *words):
    """Return the lines that the command writes to a terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with (
        monkeypatch.context() as patch,
        os.fdopen(writing, "w", encoding="utf-8") as terminal,
    ):
        patch.setattr(sys, "stdout", terminal)
        main(list(words))
    text = b"".join(pieces_read(reading)).decode()
    os.close(reading)
    return text.replace("\r\n", "\n").splitlines()


def pieces_read(terminal):
    """Yield what was written to a terminal, whose other side is closed."""
    # The end of a terminal is an error on Linux.
    with suppress(OSError):
        while piece := os.read(terminal, 4096):
            yield piece


@pytest.mark.parametrize(
    ("target", "arguments", "shown"),
    [
        (
            "sqlalchemy",
            {
                "signature": "INSERT sales",
                "params": {"shop_id": "7c1b2d6e-99f3-4f1c-8a55-bc4f9bc0e92e"},
            },
            r"sqlalchemy INSERT sales \(sh.*\.\.\.\)",
        ),
        (
            "http",
            {
                "signature": "GET /v1/rates",
                "method": "GET",
                "url": "http://rates.test/v1/rates",
                "query": {"currencies": "USD,CHF,GBP,SEK,NOK,DKK", "day": "2026-05-04"},
            },
            r"http GET /v1/r.*\.\.\..*day=2026-05-04",
        ),
    ],
    ids=["the table of a statement", "the end of a query"],
)
def test_a_long_call_keeps_what_tells_it_apart(shop, call, target, arguments, shown):
    answer = {"status": 200, "reason": "", "version": "HTTP/1.1", "headers": []}
    facts = {
        "format": 5,
        "target": target,
        "arguments": arguments,
        "source": None,
        "test": f"tests/test_shop.py::test_of_a_{'very_' * 9}long_name",
        "recorded": "2026-11-23",
        "outcomes": [{"duration": 0.1, "value": answer}],
    }
    folder = shop / ".mimic_vault/calls" / target
    folder.mkdir()
    (folder / f"{'a' * 32}.json").write_text(json.dumps(facts), encoding="utf-8")

    [row] = columns_of(call("ls", target).lines[:-1])

    assert re.fullmatch(shown, row[4])


PROMPT = [{"role": "user", "content": "And which tea is good in the morning?"}]


def chat_with(model):
    """Return the description of a request to a language model."""
    return {
        "signature": "POST /v1/chat/completions",
        "method": "POST",
        "url": "http://llm.test/v1/chat/completions",
        "body": {"model": model, "messages": PROMPT},
    }


TOLD_APART = {
    "models": (
        "http",
        [chat_with("gpt-5-mini"), chat_with("gpt-6")],
        ["... (gpt-5-mini: ...rning?)", "... (gpt-6: ...he morning?)"],
    ),
    "parameters": (
        "sqlalchemy",
        [
            {"signature": "SELECT orders", "params": {"id": 1}},
            {"signature": "SELECT orders", "params": {"id": 2}},
        ],
        ["...SELECT orders (id=1)", "...SELECT orders (id=2)"],
    ),
}


@pytest.mark.parametrize(
    ("target", "calls", "shown"), TOLD_APART.values(), ids=TOLD_APART
)
def test_equal_signatures_are_told_apart_in_80_columns(
    shop, monkeypatch, target, calls, shown
):
    answer = {"status": 200, "reason": "", "version": "HTTP/1.1", "headers": []}
    folder = shop / ".mimic_vault/calls" / target
    folder.mkdir()
    for digit, arguments in zip("ab", calls):
        facts = {
            "format": 5,
            "target": target,
            "arguments": arguments,
            "source": None,
            "test": f"tests/test_shop.py::test_of_a_{'very_' * 9}long_name",
            "recorded": "2026-11-23",
            "outcomes": [{"duration": 0.1, "value": answer}],
        }
        path = folder / f"{digit * 32}.json"
        path.write_text(json.dumps(facts), encoding="utf-8")

    lines = lines_in_a_terminal(monkeypatch, 80, "ls", target)

    assert [row[3] for row in columns_of(lines[:2])] == shown


def test_the_answer_of_a_database_is_told_in_short(shop, call):
    folder = shop / ".mimic_vault/calls/sqlalchemy"
    folder.mkdir()
    columns = [["id", 23, None, 4], ["name", 25, None, -1]]
    value = {"columns": columns, "rows": [[1, "Ann"], [2, "Bob"]]}
    statement = {"signature": "SELECT users", "statement": "SELECT id, name FROM users"}
    facts = {
        "format": 5,
        "target": "sqlalchemy",
        "arguments": statement,
        "source": None,
        "test": "tests/test_shop.py::test_users",
        "recorded": "2026-11-23",
        "outcomes": [{"duration": 0.1, "value": value}],
    }
    (folder / f"{'a' * 32}.json").write_text(json.dumps(facts), encoding="utf-8")

    [row] = columns_of(call("ls", "sqlalchemy").lines[:-1])

    assert row[5] == "2 rows"


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (44, ".../test_rates.py::TestEuro::is_cached[x]"),
        (35, "tests/a/test_rates.py::...cached[x]"),
        (31, ".../test_rates.py::...cached[x]"),
        (26, "test_rates.py::...ached[x]"),
        (12, "...cached[x]"),
        (38, "test_rates.py::TestEuro::is_cached[x]"),
        (99, "tests/a/test_rates.py::TestEuro::is_cached[x]"),
    ],
)
def test_a_cut_test_keeps_its_file_and_its_end(most: int, shown: str) -> None:
    test = "tests/a/test_rates.py::TestEuro::is_cached[x]"

    assert shortened_test(test, most) == shown
