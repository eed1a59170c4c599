"""Show what differs between the vault and a revision of git.

Calls and outcomes are compared rather than bytes. A changed call is shown beside its nearest predecessor.
The exit code is 0 if nothing differs, 1 if something does, 2 if it could not be found out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.cli.parser import add_json
from pytest_mimic._tools.shown.comparing import Comparer
from pytest_mimic._tools.shown.difference_lines import HEADINGS, argument_line, counts, shown
from pytest_mimic._tools.shown.git_revisions import GitStore
from pytest_mimic._tools.shown.vault_diff import VaultDiff

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.vault_diff import CallDifference


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "revision", nargs="?", default="HEAD", metavar="REV", help="the revision (default: HEAD)"
    )
    add_json(parser)


def run(invocation: Invocation) -> int:
    options, settings = invocation.options, invocation.settings
    label = f"{options.revision}:{settings.shown_vault}"
    new = Vault(FolderStore(settings.vault), pickles="forbid", label=settings.shown_vault)
    revision = GitStore(settings.vault, options.revision)
    found = VaultDiff(revision, new, Comparer(invocation.redactor), label=label).all()
    if options.json:
        invocation.out.json({"differences": [one.to_plain() for one in found]})
    else:
        _print(invocation, found)
    if any(one.change == "damaged" for one in found):
        return 2
    return 1 if found else 0


def _print(invocation: Invocation, found: list[CallDifference]) -> None:
    out = invocation.out
    for one in found:
        out.line(f"{HEADINGS[one.change][0]}: ", (one.call, "bold"))
        if one.before and one.before != one.call:
            out.line(f"  before: {one.before}")
        if one.test:
            out.line(f"  {one.test}")
        for difference in one.arguments:
            out.line(f"  {argument_line(difference)}")
        for line in shown(one.outcomes):
            out.line(f"    {line}")
        for text in one.lines:
            out.line(f"    {text}")
    if found:
        out.line(counts(found))
