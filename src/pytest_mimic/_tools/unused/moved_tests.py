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

    `missing` has the identity of each test's first missing call, in their order. `gone` are the tests that are known to exist no more,
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
    order = {test: place for place, test in enumerate(missing)}
    for old, new in sorted(pairs, key=lambda pair: (_likeness(pair), -order[pair[1]], pair), reverse=True):
        if new not in known and old not in found and new not in found.values():
            found[old] = new

    def is_left(scope: str, wide: str) -> bool:
        """Check whether a test of a file, class or function still exists, or has made new recordings where it is now."""
        parts = [test for test in recorders if _is_part(test, scope)]
        return any(not is_gone(test) or wide + test[len(scope) :] in recorders for test in parts)

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


def _likeness(pair: tuple[str, str]) -> tuple[bool, bool, bool, float]:
    """Return how much two ids have in common: the case, the function, the file, then the letters.

    The letters of the cases of a test that has got parameters tell nothing: of these, the first one to run is taken.
    """
    (old_file, _, old), (new_file, _, new) = (test.partition("::") for test in pair)
    cases = old.rpartition("::")[2], new.rpartition("::")[2]
    functions = [case.partition("[")[0] for case in cases]
    letters = 0 if _is_parametrized_now(*pair) else SequenceMatcher(None, *pair).ratio()
    return cases[0] == cases[1], functions[0] == functions[1], old_file == new_file, letters


def _widened(found: Mapping[str, str], is_left: Callable[[str, str], bool]) -> Iterator[tuple[str, str]]:
    """Yield each move once, narrow ones first: as that of a file, class or function if nothing is left of it, and all goes to one."""
    moves: set[tuple[str, str]] = set()
    for old, new in found.items():
        for scope, rest in _scopes(old):
            wide = new.removesuffix(rest)
            is_alike = new.endswith(rest) and ("::" in scope) == ("::" in wide) and scope != wide
            goes = [_is_part(other, wide) for one, other in found.items() if _is_part(one, scope)]
            if is_alike and not _is_part(wide, scope) and all(goes) and not is_left(scope, wide):
                moves.add((scope, wide))
                break
        else:
            moves.add((old, new))
    yield from sorted(moves, key=lambda move: (-len(_scopes(move[0])), move))


def _scopes(test: str) -> list[tuple[str, str]]:
    """Return the file, the classes and the function of a parametrized test, each with the rest of the id."""
    head, bracket, _ = test.partition("[")
    ends = [at for at in range(len(head)) if head.startswith("::", at)] + [len(head)] * bool(bracket)
    return [(test[:end], test[end:]) for end in ends]


def _is_part(test: str, scope: str) -> bool:
    return test.startswith((f"{scope}::", f"{scope}["))
