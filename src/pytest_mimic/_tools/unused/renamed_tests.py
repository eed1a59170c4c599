"""Finds the recordings of tests that were renamed, by the first calls of the tests."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.account_events import RenamedTest
from pytest_mimic._core.seam.registry import kind_of
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    parse_recording,
    recording_name,
)
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.unused.judging import GoneTests

# The identity of a recording that has an owner, and of a call of a cassette.
_IDENTITY = re.compile(rb'"(?:identity|key)"\s*:\s*"([^"]+)"')


def moved_tests(
    vault: Vault,
    missing: Mapping[str, str],
    gone_tests: GoneTests,
    *,
    targets: Collection[str],
) -> list[RenamedTest]:
    """Return the moves that give tests the recordings of their calls.

    A test without recordings whose first missing call is the first call of a test that
    is gone has probably been renamed. If several tests that are gone made that call,
    the one with the same name in another file is taken, or none.

    Args:
        vault: The vault.
        missing: The identity of each test's first missing call, by the test.
        gone_tests: The tests that exist no more.
        targets: The targets of these calls.

    Returns:
        The moves, each from an old id or file to a new one, sorted.
    """
    if not _may_be_recorded(vault, set(missing.values()), targets):
        return []
    recorders = _Recorders(vault)
    moves: dict[str, str] = {}
    for test, key in missing.items():
        if test in recorders.owners:
            continue
        candidate = _former_test(test, recorders.of_call(key), gone_tests)
        if candidate is not None:
            moves.setdefault(candidate, test)
    moves_with_files = _with_whole_files(moves, recorders, gone_tests)
    return [RenamedTest(old, moves_with_files[old]) for old in sorted(moves_with_files)]


def _may_be_recorded(
    vault: Vault, identities: Collection[str], targets: Iterable[str]
) -> bool:
    """Check fast whether a recording or cassette may hold one of these calls.

    No file is parsed, and only those of the targets and the cassettes are read: a miss
    in a large vault must not wait for all of it.

    Args:
        vault: The vault.
        identities: The identities of the calls.
        targets: The targets of the calls.
    """
    folders = {CASSETTES_PREFIX.rstrip("/")}
    for target in targets:
        folders.add(recording_name(kind_of(target), "").rpartition("/")[0])
    for folder in sorted(folders):
        for name in vault.store.names(folder):
            content = b""
            with suppress(MimicError):
                content = vault.store.read(name) or b""
            for identity in _IDENTITY.findall(content):
                if identity.decode("ascii", "replace") in identities:
                    return True
    return False


def _former_test(
    test: str, recorders: Iterable[str], gone_tests: GoneTests
) -> str | None:
    """Return the test that has become this one, None if it is not certain.

    Args:
        test: The test, whose first call is missing.
        recorders: The tests that have recorded this call.
        gone_tests: The tests that exist no more.
    """
    candidates = []
    namesakes = []
    for recorder in recorders:
        if recorder in gone_tests:
            candidates.append(recorder)
            if _id_without_file(recorder) == _id_without_file(test):
                namesakes.append(recorder)
    if len(candidates) > 1:
        candidates = namesakes
    if len(candidates) != 1:
        return None
    return candidates[0]


class _Recorders:
    """The tests that have made the recordings of a vault.

    Attributes:
        owners: The tests, and scopes of fixtures, that have recordings of their own.
    """

    def __init__(self, vault: Vault) -> None:
        self.owners: set[str] = set()
        # By the identity of a call: the tests that recorded it.
        self._of_call: dict[str, set[str]] = {}
        for name in vault.names():
            with suppress(MimicError):
                data = vault.store.read(name) or b""
                self._add_facts(parse_recording(data, vault.label, name, skim=True))

    def _add_facts(self, facts: dict[str, Any]) -> None:
        test = facts.get("test") or ""
        key = facts.get("identity")
        owner = facts.get("owner") or ""
        is_cassette = "outcomes" not in facts
        if is_cassette:
            # A cassette belongs to its test, and is known by its first call.
            owner = test
            calls = facts.get("calls")
            key = None
            if calls:
                key = calls[0].get("key")
        self.owners.add(owner)
        if key and test:
            self._of_call.setdefault(key, set()).add(test)

    def is_free(self, file: str, place: str) -> bool:
        """Check whether a file can move to a place without meeting recordings there.

        Each test of the file becomes one of the place. None of these may have
        recordings of its own.
        """
        for owner in self.owners:
            if owner.startswith(f"{file}::"):
                moved = place + owner.removeprefix(file)
                if moved in self.owners:
                    return False
        return True

    def of_call(self, key: str) -> set[str]:
        """Return the tests that have recorded the call with this identity."""
        return self._of_call.get(key, set())


def _with_whole_files(
    moves: dict[str, str], recorders: _Recorders, gone_tests: GoneTests
) -> dict[str, str]:
    """Return moves in which a file that was renamed moves as a whole.

    The recordings of its fixtures go with it. For example,
    `{"a.py::test_x": "b.py::test_x"}` becomes `{"a.py": "b.py"}`.
    """
    # By file: the places to which its tests move. A test that keeps its name moves to
    # a file, another one to an id.
    destinations: dict[str, set[str]] = {}
    for old, new in moves.items():
        file, colons, name = old.partition("::")
        destinations.setdefault(file, set()).add(new.removesuffix(colons + name))
    result = dict(moves)
    for file, places in destinations.items():
        place = min(places)
        is_one_file = len(places) == 1 and "::" not in place
        if is_one_file and file in gone_tests and recorders.is_free(file, place):
            for old in moves:
                if old.startswith(f"{file}::"):
                    del result[old]
            result[file] = place
    return result


def _id_without_file(nodeid: str) -> str:
    """Return a test's id without its file."""
    return nodeid.partition("::")[2]
