"""Finds what comes next to a call that has no recording, and what would help it."""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import Call, Slot, kept_parts, key_of
from pytest_mimic.engine.following import follow
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.engine.unused import is_fixture_owner, is_taken_in
from pytest_mimic.errors import MimicError, Remedy
from pytest_mimic.secrets.placeholders import variables_in
from pytest_mimic.values.differences import MISSING, Difference, differences, lines_of
from pytest_mimic.values.made_anew import are_ids_seeded, ignorable, new_in_test_id
from pytest_mimic.values.renamed import Renamed
from pytest_mimic.values.tree import Tree, paths_of, shown_path, without
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.names import as_pytest_recording_writes
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import few

# Recordings of a target that are read, and those that are compared with a call.
_MOST_READ = 2000
_CANDIDATES = 200
# In the place of a target: of functions that no line names.
_NO_LINE = ""


class Hints(NamedTuple):
    """What the error of a miss says beside its command.

    Attributes:
        facts: What comes next.
        ways: What else helps.
        cause: Where it differs from what comes next, as text; empty: nothing does.
        is_enough: Whether that helps, and to record it does not.
    """

    facts: list[str]
    ways: Sequence[Remedy] = ()
    cause: str = ""
    is_enough: bool = False


class RecordedCall(NamedTuple):
    """A recorded call, its owner, its day, and its place in a file."""

    owner: str
    day: str
    entry: Entry
    name: str
    number: int


