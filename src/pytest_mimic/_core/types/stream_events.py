"""`Events` and `ServerSentEvent`: what adapters make of streams that are compared.

By these classes, the paths of options lead into all events: `volatile=data.id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Events(list[Any]):
    """The events of a stream in order, as an adapter gives them to be compared.

    Paths need not name the number of an event: `data.id` leads into every event.

    Attributes:
        is_whole: Whether the stream was read to its end. A slice or a copy of the list
            does not know that.
    """

    def __init__(self, events: Iterable[Any], *, is_whole: bool = True) -> None:
        super().__init__(events)
        self.is_whole = is_whole


class ServerSentEvent(dict[str, Any]):
    """The fields of one server-sent event.

    Paths need not name `data`, its text or the JSON in it.
    """
