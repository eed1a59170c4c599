"""The recordings that a subcommand was asked for: by SELECTOR, age and errors."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.ambient import command
from pytest_mimic._core.tree.recorded_files import CatalogFile
from pytest_mimic._tools.cli.output import Result
from pytest_mimic._tools.shown.catalog import Catalog, hide_arguments
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic._tools.shown.selectors import Selectable, Selectors, of_file
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation

SELECTOR_HELP = (
    "a test, a file or folder of tests; a target (shop.api:fetch, httpx); a pattern of calls (GET '/users/*'); a path in the "
    "vault; or the first digits of a recording's name"
)


class Chosen(NamedTuple):
    """The recordings that were asked for."""

    catalog: Catalog
    files: list[CatalogFile]  # the recordings and cassettes, by name
    damaged: list[str]  # the names of those that cannot be read
    unmatched: list[str]  # the selectors that match nothing

    @property
    def names(self) -> list[str]:
        return [*(file.name for file in self.files), *self.damaged]


def add_selectors(parser: ArgumentParser) -> None:
    parser.add_argument("selectors", metavar="SELECTOR", nargs="*", help=SELECTOR_HELP)
    parser.add_argument("--older", metavar="SPAN", help="only those recorded longer ago than this: 90d, 12w")
    parser.add_argument("--errors", action="store_true", help="only those with an error as an outcome")


def given(invocation: Invocation) -> list[str]:
    """Return the words that choose recordings, empty if all were asked for."""
    options = invocation.options
    older = ("--older", options.older) if options.older else ()
    return [*options.selectors, *older, *(["--errors"] if options.errors else ())]


def select(invocation: Invocation) -> Chosen:
    """Return the recordings that the command was asked for. MimicError: an option has a wrong value."""
    options = invocation.options
    latest = _latest(options.older) if options.older else None
    catalog = Catalog(invocation.vault)
    files = catalog.files()
    if invocation.settings.redact:
        hide_arguments(files, invocation.redactor)
    selectors = Selectors(options.selectors, vault=invocation.settings.shown_vault)
    files = sorted(selectors.choose(files, of_file), key=lambda file: file.name)
    damaged = selectors.choose(sorted(catalog.damaged), lambda name: Selectable((name,), (), ()))
    if latest is not None:
        files = [file for file in files if file.recorded and file.recorded < latest]
    if options.errors:
        files = [file for file in files if is_error(file)]
    if latest is not None or options.errors:
        damaged = []
    return Chosen(catalog, files, damaged, selectors.left)


def _latest(span: str) -> str:
    """Return the date that lies so long ago, `2026-08-24` for `90d`. MimicError: it is no span."""
    match = re.fullmatch(r"(\d{1,5}) ?([dw])", span)
    if match is None:
        raise MimicError(f"--older takes days or weeks, such as 90d or 12w, not {span}")
    days = int(match[1]) * (7 if match[2] == "w" else 1)
    return (date.today() - timedelta(days=days)).isoformat()


def is_error(file: CatalogFile) -> bool:
    """Return whether an outcome of a recording or cassette is an error."""
    return any(error_of(call, entry) for call in file.calls for entry in call.outcomes)


def nothing(invocation: Invocation, chosen: Chosen) -> Result:
    """Return that nothing was chosen, or that there is no recording at all."""
    words, names, damaged = given(invocation), invocation.vault.names(), len(chosen.catalog.damaged)
    if not names:
        lines = [
            f"no recordings in {invocation.settings.shown_vault}",
            f"  to record: {command('--mimic-record')}",
        ]
        return Result(lines, found=bool(words))
    is_missing = not chosen.unmatched and len(names) > damaged
    return Result(
        unmatched=[" ".join(words)] if is_missing else chosen.unmatched, damaged=damaged, found=True
    )
