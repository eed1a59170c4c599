"""Secrets that the events of a stream carry in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


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
    fields: dict[str, list[tuple[Any, Any]]] = {}
    for index in range(len(events)):
        for path, holder, step in _texts(events, index, ""):
            fields.setdefault(path, []).append((holder, step))
    for places in fields.values():
        pieces = [holder[step] for holder, step in places]
        if len(pieces) > 1:
            hidden = _hidden_pieces(pieces, hide)
            for (holder, step), piece in zip(places, hidden, strict=True):
                holder[step] = piece


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
