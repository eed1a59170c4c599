"""Finds what comes next to a call that has no recording, and what would help it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import Call, Slot, kept_parts, key_of
from pytest_mimic.engine.logs import follow
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.unused import is_fixture_owner
from pytest_mimic.engine.verifying import paths_of
from pytest_mimic.errors import MimicError, Remedy
from pytest_mimic.secrets import placeholders
from pytest_mimic.values import messages
from pytest_mimic.values.differences import Difference
from pytest_mimic.values.looks import differ_in_ids_alone, new_in_test_id
from pytest_mimic.values.tree import IGNORED, without
from pytest_mimic.vault.recording import Entry, copied
from pytest_mimic.vault.vault import Vault, vault_above
from pytest_mimic.words import PAGE_ON_NEW_VALUES, few

# Recordings of a target that are read, and those that are compared with a call.
_MOST_READ = 2000
_CANDIDATES = 200


class Around(Protocol):
    """What is known beside the call."""

    gone: Container[str]
    vault: Vault
    commands: Commands

    def shown(self, differences: Iterable[Difference]) -> list[Difference]:
        """Give differences as they may be drawn."""
        ...

    def line_to_share(self, call: Call) -> str:
        """Give the line with which all tests share a call."""
        ...


class Hints(NamedTuple):
    """What the error of a miss says beside its command.

    Attributes:
        facts: What comes next.
        ways: What else helps.
        cause: Where it differs from what comes next, as text; empty: nothing does.
        is_enough: Whether that helps, and to record it does not.
    """

    facts: list[str]
    ways: list[Remedy]
    cause: str = ""
    is_enough: bool = False


class _Recorded(NamedTuple):
    """A recorded call, who has recorded it, and the place of it in its file."""

    owner: str
    entry: Entry
    name: str
    number: int


def hints_for(call: Call, slot: Slot, owner: Owner | None, around: Around) -> Hints:
    """Say what comes next to a call without a recording, and what would help it."""
    vault = around.vault
    if owner is not None and owner.kind == "cassette":
        # It replays nothing else.
        hints = _of_nearest(call, list(_recorded(call, [slot.name], vault)), around)
        where = f"in cassette {owner.name}"
        if vault.read(slot.name) is None:
            where += ", which does not exist"
        return hints._replace(facts=[f"{hints.facts[0]} {where}", *hints.facts[1:]])
    if not vault.path.is_dir():
        return _without_vault(around)
    names = dict.fromkeys([slot.name] if slot.is_in_log else [])
    names.update(dict.fromkeys(vault.names()))
    recorded = list(islice(_recorded(call, names, vault), _MOST_READ))
    equal = [one for one in recorded if key_of(one.entry) == key_of(call)]
    hints_of_equal = _of_equal(call, equal, owner, around)
    if hints_of_equal is not None:
        return hints_of_equal
    name = owner.name if owner is not None else ""
    made = owner.log.made if owner is not None and owner.log is not None else []
    asked = {one.index for one in made}
    # First what the owner has not asked for yet, last what others have recorded.
    recorded.sort(key=lambda one: (one.owner != name, one.number in asked))
    return _of_nearest(call, recorded[:_CANDIDATES], around)


def _recorded(call: Call, names: Iterable[str], vault: Vault) -> Iterator[_Recorded]:
    """Yield the recordings of a call's target in some files."""
    for name in names:
        try:
            recording = vault.read(name)
        except MimicError:
            continue  # it is named where it is needed
        for number, entry in enumerate(recording.entries if recording else ()):
            if entry.target == call.target and entry.end != "empty":
                assert recording is not None
                dated = copied(entry, recorded=entry.recorded or recording.recorded)
                yield _Recorded(recording.owner, dated, name, number)


def _of_equal(
    call: Call, equal: Sequence[_Recorded], owner: Owner | None, around: Around
) -> Hints | None:
    """Say who else has recorded the same call."""
    if not call.in_log:
        for one in equal:
            if one.name.startswith("logs/"):
                fact = f"recorded by {one.owner} when its line was not shared"
                command = around.commands.mimic("rekey")
                return Hints([fact], [("to let all tests share it", command)])
        return None
    name = owner.name if owner is not None else ""
    others = [one for one in equal if one.owner != name]
    if not others:
        return None
    log = owner.log if owner is not None else None
    if log is not None and log.found is None and not log.made:
        # What all tests share has an owner, too, and no slot.
        logs = [one for one in others if one.name.startswith("logs/")]
        begun = [one.owner for one in logs if one.number == 0]
        moved = _renamed_to(name, begun, around)
        if moved:
            # The file of a fixture is moved with its tests.
            place_of = _file_of if is_fixture_owner(name) else str
            command = around.commands.mimic("mv", place_of(moved), place_of(name))
            words = "to move the recordings to the renamed test"
            # No later process has the name of a test that is made anew.
            ways = [] if _is_of_this_run(name, moved) else [(words, command)]
            fact = f"{moved}, which is gone, begins with the same call"
            return Hints([fact], ways)
    if others[0].name.startswith("calls/"):
        fact = f"recorded by {others[0].owner} for all tests: it has no place in a log"
        return Hints([fact], [])
    kind = "fixture" if is_fixture_owner(others[0].owner) else "test"
    fact = f"recorded by {others[0].owner}, for that {kind} alone"
    if call.has_effect:  # What it gives depends on what was asked before.
        return Hints([fact], [])
    return Hints([fact], [("to let all tests share it", around.line_to_share(call))])


