"""List recordings and cassettes: the call, its outcome in short, its test, date, duration and size on disk.

The size includes the objects of a recording, also those that it shares with others; the total counts each object once.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.text import shortened
from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import counted, json_of, short_seconds
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    given,
    is_error,
    report_damaged,
    report_left_out,
    report_nothing,
    select,
)
from pytest_mimic._tools.shown.outcome_words import outcomes_in_short

if TYPE_CHECKING:
    from pytest_mimic._core.describe.recorded_files import CatalogFile
    from pytest_mimic._tools.cli.output import Piece
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.catalog import Catalog

# The columns of the other facts of a row, and the least width of a call.
_OTHERS, _LEAST = 46, 30


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--sort", choices=("size", "date", "duration"), help="the largest, latest or slowest first"
    )


def run(invocation: Invocation) -> int:
    """List them. Exit code 1: nothing matched, or a selector matched nothing."""
    options, out = invocation.options, invocation.out
    selection = select(invocation)
    catalog = selection.catalog
    files = _sorted(selection.files, catalog, options.sort)
    if options.json:
        shown = [json_of(catalog, file) for file in files]
        damaged = sorted(catalog.damaged)
        out.json({"recordings": shown, "damaged": damaged, "unmatched": selection.unmatched})
        is_bare = not files and bool(given(invocation) or catalog.damaged)
        return 1 if is_bare or selection.unmatched else 0
    if not files:
        return report_nothing(invocation, selection)
    _print(invocation, catalog, files)
    return report_left_out(invocation, selection)


def _sorted(files: list[CatalogFile], catalog: Catalog, by: str | None) -> list[CatalogFile]:
    key: Any = catalog.size if by == "size" else attrgetter("recorded" if by == "date" else "duration")
    return files if by is None else sorted(files, key=key, reverse=True)


def _print(invocation: Invocation, catalog: Catalog, files: list[CatalogFile]) -> None:
    out = invocation.out
    # A row takes one line: at most a half of what is left is for the call.
    room = max(out.width - _OTHERS, 2 * _LEAST)
    labels = [file.label(max(room // 2, _LEAST)) for file in files]
    # The id of a test is worth more than an outcome in short.
    rest = max(room - max(map(len, labels)), _LEAST)
    most = min(max(len(file.test or "") for file in files), rest - _LEAST // 2)

    rows: list[list[Piece]] = []
    for file, label in zip(files, labels):
        short = shortened(outcomes_in_short(file, catalog.object_size), rest - most)
        name = "cassette" if file.is_cassette else file.short_key
        test = file.test or ""
        test = test if len(test) <= most else f"...{test[3 - most :]}"
        row: list[Piece] = [
            name,
            file.recorded,
            short_seconds(file.duration),
            size(catalog.size(file)),
            label,
            short,
            test,
        ]
        rows.append(_painted(row, file) if out.is_colored else row)
    out.table(rows, right=(2, 3))
    cassettes = sum(file.is_cassette for file in files)
    out.line(f"{counted(len(files) - cassettes, cassettes)}, {size(catalog.total(files))}")
    report_damaged(invocation, len(catalog.damaged))


def _painted(row: list[Piece], file: CatalogFile) -> list[Piece]:
    styles = ("dim", "", "", "", "bold", "red" if is_error(file) else "green", "dim")
    return [(str(text), style) for text, style in zip(row, styles)]
