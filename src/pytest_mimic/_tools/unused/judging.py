"""Finds the recordings that are proven unused and the tests that no longer exist, and clears recordings."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.seam.registry import kind_of
from pytest_mimic._core.vault.format import CALLS, CASSETTES, parse_recording
from pytest_mimic._core.words import listed, plural, size
from pytest_mimic.errors import MimicError, one_line

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Vault


#: How many recordings a run reads to judge them that was not asked to judge any.
READ_UNASKED = 500
#: What a run says that mimicked nothing.
NOTHING = "nothing is mimicked"
_WORDS = {"skipped": "was skipped", "failed": "failed", "forked": "forked a process"}


def judge(
    vault: Vault,
    unused: Sequence[str],
    ledger: Ledger,
    settings: Settings,
    *,
    listed: int | None,
) -> tuple[Judgement, dict[str, int]]:
    """Judge recordings that a complete run did not use.

    Args:
        vault: The vault.
        unused: The names of its recordings and cassettes that were not used.
        ledger: The account of the run, or of several.
        settings: The settings of the project.
        listed: How many of those proven unused are named; None names all.

    Returns:
        The judgement, and the bytes of each recording that is proven unused.
    """
    judge_of_one = _Judge(vault, ledger, settings)
    proven: dict[str, int] = {}
    for name, recorder, length in vault.tests_of(unused):
        if judge_of_one.proves(name, recorder):
            proven[name] = length
    names = sorted(proven) if listed is None else nsmallest(listed, proven)
    shown = []
    for name in names:
        label, test = labelled(vault, name)
        is_gone = bool(test) and test not in ledger.outcomes
        shown.append((label, test, is_gone))
    judgement = Judgement(
        unused=len(proven),
        shown=shown,
        unproven=len(unused) - len(proven),
        unproven_as=judge_of_one.reason(),
    )
    return judgement, proven


class _Judge:
    """Decides about one recording after the other whether it is proven unused.

    ==================================  ==============================================
    the test that made it               proven
    ==================================  ==============================================
    passed                              yes
    exists no more                      yes, unless its recordings can be moved
    failed, was skipped, or did not run no
    ==================================  ==============================================

    Not proven are besides: what tests share, while any test was skipped or failed; the
    recordings of a client that is named and not installed; those of a target that
    nothing mimicked in a run without the lines of its project.
    """

    def __init__(self, vault: Vault, ledger: Ledger, settings: Settings) -> None:
        self._vault = vault
        self._ledger = ledger
        self._gone = GoneTests(ledger, settings)
        self._mimicked = MimickedTargets(ledger)
        self._absent_kinds = {kind_of(client) for client in ledger.absent_clients}
        self._not_passed = _not_passed(ledger)
        self._needs_none: dict[str, bool] = {}
        self._not_mimicked: dict[str, None] = {}

    def proves(self, name: str, recorder: str) -> bool:
        """Return whether a recording is proven unused, from its name and the test that made it."""
        if recorder not in self._needs_none:
            self._needs_none[recorder] = self._needs_no_recording(recorder)
        if not self._needs_none[recorder]:
            return False
        if self._not_passed and not self._belongs_to(name, recorder):
            return False
        kind = name.removeprefix(CALLS).partition("/")[0]
        if kind in self._absent_kinds:
            return False
        lacking = self._mimicked.lacking(self._vault, name)
        if lacking is not None:
            self._not_mimicked[lacking] = None
        return lacking is None

    def _needs_no_recording(self, test: str) -> bool:
        """Check whether a test ran without what it had recorded, or will not run again."""
        outcome = self._ledger.outcomes.get(test)
        if outcome is not None:
            return outcome == "passed"
        return test in self._gone and not self._can_be_moved(test)

    def _can_be_moved(self, test: str) -> bool:
        # A file stands for all of its tests, but not for a file whose name it begins.
        place = f"{test}::"
        return any(place.startswith(f"{old}::") for old, _ in self._ledger.moved)

    def _belongs_to(self, name: str, recorder: str) -> bool:
        """Check whether no other test can use a recording."""
        return bool(recorder) and _owner_of(self._vault, name) == recorder

    def reason(self) -> str:
        """Return why some recordings are not proven unused: the first reason found."""
        for reason in self._not_passed:
            return reason
        for client in sorted(self._ledger.absent_clients):
            return f"{client} is not installed"
        for reason in self._mimicked.reasons(self._not_mimicked):
            return reason
        return "their tests may still exist"


def _not_passed(ledger: Ledger) -> list[str]:
    """Return the tests and modules that did not pass, each with what became of it."""
    reasons = []
    for test, outcome in ledger.outcomes.items():
        if outcome != "passed":
            reasons.append(f"{test} {_WORDS[outcome]}")
    for module in sorted(ledger.skipped_modules - ledger.collected):
        reasons.append(f"{module} was skipped")
    return reasons


class MimickedTargets:
    """The targets whose recordings a run can judge, or several runs together.

    A run with the lines of its project judges all: a target that these lines do not name
    is mimicked no more. Without them (another ini file, a misspelt key) it judges only
    what it mimicked.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._names = {kind_of(name) for name in ledger.mimicked}
        self._lacking_lines = sorted(ledger.lacking_lines)

    def lacking(self, vault: Vault, name: str) -> str | None:
        """Return a target of a recording or cassette that was not mimicked, if that counts; else None."""
        if not self._lacking_lines:
            return None
        for target in _targets_of(vault, name):
            if not self._has(target):
                return target
        return None

    def _has(self, target: str) -> bool:
        module, colon, path = target.partition(":")
        if target in self._names or not colon:
            return target in self._names
        holder = path.rpartition(".")[0]
        wildcard = f"{module}:{holder}.*" if holder else f"{module}:*"
        return wildcard in self._names

    def reasons(self, not_mimicked: Collection[str]) -> list[str]:
        """Return why recordings of targets that were not mimicked are not proven unused."""
        return [
            f"{target} is not mimicked ({self._lacking_lines[0]})"
            for target in not_mimicked
        ]


