"""List recordings and cassettes: the call, its outcome in short, its test, date, duration and size on disk.

The size includes the objects of a recording, also those that it shares with others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._tools.cli.phrasing import counted, fitted, json_of, short_seconds, size
from pytest_mimic._tools.cli.selection import add_pattern, of_tests, report_damaged, report_nothing, select
from pytest_mimic._tools.cli.stale import stale
from pytest_mimic._tools.shown.outcome_words import error_of, outcomes_in_short
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.catalog import Catalog, CatalogFile
    from pytest_mimic._tools.cli.invocation import Invocation
    from pytest_mimic._tools.cli.output import Piece
    from pytest_mimic._tools.cli.parser import Parser

# The columns of the other facts of a row, and the least width of a call.
_OTHERS, _LEAST = 46, 30


def add_arguments(parser: Parser) -> None:
    add_pattern(parser)
    parser.add_argument(
        "--sort", choices=("size", "date", "duration"), help="the largest, latest or slowest first"
    )
    parser.add_argument(
        "--test", action="append", default=[], metavar="TEST", help="only those that this test recorded"
    )
    parser.add_argument(
        "--stale", action="store_true", help="only those whose target's source has changed since"
    )
    parser.add_argument(
        "--import",
        dest="imports",
        action="store_true",
        help="with --stale: import the targets that cannot be judged by reading their modules",
    )
    parser.add_argument("--errors", action="store_true", help="only those with an error as an outcome")


def run(invocation: Invocation) -> int:
    """List them. Exit code 1: nothing matched."""
    options = invocation.options
    catalog, files, unmatched = select(invocation, options.patterns)
    if options.test:
        files = of_tests(invocation, options.test, files)
    if options.errors:
        files = [file for file in files if is_error(file)]
    unknown: list[str] = []
    if options.stale:
        files, unknown = stale(invocation, files)
    elif options.imports:
        raise MimicError("--import needs --stale")
    files = _sorted(files, catalog, options.sort)
    is_limited = bool(options.patterns or options.test or options.errors or options.stale)
    if options.json:
        invocation.out.json(
            {"recordings": [json_of(catalog, file) for file in files], "damaged": sorted(catalog.damaged)}
        )
        return 0 if files or not (is_limited or catalog.damaged) else 1
    exit_code = 0
    if files:
        _print(invocation, catalog, files)
    else:
        exit_code = report_nothing(invocation, catalog)
    if files and unmatched:
        invocation.out.line((f"nothing matched {', '.join(unmatched)}", "yellow"))
    if unknown:
        why = "their modules cannot be imported" if options.imports else "see --import"
        invocation.out.line((f"not judged, {why}: {', '.join(unknown)}", "yellow"))
    return exit_code


def is_error(file: CatalogFile) -> bool:
    """Check whether an outcome of a recording or cassette is an error."""
    return any(error_of(call, entry) for call in file.calls for entry in call.outcomes)


def _sorted(files: list[CatalogFile], catalog: Catalog, by: str | None) -> list[CatalogFile]:
    if by is None:
        return sorted(files, key=lambda file: file.name)
    keys: dict[str, Any] = {
        "size": catalog.size,
        "date": lambda file: file.recorded,
        "duration": lambda file: file.duration,
    }
    return sorted(sorted(files, key=lambda file: file.name), key=keys[by], reverse=True)


def _print(invocation: Invocation, catalog: Catalog, files: list[CatalogFile]) -> None:
    out = invocation.out
    # On a terminal, a row takes one line: at most a half of what is left is for the call.
    room = None if out.width is None else max(out.width - _OTHERS, 2 * _LEAST)
    labels = [file.label(120 if room is None else max(room // 2, _LEAST)) for file in files]
    other = None if room is None else max((room - max(map(len, labels))) // 2, _LEAST // 2)

    def size_of(name: str) -> str:
        return size(catalog.object_size(name))

    total = 0
    rows: list[list[Piece]] = []
    for file, label in zip(files, labels):
        bytes_ = catalog.size(file)
        total += bytes_
        short = fitted(outcomes_in_short(file, size_of), other)
        name = "cassette" if file.is_cassette else file.short_key
        test = _end_of(file.test or "", other)
        row: list[Piece] = [
            name,
            file.recorded,
            short_seconds(file.duration),
            size(bytes_),
            label,
            short,
            test,
        ]
        rows.append(_painted(row, file) if out.is_colored else row)
    out.table(rows, right=(2, 3))
    cassettes = sum(file.is_cassette for file in files)
    out.line(f"{counted(len(files) - cassettes, cassettes)}, {size(total)}")
    report_damaged(invocation, len(catalog.damaged))


def _painted(row: list[Piece], file: CatalogFile) -> list[Piece]:
    styles = ("dim", "", "", "", "bold", "red" if is_error(file) else "green", "dim")
    return [(str(text), style) for text, style in zip(row, styles)]


def _end_of(text: str, width: int | None) -> str:
    """Return the id of a test, without its beginning if it is too long."""
    return text if width is None or len(text) <= width else f"...{text[3 - width :]}"
