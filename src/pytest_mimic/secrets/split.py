"""Texts that the events of a stream carry in pieces, for a secret to be found in them.

A language model sends the arguments of a tool so: `{"pass`, `word": "hun`, `ter2"}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def split_texts(answer: Any) -> dict[str, list[tuple[Any, Any]]]:
    """Return the texts of the events in an answer of HTTP, by their path in an event.

    Returns:
        For each, where its pieces are: what holds each, by what.
    """
    body = answer.get("body") if isinstance(answer, dict) else None
    streams = body if isinstance(body, dict) else {}
    found: dict[str, list[tuple[Any, Any]]] = {}
    for name in ("events", "lines"):
        pending = [("", streams.get(name))]
        for path, part in pending:  # It grows.
            if not isinstance(part, (dict, list)):
                continue
            steps = part if isinstance(part, dict) else range(len(part))
            for step in steps:
                # The events are one after another, and what is in them beside another.
                place = f"{path}.{step}" if path else name
                if isinstance(part[step], str):
                    found.setdefault(place, []).append((part, step))
                pending.append((place, part[step]))
    return found


def hide_split(answer: Any, hide: Callable[[str], str]) -> None:
    """Take the secrets out of events that only their joined texts show.

    Such a text is moved to the first event that carries a piece of it.

    Args:
        answer: An answer, whose events are changed in place.
        hide: Hides the secrets in a text.
    """
    for pieces in split_texts(answer).values():
        joined = "".join(holder[step] for holder, step in pieces)
        hidden = hide(joined)
        if len(pieces) > 1 and hidden != joined:
            for holder, step in pieces:
                holder[step] = ""
            holder, step = pieces[0]
            holder[step] = hidden
