"""Write an HTML page of the vault, or of a part of it: each recording with its arguments and outcome, by test and by target.

The page is one file, which needs no network. For a page of what a run did, see pytest --mimic-report=FILE.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.words import plural
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    given,
    report_damaged,
    report_left_out,
    report_nothing,
    select,
)

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation

_FILE = "mimic-report.html"


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--output", "-o", metavar="FILE", default=_FILE, help=f"the page to write (default: {_FILE})"
    )


def run(invocation: Invocation) -> int:
    """Write the page and name it. Exit code 1: a selector matched nothing, and without any recording no page is written."""
    from pytest_mimic._core.whole_files import write_whole
    from pytest_mimic._tools.shown.call_log import recorded_rows
    from pytest_mimic._tools.shown.page import page

    selection = select(invocation)
    if given(invocation) and not selection.names:
        if invocation.options.json:
            invocation.out.json({"file": None, "outcomes": 0, "damaged": 0, "unmatched": selection.unmatched})
            return 1
        return report_nothing(invocation, selection)
    rows = list(recorded_rows(invocation.vault, invocation.redactor, selection.names))
    damaged = sum(row["kind"] == "missing" for row in rows)
    outcomes = len(rows) - damaged
    path = Path(invocation.options.output)
    title = f"recordings in {invocation.settings.shown_vault}"
    write_whole(path, page("vault", title, rows), label=f"the report {path}")
    if invocation.options.json:
        invocation.out.json(
            {"file": str(path), "outcomes": outcomes, "damaged": damaged, "unmatched": selection.unmatched}
        )
    else:
        invocation.out.line(f"report: {path}, {plural(outcomes, 'recorded outcome')}")
        report_left_out(invocation, selection)
        report_damaged(invocation, damaged)
    return 1 if selection.unmatched else 0
