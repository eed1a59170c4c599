"""Delete recordings and cassettes, and the objects that no other one needs.

A cassette is deleted as a whole. Runs that record at the same time are not disturbed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import HELD, counted, json_of, record_again
from pytest_mimic._tools.cli.selection import add_selectors, given, report_left_out, report_nothing, select
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would be deleted")


def run(invocation: Invocation) -> int:
    """Delete them. Exit code 1: a selector matched nothing."""
    options, out = invocation.options, invocation.out
    if not given(invocation):
        raise MimicError("rm needs a SELECTOR: what to delete", remedies=["see pytest-mimic rm --help"])
    selection = select(invocation)
    catalog, files, unmatched = selection.catalog, selection.files, selection.unmatched
    shown = [json_of(catalog, file) for file in files] if options.json else []
    bytes_ = sum(file.size for file in files)
    is_held = False
    if not options.dry_run and files:
        cleared = invocation.vault.delete([file.name for file in files])
        bytes_ += cleared.bytes
        is_held = cleared.is_held
    again = record_again([file.test for file in files]) if files else None
    if options.json:
        out.json({"deleted": shown, "dry_run": options.dry_run, "record": again, "unmatched": unmatched})
        return 0 if files and not unmatched else 1
    if not files:
        return report_nothing(invocation, selection)
    for file in files:
        out.line(
            (file.short_key, "dim"), "  ", file.label(), *([("  " + file.test, "dim")] if file.test else [])
        )
    cassettes = sum(file.is_cassette for file in files)
    count = counted(len(files) - cassettes, cassettes)
    if options.dry_run:
        out.line(f"{count} would be deleted")
    else:
        out.line(f"{count} deleted, {size(bytes_)} freed")
        out.line("  to record again: ", (again or "", "bold"))
    if is_held:
        out.line(HELD)
    return report_left_out(invocation, selection)
