"""Let the recordings of a test become those of another, when it was renamed, moved or parametrized.

OLD and NEW are the whole ids of two tests, classes, files or folders, or of two cases of a parametrized test:

  pytest-mimic mv tests/test_a.py tests/shop/test_b.py
  pytest-mimic mv tests/test_a.py::test_x 'tests/test_a.py::TestShop::test_x[EUR]'

No service is called, and nothing is unpickled. What NEW has recorded itself is never replaced.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_mimic._tools.cli.output import Result, add_dry_run, counted
from pytest_mimic._tools.shown.moving import Moves
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="a test, class, file or folder that recordings name")
    parser.add_argument("new", metavar="NEW", help="what it is now")
    add_dry_run(parser, "only show what would be moved")


def run(invocation: Invocation) -> Result:
    """Move them. Found: OLD has no recording, or NEW has another one of the same call.

    MimicError: both are the same, or a test would become a file, or a file a test.
    """
    options = invocation.options
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
    invocation.vault.store.end_run()
    lines = [] if moves else [f"nothing in {invocation.settings.shown_vault} is of {old}"]
    pairs = Counter((move.test, move.new_test) for move in moves if move.how == "moved")
    lines += [f"{test} -> {new}  {count}" for (test, new), count in sorted(pairs.items())]
    for how, done in (("moved", "moved"), ("named", "named after the new test")):
        found = [move.name for move in moves if move.how == how]
        if found:
            would = "would be " if options.dry_run else ""
            lines.append(f"{counted(found)} {would}{done}")
    kept = [move for move in moves if move.how == "kept"]
    lines += [f"not moved, because {one.new_test} has another recording of it: {one.name}" for one in kept]
    return Result(lines, found=not moves or bool(kept), damaged=planned.damaged)
