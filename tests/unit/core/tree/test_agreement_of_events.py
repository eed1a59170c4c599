"""Streams of events: compared by name and shape, and left out by paths into each event."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.agreement import Rules, compare
from pytest_mimic._core.tree.wording import difference_lines
from pytest_mimic._core.types.kinds import Events, ServerSentEvent


def stream(*events: tuple[str, Any]) -> Events:
    """Return a whole stream of events: the name and the data of each."""
    return Events([ServerSentEvent(event=name, data=data) for name, data in events], is_whole=True)


def lines(recorded: object, actual: object, **options: Any) -> list[str]:
    sides = Outcome("value", {"body": recorded}), Outcome("value", {"body": actual})
    return difference_lines(compare(*sides, Rules(**options), redactor=Redactor()))


ONE = stream(("a", {"id": 1, "text": "x"}))


@pytest.mark.parametrize("path", ["body.id", "body.data.id", "body.*.data.id", "body.0", "body.*"])
def test_a_path_may_leave_out_the_number_of_an_event_and_its_data(path):
    other = stream(("a", {"id": 2, "text": "x"}))

    assert len(lines(ONE, other)) == 1
    assert lines(ONE, other, volatile=(path,)) == []


def test_other_fields_of_an_event_are_named():
    other = stream(("b", {"id": 1, "text": "x"}))

    assert lines(ONE, other) == ["body[0].event: 'a' recorded, 'b' now"]
    assert lines(ONE, other, volatile=("body.event",)) == []


def test_each_event_has_the_shape_of_a_recorded_one_of_its_name():
    start, text, number, end = ("start", {}), ("part", {"text": "x"}), ("part", {"number": 1}), ("end", {})
    recorded = stream(start, text, number, end)

    assert lines(recorded, stream(start, number, text, number, number, end), mode="shape") == []
    assert lines(recorded, stream(start, text, ("end", {"text": "x"}), end), mode="shape") != []
    assert lines(recorded, stream(start, text, ("other", {"text": "x"}), end), mode="shape") != []
