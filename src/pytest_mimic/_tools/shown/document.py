"""Values as lines to read: on one line where they fit, else a part on each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

_INDENT = "  "


class Group(NamedTuple):
    """Parts between brackets, each with its name in front or an empty text: `{`, `'USD': `, `1.07`, `}`."""

    open: str
    parts: Sequence[tuple[str, Node]]
    close: str


class TextTable(NamedTuple):
    """A table: its title, the names of the columns, and rows of texts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Block(NamedTuple):
    """A text of several lines."""

    text: str


Node = str | Group | TextTable | Block


def lines_of(node: Node, width: int) -> Iterator[str]:
    """Yield the lines of a value, of about so many characters."""
    yield from _lines("", node, "", width)


def flat(node: Node, room: int) -> str | None:
    """Return a value on one line, or None if it needs more than `room` characters."""
    if isinstance(node, str):
        return node if len(node) <= room else None
    if not isinstance(node, Group):
        return None
    text = node.open
    for number, (name, part) in enumerate(node.parts):
        text += f"{', ' if number else ''}{name}"
        inner = flat(part, room - len(text))
        if inner is None:
            return None
        text += inner
    text += node.close
    return text if len(text) <= room else None


def _lines(name: str, node: Node, end: str, width: int) -> Iterator[str]:
    whole = flat(node, width - len(name) - len(end))
    if whole is not None or isinstance(node, str):
        yield f"{name}{node if whole is None else whole}{end}"
    elif isinstance(node, Block):
        yield f"{name}|"
        yield from (f"{_INDENT}{line}" for line in node.text.split("\n"))
    elif isinstance(node, TextTable):
        yield f"{name}{node.title}"
        yield from (f"{_INDENT}{line}" for line in _grid_lines(node))
    else:
        yield f"{name}{node.open}"
        for part_name, part in node.parts:
            yield from (
                f"{_INDENT}{line}" for line in _lines(part_name, part, ",", max(width - len(_INDENT), 20))
            )
        yield f"{node.close}{end}"


def _grid_lines(grid: TextTable) -> Iterator[str]:
    rows = [grid.columns, *grid.rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip()
