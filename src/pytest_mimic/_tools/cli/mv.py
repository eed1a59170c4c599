"""Let recordings go with a test that is renamed, moved or parametrized.

OLD and NEW are the whole ids of two tests, classes, files or folders, or of
two cases of a parametrized test:

  pytest-mimic mv tests/test_a.py tests/shop/test_b.py
  pytest-mimic mv tests/test_a.py::test_x 'tests/test_a.py::TestA::test_x[EUR]'

No service is called, and nothing is unpickled. What NEW has recorded itself is
never replaced.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.cassette_names import cassette_of_test
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    changed_file_error,
    parse_recording,
    recording_name,
)
from pytest_mimic._core.vault.recording_facts import calls_of
from pytest_mimic._core.words import pattern
from pytest_mimic._tools.cli.output import Result, add_dry_run, counted
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic.errors import MimicError

# Of the cassettes of a test whose blocks have given no name, so many are looked for.
_MOST_UNNAMED_CASSETTES = 100
# The name of a function, `shop.rates:fetch`, which is no test.
_NAME_OF_FUNCTION = pattern(r"[\w.]+:[\w.]+")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "old", metavar="OLD", help="a test, class, file or folder that recordings name"
    )
    parser.add_argument("new", metavar="NEW", help="what it is now")
    add_dry_run(parser, "only show what would be moved")


def run(invocation: Invocation) -> Result:
    """Move recordings.

    `has_finding` of the result: OLD has no recording, or NEW has another one of a call.

    Raises:
        MimicError: OLD and NEW are the same, or a test would become a file, or a file a
            test.
    """
    vault = invocation.vault
    old = _id_as_pytest_writes(invocation.options.old)
    new = _id_as_pytest_writes(invocation.options.new)
    _refuse_other_kinds(old, new)
    plan = _plan(vault, old, new)
    if not invocation.options.dry_run:
        _carry_out(vault, plan.moves)
    return Result(
        list(_lines(invocation, plan, old)),
        has_finding=not plan.moves or bool(plan.refused),
        damaged=plan.damaged,
    )


def _id_as_pytest_writes(word: str) -> str:
    """Return an id as pytest writes it: `./tests/` becomes `tests`."""
    return word.rstrip("/").removeprefix("./")


def _refuse_other_kinds(old: str, new: str) -> None:
    """Check that OLD and NEW differ and fit: a test takes no file's place, for example.

    A file may become a class of its tests: `test_a.py` to `test_b.py::TestShop`.

    Raises:
        MimicError: OLD and NEW are the same, or do not fit.
    """
    is_old_file = "::" not in old
    is_new_file = "::" not in new
    is_new_test = not is_new_file and new.rpartition("::")[2].startswith("test")
    loses_its_file = not is_old_file and is_new_file
    becomes_a_test = is_old_file and is_new_test
    if old == new or loses_its_file or becomes_a_test:
        raise MimicError(
            f"mv cannot make {old} to {new}: "
            "it takes two tests, classes, files or folders",
            remedies=["see pytest-mimic mv --help"],
        )


class Move(NamedTuple):
    """A recording or cassette that gets another name, or just names another test.

    Attributes:
        name: The name of the file in the vault.
        new_name: The name of the file afterwards, often the same.
        test: The test, or the scope of a fixture, that the file belongs to.
        new_test: The test or scope that the file will belong to.
        content: The content of the new file.
    """

    name: str
    new_name: str
    test: str
    new_test: str
    content: bytes


class _Plan(NamedTuple):
    """The moves that one call of the command makes.

    Attributes:
        moves: The recordings to move.
        refused: The recordings that stay, because another one has the new name already.
        damaged: How many files cannot be read.
    """

    moves: list[Move]
    refused: list[Move]
    damaged: int


def _plan(vault: Vault, old: str, new: str) -> _Plan:
    """Return the moves for the recordings that name OLD."""
    moves: list[Move] = []
    refused: list[Move] = []
    damaged_count = 0
    for name in sorted(vault.names()):
        try:
            move = _move(vault, name, old=old, new=new)
        except MimicError:
            damaged_count += 1
            continue
        if move is None:
            continue
        # What NEW has recorded itself stays.
        is_file_renamed = move.new_name != name
        if is_file_renamed and vault.store.size(move.new_name) is not None:
            refused.append(move)
        else:
            moves.append(move)
    return _Plan(moves, refused, damaged_count)


def _carry_out(vault: Vault, moves: Sequence[Move]) -> None:
    """Write each recording under its new name, and then delete the old file."""
    for move in moves:
        # The new file is written before the old one goes, so that a killed command
        # loses nothing.
        vault.store.write(move.new_name, move.content)
        if move.new_name != move.name:
            vault.restore(move.name, None)
    vault.store.end_writing()


def _lines(invocation: Invocation, plan: _Plan, old: str) -> Iterator[str]:
    """Yield the report: a line for each pair of tests, the count, and what stays."""
    if not plan.moves and not plan.refused:
        yield f"nothing in {invocation.settings.shown_vault} is of a test {old}"
        if _NAME_OF_FUNCTION.fullmatch(old):
            yield (
                "  a function that was moved or renamed has to be recorded again:"
                " only tests move"
            )
    move_counts = Counter((move.test, move.new_test) for move in plan.moves)
    for (test, new_test), count in sorted(move_counts.items()):
        yield f"{test} -> {new_test}  {count}"
    if plan.moves:
        verb = "would be moved" if invocation.options.dry_run else "moved"
        moved_names = [move.name for move in plan.moves]
        yield f"{counted(moved_names)} {verb}"
    for move in plan.refused:
        reason = f"{move.new_test} has another recording of it"
        yield f"not moved, because {reason}: {move.name}"


def _move(vault: Vault, name: str, *, old: str, new: str) -> Move | None:
    """Return what becomes of a recording or cassette.

    None: it neither belongs to OLD, nor did OLD record it.

    Args:
        vault: The vault.
        name: The name of the file.
        old: OLD, as pytest writes it.
        new: NEW.

    Raises:
        MimicError: The file cannot be read, or is damaged.
    """
    recording_facts = parse_recording(vault.store.read(name) or b"", vault.label, name)
    # `test` has recorded the file; a sequence belongs to `owner`, a test, module or
    # package.
    test = str(recording_facts.get("test") or "")
    owner = str(recording_facts.get("owner") or "")
    new_test = _renamed_id(test, old, new)
    new_owner = _renamed_id(owner, old, new)
    if new_test is None and new_owner is None:
        return None
    # The shape of the calls is checked: a damaged file stays as it is.
    calls_of(vault.objects, name, recording_facts)
    new_name = name
    new_facts = {**recording_facts, "test": new_test or recording_facts.get("test")}
    identity = recording_facts.get("identity")
    if new_owner is not None and identity:
        # The file of a sequence is named by its target, its identity and its owner.
        new_facts["owner"] = new_owner
        new_name = recording_name(recording_facts["target"], identity, new_owner)
    elif new_test is not None and name.startswith(CASSETTES_PREFIX):
        new_name = _cassette_renamed(name, test, new_test)
    # Any other file keeps its name, in which no test counts.
    content = _content_of(vault, name, new_facts)
    if new_owner is not None:
        return Move(name, new_name, owner, new_owner, content)
    return Move(name, new_name, test, new_test or test, content)


def _content_of(vault: Vault, name: str, facts: dict[str, Any]) -> bytes:
    """Return the bytes of a recording or cassette, as a file of the vault has them.

    Raises:
        CorruptRecordingError: The facts hold a number that JSON lacks: Python reads an
            infinity where an edit has left `1e999`.
    """
    try:
        text = json_in_lines(facts)
    except ValueError as reason:
        raise changed_file_error(f"{vault.label}/{name}", reason) from None
    return (text + "\n").encode(errors="backslashreplace")


def _cassette_renamed(name: str, test: str, new_test: str) -> str:
    """Return the new name of a cassette of a renamed test.

    A cassette that the test gave a name keeps it.
    """
    # The name of any other one has the id of the test, and a number.
    for number in range(1, _MOST_UNNAMED_CASSETTES):
        if name == f"{CASSETTES_PREFIX}{cassette_of_test(test, number)}.json":
            return f"{CASSETTES_PREFIX}{cassette_of_test(new_test, number)}.json"
    return name


def _renamed_id(test: str, old: str, new: str) -> str | None:
    """Return the id of a test, file or scope when OLD has become NEW.

    None: it is no part of OLD, or is moved already. For example, with OLD `test_a.py`
    and NEW `shop/test_b.py`:

    ======================  ===========================
    `test_a.py::test_x[1]`  `shop/test_b.py::test_x[1]`
    `test_ab.py::test_x`    None
    ======================  ===========================

    A case of a parametrized test has no parts: if NEW is one, only OLD itself becomes
    it.
    """
    if test == old:
        return new
    # With OLD `tests` and NEW `tests/shop`, a test in `tests/shop` is moved already.
    is_moved = new.startswith(old) and (
        test == new or _rest_of_id(test, new) is not None
    )
    if is_moved or new.endswith("]"):
        return None
    rest = _rest_of_id(test, old)
    if rest is None:
        return None
    return new + rest


def _rest_of_id(test: str, container: str) -> str | None:
    """Return what follows the id of a folder, file, class or test in that of its part.

    `test_a.py::test_x` in `test_a.py` gives `::test_x`. None: the test is no part of
    the container, or is the container itself.
    """
    if not test.startswith(container):
        return None
    rest_of_id = test.removeprefix(container)
    # Without a sign between, it is another name: `test_ab` is no part of `test_a`.
    if not rest_of_id.startswith(("/", "::", "[")):
        return None
    return rest_of_id