def _targets_of(vault: Vault, name: str) -> list[str]:
    """Return the targets of the calls of a recording or cassette."""
    with suppress(MimicError):
        data = vault.store.read(name) or b""
        facts = parse_recording(data, vault.label, name, skim=True)
        calls = facts["calls"] if name.startswith(CASSETTES) else [facts]
        return [str(call.get("target")) for call in calls]
    return []


def _owner_of(vault: Vault, name: str) -> str | None:
    """Return the test, or the scope of a fixture, that a recording belongs to.

    None if tests share it, or if it cannot be read.
    """
    if name.startswith(CASSETTES):
        return None
    with suppress(MimicError):
        recording = vault.read(name, skim=True)
        if recording is not None:
            return recording.owner
    return None


def clear(vault: Vault, proven: Mapping[str, int]) -> str:
    """Delete recordings, and what runs that were killed have left, and return it in words.

    Each recording is given with its bytes.
    """
    deleted = vault.delete(proven)
    if deleted.recordings:
        freed = sum(proven.values()) + deleted.bytes
        return (
            f"{plural(deleted.recordings, 'unused recording')} cleared ({size(freed)})"
        )
    orphans = plural(deleted.objects, "object")
    return (
        f"{orphans} without a recording cleared ({size(deleted.bytes)})"
        if deleted.objects
        else ""
    )


def labelled(vault: Vault, name: str) -> tuple[str, str]:
    """Return a recording or cassette in one line, and the test that made it."""
    from pytest_mimic._core.tree.call_labels import recorded_label

    with suppress(MimicError):
        if name.startswith(CASSETTES):
            return f"cassette {name[len(CASSETTES) : -5]}", vault.test_of(name) or ""
        if (recording := vault.read(name)) is not None:
            return recorded_label(
                recording.target, recording.arguments
            ), recording.test or ""
    return name, ""


