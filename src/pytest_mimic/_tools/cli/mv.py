"""Let the recordings of a test become those of another, when it was renamed, moved or parametrized.

OLD and NEW are the whole ids of two tests, classes, files or folders, or of two cases of a parametrized test:

  pytest-mimic mv tests/test_a.py tests/shop/test_b.py
  pytest-mimic mv tests/test_a.py::test_x 'tests/test_a.py::TestShop::test_x[EUR]'

No service is called, and nothing is unpickled. What NEW has recorded itself is never replaced.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._tools.cli.output import counted
from pytest_mimic._tools.cli.parser import add_dry_run
from pytest_mimic._tools.cli.selection import report_damaged
from pytest_mimic._tools.shown.moving import Moves
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.moving import Move


def add_arguments(parser: Parser) -> None:
    parser.add_argument("old", metavar="OLD", help="a test, class, file or folder that recordings name")
    parser.add_argument("new", metavar="NEW", help="what it is now")
    add_dry_run(parser, "only show what would be moved")


def run(invocation: Invocation) -> int:
    """Move them. Exit code 1: OLD has no recording, or NEW has another one of the same call.

    MimicError: both are the same, or a test would become a file, or a file a test.
    """
    options, out = invocation.options, invocation.out
    old, new = (word.rstrip("/").removeprefix("./") for word in (options.old, options.new))
    is_test = "::" in new and new.rpartition("::")[2].startswith("test")
    if old == new or ("::" in old and "::" not in new) or ("::" not in old and is_test):
        raise MimicError(
            f"mv cannot make {old} to {new}: it takes two tests, classes, files or folders",
            remedies=["see pytest-mimic mv --help"],
        )
    planned = Moves(invocation.vault)
    moves = list(planned.plan(old, new))
    for move in moves if not options.dry_run else ():
        planned.write(move)
    invocation.vault.store.flush()
    if not moves:
        out.line(f"nothing in {invocation.settings.shown_vault} is of {old}")
    _print(invocation, moves)
    kept = [move for move in moves if move.how == "kept"]
    for move in kept:
        out.line(f"not moved, because {move.new_test} has another recording of it: {move.name}")
    report_damaged(invocation, planned.damaged)
    return 0 if moves and not kept else 1


def _print(invocation: Invocation, moves: list[Move]) -> None:
    out, is_dry = invocation.out, invocation.options.dry_run
    pairs = Counter((move.test, move.new_test) for move in moves if move.how == "moved")
    for (test, new), count in sorted(pairs.items()):
        out.line(f"{test} -> {new}  {count}")
    for how, done, planned in (
        ("moved", "moved", "would be moved"),
        ("named", "named after the new test", "would be named after the new test"),
    ):
        found = [move.name.startswith(CASSETTES) for move in moves if move.how == how]
        if found:
            out.line(f"{counted(found.count(False), found.count(True))} {planned if is_dry else done}")
