"""What all tests share: one file a call, in the vault as soon as the call is done."""

from __future__ import annotations

from pytest_mimic.engine.calls import Call, failed_exchange, is_worth_a_wait
from pytest_mimic.engine.decide import Facts, Mode, Recorded, decide
from pytest_mimic.engine.place import Place, is_stale, key_of
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault, Written


class Shared:
    """The recordings of calls that have no place in a log."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        # The streams that this run has recorded.
        self._streams: dict[str, Entry] = {}
        # The failed exchanges: whoever tries again is to get the real answer.
        self._failed: set[str] = set()

    def take(self, call: Call, mode: Mode) -> Place:
        """Find the recording of a call, and say what becomes of it."""
        name = call_name(call.target, call.identity)
        recording = self._vault.read(name) if mode != "rerecord" else None
        entry = recording.entries[0] if recording and recording.entries else None
        recorded: Recorded = "none"
        is_tried_again = mode == "record" and name in self._failed
        if entry is not None and entry.line == call.line and not is_tried_again:
            recorded = "stale" if is_stale(call, entry) else "fresh"
        decision = decide(Facts(mode, recorded))
        return Place(decision, recorded, entry, name, key_of(call))

    def put(self, call: Call, entry: Entry, *, test: str) -> Written:
        """Keep an outcome at once; of a stream the longest reading of this run."""
        name = call_name(call.target, call.identity)
        if "items" in entry.body:
            former = self._streams.get(name)
            if former is not None and _goes_further(former, entry):
                entry = former
            self._streams[name] = entry

        self._failed.discard(name)
        if failed_exchange(entry.body) and is_worth_a_wait(entry.body):
            self._failed.add(name)

        def equal(old: Entry, new: Entry) -> bool:
            return is_equal(old, new, call.options, call.is_equal)

        recording = Recording(test, self._vault.today, [entry])
        return self._vault.write(name, recording, equal=equal)


def _goes_further(one: Entry, other: Entry) -> bool:
    """Return whether a stream was read as another reading of it, and then further."""
    items, others = one.body.get("items"), other.body.get("items")
    if not isinstance(items, list) or not isinstance(others, list):
        return False
    is_longer = len(items) > len(others) or "last" in one.body
    return is_longer and items[: len(others)] == others and "last" not in other.body
