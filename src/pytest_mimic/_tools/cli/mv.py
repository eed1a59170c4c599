"""Let the recordings of a test become those of another, when it was renamed, moved or parametrized.

OLD and NEW are the ids of two tests, classes, files or folders, or of two cases of a parametrized test:

  pytest-mimic mv tests/test_a.py tests/shop/test_b.py
  pytest-mimic mv tests/test_a.py::test_x 'tests/test_a.py::TestShop::test_x[EUR]'

No service is called, and nothing is unpickled. What NEW has recorded itself is never replaced.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.words import did_you_mean
from pytest_mimic._tools.cli.output import counted
from pytest_mimic._tools.cli.selection import report_damaged
from pytest_mimic._tools.shown.catalog import Catalog
from pytest_mimic._tools.shown.moving import Moves, renamed
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.moving import Move


def add_arguments(parser: Parser) -> None:
    parser.add_argument("old", metavar="OLD", help="a test, class, file or folder that recordings name")
    parser.add_argument("new", metavar="NEW", help="what it is now")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would be moved")


def run(invocation: Invocation) -> int:
    """Move them. Exit code 1: OLD has no recording, or NEW has another one of the same call.

    MimicError: a test would become a file, or a file a test.
    """
    options, out = invocation.options, invocation.out
    planned = Moves(invocation.vault)
    old, new = _ids(invocation, planned)
    moves = list(planned.plan(old, new))
    if moves and "::" in old and "::" not in new and all(move.test == old for move in moves):
        again = invocation.command("mv", old, f"{new}::{old.rpartition('::')[2]}")
        raise MimicError(f"{old} is a test, and {new} is none", remedies=[f"to move it there: {again}"])
    is_function = new.rpartition("::")[2].startswith("test")
    if moves and "::" not in old and "::" in new and (is_function or not old.endswith(".py")):
        again = invocation.command("mv", next((one.test for one in moves if "::" in one.test), old), new)
        raise MimicError(
            f"{old} is a file or folder, and {new} is none", remedies=[f"to move one test there: {again}"]
        )
    for move in moves if not options.dry_run else ():
        planned.write(move)
    invocation.vault.store.flush()
    kept = [move for move in moves if move.how == "kept"]
    if options.json:
        shown = [dict(zip(move._fields[:5], move)) for move in moves]
        out.json({"moves": shown, "dry_run": options.dry_run, "damaged": planned.damaged})
        return 0 if moves and not kept else 1
    if not moves:
        label = invocation.settings.shown_vault
        known = planned.tests | {test.partition("::")[0] for test in planned.tests}
        out.line((f"nothing in {label} is of {old}{did_you_mean(old, known)}", "yellow"))
        report_damaged(invocation, planned.damaged)
        return 1
    _print(invocation, moves)
    if not Path(invocation.project.rootdir, file := new.partition("::")[0]).exists():
        out.line((f"note: {file} does not exist", "yellow"))
    for move in kept:
        facts = Catalog(invocation.vault).read(move.new_name)
        what = facts.label() if facts is not None else move.new_name
        out.line((f"not moved, because {move.new_test} has another recording of it: {what}", "yellow"))
    old_file, new_file = (one.partition("::")[0] for one in (old, new))
    is_part = old_file in planned.tests and old_file not in (old, new_file)
    if is_part and not {one for one in planned.tests if one.startswith(f"{old_file}::")} - {
        one.test for one in moves
    }:
        out.line(f"no test of {old_file} is left, but recordings of its fixtures are. To move them:")
        out.line(f"  {invocation.command('mv', old_file, new_file)}")
    report_damaged(invocation, planned.damaged)
    return 1 if kept else 0


def _print(invocation: Invocation, moves: list[Move]) -> None:
    out, is_dry = invocation.out, invocation.options.dry_run
    pairs = Counter((move.test, move.new_test) for move in moves if move.how == "moved")
    arrow = out.sign("→", "->")
    out.table([(test, arrow, new, str(count)) for (test, new), count in sorted(pairs.items())], right=(3,))
    moved = [move.name.startswith(CASSETTES) for move in moves if move.how == "moved"]
    if moved:
        out.line(
            f"{counted(moved.count(False), moved.count(True))} {'would be moved' if is_dry else 'moved'}"
        )
    named = [move.name.startswith(CASSETTES) for move in moves if move.how == "named"]
    if named:
        verb = "would name" if is_dry else "now names" if len(named) == 1 else "now name"
        out.line(f"{counted(named.count(False), named.count(True))} {verb} the new test as the recorder")


def _ids(invocation: Invocation, planned: Moves) -> tuple[str, str]:
    """Return both ids relative to the rootdir: as they are, or seen from the current folder if that is what matches.

    The name of a test alone is enough where one test has it. MimicError: several have it, or both ids are the same.
    """
    old, new = (
        word.rstrip("/").removeprefix("./") for word in (invocation.options.old, invocation.options.new)
    )
    project = invocation.project
    if old.endswith(".py") and not new.endswith(".py") and "::" not in new:  # a file goes into a folder
        new = f"{new}/{old.rpartition('/')[2]}"
    if _is_name(old):
        name, *case = re.split(r"(?=\[)", old, maxsplit=1)
        known = {test.partition("[")[0] for test in planned.tests}
        found = sorted(test for test in known if test.endswith(f"::{name}"))
        if len(found) > 1:
            raise MimicError(
                f"several tests are named {old}", remedies=[f"name one of them: {', '.join(found)}"]
            )
        old = "".join([*found, *case]) if found else old
    if "::" in old and _is_name(new) and not Path(project.rootdir, new).exists():
        new = f"{old.partition('[')[0].rpartition('::')[0]}::{new}"
    if not any(renamed(test, old, new) for test in planned.tests):
        old, new = (
            f"{os.path.relpath(project.here / file, project.rootdir)}{colons}{name}".replace(os.sep, "/")
            for file, colons, name in (old.partition("::"), new.partition("::"))
        )
    if old == new:
        raise MimicError("mv takes two different tests", remedies=["see pytest-mimic mv --help"])
    return old, new


def _is_name(word: str) -> bool:
    """Return whether a word is the name of a test or class, without a file or folder."""
    return re.match(r"(?i:test)\w*(\[|$)", word) is not None
