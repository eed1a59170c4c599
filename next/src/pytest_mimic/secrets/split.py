"""Secrets that the events of a stream carry in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def hide_split(events: list[Any], hide: Callable[[str], str]) -> list[Any]:
    """Return events without the secrets that only their joined texts show.

    A language model sends the arguments of a tool in pieces: `{"pass`, `word": "hun`,
    `ter2"}`. The pieces of one field are joined, the joined text is hidden, and each
    event gets its part back: the first one that held a piece of a secret has what
    stands for it.

    Args:
        events: The data of the events, in order.
        hide: Hides the secrets in a text.
    """
    pieces_by_path: dict[str, list[str]] = {}
    for event in events:
        _collect(event, "", pieces_by_path)
    replaced = {
        path: iter(_hidden_pieces(pieces, hide))
        for path, pieces in pieces_by_path.items()
        if len(pieces) > 1
    }
    return [_replaced(event, "", replaced) for event in events]


def _collect(part: Any, path: str, pieces: dict[str, list[str]]) -> None:
    if isinstance(part, str):
        pieces.setdefault(path, []).append(part)
    for step, inner in _parts(part):
        _collect(inner, f"{path}.{step}", pieces)


def _replaced(part: Any, path: str, replaced: dict[str, Any]) -> Any:
    if isinstance(part, str):
        return next(replaced[path]) if path in replaced else part
    if isinstance(part, list):
        return [
            _replaced(item, f"{path}.{index}", replaced)
            for index, item in enumerate(part)
        ]
    if isinstance(part, dict):
        return {
            key: _replaced(item, f"{path}.{key}", replaced)
            for key, item in part.items()
        }
    return part


def _parts(part: Any) -> list[tuple[object, Any]]:
    if isinstance(part, list):
        return list(enumerate(part))
    return list(part.items()) if isinstance(part, dict) else []


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
    end = min(_common(joined[::-1], hidden[::-1]), rest)
    changed_end = len(joined) - end
    result = []
    position = 0
    is_given = False
    for piece in pieces:
        piece_end = position + len(piece)
        before = joined[position : min(piece_end, start)] if position < start else ""
        after = joined[max(position, changed_end) : piece_end]
        middle = ""
        if piece_end > start and not is_given:
            middle = hidden[start : len(hidden) - end]
            is_given = True
        result.append(before + middle + after)
        position = piece_end
    return result


def _common(one: str, other: str) -> int:
    """Return how many letters two texts begin with in common."""
    for index, (left, right) in enumerate(zip(one, other)):
        if left != right:
            return index
    return min(len(one), len(other))
