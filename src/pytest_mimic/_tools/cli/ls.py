"""List recordings and cassettes: the call, its outcome in short, its test, date, duration and size on disk.

The size includes the objects of a recording, also those that it shares with others; the total counts each object once.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.tree.drawing import shortened
from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import Result, add_json, columns, counted, short_seconds
from pytest_mimic._tools.cli.selection import add_selectors, nothing, select
from pytest_mimic._tools.shown.outcome_words import error_of, outcome_in_short, outcomes_in_short

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.catalog import Catalog, CatalogFile

# The columns of the other facts of a row, and the least width of a call.
_OTHERS, _LEAST = 46, 30


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--sort", choices=("size", "date", "duration"), help="the largest, latest or slowest first"
    )
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """List them."""
    options, chosen = invocation.options, select(invocation)
    catalog = chosen.catalog
    files = _sorted(chosen.files, catalog, options.sort)
    damaged = sorted(catalog.damaged)
    data = options.json and {
        "recordings": [_as_json(catalog, file, invocation.redactor) for file in files],
        "damaged": damaged,
        "unmatched": chosen.unmatched,
    }
    if not files:
        return nothing(invocation, chosen)._replace(data=data)
    lines = () if options.json else _lines(invocation, catalog, files)
    return Result(lines, data, unmatched=chosen.unmatched, damaged=len(damaged))


def _sorted(files: list[CatalogFile], catalog: Catalog, by: str | None) -> list[CatalogFile]:
    key: Any = catalog.size if by == "size" else attrgetter("recorded" if by == "date" else "duration")
    return files if by is None else sorted(files, key=key, reverse=True)


def _lines(invocation: Invocation, catalog: Catalog, files: list[CatalogFile]) -> list[str]:
    # A row takes one line: at most a half of what is left is for the call.
    room = max(invocation.out.width - _OTHERS, 2 * _LEAST)
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
    cassettes = sum(file.is_cassette for file in files)
    total = f"{counted(len(files) - cassettes, cassettes)}, {size(catalog.total(files))}"
    return [*columns(rows, right=(2, 3)), total]


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
