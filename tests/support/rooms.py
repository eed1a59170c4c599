"""Which modules of tests show what a room of the source does, by the table in `tests/README.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

TABLE = Path(__file__).parents[1] / "README.md"


def rows_of(table: str) -> Iterator[tuple[list[str], list[str]]]:
    """Return the rooms and the modules of each row of the table by room."""
    for row in table.partition("## By promise")[0].splitlines():
        first, _, last = row.strip("| ").partition(" | ")
        rooms = re.findall(r"`([\w/]+)`", first)
        if rooms and row.startswith("|"):
            yield rooms, last.split(", ")


def modules_of(room: str, table: str) -> list[str]:
    """Return the modules for a room, or for all rooms below a folder.

    The room may be the path of its file. Without a row of its own it has the row of its
    folder, or the rows of the others in there.
    """
    path = PurePosixPath(room.removeprefix("src/pytest_mimic/")).with_suffix("")
    for place in (path, *path.parents[:-1]):
        found = [
            module
            for rooms, modules in rows_of(table)
            if any(PurePosixPath(name).is_relative_to(place) for name in rooms)
            for module in modules
        ]
        if found:
            return [*dict.fromkeys(found)]
    return []


def paths_of(rooms: Iterable[str]) -> list[str]:
    """Return the paths of the modules for these rooms, and those of tests among the rooms themselves."""
    table = TABLE.read_text(encoding="utf-8")
    found: dict[str, None] = {}
    for room in rooms:
        if room.startswith("tests/"):
            found[room] = None
        found.update((f"tests/{name}.py", None) for name in modules_of(room, table))
    return [*found]
