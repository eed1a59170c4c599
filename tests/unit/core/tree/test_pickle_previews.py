"""What is stored beside a pickle: a line, and a description without what is secret."""

from __future__ import annotations

import pytest

from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.pickle_previews import described, preview

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
    description = described(Value({"password": "hunter2", "day": 1}), REDACTOR)

    assert "hunter2" not in str(description)
    assert "'day': 1" in str(description)


def test_a_stream_has_no_description() -> None:
    assert described(Stream([1, 2]), REDACTOR) is None
