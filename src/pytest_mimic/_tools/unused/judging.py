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

    Return the judgement, and the bytes of those proven unused.

    A recording is proven unused if the test that made it passed, or no longer exists.
    One that tests share is held back
    while any test was skipped or failed. Those of a client that is named and not
    installed are not proven, nor those that
    can be moved to other tests, nor those of a target that nothing mimicked in a run
    without the lines of the project. The first unused ones are named, so many as are to
    be `listed`; None names all.
    """
    mimicked = MimickedTargets(ledger)
    not_mimicked: dict[str, None] = {}
    outcomes = ledger.outcomes
    not_passed = [
        f"{test} {_WORDS[outcome]}"
        for test, outcome in outcomes.items()
        if outcome != "passed"
    ]
    not_passed += [
        f"{module} was skipped"
        for module in sorted(ledger.skipped_modules - ledger.collected)
    ]
    gone = GoneTests(ledger, settings)
    absent = {*map(kind_of, ledger.absent_clients)}
    judged: dict[str, bool] = {}
    proven: dict[str, int] = {}
    for name, recorder, length in vault.tests_of(unused):
        if recorder not in judged:
            outcome = outcomes.get(recorder)
            is_moved = any(
                f"{recorder}::".startswith(f"{old}::") for old, _ in ledger.moved
            )
            judged[recorder] = outcome == "passed" or (
                outcome is None and recorder in gone and not is_moved
            )
        if not judged[recorder] or (
            not_passed and (not recorder or _owner_of(vault, name) != recorder)
        ):
            continue
        if name.removeprefix(CALLS).partition("/")[0] in absent:
            continue
        lacking = mimicked.lacking(vault, name)
        if lacking is None:
            proven[name] = length
        else:
            not_mimicked[lacking] = None
    names = sorted(proven) if listed is None else nsmallest(listed, proven)
    rows = [labelled(vault, name) for name in names]
    shown = [(label, test, bool(test) and test not in outcomes) for label, test in rows]
    missing = [f"{client} is not installed" for client in sorted(ledger.absent_clients)]
    reasons = [*not_passed, *missing, *mimicked.reasons(not_mimicked)]
    unproven_as = [*reasons, "their tests may still exist"][0]
    unproven = len(unused) - len(proven)
    return Judgement(
        unused=len(proven), shown=shown, unproven=unproven, unproven_as=unproven_as
    ), proven


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

    None if tests share it.
    """
    with suppress(MimicError):
        if (
            not name.startswith(CASSETTES)
            and (recording := vault.read(name, skim=True)) is not None
        ):
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
    """The tests that exist no more.

    Their file is gone; or it was collected, and their function ran without these
    parameters, or neither the name of
    their function nor that of their class stands in it.

    If tests of other projects may have recorded as well (`is_shared`), no test is known
    to be gone. If the run was not
    complete, it does not tell which parameters a function has.
    """

    def __init__(
        self, ledger: Ledger, settings: Settings, *, is_complete: bool = True
    ) -> None:
        self._outcomes, self._collected = ledger.outcomes, ledger.collected
        self._rootdir, self._is_shared = settings.rootdir, settings.is_shared
        ran = (
            test
            for test, outcome in self._outcomes.items()
            if is_complete and outcome != "skipped"
        )
        self._functions = {test.partition("[")[0] for test in ran}

    def __contains__(self, nodeid: str) -> bool:
        file, _, name = nodeid.partition("::")
        path = Path(self._rootdir, file)
        if self._is_shared or nodeid in self._outcomes:
            return False
        # A forged id may be no name of a file at all, at which `Path.is_file` fails.
        if not os.path.isfile(path):  # noqa: PTH113
            return True
        if file not in self._collected:
            return False
        *classes, function = name.partition("[")[0].split("::")
        if nodeid.partition("[")[0] in self._functions:
            return True
        text = path.read_text(encoding="utf-8", errors="replace")
        if (
            function in (path.stem, path.name) and ">>>" in text
        ):  # the doctest of a whole file
            return False
        words = "|".join(map(re.escape, (*classes, function.rpartition(".")[2])))
        return not re.search(rf"\b({words})\b", text)


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
    """Return the moves that would give tests the recordings of their calls, each from an old id or file to a new one.

    `missing` has the identity of each test's first missing call. Of several tests that
    are gone and have made that call,
    the one with the same name is taken, or none.
    """
    known: set[str] = set()  # the tests with recordings of their own
    recorders: dict[str, set[str]] = {}  # by the identity of a call
    for name in vault.names():
        with suppress(MimicError):
            facts = parse_recording(
                vault.store.read(name) or b"", vault.label, name, skim=True
            )
            test = facts.get("test") or ""
            known.add(facts.get("owner") or "" if "outcomes" in facts else test)
            for key in (
                facts.get("identity"),
                *[call.get("key") for call in facts.get("calls", ())][:1],
            ):
                recorders.setdefault(key or "", set()).add(test)
    moves: dict[str, str] = {}
    for test, key in missing.items():
        found = {
            one
            for one in recorders.get(key, ())
            if one and test not in known and one in gone
        }
        same = {
            one for one in found if one.partition("::")[2] == test.partition("::")[2]
        }
        for old in found if len(found) == 1 else same if len(same) == 1 else ():
            moves.setdefault(old, test)
    # With a whole file goes what its fixtures have recorded, too.
    places: dict[str, set[str]] = {}
    for old, test in moves.items():
        file, colons, name = old.partition("::")
        places.setdefault(file, set()).add(test.removesuffix(colons + name))
    for file, (place, *others) in places.items():
        is_new = not any(
            place + one[len(file) :] in known
            for one in known
            if one.startswith(f"{file}::")
        )
        if is_new and not others and "::" not in place and file in gone:
            moves = {
                old: test
                for old, test in moves.items()
                if not old.startswith(f"{file}::")
            }
            moves[file] = place
    return [*sorted(moves.items())]
