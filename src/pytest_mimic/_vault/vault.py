"""Vault: recordings in a store, outcomes shared where they are equal, nothing loaded that is not as recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._vault.names import FOLDERS
from pytest_mimic._vault.objects import Objects
from pytest_mimic._vault.parsing import (
    CALL_FACTS,
    check_entry,
    corrupt,
    is_description,
    parse_recording,
    test_in,
)
from pytest_mimic._vault.recordings import CassetteEntry, Owner, Recording, Stored, Whose, fresh_copies
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._vault.store import Store

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_OLD = re.compile(r"[0-9a-f]{32,128}\.pkl")


class Cleared(NamedTuple):
    """What was deleted: how many recordings, how many objects that nothing pointed to any more, how many bytes."""

    recordings: int
    objects: int
    bytes: int


class Vault:
    """The recordings of a project.

    Args:
        store: Where the files are.
        pickles: `listed`, or `forbid` to load none at all.
        label: The path that messages show.

    Attributes:
        replaced: Objects that re-recording has replaced, for `collect`.
    """

    def __init__(
        self, store: Store, *, pickles: Literal["listed", "forbid"] = "listed", label: str = ".mimic_vault"
    ) -> None:
        self.store = store
        self.label = label
        self.replaced: set[str] = set()
        self._objects = Objects(store, pickles=pickles, label=label)

    def read(self, name: str) -> Recording | None:
        """The recording of that name, or None; the store is read each time.

        Raises:
            CorruptRecordingError: The file is damaged, or of a newer format.
            MimicError: The store cannot be read.
        """
        data = self.store.read(name)
        if data is None:
            return None
        facts = parse_recording(data, self.label, name)
        get = facts.get
        entries, target, test = get("outcomes"), get("target"), get("test")
        if type(entries) is not list or not entries or type(target) is not str:
            raise corrupt(
                f"{self.label}/{name}", "is not what was recorded (no target or no outcomes)", test=test
            )
        self._check_arguments(facts, name, test=test)
        outcomes: list[Stored] = []
        recording = Recording(
            target, get("arguments"), get("source"), test, get("recorded", ""), get("owner"), outcomes, name
        )
        for entry in entries:
            outcomes.append(self._stored(entry, recording))
        return recording

    def read_player(self, name: str) -> tuple[str | None, float, Callable[[], Any]] | None:
        """The short way to a recording of one returned value: what a replay that only wants that needs.

        Returns:
            Its source, its duration, and what gives the value, fresh each time. None where there is no such
            recording, or more to it: `read` tells.

        Raises:
            CorruptRecordingError, StaleRecordingError, MimicError: As for `read` and `Stored.player`.
        """
        data = self.store.read(name)
        if data is None:
            return None
        facts = parse_recording(data, self.label, name, skim=True)
        entries = facts.get("outcomes")
        if type(entries) is not list or len(entries) != 1:
            return None
        entry = entries[0]
        if _is_usual(entry):
            return facts.get("source"), entry["duration"], fresh_copies(entry["value"])
        stored = self._stored(entry, Owner(name, facts.get("target", ""), facts.get("test")))
        return (facts.get("source"), stored.duration, stored.player()) if stored.is_plain_value else None

    def read_cassette(self, name: str) -> list[CassetteEntry] | None:
        """The calls of a cassette in order, or None where there is no such cassette.

        Raises:
            CorruptRecordingError: The file is damaged, or of a newer format.
            MimicError: The store cannot be read.
        """
        data = self.store.read(name)
        if data is None:
            return None
        path = f"{self.label}/{name}"
        facts = parse_recording(data, self.label, name)
        calls, test = facts.get("calls"), facts.get("test")
        if type(calls) is not list:
            raise corrupt(path, "is not what was recorded (no calls)", test=test)
        entries = []
        for call in calls:
            if type(call) is not dict or any(type(call.get(key)) is not str for key in CALL_FACTS):
                raise corrupt(path, "is not what was recorded (a call lacks a fact)", test=test)
            self._check_arguments(call, name, test=test)
            stored = self._stored(call.get("outcome"), Owner(name, call["target"], test))
            facts_of_call: dict[str, Any] = {fact: call.get(fact) for fact in CassetteEntry.FACTS}
            entries.append(CassetteEntry(stored=stored, **facts_of_call))
        return entries

    def test_of(self, name: str) -> str | None:
        """The test that made a recording or cassette, or None.

        Raises:
            CorruptRecordingError, MimicError: As for `read`.
        """
        data = self.store.read(name)
        return None if data is None else test_in(data, self.label, name)

    def _check_arguments(self, facts: dict[str, Any], name: str, *, test: str | None) -> None:
        if not is_description(facts.get("arguments")):
            raise corrupt(
                f"{self.label}/{name}",
                "is not what was recorded (arguments that were not described so)",
                test=test,
            )

    def _stored(self, entry: Any, whose: Whose) -> Stored:
        if not _is_usual(entry):
            check_entry(entry, f"{self.label}/{whose.name}", whose.test)
        return Stored(self._objects, entry, whose)

    def stored(
        self, outcome: Outcome, duration: float, *, target: str | None = None, detached: bool = False
    ) -> Stored:
        """The outcome encoded in memory; nothing is written.

        Args:
            outcome: Of a real call.
            duration: Of that call, in seconds.
            target: Its function, for the error's text.
            detached: Whether the outcome's value may change before it is written, as in a cassette.

        Raises:
            UnstorableOutcomeError: A part of it cannot be stored.
        """
        from pytest_mimic._outcome.encoding import encode

        encoded = encode(outcome, target=target)
        if encoded.pickled is not None and self._objects.forbidden:
            raise UnstorableOutcomeError(
                f"what {target or 'the call'} gave cannot be stored without a pickle, and mimic_pickle = forbid",
                remedies=["nothing was recorded"],
                path="result",
            )
        entry = {"duration": float(f"{duration:.4g}"), "kind": encoded.kind}
        stored = Stored(self._objects, entry, None, encoded)
        if detached:
            stored.detach()
        return stored

    def write(self, name: str, recording: Recording) -> bool:
        """Put the recording there: its objects first, then itself; whole or not at all.

        Where the outcomes are equal to those that stand there, the facts of the run that recorded them stay;
        where the source and arguments are equal too, the file is not touched.

        Returns:
            Whether a file was written.

        Raises:
            MimicError: The store cannot be written; what stood there before still does.
        """
        from pytest_mimic._vault import writing

        written = writing.write_recording(self.store, self._objects, name, recording)
        self.replaced |= written.replaced
        return written.changed

    def write_cassette(
        self, name: str, entries: list[CassetteEntry], *, test: str | None = None, recorded: str = ""
    ) -> bool:
        """Put the cassette there, as `write` does a recording."""
        from pytest_mimic._vault import writing

        facts = {"test": test, "recorded": recorded}
        written = writing.write_cassette(self.store, self._objects, name, entries, facts)
        self.replaced |= written.replaced
        return written.changed

    def restore(self, name: str, data: bytes | None) -> None:
        """Put back what `store.read` gave before a `write`; None takes the file away."""
        from pytest_mimic._vault.clearing import references, remove

        now = self.store.read(name)
        self.replaced |= references(now or b"") - references(data or b"")
        if data is None:
            remove(self.store, [name])
        else:
            self.store.write(name, data)

    def delete(self, names: Iterable[str]) -> Cleared:
        """Delete these recordings and cassettes, and the objects that nothing points to any more.

        Raises:
            MimicError: A file cannot be deleted; those before it are.
        """
        from pytest_mimic._vault import clearing

        return Cleared(*clearing.delete(self.store, names))

    def collect(self, objects: Iterable[str]) -> Cleared:
        """Of these objects, delete those that nothing points to.

        Raises:
            MimicError: A file cannot be deleted; those before it are.
        """
        from pytest_mimic._vault import clearing

        return Cleared(*clearing.collect(self.store, objects))

    def names(self) -> set[str]:
        """All recordings and cassettes, by one listing; nothing is opened."""
        return {name for folder in FOLDERS for name in self.store.names(folder) if name.endswith(".json")}

    def size(self) -> tuple[int, int]:
        """How many recordings and cassettes there are, and the bytes of everything."""
        names = self.names()
        files = [*names, *self.store.names("objects")]
        return len(names), sum(self.store.size(name) or 0 for name in files)

    def is_old(self) -> bool:
        """Whether this is a vault of pytest-mimic 0.x: pickles named by a hash, in one folder."""
        return any(_OLD.fullmatch(name) for name in self.store.names(deep=False))


def _is_usual(entry: Any) -> bool:
    """Whether an outcome is a duration and a value, which needs no other check."""
    return (
        type(entry) is dict and len(entry) == 2 and "value" in entry and type(entry.get("duration")) is float
    )
