"""Delete recordings and cassettes, and the objects that no other one needs.

A cassette is deleted as a whole. Runs that record at the same time are not disturbed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import HELD, counted, record_again
from pytest_mimic._tools.cli.parser import add_dry_run
from pytest_mimic._tools.cli.selection import add_selectors, given, report_nothing, report_unmatched, select
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    add_dry_run(parser, "only show what would be deleted")


def run(invocation: Invocation) -> int:
    """Delete them. Exit code 1: a selector matched nothing."""
    options, out = invocation.options, invocation.out
    if not given(invocation):
        raise MimicError("rm needs a SELECTOR: what to delete", remedies=["see pytest-mimic rm --help"])
    selection = select(invocation)
    files = selection.files
    if not files:
        return report_nothing(invocation, selection)
    for file in files:
        out.line(f"{file.short_key}  {file.label()}  {file.test or ''}")
    cassettes = sum(file.is_cassette for file in files)
    count = counted(len(files) - cassettes, cassettes)
    if options.dry_run:
        out.line(f"{count} would be deleted")
    else:
        cleared = invocation.vault.delete([file.name for file in files])
        out.line(f"{count} deleted, {size(sum(file.size for file in files) + cleared.bytes)} freed")
        out.line("  to record again: ", (record_again([file.test for file in files]), "bold"))
        if cleared.is_held:
            out.line(HELD)
    return report_unmatched(invocation, selection.unmatched)
