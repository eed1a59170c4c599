"""Differences as lines to read: for a terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_mimic._core.compare.tree_differences import Span, TreeDifference
from pytest_mimic.errors import printable

Piece = str | tuple[str, str]
Line = list[Piece]
"""A line of pieces, some with a style."""

_STYLES = {"-": "red", "+": "green", " ": ""}
# The differences of one change that are shown, and the rows of one table.
_MOST, _MOST_ROWS = 40, 30
# Values up to this length stand on one line.
_SHORT = 60
# The characters of an unchanged stretch that are shown on either side of a change.
_AROUND = 60


def shown(found: Sequence[TreeDifference], *, arrow: str = "->") -> Iterator[Line]:
    """Yield the lines that show differences."""
    for difference in found[:_MOST]:
        yield from _shown(difference, arrow)
    if len(found) > _MOST:
        yield [(f"and {len(found) - _MOST} more differences", "dim")]


def _shown(one: TreeDifference, arrow: str) -> Iterator[Line]:
    path = printable(one.path)
    head: Line = [(path, "bold")] if path else []
    if one.kind == "added":
        yield [*head, ": " if head else "", (f"+ {one.new}", "green")]
    elif one.kind == "removed":
        yield [*head, ": " if head else "", (f"- {one.old}", "red")]
    elif one.kind == "changed" and max(len(one.old), len(one.new)) <= _SHORT:
        yield [*head, ": " if head else "", (one.old, "red"), f" {arrow} ", (one.new, "green")]
    elif one.kind == "changed":
        if head:
            yield head
        yield [(f"- {one.old}", "red")]
        yield [(f"+ {one.new}", "green")]
    elif one.kind == "rows":
        yield from _table(one, head)
    else:
        if head:
            yield head
        indent = "  " if head else ""
        for line in text_lines(one.spans):
            yield [indent, *line]


def _table(one: TreeDifference, head: Line) -> Iterator[Line]:
    """Yield the rows of a table that differ, in columns."""
    old, new = (sum(sign == each for sign, _ in one.rows) for each in "-+")
    yield [*head, ": " if head else "", f"{max(old, new)} of {one.total} rows"]
    rows = one.rows[:_MOST_ROWS]
    widths = [
        max(len(printable(text)) for text in column)
        for column in zip(*([one.columns] if one.columns else []), *(cells for _, cells in rows), strict=True)
    ]

    def cells_of(cells: Sequence[str]) -> str:
        return "  ".join(
            f"{printable(text):<{width}}" for text, width in zip(cells, widths, strict=True)
        ).rstrip()

    if one.columns:
        yield [("    " + cells_of(one.columns), "dim")]
    for sign, cells in rows:
        yield [(f"  {sign} {cells_of(cells)}", _STYLES[sign])]
    if len(one.rows) > _MOST_ROWS:
        yield [(f"    and {len(one.rows) - _MOST_ROWS} more", "dim")]


def text_lines(spans: Sequence[Span]) -> list[Line]:
    """Return a text as lines, with `[-old-]` and `{+new+}` around the words that differ."""
    lines: list[Line] = [[]]
    for index, (sign, text) in enumerate(spans):
        if sign == " ":
            text = _cut(text, is_first=not index, is_last=index == len(spans) - 1)
        before, after = {"-": ("[-", "-]"), "+": ("{+", "+}"), " ": ("", "")}[sign]
        parts = text.split("\n")
        for number, part in enumerate(parts):
            if number:
                lines.append([])
            if part:
                marked = f"{before}{printable(part)}{after}"
                lines[-1].append((marked, _STYLES[sign]) if sign != " " else marked)
    return [line for line in lines if line]


def _cut(text: str, *, is_first: bool, is_last: bool) -> str:
    """Return an unchanged stretch, of a long one its ends next to the changes."""
    most = _AROUND * (1 if is_first or is_last else 2)
    if len(text) <= most + 10:
        return text
    start = "" if is_first else text[:_AROUND]
    end = "" if is_last else text[-_AROUND:]
    return f"{start}...{end}"


def plain_text(line: Line) -> str:
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in line)
