"""Show what differs between the vault and a revision of git.

Calls and outcomes are compared rather than bytes.
The exit code is 0 if nothing differs, 1 if something does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_mimic._core.tree.wording import difference_lines
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.cli.output import Line, Result
from pytest_mimic._tools.cli.parser import add_json
from pytest_mimic._tools.shown.comparing import CHANGES, vault_differences
from pytest_mimic._tools.shown.git_revisions import GitStore

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.comparing import FileDifference


# The differences of one recording that are shown.
_MOST = 40


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revision", nargs="?", default="HEAD", metavar="REV", help="the revision (default: HEAD)"
    )
    add_json(parser)


def run(invocation: Invocation) -> Result:
    options, settings = invocation.options, invocation.settings
    label = f"{options.revision}:{settings.shown_vault}"
    new = Vault(FolderStore(settings.vault), pickles="forbid", label=settings.shown_vault)
    old = Vault(GitStore(settings.vault, options.revision), pickles="forbid", label=label)
    found = vault_differences(old, new, invocation.redactor)
    data = {"differences": [one.to_plain() for one in found]}
    return Result(_lines(found), data, found=bool(found))


def _lines(found: list[FileDifference]) -> Iterator[Line]:
    for one in found:
        yield [f"{one.change}: ", (one.call, "bold")]
        if one.test:
            yield f"  {one.test}"
        yield from (f"    {line}" for line in difference_lines(one.outcomes, "before", most=_MOST))
        yield from (f"    {line}" for line in one.lines)
    if found:
        counts = {change: sum(one.change == change for one in found) for change in CHANGES}
        yield ", ".join(f"{count} {change}" for change, count in counts.items() if count)
