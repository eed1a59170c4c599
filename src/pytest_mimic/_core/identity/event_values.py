"""The events of a stream, as they are compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Events(list[Any]):
    """The events of a stream in order. Paths need not name the number of an event, so that one path is for all of them.

    Attributes:
        is_whole: Whether the stream was read to its end.
    """

    def __init__(self, events: Iterable[Any], *, is_whole: bool = True) -> None:
        super().__init__(events)
        self.is_whole = is_whole


class ServerSentEvent(dict[str, Any]):
    """The fields of one server-sent event. Paths need not name `data`, its text or the JSON in it."""
