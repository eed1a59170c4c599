"""Finds what tests without recordings were called before: tests that are gone, and whose recordings have their first calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.unused.judging import GoneTests


def moved_tests(vault: Vault, missing: Mapping[str, str], gone: GoneTests) -> list[tuple[str, str]]:
    """Return the moves that would give tests the recordings of their calls, each from an old id to a new one.

    `missing` has the identity of each test's first missing call. Of several tests that are gone and have made that call,
    the one with the same name is taken, or none.
    """
    known: set[str] = set()  # the tests with recordings of their own
    recorders: dict[str, list[str]] = {}  # by the identity of a call
    for name in vault.names():
        try:
            facts = parse_recording(vault.store.read(name) or b"", vault.label, name, skim=True)
        except MimicError:
            continue
        test = facts.get("test") or ""
        known.add(facts.get("owner") or "" if "outcomes" in facts else test)
        first = [call.get("key") for call in facts.get("calls", ())][:1]
        for key in (facts.get("identity"), *first):
            if key and test:
                recorders.setdefault(key, []).append(test)
    moves: dict[str, str] = {}
    for test, key in missing.items():
        found = {one for one in recorders.get(key, ()) if test not in known and one in gone}
        same = {one for one in found if one.partition("::")[2] == test.partition("::")[2]}
        for old in found if len(found) == 1 else same if len(same) == 1 else ():
            moves.setdefault(old, test)
    return sorted(moves.items())
