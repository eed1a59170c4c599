"""What the section `mimic` says: the counts, then each problem with the command that remedies it."""

from __future__ import annotations

import pytest

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.engine.account_events import Miss
from pytest_mimic._core.settings import Settings
from pytest_mimic._run.summary import lines_with_colours, mode_in_words, summary
from pytest_mimic._tools.unused.judging import Judgement
from unit.memory_store import settings


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (settings(), "replay from .mimic_vault"),
        (
            settings(mode="record", no_record=True),
            "record into .mimic_vault, nothing may be recorded",
        ),
        (
            settings(mode="live"),
            "live, every call runs for real, .mimic_vault is left alone",
        ),
    ],
)
def test_the_header_names_the_mode_and_the_vault(made: Settings, line: str) -> None:
    assert mode_in_words(made) == line


def test_a_run_that_did_nothing_says_nothing() -> None:
    assert summary(Account(), Judgement(), settings()) == []
    assert summary(Account(), Judgement(), settings(mode="live")) == [
        "every call ran for real, and nothing was recorded or compared"
    ]


def test_misses_are_listed_with_the_command_that_records_them() -> None:
    account = Account()
    account.misses += [
        Miss("shop:f(1)", "t.py::test_a"),
        Miss("shop:f(2)", "t.py::test_b", is_stale=True),
        Miss("http GET /", "t.py::test_c", option=""),
    ]

    assert summary(account, Judgement(), settings(), quiet=True) == [
        "2 calls missing, 1 stale",
        "missing:",
        "  shop:f(1)     t.py::test_a",
        "  http GET /    t.py::test_c, see its error",
        "to record the missing: pytest --mimic-record t.py::test_a",
        "stale:",
        "  shop:f(2)    t.py::test_b",
        "to record the stale: pytest --mimic-record t.py::test_b",
    ]


def test_a_test_stands_in_one_command() -> None:
    """Where a part of its calls differs only in what each run makes anew, too."""
    account = Account()
    anew = Miss(
        "http GET /1",
        "t.py::test_a",
        paths_made_anew="query.id",
        kinds_made_anew="uuid",
    )
    account.misses += [
        anew,
        anew._replace(label="http GET /2", test="t.py::test_b"),
        Miss("http GET /x", "t.py::test_a", option="--mimic-rerecord"),
        Miss("http GET /y", "t.py::test_b"),
        Miss("http GET /z", "t.py::test_c"),
        Miss("shop:f()", "t.py::test_a", is_stale=True),
    ]

    lines = summary(account, Judgement(), settings())

    assert [line for line in lines if line.startswith("to record ")] == [
        "to record them: pytest --mimic-record t.py::test_b",
        "to record the others: pytest --mimic-rerecord t.py::test_a",
        "to record the others: pytest --mimic-record t.py::test_c",
        "to record the stale: pytest --mimic-rerecord t.py::test_a",
    ]


def test_what_many_calls_did_is_shown_for_the_first_ones() -> None:
    account = Account()
    account.notes += [
        f"shop:f({number}) raised Skipped: not recorded" for number in range(12)
    ]

    assert summary(account, Judgement(), settings(mode="record"))[-2:] == [
        "shop:f(9) raised Skipped: not recorded",
        "and 2 more",
    ]


def test_a_list_of_problems_has_the_colour_of_its_heading() -> None:
    lines = ["1 call missing", "missing:", "  shop:a", "to record it: pytest"]
    lines += ["drifted:", "  shop:b", "failed: 1 recording is unused"]

    colours = [next(iter(colour), "") for _, colour in lines_with_colours(lines)]

    assert colours == ["", "red", "red", "", "yellow", "yellow", "red"]
