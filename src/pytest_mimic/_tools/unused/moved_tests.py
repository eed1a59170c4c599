"""Finds what tests without recordings were called before: tests that are gone, and whose recordings have their first calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.unused.judging import GoneTests


def moved_tests(
    vault: Vault, missing: Mapping[str, str], gone: GoneTests, ran: Collection[str]
) -> list[tuple[str, str]]:
    """Return the moves that would give tests the recordings of their calls, each from an old id to a new one.

    `missing` has the identity of each test's first missing call. `gone` are the tests that are known to exist no more,
    and `ran` those that have run.
    """

    def is_gone(test: str) -> bool:
        return test not in ran and test in gone

    wanted: dict[str, list[str]] = {}
    for test, key in missing.items():
        wanted.setdefault(key, []).append(test)
    known: set[str] = set()  # the tests and scopes with recordings of their own
    recorders: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for facts in _read(vault):
        test = facts.get("test") or ""
        known.add(facts.get("owner") or "" if "outcomes" in facts else test)
        recorders.add(test)
        calls = [facts.get("identity"), *(call.get("key") for call in facts.get("calls", ()))]
        pairs |= {
            (test, new)
            for key in calls
            for new in wanted.get(key, ())
            if test and ((test not in ran and _is_parametrized_now(test, new)) or is_gone(test))
        }
    found: dict[str, str] = {}
    for old, new in sorted(pairs, key=_likeness, reverse=True):
        if new not in known and old not in found and new not in found.values():
            found[old] = new

    def is_left(scope: str) -> bool:
        """Check whether a file or class still has a test that has recorded something."""
        return any(test.startswith(f"{scope}::") and not is_gone(test) for test in recorders)

    return list(_widened(found, is_left))


def _read(vault: Vault) -> Iterator[dict[str, Any]]:
    for name in vault.names():
        try:
            yield parse_recording(vault.store.read(name) or b"", vault.label, name, skim=True)
        except MimicError:
            continue


def _is_parametrized_now(old: str, new: str) -> bool:
    """Check whether a test has got parameters or has lost them, which no other test of that name can have."""
    return old.partition("[")[0] == new.partition("[")[0] and ("[" in old) != ("[" in new)


def _likeness(pair: tuple[str, str]) -> tuple[bool, bool, bool, float, tuple[str, str]]:
    """Return how much two ids have in common: the case, the function, the file, then the letters."""
    (old_file, _, old), (new_file, _, new) = (test.partition("::") for test in pair)
    cases = old.rpartition("::")[2], new.rpartition("::")[2]
    functions = [case.partition("[")[0] for case in cases]
    letters = SequenceMatcher(None, *pair).ratio()
    return cases[0] == cases[1], functions[0] == functions[1], old_file == new_file, letters, pair


def _widened(found: Mapping[str, str], is_left: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield each move once, narrow ones first: as one of a file or class if nothing is left of it, and all goes to one place."""
    moves: set[tuple[str, str]] = set()
    for old, new in found.items():
        for depth in (1, 2):  # the file, the class in it
            scope, rest = _split(old, depth)
            places = {
                _split(other, depth)[0] for one, other in found.items() if _split(one, depth)[0] == scope
            }
            new_scope, new_rest = _split(new, depth)
            if rest == new_rest and rest and len(places) == 1 and scope != new_scope and not is_left(scope):
                moves.add((scope, new_scope))
                break
        else:
            moves.add((old, new))
    yield from sorted(moves, key=lambda move: (-move[0].count("::"), move))


def _split(test: str, depth: int) -> tuple[str, str]:
    """Return the id of a test's file, or of the first class in it, and what follows."""
    parts = test.split("::", depth)
    return ("::".join(parts[:-1]), parts[-1]) if len(parts) > depth else (test, "")
