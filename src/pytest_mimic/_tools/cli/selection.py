"""The recordings that a subcommand was asked for: patterns, tests, errors and changed sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import command
from pytest_mimic._tools.catalog import Catalog, CatalogFile, Filter, is_of_test
from pytest_mimic._tools.cli.phrasing import plural

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.invocation import Invocation
    from pytest_mimic._tools.cli.parser import Parser

PATTERN_HELP = """a call (GET '/users/*'), a target (shop.api:fetch, httpx), parts of the path in the vault, or the first digits of a recording's name"""


def add_pattern(parser: Parser) -> None:
    """Add the argument PATTERN, which may be repeated."""
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", help=PATTERN_HELP)


def add_selection(parser: Parser) -> None:
    """Add the arguments that choose recordings."""
    add_pattern(parser)
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        metavar="TEST",
        help="those that this test recorded; with a PATTERN, only those of both",
    )


def in_vault(invocation: Invocation, words: Sequence[str]) -> list[str]:
    """Return patterns with the paths of existing files of the vault as names in it."""
    settings = invocation.settings
    found = []
    for word in words:
        path = Path(word)
        name = ""
        if "/" in word or "\\" in word:
            absolute = path.absolute()
            if absolute.is_relative_to(settings.vault) and absolute.exists():
                name = absolute.relative_to(settings.vault).as_posix()
        prefix = f"{settings.shown_vault}/"
        found.append(name or word.removeprefix(prefix))
    return found


def select(
    invocation: Invocation, patterns: Sequence[str]
) -> tuple[Catalog, list[CatalogFile], Sequence[str]]:
    """Return the catalog, the recordings and cassettes that a pattern matches, and the patterns that match nothing."""
    catalog = Catalog(invocation.vault)
    chosen = Filter(in_vault(invocation, patterns))
    files = [file for file in catalog.files() if chosen.takes(file)]
    hide_arguments(invocation, files)
    return catalog, files, list(chosen.unmatched)


def hide_arguments(invocation: Invocation, files: Sequence[CatalogFile]) -> None:
    """Hide secret names in the arguments. Those of `mimic_redact` may be younger than a recording."""
    if not invocation.settings.redact:
        return
    from pytest_mimic._tools.shown.hiding import without_secrets

    for file in files:
        for call in file.calls:
            if call.arguments:
                call.arguments = without_secrets(call.arguments, invocation.redactor)


def of_tests(invocation: Invocation, tests: Sequence[str], files: list[CatalogFile]) -> list[CatalogFile]:
    """Return those of the recordings that some tests made. Paths may be relative to the current folder."""
    prefix = _below_rootdir(invocation)
    given = [*tests, *(f"{prefix}{test}" for test in tests if prefix)]
    return [file for file in files if is_of_test(file.test, given) or is_of_test(file.owner, given)]


def _below_rootdir(invocation: Invocation) -> str:
    project = invocation.project
    if not project.here.is_relative_to(project.rootdir) or project.here == project.rootdir:
        return ""
    return f"{project.here.relative_to(project.rootdir).as_posix()}/"


def report_damaged(invocation: Invocation, count: int) -> None:
    """Print how many files could not be read, if there are any."""
    if count:
        check = invocation.command("check")
        invocation.out.line((f"{plural(count, 'file')} cannot be read: {check}", "red"))


def report_nothing(invocation: Invocation, catalog: Catalog) -> int:
    """Print that nothing matched, or that there is no recording at all; return the exit code."""
    label = invocation.settings.shown_vault
    names = catalog.names()
    if catalog.damaged or names:
        if len(names) > len(catalog.damaged):
            invocation.out.line(f"nothing matched in {label}")
        report_damaged(invocation, len(catalog.damaged))
        return 1
    invocation.out.line(f"no recordings in {label}")
    invocation.out.line(f"  to record: {command('--mimic-record')}")
    return 0
