"""The differences between tables of different lengths, and between images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pytest_mimic._core.describe.samples import count
from pytest_mimic._core.identity.tables import Column, Picture, Table


def rows_fact(recorded: Table, actual: Table) -> str:
    """Return `100 rows recorded, 101 now` for two tables of different lengths, else an empty text."""
    if recorded.rows is None or actual.rows is None or recorded.rows == actual.rows:
        return ""
    return f": {count(recorded.rows, 'row')} recorded, {actual.rows:,} now"


def cut(table: Table, other: Table) -> Table:
    """Return the rows of a table whose numbers another one has as well."""
    rows = min(table.rows or 0, other.rows or 0)
    return table._replace(parts={name: _cut(part, rows) for name, part in table.parts.items()})


def _cut(part: Any, rows: int) -> Any:
    if isinstance(part, Column):
        return part._replace(values=part.values[:rows])
    return part[:rows] if hasattr(part, "nlevels") else part  # an index; a series also has a name


def shape_fact(old: tuple[int, ...], new: tuple[int, ...]) -> str:
    """Return `shape 3x4 recorded, 4x3 now`."""
    shapes = ["x".join(map(str, lengths)) if lengths else "()" for lengths in (old, new)]
    return f": shape {shapes[0]} recorded, {shapes[1]} now"


def categories_of(recorded: Column, actual: Column) -> tuple[Any, Any]:
    """Return the categories of two columns; different numbers of them as lists, as items show what one side lacks."""
    old, new = recorded.categories, actual.categories
    return (old, new) if len(old) == len(new) else (list(old), list(new))


def picture_fact(recorded: Picture, actual: Picture, fact: Callable[[Any, Any], str]) -> str:
    """Return how the modes, sizes or pixels of two images differ, or an empty text. `fact` compares two pixels."""
    old, new = recorded.image, actual.image
    if (old.mode, old.size) != (new.mode, new.size):
        kinds = [f"{image.mode}, {' × '.join(map(str, image.size))}" for image in (old, new)]
        return f": {kinds[0]} recorded, {kinds[1]} now"
    number, first = _differing_pixels(old, new)
    if not number:
        return ""
    total = math.prod(old.size)
    values = fact(old.getpixel(first), new.getpixel(first))
    return f": {number} of {total} pixels differ, first ({first[0]}, {first[1]}): {values}"


def _differing_pixels(recorded: Any, actual: Any) -> tuple[int, tuple[int, int]]:
    """Return how many pixels of two images of one mode and size differ, and the place of the first."""
    # The bytes of the mode 1 hold eight pixels each.
    old, new = (
        image.convert("L").tobytes() if image.mode == "1" else image.tobytes() for image in (recorded, actual)
    )
    width, height = recorded.size
    length = len(old) // max(1, width * height)
    number, first = 0, (0, 0)
    for y in range(height):
        row = slice(y * width * length, (y + 1) * width * length)
        if old[row] == new[row]:
            continue
        for x, at in enumerate(range(row.start, row.stop, length)):
            if old[at : at + length] != new[at : at + length]:
                first = first if number else (x, y)
                number += 1
    return number, first