class GoneTests:
    """The tests that exist no more: `"tests/test_a.py::test_x" in gone`.

    ==========================================  ======================================
    the file of the test                        the test is gone
    ==========================================  ======================================
    is gone                                     yes
    was not collected                           no: it is not known
    was collected, and the function ran         yes, with these parameters
    was collected, and the name of neither      yes
    the function nor its class stands in it
    was collected, and one of these names does  no: it may have been left out
    ==========================================  ======================================

    Where tests of other projects may have recorded as well (`is_shared`), no test is
    known to be gone.

    Args:
        ledger: The account of the run.
        settings: The settings of the project.
        is_complete: Whether all tests ran. Else a run does not tell which parameters a
            function has.
    """

    def __init__(
        self, ledger: Ledger, settings: Settings, *, is_complete: bool = True
    ) -> None:
        self._outcomes = ledger.outcomes
        self._collected = ledger.collected
        self._rootdir = settings.rootdir
        self._is_shared = settings.is_shared
        # Those that ran, without their parameters.
        self._functions: set[str] = set()
        if is_complete:
            for test, outcome in ledger.outcomes.items():
                if outcome != "skipped":
                    self._functions.add(_without_parameters(test))

    def __contains__(self, nodeid: str) -> bool:
        if self._is_shared or nodeid in self._outcomes:
            return False
        file, _, name = nodeid.partition("::")
        path = Path(self._rootdir, file)
        # A forged id may be no name of a file at all, at which `Path.is_file` fails.
        if not os.path.isfile(path):  # noqa: PTH113
            return True
        if file not in self._collected:
            return False
        if _without_parameters(nodeid) in self._functions:
            return True
        return not _may_stand_in(path, _without_parameters(name))


def _without_parameters(nodeid: str) -> str:
    """Return `test_a.py::test_x` for `test_a.py::test_x[1]`."""
    return nodeid.partition("[")[0]


def _may_stand_in(path: Path, name: str) -> bool:
    """Check whether a test, such as `TestIt::test_x`, may still stand in a file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    *classes, function = name.split("::")
    # The doctest of a whole file is called like the file.
    if function in (path.stem, path.name) and ">>>" in text:
        return True
    # A doctest is called like its function, with the module before it.
    names = [*classes, function.rpartition(".")[2]]
    words = "|".join(map(re.escape, names))
    return re.search(rf"\b({words})\b", text) is not None


class Judgement:
    """The result of a run's search for unused recordings."""

    not_judged: str = ""  # why unused recordings were not judged, or empty
    unused: int = 0  # how many recordings are proven unused
    is_part: bool = False  # whether more than those that were read were not used
    # The first of them: the label of each, the test that recorded it, and whether that
    # test is gone.
    shown: Sequence[tuple[str, str, bool]] = ()
    unproven: int = 0  # how many recordings were not used but are not proven unused
    unproven_as: str = ""  # why those are not proven unused
    cleared: str = ""  # what was cleared, in words, or empty
    not_cleared: str = ""  # why nothing was cleared although it was requested, or empty
    vault: str = ""  # the size of the vault, in words; shown after recording

    def __init__(self, **facts: Any) -> None:
        vars(self).update(facts)


def count_unused(judgement: Judgement) -> str:
    if judgement.cleared or not judgement.unused:
        return judgement.cleared
    kept = f", not cleared: {judgement.not_cleared}" if judgement.not_cleared else ""
    if not judgement.is_part:
        return f"{plural(judgement.unused, 'recording')} unused{kept}"
    # Nobody asked for the others, so they were not read.
    if judgement.unused >= READ_UNASKED:
        return f"more than {READ_UNASKED} recordings unused{kept}"
    number = plural(judgement.unused, "recording")
    return f"{number} unused of more than {READ_UNASKED} that no test used"


def not_judged(judgement: Judgement, option: str) -> list[str]:
    """Return the warning that an option could not judge all recordings, and why."""
    if judgement.not_judged:
        return [f"warning: {option} could not judge: {judgement.not_judged}"]
    if judgement.unproven and option:
        which = plural(judgement.unproven, "recording")
        return [f"warning: {option} could not judge {which}: {judgement.unproven_as}"]
    return []


