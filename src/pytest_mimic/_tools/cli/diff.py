"""Show what differs between the vault and a revision of git.

Calls and outcomes are compared rather than bytes. A changed call is shown beside its nearest predecessor.
The exit code is 0 if nothing differs, 1 if something does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.cli.output import Line, Result
from pytest_mimic._tools.cli.parser import add_json
from pytest_mimic._tools.shown.comparing import Comparer
from pytest_mimic._tools.shown.difference_lines import HEADINGS, argument_line, counts, shown
from pytest_mimic._tools.shown.git_revisions import GitStore
from pytest_mimic._tools.shown.vault_diff import VaultDiff

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.vault_diff import CallDifference


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revision", nargs="?", default="HEAD", metavar="REV", help="the revision (default: HEAD)"
    )
    add_json(parser)


def run(invocation: Invocation) -> Result:
    options, settings = invocation.options, invocation.settings
    label = f"{options.revision}:{settings.shown_vault}"
    new = Vault(FolderStore(settings.vault), pickles="forbid", label=settings.shown_vault)
    revision = GitStore(settings.vault, options.revision)
    found = VaultDiff(revision, new, Comparer(invocation.redactor), label=label).all()
    data = {"differences": [one.to_plain() for one in found]}
    return Result(_lines(found), data, found=bool(found))


def _lines(found: list[CallDifference]) -> Iterator[Line]:
    for one in found:
        yield [f"{HEADINGS[one.change][0]}: ", (one.call, "bold")]
        if one.before and one.before != one.call:
            yield f"  before: {one.before}"
        if one.test:
            yield f"  {one.test}"
        yield from (f"  {argument_line(difference)}" for difference in one.arguments)
        yield from (f"    {line}" for line in (*shown(one.outcomes), *one.lines))
    if found:
        yield counts(found)
