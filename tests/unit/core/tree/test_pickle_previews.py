"""What is stored beside a pickle: a line, and a description without what is secret."""

from __future__ import annotations

import pytest

from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import differences
from pytest_mimic._core.tree.pickle_previews import described_outcome, preview

REDACTOR = Redactor(["password"])


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (
            Value({"day": 1, "password": "hunter2"}),
            "{'day': 1, 'password': <redacted>}",
        ),
        (Raised(ValueError("no rates")), "raised ValueError('no rates')"),
        (Stream([1, 2]), "stream of 2 items: 1"),
    ],
    ids=["value", "raised", "stream"],
)
def test_a_pickle_is_shown_in_a_line_without_secrets(
    outcome: Outcome, line: str
) -> None:
    assert preview(outcome, REDACTOR) == [line]


def test_a_pickle_is_described_without_secrets() -> None:
    description = described_outcome(Value({"password": "hunter2", "day": 1}), REDACTOR)

    assert "hunter2" not in str(description)
    assert "'day': 1" in str(description)


@pytest.mark.parametrize(
    ("before", "now", "lines"),
    [
        (
            Stream([{"id": 1}, {"id": 2}]),
            Stream([{"id": 1}, {"id": 3}]),
            ["items[1].id: 2 recorded, 3 now"],
        ),
        (Stream([1, 2]), Stream([1]), ["items[1]: 2 recorded, missing now"]),
        (
            Stream([1], Value("done")),
            Stream([1], Value("gone")),
            ["end: 'done' recorded, 'gone' now"],
        ),
        (
            Stream([1], Raised(OSError("closed"))),
            Stream([1], Value(None)),
            ["end: OSError('closed') recorded, missing now"],
        ),
        (
            Stream(range(30)),
            Stream(range(31)),
            ["items: 30 items recorded, 31 items now"],
        ),
    ],
    ids=["an item", "length", "result", "error", "many"],
)
def test_a_stream_is_described_by_its_items_and_its_end(
    before: Stream, now: Stream, lines: list[str]
) -> None:
    old, new = (
        node_of(described_outcome(stream, REDACTOR)) for stream in (before, now)
    )

    assert difference_lines(differences(old, new)) == lines
