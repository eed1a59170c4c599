"""Finds the recordings of tests that were renamed, by the first calls of the tests.

At the end of a run with misses, the summary offers `pytest-mimic mv` by what is found
here. The command `mv` itself is in `_tools/cli/mv.py`, and looks at no calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.engine.account_events import RenamedTest
from pytest_mimic._core.seam.registry import kind_of_client
from pytest_mimic._core.vault.format import (
    CASSETTES_FOLDER,
    parse_recording,
    recording_folder,
)
from pytest_mimic._tools.unused.judging import without_parameters
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.unused.judging import GoneTests

# The identity of a recording that has an owner, and of a call of a cassette, as it
# stands in the bytes of their files.
_IDENTITY_IN_FILE = re.compile(rb'"(?:identity|key)"\s*:\s*"([^"]+)"')


class Moves(NamedTuple):
    """What the tests that miss their first call were before.

    Attributes:
        certain: The moves, each from an old id or file to a new one, sorted.
        unclear: By the test: the tests that are gone and made its first call, where
            nothing tells which of them it was.
    """

    certain: list[RenamedTest]
    unclear: dict[str, list[str]]


def moved_tests(
    vault: Vault,
    missing: Mapping[str, str],
    gone_tests: GoneTests,
    *,
    targets: Collection[str],
) -> Moves:
    """Return the moves that give tests the recordings of their calls.

    A test without recordings whose first missing call is the first call of a test that
    is gone has probably been renamed, unless its function has recordings of other
    parameters. Several tests may have made that call, such as a login: see
    `_former_tests`.

    Args:
        vault: The vault.
        missing: The identity of each test's first missing call, by the test.
        gone_tests: The tests that no longer exist.
        targets: The targets of these calls.
    """
    if not _may_be_recorded(vault, set(missing.values()), targets):
        return Moves([], {})
    recorders = _Recorders(vault)
    # By the identity of their first call, and by their function if it has recordings:
    # the tests that miss the call.
    tests_by_call: dict[tuple[str, str], list[str]] = {}
    for test, identity in missing.items():
        # A test with recordings of its own has its name, and lacks only some of them.
        if test not in recorders.owners:
            function = without_parameters(test)
            recorded_function = function if function in recorders.functions else ""
            tests_by_call.setdefault((identity, recorded_function), []).append(test)
    functions_with_recordings = {function for _, function in tests_by_call}
    # By the old id or file: the new one.
    moves: dict[str, str] = {}
    unclear: dict[str, list[str]] = {}
    for (identity, recorded_function), tests in tests_by_call.items():
        recorders_of_call = recorders.of_call(identity)
        candidates = sorted(filter(gone_tests.may_be_renamed, recorders_of_call))
        candidates = [
            candidate
            for candidate in candidates
            if _may_be_former(candidate, recorded_function, functions_with_recordings)
        ]
        former_tests = _former_tests(tests, candidates)
        candidates_left = [
            candidate
            for candidate in candidates
            if candidate not in former_tests.values()
        ]
        for test in tests:
            if test in former_tests:
                moves.setdefault(former_tests[test], test)
            elif candidates_left:
                unclear[test] = candidates_left
    # First whole files, then whole classes of the tests that are left.
    for part_of in (_file_of, _class_of):
        moves = _with_whole_parts(moves, recorders, gone_tests, part_of)
    certain = [RenamedTest(old, moves[old]) for old in sorted(moves)]
    return Moves(certain, unclear)


def _may_be_former(
    candidate: str, recorded_function: str, functions_with_recordings: Collection[str]
) -> bool:
    """Return whether a test that is gone may have been one that misses its call.

    Args:
        candidate: The test that is gone.
        recorded_function: The function of the test that misses, if it has recordings:
            it has kept its name, and the test is new, or has other parameters.
        functions_with_recordings: All such functions. What is gone of one belongs to
            the tests of that function alone.
    """
    function = without_parameters(candidate)
    if recorded_function:
        return function == recorded_function
    return function not in functions_with_recordings


def _may_be_recorded(
    vault: Vault, identities: Collection[str], targets: Iterable[str]
) -> bool:
    """Return whether to search for the former tests of missing calls at all.

    That is so if a recording or a cassette may hold one of the calls. A miss in a large
    vault must not wait for all of it, so no file is parsed, and only those of the
    targets and the cassettes are read.

    Args:
        vault: The vault.
        identities: The identities of the missing calls.
        targets: The targets of these calls.
    """
    # A cassette may hold calls of any target.
    folders = {CASSETTES_FOLDER}
    for target in targets:
        folders.add(recording_folder(kind_of_client(target)))
    for folder in sorted(folders):
        for name in vault.store.names(folder):
            content = b""
            with suppress(MimicError):
                content = vault.store.read(name) or b""
            for identity in _IDENTITY_IN_FILE.findall(content):
                if identity.decode("ascii", "replace") in identities:
                    return True
    return False


def _former_tests(tests: Sequence[str], candidates: Sequence[str]) -> dict[str, str]:
    """Return what tests that miss one call were before, as far as it is certain.

    If one candidate made the call, it is what one function was that misses it. Of
    several, each name tells more than the next:

    | name | of `test_a.py::TestShop::test_x[1]` |
    |---|---|
    | the id without the file | `TestShop::test_x[1]` |
    | the function with its parameters | `test_x[1]` |
    | the parameters | `1]` |

    A name counts if one test and one candidate have it. What is left in the end belongs
    together if it is one test and one candidate.

    Args:
        tests: The tests that miss the call.
        candidates: The tests that are gone and made the call.
    """
    former_tests: dict[str, str] = {}
    functions = {without_parameters(test) for test in tests}
    if len(candidates) == len(functions) == 1:
        return dict.fromkeys(tests, candidates[0])
    for name_of in (_id_without_file, _function_with_parameters, _parameters):
        tests_by_name = _by_name(set(tests) - former_tests.keys(), name_of)
        candidates_left = set(candidates) - set(former_tests.values())
        candidates_by_name = _by_name(candidates_left, name_of)
        for name, namesakes in tests_by_name.items():
            former_namesakes = candidates_by_name.get(name, [])
            if name and len(namesakes) == len(former_namesakes) == 1:
                former_tests[namesakes[0]] = former_namesakes[0]
    tests_left = set(tests) - former_tests.keys()
    candidates_left = set(candidates) - set(former_tests.values())
    if former_tests and len(tests_left) == len(candidates_left) == 1:
        former_tests[tests_left.pop()] = candidates_left.pop()
    return former_tests


def _by_name(
    tests: Iterable[str], name_of: Callable[[str], str]
) -> dict[str, list[str]]:
    """Return tests by a name of theirs, each of the names of `_former_tests`."""
    tests_by_name: dict[str, list[str]] = {}
    for test in sorted(tests):
        tests_by_name.setdefault(name_of(test), []).append(test)
    return tests_by_name


def _function_with_parameters(nodeid: str) -> str:
    """Return `test_x[1]` for `test_a.py::TestShop::test_x[1]`.

    A test that was moved to another file or class keeps this part of its id.
    """
    function, bracket, parameters = nodeid.partition("[")
    return function.rpartition("::")[2] + bracket + parameters


def _parameters(nodeid: str) -> str:
    """Return `1]` for `test_a.py::TestShop::test_x[1]`; empty without parameters.

    Where a function was renamed, its tests are told apart by their parameters.
    """
    return nodeid.partition("[")[2]


class _Recorders:
    """The tests that have made the recordings of a vault.

    Attributes:
        owners: The tests, and scopes of fixtures, that have recordings of their own.
        functions: The owners, without their parameters.
    """

    def __init__(self, vault: Vault) -> None:
        self.owners: set[str] = set()
        self.functions: set[str] = set()
        # By the identity of a call: the tests that recorded it.
        self._tests_by_call: dict[str, set[str]] = {}
        for name in vault.names():
            with suppress(MimicError):
                content = vault.store.read(name) or b""
                self._add_facts(parse_recording(content, vault.label, name, skim=True))

    def _add_facts(self, facts: dict[str, Any]) -> None:
        """Note whose the call of a recording is, or the first call of a cassette."""
        test = facts.get("test") or ""
        # A recording that serves all tests has none here: its owner is not one test.
        identity = facts.get("identity")
        owner = facts.get("owner") or ""
        is_cassette = "outcomes" not in facts
        if is_cassette:
            # A cassette belongs to its test, and is known by its first call.
            owner = test
            calls = facts.get("calls")
            identity = None
            if calls:
                identity = calls[0].get("key")
        self.owners.add(owner)
        self.functions.add(without_parameters(owner))
        if identity and test:
            self._tests_by_call.setdefault(identity, set()).add(test)

    def is_free(self, file_or_class: str, destination: str) -> bool:
        """Check whether a file or class can move without meeting recordings there.

        Each test of it gets an id in the destination. None of these ids may have
        recordings of its own, as `mv` replaces none.
        """
        for owner in self.owners:
            if owner.startswith(f"{file_or_class}::"):
                renamed_owner = destination + owner.removeprefix(file_or_class)
                if renamed_owner in self.owners:
                    return False
        return True

    def of_call(self, identity: str) -> set[str]:
        """Return the tests that have recorded the call with this identity."""
        return self._tests_by_call.get(identity, set())


def _with_whole_parts(
    moves: dict[str, str],
    recorders: _Recorders,
    gone_tests: GoneTests,
    part_of: Callable[[str], str],
) -> dict[str, str]:
    """Return moves in which a file or class that was renamed moves as a whole.

    The recordings of its fixtures go with it. For example,
    `{"a.py::test_x": "b.py::test_x"}` becomes `{"a.py": "b.py"}`.

    Args:
        moves: The moves, each from an old id or file to a new one.
        recorders: The tests that have made recordings.
        gone_tests: The tests that no longer exist.
        part_of: Returns the file of a test, or its class.
    """
    # By file or class: where its tests move to. This is a file or class for a test that
    # keeps its name, and a whole id for another one.
    destinations: dict[str, set[str]] = {}
    for old, new in moves.items():
        if "::" in old:
            part = part_of(old)
            destination = new.removesuffix(old.removeprefix(part))
            destinations.setdefault(part, set()).add(destination)
    moves_of_parts = dict(moves)
    for part, destinations_of_part in destinations.items():
        destination = min(destinations_of_part)
        # The destination is an id if the test has another name, too.
        is_id = destination in moves.values()
        # A file moves to a file, and a class to a class.
        is_alike = not is_id and ("::" in part) == ("::" in destination)
        is_one_destination = len(destinations_of_part) == 1 and is_alike
        # A file or class that still stands keeps the recordings of its other tests.
        if not is_one_destination or part not in gone_tests:
            continue
        if recorders.is_free(part, destination):
            # One command for the part takes the place of those for its tests.
            for old in moves:
                if old.startswith(f"{part}::"):
                    del moves_of_parts[old]
            moves_of_parts[part] = destination
    return moves_of_parts


def _file_of(nodeid: str) -> str:
    """Return the file of a test, which `mv` may move as a whole."""
    return nodeid.partition("::")[0]


def _class_of(nodeid: str) -> str:
    """Return the id of the class of a test; the file of one without a class."""
    return nodeid.partition("[")[0].rpartition("::")[0]


def _id_without_file(nodeid: str) -> str:
    """Return `TestShop::test_x[1]` for `test_a.py::TestShop::test_x[1]`.

    A test that was moved to another file keeps this part of its id.
    """
    return nodeid.partition("::")[2]
