"""Writes recordings and cassettes: their objects first, and the file itself only where it says something else than before."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from json import loads
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.file_names import OBJECTS_LOCK
from pytest_mimic._core.vault.long_parts import SHORTEST, long_parts, shortened
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.parsing import FORMAT, is_object, parse_recording
from pytest_mimic._core.vault.recording_facts import CassetteEntry, InputList, Recording, Stored
from pytest_mimic._core.vault.schema import (
    CASSETTE_FACTS,
    RECORDING_FACTS,
    Entry,
    Origin,
    body_of,
    check_entry,
)
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.vault.object_writing import ObjectWriter
    from pytest_mimic._core.vault.store import Store

#: Plain outcomes up to this many bytes are stored inside their recording, or inside their cassette.
INLINE, INLINE_IN_CASSETTE = 2048, 8192
# The duration of a flush (fsync), in seconds: in any case, and for a byte. A call that takes less is repeated as fast.
_FLUSH, _FLUSH_BYTE = 0.01, 5e-9


class Written(NamedTuple):
    """The result of writing a file."""

    before: bytes | None  # its content before, None if there was none
    now: bytes | None  # its content now, the same if nothing was written
    replaced: set[str]  # the objects that it no longer names

    @property
    def changed(self) -> bool:
        return self.now is not self.before


def write_recording(store: Store, objects: Objects, name: str, recording: Recording) -> Written:
    parts: dict[str, bytes] = {}
    # A client's request is described whole, a function's arguments are short. To measure most requests is enough.
    if ":" not in recording.target and len(str(recording.arguments)) > SHORTEST:
        arguments, parts = shortened(recording.arguments)
        recording = recording._replace(arguments=arguments)
    head = {"format": FORMAT, **{fact: getattr(recording, fact) for fact in RECORDING_FACTS}}
    if recording.identity is None:
        del head["identity"]
    origin = Origin(name, recording.target, recording.test)
    writer = _FileWriter(store, objects, origin, recording.outcomes, inline=INLINE, parts=parts)
    with writer.transaction():
        data, before = _read_before(store, objects, name, "outcomes")
        old = before.get("outcomes", [])
        entries = writer.entries(old)
        is_same = bool(before) and _are_same(entries, old)
        if is_same:
            # The facts of the run that recorded the outcomes stay.
            kept = ["test", "recorded"]
            if _in_order(recording.arguments) == _in_order(before.get("arguments")):
                kept.append("arguments")
            head.update({key: before.get(key) for key in kept})
        now, replaced = data, set[str]()
        if old:
            replaced = _references(old) - _references(entries)
            replaced |= {*long_parts(before.get("arguments"))} - parts.keys()
        if not (
            is_same and _are_identical(entries, old) and _equal(head, {key: before.get(key) for key in head})
        ):
            now = writer.write(name, {**head, "outcomes": entries}, replaced=replaced)
    return Written(data, now, replaced)


def write_cassette(
    store: Store, objects: Objects, name: str, calls: Sequence[CassetteEntry], facts: dict[str, Any]
) -> Written:
    origin = Origin(name, name, facts["test"])
    outcomes = [call.stored for call in calls]
    parts: dict[str, bytes] = {}
    short = []
    for call in calls:
        arguments, found = shortened(call.arguments)
        short.append(call._replace(arguments=arguments))
        parts.update(found)
    writer = _FileWriter(store, objects, origin, outcomes, inline=INLINE_IN_CASSETTE, parts=parts)
    with writer.transaction():
        data, before = _read_before(store, objects, name, "calls")
        now = data
        old_calls = before.get("calls", [])
        old = [call["outcome"] for call in old_calls]
        entries = writer.entries(old)
        replaced = _references(old) - _references(entries)
        replaced |= {name for call in old_calls for name in long_parts(call.get("arguments"))} - parts.keys()
        new_calls = [
            {**{fact: getattr(call, fact) for fact in CASSETTE_FACTS}, "outcome": entry}
            for call, entry in zip(short, entries, strict=True)
        ]
        for new, known in zip(new_calls, old_calls):
            if _in_order(new["arguments"]) == _in_order(known.get("arguments")):
                new["arguments"] = known.get("arguments")
        is_same = bool(before) and _are_identical(entries, old) and _equal(new_calls, old_calls)
        if not is_same:
            now = writer.write(name, {"format": FORMAT, **facts, "calls": new_calls}, replaced=replaced)
    return Written(data, now, replaced)


class _FileWriter:
    """Writes one file, after its objects."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        origin: Origin,
        outcomes: Sequence[Stored],
        *,
        inline: int,
        parts: dict[str, bytes],
    ) -> None:
        self._store = store
        self._parts = {name: data for name, data in parts.items() if store.size(name) != len(data)}
        self._objects = objects
        self._origin = origin
        self._outcomes = outcomes
        self._inline = inline
        self._made: list[str] = []  # the new objects, which go if the file cannot be written
        self._is_locked = bool(self._parts) or any(map(self._needs_objects, outcomes))
        self._durable = any(map(_is_worth_flushing, outcomes))

    @cached_property
    def _apart(self) -> ObjectWriter:
        """Writes the objects. Most outcomes are small, and have none."""
        from pytest_mimic._core.vault.object_writing import ObjectWriter

        return ObjectWriter(self._store, self._objects, self._origin, self._made, durable=self._durable)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep collectors out while no recording names the new objects; delete these objects after a failure.

        From the end of the block on, the outcomes are those of the file.
        """
        with self._store.lock(OBJECTS_LOCK) if self._is_locked else nullcontext():
            try:
                for name, data in self._parts.items():
                    self._apart.place_json(name, data)
                yield
            except BaseException:
                self._store.delete(self._made)
                self._objects.forget_lists()
                raise
        for stored, entry in zip(self._outcomes, self._entries, strict=True):
            stored.settle(entry, self._origin)

    def entries(self, before: Sequence[Entry]) -> list[Entry]:
        """Return an entry for each outcome, with its object written; the old entry if it is equal."""
        found = []
        for index, stored in enumerate(self._outcomes):
            old = before[index] if index < len(before) else None
            is_equal = old is not None and self._is_same(stored, old)
            new = old if old is not None and is_equal else self._entry(stored)
            if stored.inputs is not None:
                new = self._with_inputs(stored.inputs, new, old, is_same=is_equal)
            found.append(new)
        self._entries = found
        return found

    def write(self, name: str, facts: dict[str, Any], *, replaced: set[str]) -> bytes:
        """Write the file itself, and return its content. From now on its objects are named, and others are replaced."""
        if replaced:
            mark_run(self._store, is_locked=self._is_locked)
        # A lone surrogate, as of a file's name that is no UTF-8, becomes its escape in JSON.
        content = (layout(facts) + "\n").encode(errors="backslashreplace")
        self._store.write(name, content, durable=self._durable)
        self._made.clear()
        return content

    def _needs_objects(self, stored: Stored) -> bool:
        """Return whether an outcome may get an object: for itself, long bytes or the list of its inputs."""
        if stored.inputs is not None:
            text = stored.inputs.over(None, is_same=False)
            if text[:1] == "{" and text not in self._objects.lists:
                return True
        return self._is_apart(stored.encoded)

    def _is_apart(self, encoded: Encoded | None) -> bool:
        if encoded is None or encoded.readable is None:
            return encoded is not None
        return len(encoded.readable.text) > self._inline or bool(encoded.readable.objects)

    def _is_same(self, stored: Stored, old: Entry) -> bool:
        """Return whether an outcome equals the sound one in the vault."""
        if stored.awaited != old.get("awaited", False):
            return False
        if stored.encoded is not None:
            return self._objects.equals(old, self._origin, stored.encoded)
        # It was read from a vault, and is written again with other outcomes of its sequence.
        is_tagged = old.get("tagged", False)
        return stored.is_tagged == is_tagged and _equal(body_of(stored.entry), body_of(old))

    def _with_inputs(self, inputs: InputList, entry: Entry, old: Entry | None, *, is_same: bool) -> Entry:
        """Return an entry with the list of what its call reaches and reads, which is written."""
        known: str = "" if old is None else old.get("inputs", "")
        before = self._store.read(known) if known else None
        text = inputs.over(before, is_same=is_same)
        if before is not None and before == text.encode():
            name = known
        elif not text:
            name = ""
        else:
            lists = self._objects.lists
            name = lists[text] = lists.get(text) or self._apart.place_list(text)
        if name == entry.get("inputs", ""):
            return entry
        bare = {key: value for key, value in entry.items() if key != "inputs"}
        return {**bare, "inputs": name} if name else bare

    def _entry(self, stored: Stored) -> Entry:
        encoded = stored.encoded
        if encoded is None:
            return stored.entry
        entry = {key: value for key, value in stored.entry.items() if key != "kind"}
        if encoded.is_tagged:
            entry["tagged"] = True
        readable = encoded.readable
        if readable is not None and readable.imports:
            entry["imports"] = readable.imports
        if self._is_apart(encoded):
            return self._apart.placed(entry, stored, inline=self._inline)
        assert readable is not None
        return {**entry, **loads(readable.text)}


def _is_worth_flushing(stored: Stored) -> bool:
    """Return whether the real call took longer than a flush of its outcome."""
    encoded, size = stored.encoded, 0
    if encoded is not None and encoded.pickled is not None:
        size = sum(map(len, encoded.pickled.buffers))
    elif encoded is not None and encoded.readable is not None:
        size = sum(map(len, encoded.readable.objects.values()))
    return stored.duration > _FLUSH + size * _FLUSH_BYTE


def _read_before(store: Store, objects: Objects, name: str, part: str) -> tuple[bytes | None, dict[str, Any]]:
    """Return the content in the vault, and its facts: none if it is absent or damaged.

    Raises:
        CorruptRecordingError: They have a newer format. One of an older format counts as damaged.
    """
    data = store.read(name)
    if data is None:
        return None, {}
    try:
        facts = parse_recording(data, objects.label, name)
        for each in facts[part]:
            check_entry(each if part == "outcomes" else each["outcome"], name, None)
    except CorruptRecordingError as error:
        if "format" in error.data:
            raise
        return data, {}
    except (LookupError, TypeError):
        return data, {}
    return data, facts


def _are_same(entries: Sequence[Entry], before: Sequence[Entry]) -> bool:
    """Return whether the outcomes are all the old ones. What their calls reach and read may be another list."""
    bare = [[{**entry, "inputs": ""} for entry in each] for each in (entries, before)]
    return _are_identical(entries, before) or _equal(*bare)


def _are_identical(entries: Sequence[Entry], before: Sequence[Entry]) -> bool:
    """Return whether `entries` are all the old ones, and no other."""
    return len(entries) == len(before) and all(map(operator.is_, entries, before))


def _in_order(description: object) -> str:
    """Return a text that is equal for descriptions of equal arguments, in whatever order their parts are."""
    if isinstance(description, dict):
        parts = [f"{name!r}: {_in_order(part)}" for name, part in description.items()]
        return f"{{{', '.join(sorted(parts))}}}"
    if isinstance(description, list):
        return f"[{', '.join(sorted(map(_in_order, description)))}]"
    return repr(description)


def _equal(one: object, other: object) -> bool:
    """Return whether JSON data is equal. `==` would not distinguish `1` from `True`."""
    return layout(one) == layout(other)


def mark_run(store: Store, *, is_locked: bool = False) -> None:
    """Let other processes keep all objects while this one runs. It may put back a recording that it has replaced."""
    mark = store.run_mark
    if mark is not None and not mark.is_set:
        with nullcontext() if is_locked else store.lock(OBJECTS_LOCK):
            mark.set()


def _references(entries: Sequence[Entry]) -> set[str]:
    bodies = {entry[key] for entry in entries for key in ("json", "pickle") if key in entry}
    bodies |= {entry["inputs"] for entry in entries if is_object(entry.get("inputs", ""))}
    return bodies | {name for entry in entries for name in entry.get("objects", ())}
