"""List recordings and cassettes: the call, its outcome in short, its test, date, duration and size on disk.

The size includes the objects of a recording, also those that it shares with others; the total counts each object once.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.text import shortened
from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import counted, short_seconds
from pytest_mimic._tools.cli.parser import add_json
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    given,
    report_damaged,
    report_nothing,
    report_unmatched,
    select,
)
from pytest_mimic._tools.shown.outcome_words import error_of, outcome_in_short, outcomes_in_short

if TYPE_CHECKING:
    from pytest_mimic._core.describe.recorded_files import CatalogFile
    from pytest_mimic._core.redact.redactor import Redactor
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
    add_json(parser)


def run(invocation: Invocation) -> int:
    """List them. Exit code 1: nothing matched, or a selector matched nothing."""
    options, out = invocation.options, invocation.out
    selection = select(invocation)
    catalog = selection.catalog
    files = _sorted(selection.files, catalog, options.sort)
    if options.json:
        shown = [_as_json(catalog, file, invocation.redactor) for file in files]
        damaged = sorted(catalog.damaged)
        out.json({"recordings": shown, "damaged": damaged, "unmatched": selection.unmatched})
        is_bare = not files and bool(given(invocation) or catalog.damaged)
        return 1 if is_bare or selection.unmatched else 0
    if not files:
        return report_nothing(invocation, selection)
    _print(invocation, catalog, files)
    return report_unmatched(invocation, selection.unmatched)


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

    rows = []
    for file, label in zip(files, labels):
        short = shortened(outcomes_in_short(file, invocation.redactor), rest - most)
        name = "cassette" if file.is_cassette else file.short_key
        test = file.test or ""
        test = test if len(test) <= most else f"...{test[3 - most :]}"
        took, bytes_ = short_seconds(file.duration), size(catalog.size(file))
        rows.append([name, file.recorded, took, bytes_, label, short, test])
    out.table(rows, right=(2, 3))
    cassettes = sum(file.is_cassette for file in files)
    out.line(f"{counted(len(files) - cassettes, cassettes)}, {size(catalog.total(files))}")
    report_damaged(invocation, len(catalog.damaged))


def _as_json(catalog: Catalog, file: CatalogFile, redactor: Redactor) -> dict[str, Any]:
    calls = [
        {
            "target": call.target,
            "signature": call.signature,
            "call": call.label(),
            "outcomes": [outcome_in_short(call, entry, redactor) for entry in call.outcomes],
            "errors": [error for entry in call.outcomes if (error := error_of(call, entry)) is not None],
            "duration": call.duration,
        }
        for call in file.calls
    ]
    return {
        "file": file.name,
        "kind": "cassette" if file.is_cassette else "recording",
        "test": file.test,
        "owner": file.owner,
        "recorded": file.recorded,
        "duration": file.duration,
        "size": catalog.size(file),
        "calls": calls,
    }