@dataclass
class Nearest:
    """Says what comes next to a call without a recording, and what would help it.

    Args:
        call: The call.
        owner: Whose call it is.
        vault: Where recordings are.
        commands: Writes commands.
        secrecy: Knows what may be drawn.
        gone: The tests that exist no more.
        of_targets: Recordings by target, which the run has read for other calls; by
            `_NO_LINE` those of functions that no line names.
        named: What the lines of the ini file name.
    """

    _call: Call
    _owner: Owner
    _vault: Vault
    _commands: Commands
    _secrecy: Secrecy
    _gone: Container[str]
    _of_targets: dict[str, list[RecordedCall]]
    _named: Collection[str]

    def hints(self, slot: Slot) -> Hints:
        """Give what the error of a miss says."""
        if self._owner.kind == "cassette":
            # It replays nothing else.
            hints = self._of_nearest([*self._recorded([slot.name])])
            where = f"in cassette {self._owner.name}"
            if self._vault.read(slot.name) is None:
                where += ", which does not exist"
            facts = [f"{hints.facts[0]} {where}", *hints.facts[1:]]
            return hints._replace(facts=facts)
        if not self._vault.path.is_dir():
            return Hints([f"the vault {self._vault.label} does not exist"])
        target = self._call.target
        if target not in self._of_targets:
            found = islice(self._recorded(self._vault.names()), _MOST_READ)
            self._of_targets[target] = list(found)
        # The log of the owner is read anew: this run may have written it.
        others = self._of_targets[target]
        recorded = [one for one in others if one.name != slot.name]
        recorded += self._recorded([slot.name])
        key = key_of(self._call)
        equal = [one for one in recorded if key_of(one.entry) == key]
        owner, findings = self._owner, self._owner.findings
        findings.former_name = findings.former_name or self._name_of_gone(equal)
        if findings.former_name:
            return self._of_renamed(findings.former_name)
        hints_of_equal = self._of_equal(equal)
        if hints_of_equal is not None:
            return hints_of_equal
        asked = {one.index for one in owner.log.slots} if owner.log else set()
        # First what the owner has not asked for yet, last what others have recorded.
        recorded.sort(key=lambda one: (one.owner != owner.name, one.number in asked))
        return self._of_nearest(recorded[:_CANDIDATES])

    def _recorded(
        self, names: Iterable[str], *, are_named: bool = True
    ) -> Iterator[RecordedCall]:
        """Yield the recordings of the call's target in some files.

        Args:
            names: The files.
            are_named: Else yield those of all functions that no line names.
        """
        for name in names:
            try:
                recording = self._vault.read(name) or Recording()
            except MimicError:
                continue  # it is named where it is needed
            for number, entry in enumerate(recording.entries):
                is_asked = entry.target == self._call.target
                if not are_named:
                    is_named = is_taken_in(entry.target, self._named)
                    is_asked = ":" in entry.target and not is_named
                if is_asked and entry.end != "empty":
                    day = entry.recorded or recording.recorded
                    # An imported cassette is of no test.
                    owner = recording.owner or name.removesuffix(".json")
                    yield RecordedCall(owner, day, entry, name, number)

    # -- an equal call

    def _of_equal(self, equal: Sequence[RecordedCall]) -> Hints | None:
        """Say who else has recorded the same call."""
        logs = [one for one in equal if one.name.startswith("logs/")]
        if not self._call.in_log:
            if not logs:
                return None
            fact = f"recorded by {logs[0].owner} when its line was not shared"
            return Hints([fact])
        name = self._owner.name
        others = [
            one for one in equal if one.owner != name or one.name.startswith("calls/")
        ]
        if not others:
            return None
        other = others[0]
        if other.name.startswith("calls/"):
            fact = f"recorded by {other.owner} for all tests: it has no place in a log"
            return Hints([fact])
        ways = [("to let all tests share it", self._call.line_to_share())]
        if other.name.startswith("cassettes/"):
            cassette = other.name.removeprefix("cassettes/").removesuffix(".json")
            ways = [("to replay that cassette", f'with mimic_auto("{cassette}"):')]
        if self._call.has_effect:  # What it gives depends on what was asked before.
            ways = []
        _, look = new_in_test_id(name)
        if look and _function_of(other.owner) == _function_of(name):
            words = f"if {look} in its id is new in each process"
            ways.append((words, 'pytest.param(..., id="...")'))
        return Hints([f"recorded by {other.owner}, for itself alone"], ways)

    # -- a renamed test

    def _of_renamed(self, former: str) -> Hints:
        name = self._owner.name
        # The file of a fixture is moved with its tests.
        place_of = _file_of if is_fixture_owner(name) else str
        command = self._commands.move(place_of(former), place_of(name))
        fact = f"{former}, which is gone, begins with the same call"
        words = "to move the recordings to the renamed test"
        if are_ids_seeded():
            words += " (if its name seeds its ids, record it again)"
        return Hints([fact], [(words, command)], is_enough=True)

    def _name_of_gone(self, equal: Sequence[RecordedCall]) -> str:
        """Give the owner that is gone, and may have this name now; empty: none.

        Args:
            equal: The recordings of the call.
        """
        log = self._owner.log
        if not self._owner.is_here or (log and (log.entries or log.slots)):
            return ""
        begun = [one for one in equal if one.number == 0]
        logs = [one.owner for one in begun if one.name.startswith("logs/")]
        name, is_fixture = self._owner.name, is_fixture_owner(self._owner.name)
        place_of = _file_of if is_fixture else str
        kin = [one for one in logs if is_fixture_owner(one) == is_fixture]
        new, _ = new_in_test_id(name)  # No later process has a name with it.
        gone = [one for one in kin if place_of(one) in self._gone and new in one]
        found = [one for one in gone if _name_in_file(one) == _name_in_file(name)]
        if not found and not is_fixture:
            # Where tests that are not gone begin so, too, it is one of the same file.
            is_common = len(gone) < len(kin)
            found = [
                one for one in gone if not is_common or _file_of(one) == _file_of(name)
            ]
        if len(found) > 1:
            case = _case_of(name)
            # An imported log may have it as it stood in the name of a file.
            written = as_pytest_recording_writes(case)
            found = [one for one in found if _case_of(one) == case] or [
                one for one in found if _case_of(one) == written
            ]
        return found[0] if len(found) == 1 else ""

    # -- the nearest one

    def _of_nearest(self, recorded: Sequence[RecordedCall]) -> Hints:
        """Say in which parts the nearest recording differs, which has the fewest."""
        if not recorded:
            return self._of_nothing_recorded()
        call = self._call
        described = call.counted(call.described)
        ignored = paths_of(call.options.ignore)
        kept = [kept_parts(call, one.entry, self._vault) for one in recorded]
        trees = [without(parts, ignored) for parts in kept]
        number, found = nearest_of(described, trees)
        owner, day, nearest = recorded[number][:3]
        shown = [self._secrecy.masked_difference(one) for one in found]
        details = [f"  {line}" for line in lines_of(shown)]
        hidden = [] if found else nearest.hidden
        if hidden:
            details = [f"  a hidden part differs: {few(hidden)}"]
        when = f" on {day}" if day else ""
        facts = [f"nearest: recorded by {owner}{when}", *details]
        cause = "; ".join(fact.strip() for fact in details)
        if nearest.line != call.line:
            before = nearest.line or "none"
            facts.append(f"it was recorded with other options: {before}")
            facts += self._why_not_followed(nearest)
        known = variables_in([str(one.new) for one in found])
        variables = variables_in([str(one.old) for one in found])
        missed = [name for name in variables if name not in known]
        if missed:
            return self._without_variables(missed, facts)
        shared = [] if call.in_log else trees
        paths = ignorable_in(described, found, shared)
        # Calls that differ in what is made anew have one cause, whatever the values.
        cause = ", ".join(paths) or cause
        # One key among the developers and another in CI; two recorded keys are data.
        if hidden and trees.count(trees[number]) == 1:
            paths = tuple(hidden)
        words = "if it may differ" if hidden else "if it changes from run to run"
        ways = [(words, call.line_with(ignore=paths))] if paths else []
        return Hints(facts, ways, cause)

    def _of_nothing_recorded(self) -> Hints:
        """Say that nothing is recorded of the target, or under which name it is."""
        call = self._call
        moved = self._moved() if call.is_function else None
        if moved is None:
            return Hints([f"there are no recordings of {call.target}"])
        command = self._commands.mimic("mv", *moved)
        fact = f"{moved.old}, which no line names, has a recording of this call"
        what = "class" if moved.new != call.target else "function"
        words = f"to move the recordings to the {what} that moved"
        return Hints([fact], [(words, command)], is_enough=True)

    def _moved(self) -> Renamed | None:
        """Give the function that had this name, or this code, and these arguments.

        Of a method, give its class. None: there is none that no line names, or there
        are several.
        """
        call = self._call
        asked = call.counted(call.described)
        if _NO_LINE not in self._of_targets:  # Each of many misses would read all.
            found = self._recorded(self._vault.names(), are_named=False)
            self._of_targets[_NO_LINE] = [*islice(found, _MOST_READ)]
        moves: set[Renamed] = set()
        for one in self._of_targets[_NO_LINE]:
            moved = self._move_of(one.entry.target)
            # A file may be deeper than a call.
            as_now = deeply(partial(moved.tree, one.entry.arguments))
            if as_now == asked and call.is_renamed(one.entry):
                moves.add(moved)
        return moves.pop() if len(moves) == 1 else None

    def _move_of(self, old: str) -> Renamed:
        """Give what a function has moved with: itself, or the class of a method."""
        new = self._call.target
        (old_class, _, name), (new_class, _, now) = (
            one.rpartition(".") for one in (old, new)
        )
        are_methods = ":" in old_class and ":" in new_class and name == now
        is_left = any(one.startswith(f"{old_class}.") for one in self._named)
        if are_methods and not is_left:
            return Renamed(old_class, new_class)
        return Renamed(old, new)

    def _without_variables(self, names: Sequence[str], facts: Sequence[str]) -> Hints:
        """Say that a recording needs variables, of any value that is long enough."""
        states = []
        for name in names:
            length = len(os.environ.get(name, ""))
            state = f"has {length} characters" if length else "is not set"
            states.append(f"the value of {name} is a part of it, and {name} {state}")
        words = "to replay it, set a value of 16 characters or more, whichever"
        given = " ".join(f"{name}=mimic-0123456789" for name in names)
        ways = [(words, f"{given} {self._commands.pytest()}")]
        return Hints([*facts, *states], ways, given, is_enough=True)

    def _why_not_followed(self, entry: Entry) -> list[str]:
        """Say why a recording of another line does not answer under that of today."""
        try:
            if follow(self._call, entry, self._vault) != self._call.identity:
                return []
        except MimicError as error:
            return [f"it cannot follow its line: {error.what}"]
        return ["a call that is equal under today's line cannot follow, or differs"]


