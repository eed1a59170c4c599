"""Finds the recordings that are proven unused and the tests that no longer exist, and clears recordings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.vault.clearing import remove
from pytest_mimic._core.vault.file_names import CALLS, CANCELLED, CASSETTES
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
    # The kinds of clients of which none that is named is installed, so that nothing could use their
    # recordings. Each has the tests that ran in another environment, which has one.
    absent_clients: Mapping[str, Collection[str]]


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
    gone = GoneTests(evidence.collected, outcomes.keys(), evidence.rootdir, evidence.is_shared)
    judged: dict[str, bool] = {}
    proven: dict[str, int] = {}
    needed: set[str] = set()
    for name, recorder, length in vault.tests_of(unused):
        if recorder not in judged:
            outcome = outcomes.get(recorder)
            judged[recorder] = outcome == "passed" or (outcome is None and recorder in gone)
        if not judged[recorder] or not (all_passed or _owner_of(vault, name) == recorder != ""):
            continue
        kind = name.removeprefix(CALLS).partition("/")[0]
        ran_with = evidence.absent_clients.get(kind)
        if ran_with is None or recorder in ran_with or (ran_with and recorder not in outcomes):
            proven[name] = length
        else:
            needed.add(kind)
    unproven = len(unused) - len(proven)
    names = sorted(proven) if listed is None else nsmallest(listed, proven)
    rows = [labelled(vault, name) for name in names]
    shown = [(label, test, bool(test) and test not in outcomes) for label, test in rows]
    if not all_passed:
        unproven_as = _first_not_passed(evidence)
    elif evidence.is_shared:
        unproven_as = "other projects or branches may use the vault"
    elif needed:
        unproven_as = f"no named client of {' or '.join(sorted(needed))} is installed"
    else:
        unproven_as = "its test may still exist" if unproven == 1 else "their tests may still exist"
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
    """Return the first test that did not pass, and how many more there are."""
    found = [(test, outcome) for test, outcome in evidence.outcomes.items() if outcome != "passed"]
    found += [(module, "skipped") for module in evidence.skipped_modules]
    test, outcome = found[0]
    more = f", and {plural(len(found) - 1, 'more test')} did not pass" if len(found) > 1 else ""
    return f"{test} {'was skipped' if outcome == 'skipped' else outcome}{more}"


def clear(vault: Vault, proven: Mapping[str, int]) -> str:
    """Delete recordings, the notes of cancelled calls, and what runs that were killed have left, and return it in words.

    Each recording is given with its bytes.
    """
    remove(vault.store, [*vault.store.names(CANCELLED)])
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


@dataclass
class GoneTests:
    """The tests that a complete run did not run because they no longer exist.

    A test may still exist if its file was not collected (`testpaths` leaves it out), or if the file still contains its
    name: a doctest in a run without doctests, or a unittest class with `-p no:unittest`.

    All are known by their ids: the files that were collected, and the tests that ran. If tests of other projects may
    have recorded as well (`is_shared`), no test is known to be gone.
    """

    collected: Collection[str]
    ran: Collection[str]
    rootdir: Path
    is_shared: bool
    _known: dict[str, bool] = field(init=False, default_factory=dict)

    def __contains__(self, nodeid: str) -> bool:
        if nodeid not in self._known:
            self._known[nodeid] = self._is_gone(nodeid)
        return self._known[nodeid]

    def _is_gone(self, nodeid: str) -> bool:
        if self.is_shared:
            return False
        file, _, name = nodeid.partition("::")
        path = Path(self.rootdir, file)
        if not path.is_file():
            return True
        if file not in self.collected:
            return False
        if self._is_doctest(nodeid):
            others_ran = any(ran.startswith(f"{file}::") and self._is_doctest(ran) for ran in self._functions)
            text = path.read_text(encoding="utf-8", errors="replace")
            owner = name.rpartition(".")[2]
            is_named = path.suffix != ".py" or owner == path.stem or owner in text
            return others_ran or not (">>>" in text and is_named)
        return nodeid.partition("[")[0] in self._functions or not _defines(path, name)

    @cached_property
    def _functions(self) -> set[str]:
        return {nodeid.partition("[")[0] for nodeid in self.ran}

    def _is_doctest(self, nodeid: str) -> bool:
        """Check whether an id is that of a doctest.

        It ends in the name of a text file, in a dotted name of Python, or in the name of its module. A test function may
        have the name of its module as well.
        """
        file, _, name = nodeid.partition("::")
        name = name.partition("[")[0]
        path = Path(self.rootdir, file)
        if path.suffix != ".py":
            return name == path.name
        if "." in name:
            return "::" not in name
        return name == path.stem and not (path.is_file() and _defines(path, name))


def _defines(path: Path, name: str) -> bool:
    """Check whether a file defines a function or method of this name. If it cannot be parsed, it may do so."""
    import ast

    *classes, function = name.partition("[")[0].split("::")
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".py":
        return function in text or function == path.stem
    scope: ast.AST
    try:
        scope = ast.parse(text)
    except (SyntaxError, ValueError):
        return True
    for cls in classes:
        found = [node for node in ast.walk(scope) if isinstance(node, ast.ClassDef) and node.name == cls]
        if not found:
            return False
        scope = found[-1]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    left: list[ast.AST] = [scope]
    while left:  # a method of a class in it is another test
        node = left.pop()
        if isinstance(node, kinds) and node.name == function:
            return True
        left += [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.ClassDef)]
    return isinstance(scope, ast.ClassDef) and bool(scope.bases) and f"def {function}(" in text
