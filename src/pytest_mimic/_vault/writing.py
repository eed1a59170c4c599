"""Recordings and cassettes written: objects first, shared where they are equal, and nothing left of a failure."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._outcome import loading
from pytest_mimic._outcome.plain import layout, text_of
from pytest_mimic._outcome.rehearsal import rehearse
from pytest_mimic._vault.container import DamagedError, Packer, checksum_of, claimed_checksum, unpack
from pytest_mimic._vault.objects import Objects, fingerprint_in
from pytest_mimic._vault.parsing import FORMAT, check_entry, parse, parse_recording
from pytest_mimic._vault.recordings import CassetteEntry, Entry, Owner, Recording, Stored, body_of, facts_of
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._outcome.encoding import Encoded
    from pytest_mimic._vault.store import Store

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

#: Held by whoever writes objects or collects them.
OBJECTS_LOCK = "objects"
#: Plain outcomes up to this many bytes stand in their recording, or in their cassette.
INLINE, INLINE_IN_CASSETTE = 2048, 8192
# What took no longer than this, in seconds, is made again as fast as a disk flushes it.
_CHEAP = 0.01


class Written(NamedTuple):
    """Whether a file was written, and the objects that it no longer names."""

    changed: bool
    replaced: set[str]


def write_recording(store: Store, objects: Objects, name: str, recording: Recording) -> Written:
    """See `Vault.write`."""
    head = {
        "format": FORMAT,
        "target": recording.target,
        "arguments": recording.arguments,
        "source": recording.source,
        "test": recording.test,
        "recorded": recording.recorded,
        "owner": recording.owner,
    }
    whose = Owner(name, recording.target, recording.test)
    writing = _Writing(store, objects, whose, recording.outcomes, inline=INLINE)
    with writing.guard():
        before = _before(store, objects, name, "outcomes")
        entries = writing.entries(() if before is None else before["outcomes"])
        if before is not None and _are_the_same(entries, before["outcomes"]):
            kept = ["test", "recorded"]
            if _say_the_same(recording.arguments, before.get("arguments")):
                kept.append("arguments")
            head.update({key: before.get(key) for key in kept})
            if _equal(head, {key: before.get(key) for key in head}):
                writing.settle(entries)
                return Written(False, set())
        writing.write(name, {**head, "outcomes": entries})
        writing.settle(entries)
    return Written(True, _references(() if before is None else before["outcomes"]) - _references(entries))


def write_cassette(
    store: Store, objects: Objects, name: str, calls: Sequence[CassetteEntry], facts: dict[str, Any]
) -> Written:
    """See `Vault.write_cassette`."""
    whose = Owner(name, name, facts["test"])
    writing = _Writing(store, objects, whose, [call.stored for call in calls], inline=INLINE_IN_CASSETTE)
    with writing.guard():
        before = _before(store, objects, name, "calls")
        old = [] if before is None else [call["outcome"] for call in before["calls"]]
        entries = writing.entries(old)
        told = [
            {**{fact: getattr(call, fact) for fact in CassetteEntry.FACTS}, "outcome": entry}
            for call, entry in zip(calls, entries, strict=True)
        ]
        for call, known in zip(told, () if before is None else before["calls"]):
            if _say_the_same(call["arguments"], known.get("arguments")):
                call["arguments"] = known.get("arguments")
        if before is not None and _are_the_same(entries, old) and _equal(told, before["calls"]):
            writing.settle(entries)
            return Written(False, set())
        writing.write(name, {"format": FORMAT, **facts, "calls": told})
        writing.settle(entries)
    return Written(True, _references(old) - _references(entries))


class _Writing:
    """One file being written, with what must happen if it fails."""

    def __init__(
        self, store: Store, objects: Objects, whose: Owner, outcomes: Sequence[Stored], *, inline: int
    ) -> None:
        self._store = store
        self._objects = objects
        self._whose = whose
        self._outcomes = outcomes
        self._inline = inline
        self._made: list[str] = []
        self._durable = any(stored.duration > _CHEAP for stored in outcomes)

    def guard(self) -> AbstractContextManager[None]:
        """Keeps collectors out while there are objects that no recording names yet."""
        if any(
            stored.encoded is not None and self._needs_object(stored.encoded) for stored in self._outcomes
        ):
            return self._store.lock(OBJECTS_LOCK)
        return nullcontext()

    def entries(self, before: Sequence[Entry]) -> list[Entry]:
        """An entry for each outcome, with its object written; what stands there already where that is equal."""
        try:
            found = []
            for index, stored in enumerate(self._outcomes):
                old = before[index] if index < len(before) else None
                found.append(old if old is not None and self._is_same(stored, old) else self._entry(stored))
            return found
        except BaseException:
            self._undo()
            raise

    def write(self, name: str, facts: dict[str, Any]) -> None:
        """Write the file itself, or take its objects back."""
        try:
            self._store.write(name, (layout(facts) + "\n").encode(), durable=self._durable)
        except BaseException:
            self._undo()
            raise

    def settle(self, entries: Sequence[Entry]) -> None:
        """The outcomes are now those of the vault; their memory is let go."""
        for stored, entry in zip(self._outcomes, entries, strict=True):
            stored.settle(entry, self._whose)

    def _undo(self) -> None:
        for name in self._made:
            self._store.delete([name])

    def _needs_object(self, encoded: Encoded) -> bool:
        return encoded.text is None or len(encoded.text) > self._inline

    def _is_same(self, stored: Stored, old: Entry) -> bool:
        """Whether an outcome is the one that stands there, sound."""
        encoded = stored.encoded
        if stored.awaited != old.get("awaited", False):
            return False
        if encoded is None:
            return _equal(body_of(stored.entry), body_of(old))
        if encoded.pickled is not None:
            return (
                "pickle" in old
                and fingerprint_in(old["pickle"]) == encoded.fingerprint
                and self._objects.is_sound(old, self._whose)
            )
        if "pickle" in old:
            return False
        try:
            return self._objects.text(old, self._whose) == encoded.text
        except MimicError:
            return False

    def _entry(self, stored: Stored) -> Entry:
        encoded = stored.encoded
        if encoded is None:
            return stored.entry
        entry = facts_of(stored.entry)
        if stored.awaited:
            entry["awaited"] = True
        if encoded.text is not None and not self._needs_object(encoded):
            return {**entry, **parse(encoded.text.encode(), "memory")}
        entry["kind"] = encoded.kind
        if encoded.changes:
            entry["changes"] = encoded.changes
        if encoded.text is not None:
            return {**entry, "json": self._place_text(encoded.fingerprint, encoded.text)}
        return {**entry, **self._place_pickle(encoded)}

    def _place_text(self, fingerprint: str, text: str) -> str:
        """The object with this text; one that was edited by hand is left alone."""
        names = _names(fingerprint, "json")
        while True:
            name = next(names)
            data = self._store.read(name)
            if data is not None and _is_other_text(data, text):
                continue
            if data is None or data.replace(b"\r\n", b"\n") != text.encode():
                self._make(name, text.encode(), absent=data is None)
            return name

    def _place_pickle(self, encoded: Encoded) -> Entry:
        """The object with this pickle, or an equal one that loads by the same names."""
        pickled: Any = encoded.pickled
        facts: Entry = {"imports": pickled.imports}
        if encoded.count != 1:
            facts["count"] = encoded.count
        if pickled.code:
            facts["code"] = pickled.code
        if pickled.by_value:
            facts["python"] = loading.python_version()
        names = _names(encoded.fingerprint, "pkl")
        while True:
            name = next(names)
            data = self._store.map(name)
            checksum = None if data is None else _sound_checksum(data)
            if checksum is None:
                packer = Packer(pickled)
                self._make(name, packer.pieces(), absent=data is None)
                checksum = packer.checksum
            elif checksum != checksum_of(pickled) and not _loads_alike(data, checksum, facts):
                continue
            return {"pickle": name, "checksum": checksum, **facts}

    def _make(self, name: str, data: Any, *, absent: bool) -> None:
        """Write an object; one that stood there, damaged, is mended."""
        self._store.write(name, data, durable=self._durable)
        if absent:
            self._made.append(name)


def _names(fingerprint: str, suffix: str) -> Iterator[str]:
    """The names an object may have, best first."""
    start = f"objects/{fingerprint[:2]}/{fingerprint}"
    return chain([f"{start}.{suffix}"], (f"{start}-{number}.{suffix}" for number in count(2)))


def _is_other_text(data: bytes, text: str) -> bool:
    """Whether it is a sound file with another content; a damaged one may be replaced."""
    try:
        return text_of(parse(data, "")) != text
    except CorruptRecordingError:
        return False


def _sound_checksum(data: memoryview) -> str | None:
    """The checksum of a pickle's file that is as it was written, else None."""
    try:
        checksum = claimed_checksum(data)
        unpack(data, checksum)
    except DamagedError:
        return None
    return checksum