def _file_of(owner: str) -> str:
    return owner.partition("::")[0]


def _function_of(test: str) -> str:
    return test.partition("[")[0]


def _name_in_file(test: str) -> str:
    return test.partition("::")[2]


def _case_of(test: str) -> str:
    return test.partition("[")[2]


# -- which recording comes nearest


def nearest_of(call: Tree, recorded: Iterable[Tree]) -> tuple[int, list[Difference]]:
    """Find the recording of which the fewest parts differ, arguments before parts.

    Args:
        call: What a recording would keep of the call.
        recorded: What recordings of its target keep; of equally near ones the first
            counts.

    Returns:
        Its number, and where it differs from the call.

    Raises:
        ValueError: Nothing is recorded.
    """
    found = [differences(tree, call) for tree in recorded]
    distances = list(map(_distance, found))
    number = distances.index(min(distances))
    return number, found[number]


def _distance(found: Sequence[Difference]) -> tuple[int, int, int, int]:
    arguments = {difference.steps[:1] for difference in found}
    # Parts of which a fact is known are of one kind, as the contents of one file are.
    others = [difference for difference in found if not difference.fact]
    of_one_side = [one for one in others if MISSING in (one.old, one.new)]
    return len(arguments), len(found), len(of_one_side), len(others)


def ignorable_in(
    call: Tree, found: Sequence[Difference], others: Iterable[Tree] = ()
) -> tuple[str, ...]:
    """Give the narrowest paths for an `ignore=` under which a call has its recording.

    Args:
        call: What a recording would keep of the call.
        found: Where the nearest recording differs.
        others: What recordings keep that must not become the same: what tests share.

    Returns:
        Paths. Empty: something else differs, or calls would become one.
    """
    paths = ignorable(found)
    left = without(call, paths)
    alike = [other for other in others if without(other, paths) == left]
    return tuple(map(shown_path, paths)) if len(alike) <= 1 else ()