def _renamed_to(owner: str, begun: Sequence[str], around: Around) -> str:
    """Give the owner that is gone, and may be renamed to one; empty: not one alone."""
    is_fixture = is_fixture_owner(owner)
    place_of = _file_of if is_fixture else str
    kin = [one for one in begun if is_fixture_owner(one) == is_fixture]
    gone = [one for one in kin if place_of(one) in around.gone]
    found = [one for one in gone if _name_in_file(one) == _name_in_file(owner)]
    if not found and not is_fixture:
        # Where tests that are not gone begin so, too, it is one of the same file.
        is_common = len(gone) < len(kin)
        found = [
            one for one in gone if not is_common or _file_of(one) == _file_of(owner)
        ]
    return found[0] if len(found) == 1 else ""


def _is_of_this_run(owner: str, moved: str) -> bool:
    return bool(new_in_test_id(owner)[0] and new_in_test_id(moved)[0])


def _file_of(owner: str) -> str:
    return owner.partition("::")[0]


def _name_in_file(test: str) -> str:
    return test.partition("::")[2]


def _without_vault(around: Around) -> Hints:
    facts = [f"the vault {around.vault.label} does not exist"]
    commands = around.commands
    above = vault_above(around.vault.path, commands.rootdir)
    if above is None:
        return Hints(facts, [])
    there = commands.folder(above)
    facts.append(f"a vault in {there} has recordings of these tests")
    return Hints(facts, [("to use it", commands.pytest(f"--rootdir={there}"))])


def _of_nearest(call: Call, recorded: Sequence[_Recorded], around: Around) -> Hints:
    """Say which recording has the fewest parts that differ, and where it differs."""
    described = call.counted(call.describe())
    if not recorded:
        return Hints([f"there are no recordings of {call.target}"], [])
    ignored = paths_of(call.options.ignore)
    kept = [kept_parts(call, one.entry, around.vault) or {} for one in recorded]
    trees = [without(parts, ignored) for parts in kept]
    number, found = messages.nearest(described, trees)
    owner, nearest = recorded[number].owner, recorded[number].entry
    details = [f"  {line}" for line in messages.lines_of(around.shown(found))]
    hidden = [] if found else nearest.hidden
    if hidden:
        details = [f"  a hidden part differs: {few(hidden)}"]
    day = f" on {nearest.recorded}" if nearest.recorded else ""
    facts = [f"nearest: recorded by {owner}{day}", *details]
    cause = "; ".join(fact.strip() for fact in details)
    if nearest.line != call.line:
        facts.append(f"it was recorded with other options: {nearest.line or 'none'}")
        facts += _why_not_followed(call, nearest, around.vault)
        if all(IGNORED in (one.old, one.new) for one in found):
            return Hints(facts, [], cause)
    variables = placeholders.variables_in([str(one.old) for one in found])
    missed = [name for name in variables if not _is_known(name, found)]
    if missed:
        return _without_variables(missed, facts, call, around)
    # Whatever the values are, calls that differ in what is made anew have one cause.
    cause = ", ".join(messages.ignorable_in(described, found)) or cause
    shared = [] if call.in_log else trees
    paths = messages.ignorable_in(described, found, shared)
    # One key among the developers and another in CI; two recorded keys are data.
    if hidden and trees.count(trees[number]) == 1:
        paths = tuple(hidden)
    if not paths:
        if found and all(differ_in_ids_alone(one.old, one.new) for one in found):
            facts.append(
                f"the ids or times in it are new in each run: {PAGE_ON_NEW_VALUES}"
            )
        return Hints(facts, [], cause)
    words = "if it may differ" if hidden else "if it changes from run to run"
    return Hints(facts, [(words, call.line_with(ignore=paths))], cause)


def _is_known(name: str, found: Sequence[Difference]) -> bool:
    """Whether the call of now holds the value of a variable, too."""
    stand_in = placeholders.of_environment(name)
    return any(stand_in in str(one.new) for one in found)


def _without_variables(
    names: Sequence[str], facts: Sequence[str], call: Call, around: Around
) -> Hints:
    """Say that a recording needs variables, of any value that is long enough."""
    told = []
    for name in names:
        length = len(os.environ.get(name, ""))
        state = f"has {length} characters" if length else "is not set"
        told.append(f"the value of {name} is a part of it, and {name} {state}")
    words = "to replay it, set a value of 16 characters or more, whichever"
    given = " ".join(f"{name}=mimic-0123456789" for name in names)
    ways = [(words, f"{given} {around.commands.pytest()}")]
    return Hints([*facts, *told], ways, f"{call.target} {given}", is_enough=True)


def _why_not_followed(call: Call, entry: Entry, vault: Vault) -> list[str]:
    """Say why a recording of another line does not answer under that of today."""
    try:
        if follow(call, entry, vault) != call.identity:
            return []
    except MimicError as error:
        return [f"it cannot follow its line: {error.what}"]
    return ["a call that is equal under today's line cannot follow, or differs"]
