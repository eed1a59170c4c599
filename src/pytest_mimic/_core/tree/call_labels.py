"""Calls as people read them: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`, `http GET /users/1`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.drawing import line, shortened

_LABEL_WIDTH = 120
_LEAST_WIDTH = 24
_QUERY_WIDTH = 60


def call_label(target: str, arguments: Mapping[str, Any] | None, *, width: int = _LABEL_WIDTH) -> str:
    """Return a call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    The arguments are None if the vault does not store them. `width` is about how many characters the label may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = [
        line(part) if name.startswith("*") else f"{name}={line(part)}"
        for name, part in by_name(arguments).items()
    ]
    return f"{target}({', '.join(_fitted(texts, width - len(target) - 2))})"


def recorded_label(
    target: str, arguments: Mapping[str, Any] | None, *, signature: str = "", width: int = _LABEL_WIDTH
) -> str:
    """Return a call as its recording has it: a function with its arguments, a client with its signature.

    The `signature` is by default the one among the arguments.
    """
    if names_client(target):
        return f"{target} {signature or (arguments or {}).get('signature', '')}".rstrip()
    try:
        return call_label(target, arguments, width=width)
    except (AttributeError, LookupError, TypeError):  # a damaged description
        return f"{target}(...)"


def query_text(arguments: Mapping[str, Any] | None) -> str:
    """Return the described query of a request, `?page=2&size=10`, with long values shortened. Empty if it has none."""
    query = (arguments or {}).get("query")
    if type(query) is not dict or not query or next(iter(query))[:1] == "$":
        return ""
    texts = [f"{name}={part if type(part) is str else line(part)}" for name, part in query.items()]
    return f"?{'&'.join(_fitted(texts, _QUERY_WIDTH))}"


def by_name(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments with those of `**extra` under their own names, and those of `*rest` as `*rest[0]`."""
    if "*" not in "".join(arguments):
        return dict(arguments)
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if name.startswith("**") and isinstance(part, dict) and next(iter(part), "")[:1] != "$":
            found.update(part)
        elif name.startswith("*") and isinstance(part, dict) and "$tuple" in part and "length" not in part:
            found.update((f"{name}[{index}]", item) for index, item in enumerate(part["$tuple"]))
        else:
            found[name] = part
    return found


def _fitted(texts: list[str], room: int) -> list[str]:
    """Fit texts into a room: short ones stay whole, long ones share the rest, and the last ones are left out."""
    if sum(map(len, texts)) + 2 * len(texts) <= room:
        return texts
    needed = list(accumulate(min(len(text), _LEAST_WIDTH) + 2 for text in texts))
    count = max(1, sum(end <= room - 3 for end in needed)) if needed and needed[-1] > room else len(texts)
    room -= 2 * count + (3 if count < len(texts) else 0)
    fitted = dict(enumerate(texts[:count]))
    for done, index in enumerate(sorted(fitted, key=lambda index: len(texts[index]))):
        fitted[index] = shortened(texts[index], max(room // (count - done), _LEAST_WIDTH))
        room -= len(fitted[index])
    return [*fitted.values(), *(["..."] if count < len(texts) else [])]
