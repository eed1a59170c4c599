"""Finds the recordings that are proven unused and the tests that no longer exist, and clears recordings."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.vault.file_names import CALLS, CASSETTES
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.unused.judgement import Judgement
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault


class Evidence(NamedTuple):
    """The facts about complete runs that decide whether a recording that they did not use is proven unused."""

    outcomes: Mapping[str, str]  # `passed`, `failed` or `skipped`, by the test's id
    skipped_modules: Collection[str]  # the ids of modules that were skipped as a whole
    collected: Collection[str]  # the ids of the files and folders in which pytest looked for tests
    rootdir: Path  # the folder that pytest calls so
    is_shared: bool  # whether tests of other projects may have recorded in the vault as well
    # The kinds of clients of which none that is named is installed, so that nothing could use their recordings.
    absent_clients: Collection[str]


def judge(
    vault: Vault, unused: Sequence[str], evidence: Evidence, *, listed: int | None
) -> tuple[Judgement, dict[str, int]]:
    """Judge recordings that complete runs did not use. Return the judgement, and the bytes of those proven unused.

    A recording is proven unused if the test that made it passed, or no longer exists. One that tests share is held back
    while any test was skipped or failed. Recordings for which no client is installed are not proven. The first unused
    ones are named, so many as are to be `listed`; None names all.
    """
    outcomes = evidence.outcomes
    all_passed = not evidence.skipped_modules and set(outcomes.values()) <= {"passed"}
    gone = GoneTests(outcomes, evidence.collected, evidence.rootdir, is_shared=evidence.is_shared)
    judged: dict[str, bool] = {}
    proven: dict[str, int] = {}
    for name, recorder, length in vault.tests_of(unused):
        if recorder not in judged:
            outcome = outcomes.get(recorder)
            judged[recorder] = outcome == "passed" or (outcome is None and recorder in gone)
        if not judged[recorder] or not (all_passed or _owner_of(vault, name) == recorder != ""):
            continue
        if name.removeprefix(CALLS).partition("/")[0] not in evidence.absent_clients:
            proven[name] = length
    unproven = len(unused) - len(proven)
    names = sorted(proven) if listed is None else nsmallest(listed, proven)
    rows = [labelled(vault, name) for name in names]
    shown = [(label, test, bool(test) and test not in outcomes) for label, test in rows]
    unproven_as = "their tests may still exist" if all_passed else _first_not_passed(evidence)
    judgement = Judgement(unused=len(proven), shown=shown, unproven=unproven, unproven_as=unproven_as)
    return judgement, proven


def _owner_of(vault: Vault, name: str) -> str | None:
    """Return the test, or the scope of a fixture, that a recording belongs to. None if tests share it."""
    if name.startswith(CASSETTES):
        return None
    try:
        recording = vault.read(name)
    except MimicError:
        return None
    return recording.owner if recording is not None else None


def _first_not_passed(evidence: Evidence) -> str:
    """Return the first test that did not pass."""
    found = [(test, outcome) for test, outcome in evidence.outcomes.items() if outcome != "passed"]
    found += [(module, "skipped") for module in evidence.skipped_modules]
    test, outcome = found[0]
    return f"{test} {'was skipped' if outcome == 'skipped' else outcome}"


def clear(vault: Vault, proven: Mapping[str, int]) -> str:
    """Delete recordings, and what runs that were killed have left, and return it in words.

    Each recording is given with its bytes.
    """
    deleted = vault.delete(proven)
    if deleted.recordings:
        freed = sum(proven.values()) + deleted.bytes
        return f"{plural(deleted.recordings, 'unused recording')} cleared ({size(freed)})"
    orphans = plural(deleted.objects, "object")
    return f"{orphans} without a recording cleared ({size(deleted.bytes)})" if deleted.objects else ""


def labelled(vault: Vault, name: str) -> tuple[str, str]:
    """Return a recording or cassette in one line, and the test that made it."""
    from pytest_mimic._core.describe.text import recorded_label

    try:
        if name.startswith(CASSETTES):
            return f"cassette {name[10:-5]}", vault.test_of(name) or ""
        recording = vault.read(name)
    except MimicError:
        recording = None
    if recording is None:
        return name, ""
    return recorded_label(recording.target, recording.arguments), recording.test or ""


class GoneTests:
    """The tests that exist no more.

    Their file is gone; or it was collected, and their function ran without these parameters, or neither the name of
    their function nor that of their class stands in it.

    All are known by their ids: the tests with their outcomes, and the files that were collected. If tests of other
    projects may have recorded as well (`is_shared`), no test is known to be gone. If the run was not complete, it does not
    tell which parameters a function has.
    """

    def __init__(
        self,
        outcomes: Mapping[str, str],
        collected: Collection[str],
        rootdir: Path,
        *,
        is_shared: bool,
        is_complete: bool = True,
    ) -> None:
        self._outcomes, self._collected = outcomes, collected
        self._rootdir, self._is_shared = rootdir, is_shared
        ran = (test for test, outcome in outcomes.items() if is_complete and outcome != "skipped")
        self._functions = {test.partition("[")[0] for test in ran}

    def __contains__(self, nodeid: str) -> bool:
        file, _, name = nodeid.partition("::")
        path = Path(self._rootdir, file)
        if self._is_shared or nodeid in self._outcomes:
            return False
        if not path.is_file():
            return True
        if file not in self._collected:
            return False
        *classes, function = name.partition("[")[0].split("::")
        if nodeid.partition("[")[0] in self._functions:
            return True
        text = path.read_text(encoding="utf-8", errors="replace")
        if function in (path.stem, path.name) and ">>>" in text:  # the doctest of a whole file
            return False
        words = "|".join(map(re.escape, (*classes, function.rpartition(".")[2])))
        return not re.search(rf"\b({words})\b", text)
