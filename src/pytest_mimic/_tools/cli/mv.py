"""Let the recordings of a test become those of another, when it was renamed, moved or parametrized.

OLD and NEW are the whole ids of two tests, classes, files or folders, or of two cases
of a parametrized test:

  pytest-mimic mv tests/test_a.py tests/shop/test_b.py
  pytest-mimic mv tests/test_a.py::test_x 'tests/test_a.py::TestShop::test_x[EUR]'

No service is called, and nothing is unpickled. What NEW has recorded itself is never
replaced.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any, NamedTuple

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.format import (
    CASSETTES,
    cassette_of_test,
    parse_recording,
    recording_name,
)
from pytest_mimic._tools.cli.output import Result, add_dry_run, counted
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic.errors import MimicError

# How many cassettes without a name of its own a test may have.
_UNNAMED = 100


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "old", metavar="OLD", help="a test, class, file or folder that recordings name"
    )
    parser.add_argument("new", metavar="NEW", help="what it is now")
    add_dry_run(parser, "only show what would be moved")


def run(invocation: Invocation) -> Result:
    """Move them. Found: OLD has no recording, or NEW has one of the same call.

    MimicError: both are the same, or a test would become a file, or a file a test.
    """
    options, vault = invocation.options, invocation.vault
    old, new = (
        word.rstrip("/").removeprefix("./") for word in (options.old, options.new)
    )
    is_test = "::" in new and new.rpartition("::")[2].startswith("test")
    if old == new or ("::" in old and "::" not in new) or ("::" not in old and is_test):
        raise MimicError(
            f"mv cannot make {old} to {new}: it takes two tests, classes, files or folders",
            remedies=["see pytest-mimic mv --help"],
        )
    moves, kept, damaged = list[Move](), list[Move](), 0
    for name in sorted(vault.names()):
        try:
            facts = parse_recording(vault.store.read(name) or b"", vault.label, name)
        except MimicError:
            damaged += 1
            continue
        if (move := _planned(name, facts, old, new)) is not None:
            is_taken = (
                move.new_name != name and vault.store.size(move.new_name) is not None
            )
            (kept if is_taken else moves).append(move)
    for move in moves if not options.dry_run else ():
        # The new file first, so that nothing is lost on the way.
        content = (layout(move.facts) + "\n").encode(errors="backslashreplace")
        vault.store.write(move.new_name, content)
        if move.new_name != move.name:
            vault.restore(move.name, None)
    vault.store.end_run()
    lines = (
        []
        if moves or kept
        else [f"nothing in {invocation.settings.shown_vault} is of {old}"]
    )
    pairs = Counter((move.test, move.new_test) for move in moves)
    lines += [
        f"{test} -> {renamed}  {count}"
        for (test, renamed), count in sorted(pairs.items())
    ]
    would = "would be " if options.dry_run else ""
    if pairs:
        lines.append(f"{counted(one.name for one in moves)} {would}moved")
    lines += [
        f"not moved, because {one.new_test} has another recording of it: {one.name}"
        for one in kept
    ]
    return Result(lines, found=not moves or bool(kept), damaged=damaged)


class Move(NamedTuple):
    """What becomes of a recording or cassette: it gets another name, or just names another test."""

    name: str  # in the vault
    new_name: str
    test: str  # the test, or the scope of a fixture, that it belongs to
    new_test: str
    facts: dict[str, Any]  # the content of the new file


def _planned(name: str, facts: dict[str, Any], old: str, new: str) -> Move | None:
    """Return what becomes of a recording.

    None: it neither belongs to `old`, nor was it recorded by it.
    """
    test, owner = str(facts.get("test") or ""), str(facts.get("owner") or "")
    new_test, new_owner = _renamed(test, old, new), _renamed(owner, old, new)
    if new_test is None and new_owner is None:
        return None
    facts, new_name = {**facts, "test": new_test or facts.get("test")}, name
    if new_owner is not None and facts.get("identity"):
        facts["owner"] = new_owner
        new_name = recording_name(facts["target"], facts["identity"], new_owner)
    elif new_test is not None and name.startswith(CASSETTES):
        for number in range(1, _UNNAMED):  # a cassette that was not named by its test
            if name == f"{CASSETTES}{cassette_of_test(test, number)}.json":
                new_name = f"{CASSETTES}{cassette_of_test(new_test, number)}.json"
    if new_owner is not None:
        return Move(name, new_name, owner, new_owner, facts)
    return Move(name, new_name, test, new_test or test, facts)


def _renamed(test: str, old: str, new: str) -> str | None:
    """Return the id of a test, file or scope when `old` has become `new`.

    None: it is no part of it, or is moved already.

    A parametrized case has no parts: of a test, only what had no parameters becomes it.
    """
    if test == old:
        return new
    is_moved = new.startswith(old) and (test == new or _rest(test, new) is not None)
    rest = None if new.endswith("]") or is_moved else _rest(test, old)
    return None if rest is None else new + rest


def _rest(test: str, whole: str) -> str | None:
    """Return what the id of a part has behind that of its folder, file, class or test, or None if it is no part of it."""
    rest = test[len(whole) :]
    return (
        rest if test.startswith(whole) and rest.startswith(("/", "::", "[")) else None
    )