def _loads_alike(data: Any, checksum: str, facts: Entry) -> bool:
    """Whether a sound file of other bytes loads by the names that ours needs: a set in another order, say."""
    stream, buffers = unpack(data, checksum)
    admission = loading.Admission(facts["imports"], facts.get("code", ()))
    pickles = facts.get("count", 1)
    try:
        if "code" not in facts:
            rehearse(stream, buffers, count=pickles)
        loading.load_all(stream, buffers, admission, count=pickles)
    except Exception:  # the other file may hold anything
        return False
    return True


def _before(store: Store, objects: Objects, name: str, part: str) -> dict[str, Any] | None:
    """The facts that stand there, or None where they are absent or damaged.

    Raises:
        CorruptRecordingError: They are of a newer format.
    """
    data = store.read(name)
    if data is None:
        return None
    try:
        facts = parse_recording(data, objects.label, name)
        for each in facts[part]:
            check_entry(each if part == "outcomes" else each["outcome"], name, None)
    except CorruptRecordingError as error:
        if "format" in error.data:
            raise
        return None
    except (LookupError, TypeError):
        return None
    return facts


def _are_the_same(entries: Sequence[Entry], before: Sequence[Entry]) -> bool:
    """Whether all of what stands there was taken over."""
    return len(entries) == len(before) and all(map(operator.is_, entries, before))


def _say_the_same(one: object, other: object) -> bool:
    """Whether two descriptions of one call do, in whatever order their parts stand."""
    return _in_order(one) == _in_order(other)


def _in_order(description: object) -> str:
    if isinstance(description, dict):
        parts = [f"{name!r}: {_in_order(part)}" for name, part in description.items()]
        return f"{{{', '.join(sorted(parts))}}}"
    if isinstance(description, list):
        return f"[{', '.join(sorted(map(_in_order, description)))}]"
    return repr(description)


def _equal(one: object, other: object) -> bool:
    """Whether JSON data is equal; `==` takes `1` for `True`."""
    return layout(one) == layout(other)


def _references(entries: Sequence[Entry]) -> set[str]:
    return {entry[key] for entry in entries for key in ("json", "pickle") if key in entry}
