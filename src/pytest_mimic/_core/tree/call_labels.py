"""Calls as people read them: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`, `http GET /users/1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.drawing import line, shortened

_LONGEST = 40
_QUERY_WIDTH = 60


def call_label(
    target: str, arguments: Mapping[str, Any] | None, *, width: int = 120
) -> str:
    """Return a call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    The arguments are None if the vault does not store them. `width` is about how many
    characters the label may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = [
        line(part) if name.startswith("*") else f"{name}={line(part)}"
        for name, part in by_name(arguments).items()
    ]
    label = f"{target}({', '.join(texts)})"
    if len(label) > width:  # short arguments stay whole
        label = f"{target}({', '.join(shortened(text, _LONGEST) for text in texts)})"
    return label if len(label) <= width else f"{label[: width - 4]}...)"


def recorded_label(
    target: str,
    arguments: Mapping[str, Any] | None,
    *,
    signature: str = "",
    width: int = 120,
) -> str:
    """Return a call as its recording has it: a function with its arguments, a client with its signature.

    The `signature` is by default the one among the arguments.
    """
    if names_client(target):
        return (
            f"{target} {signature or (arguments or {}).get('signature', '')}".rstrip()
        )
    try:
        return call_label(target, arguments, width=width)
    except (AttributeError, LookupError, TypeError):  # a damaged description
        return f"{target}(...)"


def query_text(arguments: Mapping[str, Any] | None) -> str:
    """Return the described query of a request, `?page=2&size=10`, with long values shortened. Empty if it has none."""
    query = (arguments or {}).get("query")
    if type(query) is not dict or not query or next(iter(query))[:1] == "$":
        return ""
    texts = (
        f"{name}={part if type(part) is str else line(part)}"
        for name, part in query.items()
    )
    return shortened(
        f"?{'&'.join(shortened(text, _LONGEST) for text in texts)}", _QUERY_WIDTH
    )


def by_name(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments with those of `**extra` under their own names, and those of `*rest` as `*rest[0]`."""
    if "*" not in "".join(arguments):
        return dict(arguments)
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if (
            name.startswith("**")
            and isinstance(part, dict)
            and next(iter(part), "")[:1] != "$"
        ):
            found.update(part)
        elif (
            name.startswith("*")
            and isinstance(part, dict)
            and "$tuple" in part
            and "length" not in part
        ):
            found.update(
                (f"{name}[{index}]", item) for index, item in enumerate(part["$tuple"])
            )
        else:
            found[name] = part
    return found
