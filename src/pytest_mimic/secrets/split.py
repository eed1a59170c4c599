"""Secrets that the events of a stream carry in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

_Places: TypeAlias = "list[tuple[Any, Any]]"
"""Where the pieces of one text are: what holds each, by what."""


def streams_of(answer: Any) -> list[list[Any]]:
    """Return the events of an answer of HTTP, if it is a stream."""
    body = answer.get("body") if isinstance(answer, dict) else None
    found = body if isinstance(body, dict) else {}
    streams = [found.get(key) for key in ("events", "lines")]
    return [stream for stream in streams if isinstance(stream, list)]


def joined_texts(events: list[Any]) -> list[str]:
    """Return the texts of which events carry the pieces."""
    fields = _fields_of(events).values()
    return ["".join(holder[step] for holder, step in places) for places in fields]


def hide_split(events: list[Any], hide: Callable[[str], str]) -> None:
    """Take the secrets out of events that only their joined texts show.

    A language model sends the arguments of a tool in pieces: `{"pass`, `word": "hun`,
    `ter2"}`. The pieces of one field are joined, and the joined text is hidden. What is
    before a secret, and behind the last one, stays where it is; what is between is
    moved to the first event of it.

    Args:
        events: The data of the events, in order. They are changed in place.
        hide: Hides the secrets in a text.
    """
    for places in _fields_of(events).values():
        pieces = [holder[step] for holder, step in places]
        if len(pieces) > 1:
            hidden = _hidden_pieces(pieces, hide)
            for (holder, step), piece in zip(places, hidden, strict=True):
                holder[step] = piece


def _fields_of(events: list[Any]) -> dict[str, _Places]:
    """Return by path where the texts of events are."""
    fields: dict[str, _Places] = {}
    for index in range(len(events)):
        for path, holder, step in _texts(events, index, ""):
            fields.setdefault(path, []).append((holder, step))
    return fields


def _texts(holder: Any, step: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield where the texts of an event are: the path, and what holds each by what."""
    part = holder[step]
    if isinstance(part, str):
        yield path, holder, step
    elif isinstance(part, (dict, list)):
        for inner in part if isinstance(part, dict) else range(len(part)):
            yield from _texts(part, inner, f"{path}.{inner}")


def _hidden_pieces(pieces: list[str], hide: Callable[[str], str]) -> list[str]:
    """Return as many pieces, whose joined text is the hidden one."""
    joined = "".join(pieces)
    hidden = hide(joined)
    if hidden == joined:
        return pieces
    first, end = 0, len(pieces)
    while first < end - 1 and hidden.startswith(pieces[first]):
        hidden = hidden.removeprefix(pieces[first])
        first += 1
    while end > first + 1 and hidden.endswith(pieces[end - 1]):
        hidden = hidden.removesuffix(pieces[end - 1])
        end -= 1
    emptied = [""] * (end - first - 1)
    return [*pieces[:first], hidden, *emptied, *pieces[end:]]
