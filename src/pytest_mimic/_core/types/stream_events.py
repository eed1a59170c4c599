"""What the streams of clients are made of, where their parts are named by paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Events(list[Any]):
    """The events of a stream in order. Paths need not name the number of an event, so that one path is for all of them."""

    def __init__(self, events: Iterable[Any], *, is_whole: bool = True) -> None:
        super().__init__(events)
        self.is_whole = is_whole  # whether the stream was read to its end


class ServerSentEvent(dict[str, Any]):
    """The fields of one server-sent event. Paths need not name `data`, its text or the JSON in it."""
