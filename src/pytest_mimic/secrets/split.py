"""Secrets that the events of a stream carry in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def hide_split(events: list[Any], hide: Callable[[str], str]) -> None:
    """Take the secrets out of events that only their joined texts show.

    A language model sends the arguments of a tool in pieces: `{"pass`, `word": "hun`,
    `ter2"}`. The pieces of one field are joined, the joined text is hidden, and each
    event gets its part back: the first one that held a piece of a secret has what
    stands for it.

    Args:
        events: The data of the events, in order. They are changed in place.
        hide: Hides the secrets in a text.
    """
    places: dict[str, list[tuple[Any, Any]]] = {}
    for index in range(len(events)):
        _collect(events, index, "", places)
    for fields in places.values():
        pieces = [holder[step] for holder, step in fields]
        if len(pieces) > 1:
            for (holder, step), piece in zip(fields, _hidden_pieces(pieces, hide)):
                holder[step] = piece


def _collect(
    holder: Any, step: Any, path: str, places: dict[str, list[tuple[Any, Any]]]
) -> None:
    """Collect where texts are, by their path in an event."""
    part = holder[step]
    if isinstance(part, str):
        places.setdefault(path, []).append((holder, step))
    elif isinstance(part, (dict, list)):
        steps = part if isinstance(part, dict) else range(len(part))
        for inner in steps:
            _collect(part, inner, f"{path}.{inner}", places)


def _hidden_pieces(pieces: list[str], hide: Callable[[str], str]) -> list[str]:
    """Return pieces whose joined text is the hidden one.

    What the beginning and the end of both texts have in common stays where it is.
    """
    joined = "".join(pieces)
    hidden = hide(joined)
    if hidden == joined:
        return pieces
    start = _common(joined, hidden)
    rest = min(len(joined), len(hidden)) - start
    size = min(_common(joined[::-1], hidden[::-1]), rest)
    end, middle = len(joined) - size, hidden[start : len(hidden) - size]
    result = []
    position = 0
    for piece in pieces:
        before = piece[: max(0, start - position)]
        after = piece[max(0, end - position) :]
        position += len(piece)
        result.append(before)
        if position > start:
            result[-1] += middle
            middle = ""
        result[-1] += after
    return result


def _common(one: str, other: str) -> int:
    """Return how many letters two texts begin with in common."""
    for index, (left, right) in enumerate(zip(one, other)):
        if left != right:
            return index
    return min(len(one), len(other))
