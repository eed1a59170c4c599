"""Finds what comes next to a call that has no recording, and what would help it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple, Protocol

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.place import Place
from pytest_mimic.engine.verifying import paths_of
from pytest_mimic.errors import MimicError, Remedy
from pytest_mimic.patch.targets import Options
from pytest_mimic.values import messages
from pytest_mimic.values.differences import Difference
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import IGNORED, Tree, without
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault

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


class Hints(NamedTuple):
    """What the error of a miss says beside its command.

    Attributes:
        facts: What comes next.
        ways: What else helps.
        cause: Where it differs from what comes next, as text; empty: nothing does.
    """

    facts: list[str]
    ways: list[Remedy]
    cause: str = ""


class _Recorded(NamedTuple):
    """A recorded call, who has recorded it, and in which file of the vault."""

    owner: str
    entry: Entry
    name: str = ""


def hints_for(call: Call, place: Place, owner: Owner | None, around: Around) -> Hints:
    """Say what comes next to a call without a recording, and what would help it."""
    if owner is not None and owner.kind == "cassette":
        return _hints_in_cassette(call, place, owner, around)
    recorded = list(islice(_recorded(call, place, around.vault), _MOST_READ))
    name = owner.name if owner is not None else ""
    own = [one for one in recorded if one.owner == name]
    others = [one for one in recorded if one.owner != name]
    moved = _moved(call, owner, around)
    twin = next((one for one in others if _is_equal(one.entry, call)), None)
    if not call.in_log:
        in_logs = [one for one in recorded if one.name.startswith("logs/")]
        for one in in_logs:
            if _is_equal(one.entry, call):
                fact = f"recorded by {one.owner} in its order: its line had sequence"
                return Hints([fact], _rekeyed(call, around))
    if moved or (twin is not None and call.in_log):
        return Hints(*_of_other_owner(call, twin, moved, around, name))
    return _of_nearest(call, [*own, *others][:_CANDIDATES], around)


def _hints_in_cassette(call: Call, place: Place, owner: Owner, around: Around) -> Hints:
    """Say what comes next in the cassette alone: it replays nothing else."""
    recording = around.vault.read(place.name)
    where = f"in cassette {owner.name}"
    if recording is None:
        fact = f"nothing of {call.target} is recorded {where}, which does not exist"
        return Hints([fact], [])
    recorded = [
        _Recorded(recording.owner, replace(entry, recorded=recording.recorded))
        for entry in recording.entries
        if entry.target == call.target and entry.end != "empty"
    ]
    facts, ways, cause = _of_nearest(call, recorded, around)
    return Hints([f"{facts[0]} {where}", *facts[1:]], ways, cause)


def _of_nearest(call: Call, recorded: Sequence[_Recorded], around: Around) -> Hints:
    described = call.describe()
    if call.parts is not None:
        described = call.parts(described)
        recorded = [_counted(one, call.parts, around.vault) for one in recorded]
    elif call.options.ignore:
        recorded = [_without_ignored(one, call.options) for one in recorded]
    pairs = [(one.owner, one.entry) for one in recorded]
    found = messages.nearest(described, pairs)
    shown = found
    if found is not None:
        shown = found._replace(differences=around.shown(found.differences))
    facts = messages.nearest_facts(call.target, shown)
    cause = "; ".join(fact.strip() for fact in facts[1:])
    if found is not None and _is_of_another_line(call, found):
        facts.append(f"it was recorded with other options: {found.call.line or 'none'}")
        return Hints(facts, _rekeyed(call, around), cause)
    others = [] if call.in_log else [one.entry for one in recorded]
    paths = messages.ignorable_in(described, found, others)
    if paths:
        ignore = (*call.options.ignore, *paths)
        line = call.options._replace(ignore=ignore).line()
        return Hints(
            facts, [("if it changes from run to run", f"{call.target} {line}")], cause
        )
    page = messages.page_for(found)
    ways = [("to get the same in each run", page)] if page else []
    return Hints(facts, ways, cause)


def _counted(one: _Recorded, parts: Callable[[Tree], Tree], vault: Vault) -> _Recorded:
    """Give a recorded request by its parts that count for the call."""
    counted = parts(unshelve(one.entry.request, vault))
    assert isinstance(counted, dict)
    return one._replace(entry=replace(one.entry, request=counted))


def _without_ignored(one: _Recorded, options: Options) -> _Recorded:
    """Give the recorded call of a function without what its line ignores today."""
    left = without(one.entry.arguments or {}, paths_of(options.ignore))
    assert isinstance(left, dict)
    return one._replace(entry=replace(one.entry, arguments=left))


def _rekeyed(call: Call, around: Around) -> list[Remedy]:
    """Give the command that lets a recording follow a line; none knows Python's."""
    if call.options.in_python:
        return []
    return [("to let it follow its line", around.commands.mimic("rekey"))]


def _is_of_another_line(call: Call, found: messages.Nearest) -> bool:
    """Whether a recording is that of the call, but for the options of its line."""
    if found.call.line == call.line:
        return False
    return all(IGNORED in (one.old, one.new) for one in found.differences)


def _of_other_owner(
    call: Call,
    twin: _Recorded | None,
    moved: str,
    around: Around,
    name: str,
) -> tuple[list[str], list[Remedy]]:
    """Say who has recorded the same call."""
    if moved:
        command = around.commands.mimic("mv", moved, name)
        fact = f"{moved}, which is gone, begins with the same call"
        return [fact], [("to give it those recordings", command)]
    assert twin is not None
    options = call.options._replace(sequence=False)
    if call.conversation:
        options = options._replace(only=(call.signature,))
    line = f"{call.target} {options.line()}"
    fact = f"recorded by {twin.owner}, for itself"
    return [fact], [("to let all tests share it", line)]


def _moved(call: Call, owner: Owner | None, around: Around) -> str:
    """Give the one test that is gone and whose log begins with a call; else empty."""
    if owner is None or owner.kind != "test" or owner.log is None:
        return ""
    if owner.log.found is not None or owner.log.made:
        return ""
    moved = []
    for name in around.vault.names("logs"):
        recording = _read(around.vault, name)
        if recording is None or recording.owner not in around.gone:
            continue
        if recording.entries and _is_equal(recording.entries[0], call):
            moved.append(recording.owner)
    return moved[0] if len(moved) == 1 else ""


def _is_equal(entry: Entry, call: Call) -> bool:
    return (entry.identity, entry.line) == (call.identity, call.line)


def _recorded(call: Call, place: Place, vault: Vault) -> Iterator[_Recorded]:
    """Give recordings of the target with their owners, those of the log first."""
    names = [place.name] if place.is_in_log else []
    names += [name for name in vault.names() if name != place.name]
    for name in names:
        recording = _read(vault, name)
        for entry in recording.entries if recording is not None else ():
            if entry.target == call.target and entry.end != "empty":
                assert recording is not None
                dated = replace(entry, recorded=entry.recorded or recording.recorded)
                yield _Recorded(recording.owner, dated, name)


def _read(vault: Vault, name: str) -> Recording | None:
    try:
        return vault.read(name)
    except MimicError:
        return None  # it is named where it is needed
