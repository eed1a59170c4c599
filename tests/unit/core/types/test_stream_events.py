"""The events of a stream as adapters give them to be compared."""

from __future__ import annotations

from pytest_mimic._core.types.stream_events import Events


def test_events_know_whether_their_stream_was_read_to_its_end() -> None:
    events = Events([{"id": 1}], is_whole=False)

    assert events == [{"id": 1}]
    assert not events.is_whole
    assert Events(events).is_whole