def list_unused(judgement: Judgement) -> list[str]:
    """Return the lines that name the unused recordings, or those that were cleared."""
    rows = []
    for label, test, is_gone in judgement.shown:
        recorder = f"recorded by {test}" if test else ""
        if is_gone:
            recorder += ", gone"
        rows.append((one_line(label), one_line(recorder)))
    heading = "cleared:" if judgement.cleared else "unused:"
    return listed(heading, rows, total=judgement.unused)


def moved_tests(
    vault: Vault, missing: Mapping[str, str], gone: GoneTests
) -> list[Sequence[str]]:
    """Return the moves that give tests the recordings of their calls.

    A test without recordings whose first missing call is the first call of a test that
    is gone has probably been renamed. If several tests that are gone made that call, the
    one with the same name in another file is taken, or none.

    Args:
        vault: The vault.
        missing: The identity of each test's first missing call, by the test.
        gone: The tests that exist no more.

    Returns:
        The moves, each from an old id or file to a new one, sorted.
    """
    recorders = _Recorders(vault)
    moves: dict[str, str] = {}
    for test, key in missing.items():
        if test in recorders.owners:
            continue
        candidates = [old for old in recorders.of_call(key) if old in gone]
        if len(candidates) > 1:
            candidates = [old for old in candidates if _name(old) == _name(test)]
        if len(candidates) == 1:
            moves.setdefault(candidates[0], test)
    return [*sorted(_with_whole_files(moves, recorders, gone).items())]


class _Recorders:
    """The tests that have made the recordings of a vault.

    Attributes:
        owners: The tests, and scopes of fixtures, that have recordings of their own.
    """

    def __init__(self, vault: Vault) -> None:
        self.owners: set[str] = set()
        self._of_call: dict[str, set[str]] = {}
        for name in vault.names():
            with suppress(MimicError):
                data = vault.store.read(name) or b""
                self._add(parse_recording(data, vault.label, name, skim=True))

    def _add(self, facts: dict[str, Any]) -> None:
        test = facts.get("test") or ""
        is_cassette = "outcomes" not in facts
        if is_cassette:
            self.owners.add(test)
            keys = [call.get("key") for call in facts.get("calls", ())][:1]
        else:
            self.owners.add(facts.get("owner") or "")
            keys = [facts.get("identity")]
        for key in keys:
            if key and test:
                self._of_call.setdefault(key, set()).add(test)

    def is_free(self, file: str, place: str) -> bool:
        """Check whether no test of a file has recordings at the place to which the file would move."""
        for owner in self.owners:
            if owner.startswith(f"{file}::"):
                moved = place + owner[len(file) :]
                if moved in self.owners:
                    return False
        return True

    def of_call(self, key: str) -> set[str]:
        """Return the tests that have recorded the call with this identity."""
        return self._of_call.get(key, set())


def _with_whole_files(
    moves: dict[str, str], recorders: _Recorders, gone: GoneTests
) -> dict[str, str]:
    """Return moves in which a file that was renamed moves as a whole.

    With it goes what its fixtures have recorded. For example,
    `{"a.py::test_x": "b.py::test_x"}` becomes `{"a.py": "b.py"}`.
    """
    destinations: dict[str, set[str]] = {}
    for old, new in moves.items():
        file, colons, name = old.partition("::")
        destinations.setdefault(file, set()).add(new.removesuffix(colons + name))
    whole = dict(moves)
    for file, places in destinations.items():
        place = min(places)
        is_one_file = len(places) == 1 and "::" not in place
        if is_one_file and file in gone and recorders.is_free(file, place):
            for old in moves:
                if old.startswith(f"{file}::"):
                    del whole[old]
            whole[file] = place
    return whole


def _name(nodeid: str) -> str:
    """Return a test's id without its file."""
    return nodeid.partition("::")[2]
