"""Writes recordings and cassettes: their objects first, shared if they are equal, and deleted after a failure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.admission import Admission
from pytest_mimic._core.outcome.container import (
    FILE_START,
    DamagedError,
    Packer,
    checksum_of,
    claimed_checksum,
    packer_of,
    segments_of,
    unpack,
)
from pytest_mimic._core.outcome.kept_files import objects_in, pieces_of
from pytest_mimic._core.outcome.plain import layout, text_of
from pytest_mimic._core.outcome.unpickling import python_version
from pytest_mimic._core.vault.file_names import OBJECTS_LOCK
from pytest_mimic._core.vault.long_parts import long_parts, shortened
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.parsing import FORMAT, is_object, parse, parse_recording
from pytest_mimic._core.vault.recording_facts import CassetteEntry, Recording, Stored
from pytest_mimic._core.vault.schema import (
    CASSETTE_FACTS,
    RECORDING_FACTS,
    Entry,
    Origin,
    body_of,
    check_entry,
    facts_of,
)
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.files.written import WrittenFile
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.vault.detached import Detached
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
    arguments, parts = shortened(recording.arguments)
    recording = recording._replace(arguments=arguments)
    head = {"format": FORMAT, **{fact: getattr(recording, fact) for fact in RECORDING_FACTS}}
    if recording.identity is None:
        del head["identity"]
    origin = Origin(name, recording.target, recording.test)
    writer = _FileWriter(store, objects, origin, recording.outcomes, inline=INLINE, parts=parts)
    with writer.transaction():
        data, facts = _read_before(store, objects, name, "outcomes")
        before, now = facts or {}, data
        old = before.get("outcomes", [])
        entries = writer.entries(old)
        replaced = _references(old) - _references(entries)
        replaced |= {*long_parts(before.get("arguments"))} - parts.keys()
        recorded = recording.recorded
        is_same = bool(before) and _are_same(entries, old)
        if is_same:
            # The facts of the run that recorded the outcomes stay.
            kept = ["test", "recorded"]
            if _in_order(recording.arguments) == _in_order(before.get("arguments")):
                kept.append("arguments")
            head.update({key: before.get(key) for key in kept})
            recorded = str(before.get("recorded"))
        checked = (
            recording.checked if recording.checked != recorded else None
        )  # the same day says nothing new
        if checked := checked or (before.get("checked") if is_same else None):
            head["checked"] = checked
        is_same = is_same and _are_identical(entries, old)
        if not is_same or not _equal(head, {key: before.get(key) for key in head}):
            now = writer.write(name, {**head, "outcomes": entries}, replaced=replaced)
    writer.settle(entries)
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
        old_calls = [] if before is None else before["calls"]
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
        is_same = _are_identical(entries, old) and _equal(new_calls, old_calls)
        checked = facts.pop("checked", None)
        if before is not None and is_same and checked and checked != before.get("recorded"):
            facts = {"test": before.get("test"), "recorded": before.get("recorded"), "checked": checked}
            is_same = checked == before.get("checked")
        if before is None or not is_same:
            now = writer.write(name, {"format": FORMAT, **facts, "calls": new_calls}, replaced=replaced)
    writer.settle(entries)
    return Written(data, now, replaced)


class _FileWriter:
    """Writes one file and its objects."""

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
        self._made: list[str] = []
        self._detached: dict[str, Detached] = {}
        self._is_locked = False
        self._durable = any(map(_is_worth_flushing, outcomes))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep collectors out while no recording names the new objects; delete these objects after a failure."""
        encoded = [stored.encoded for stored in self._outcomes if stored.encoded is not None]
        needs_lock = any(stored.files for stored in self._outcomes) or any(
            self._needs_object(one) or (one.readable and one.readable.objects) for one in encoded
        )
        lists = (stored.inputs for stored in self._outcomes if stored.inputs is not None)
        needs_lock = needs_lock or any(
            one.over(None, is_same=False) not in self._objects.lists for one in lists
        )
        needs_lock = needs_lock or bool(self._parts)
        with self._store.lock(OBJECTS_LOCK) if needs_lock else nullcontext():
            self._is_locked = needs_lock
            try:
                for name, data in self._parts.items():
                    self._place_json(name, data)
                yield
            except BaseException:
                for name in self._made:
                    self._store.delete([name])
                self._objects.forget_lists()
                raise

    def entries(self, before: Sequence[Entry]) -> list[Entry]:
        """Return an entry for each outcome, with its object written; the old entry if it is equal."""
        found = []
        for index, stored in enumerate(self._outcomes):
            old = before[index] if index < len(before) else None
            if old is not None and self._is_same(stored, old):
                found.append(self._with_inputs(stored, old, old, is_same=True))
                continue
            new = self._with_inputs(stored, self._with_detached(self._entry(stored)), old, is_same=False)
            # A detached object that was missing here has the same content: its recording need not change.
            is_same = (
                old is not None
                and "detached" in old
                and _equal({**new, "duration": 0}, {**old, "duration": 0})
            )
            found.append(old if old is not None and is_same else new)
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

    def settle(self, entries: Sequence[Entry]) -> None:
        for stored, entry in zip(self._outcomes, entries, strict=True):
            stored.settle(entry, self._origin)

    def _needs_object(self, encoded: Encoded) -> bool:
        return encoded.readable is None or len(encoded.readable.text) > self._inline

    def _is_same(self, stored: Stored, old: Entry) -> bool:
        """Return whether an outcome equals the sound one in the vault."""
        if stored.awaited != old.get("awaited", False):
            return False
        if not _equal(stored.entry.get("files"), old.get("files")):
            return False
        if "files" in old and not self._has_files(old, objects_in(old["files"])):
            return False
        if stored.encoded is not None:
            return self._objects.equals(old, self._origin, stored.encoded)
        # It was read from a vault, and is written again with other outcomes of its sequence.
        is_tagged = old.get("tagged", False)
        return stored.is_tagged == is_tagged and _equal(body_of(stored.entry), body_of(old))

    def _with_inputs(self, stored: Stored, entry: Entry, old: Entry | None, *, is_same: bool) -> Entry:
        """Return an entry with the list of what its call ran and read, which is written."""
        if stored.inputs is None:
            return entry
        known: str = "" if old is None else old.get("inputs", "")
        before = self._store.read(known) if is_object(known) else known.encode() or None
        text = stored.inputs.over(before, is_same=is_same)
        if before is not None and before == text.encode():
            name = known
        elif text in self._objects.lists:
            name = self._objects.lists[text]
        else:
            name = self._objects.lists[text] = self._place_list(text)
        if name == entry.get("inputs", ""):
            return entry
        bare = {key: value for key, value in entry.items() if key != "inputs"}
        return {**bare, "inputs": name} if name else bare

    def _place_list(self, text: str) -> str:
        """Write the object of a list, unless it exists, and return its name. A reason why there is none has no object."""
        if text[:1] != "{":
            return text
        data = text.encode()
        return self._place_json(next(_names(xxh3_128_hexdigest(data), "json")), data)

    def _place_json(self, name: str, data: bytes) -> str:
        known = self._store.read(name)
        if known != data:
            self._store.write(name, data, durable=self._durable)
            self._made += [name] if known is None else []
        return name

    def _with_detached(self, entry: Entry) -> Entry:
        """Return a new entry with the hashes of those of its objects that were detached."""
        names = sorted(_references([entry]) & self._detached.keys()) if self._detached else ()
        listed = {name: self._detached[name]._asdict() for name in names}
        return {**entry, "detached": {**entry.get("detached", {}), **listed}} if listed else entry

    def _entry(self, stored: Stored) -> Entry:
        encoded = stored.encoded
        if encoded is None:
            return stored.entry
        entry = facts_of(stored.entry)
        for name, file in stored.files.sources.items() if stored.files is not None else ():
            self._place_file(name, file)
        if stored.awaited:
            entry["awaited"] = True
        if encoded.is_tagged:
            entry["tagged"] = True
        readable = encoded.readable
        if readable is not None:
            if readable.imports:
                entry["imports"] = readable.imports
            if readable.objects:
                entry["objects"] = sorted(readable.objects)
                for name, content in readable.objects.items():
                    self._place(name, partial(pieces_of, content))
            if not self._needs_object(encoded):
                return {**entry, **parse(readable.text.encode(), "memory")}
        entry["kind"] = encoded.kind
        if encoded.changes:
            entry["changes"] = encoded.changes
        if readable is not None:
            return {**entry, "json": self._place_text(encoded.fingerprint, readable.text)}
        return {**entry, **self._place_pickle(encoded)}

    def _place_text(self, fingerprint: str, text: str) -> str:
        """Return the name of the object with this text; write it if necessary, but not over an edited one."""
        content = text.encode()
        names = _names(fingerprint, "json")
        while True:
            name = next(names)
            found = self._store.map(name)
            data = None if found is None else bytes(found)
            if data == content:
                return name
            if data is not None and _is_other_text(data, text):
                continue
            if data is None or data.replace(b"\r\n", b"\n") != content:
                self._make(name, content, absent=data is None)
            return name

    def _place_pickle(self, encoded: Encoded) -> Entry:
        """Return the facts of the object with this pickle, or of an equal one that loads by the same names."""
        pickled: Any = encoded.pickled
        facts: Entry = {"imports": pickled.imports}
        if encoded.count != 1:
            facts["count"] = encoded.count
        if pickled.code:
            facts["code"] = pickled.code
        if pickled.by_value:
            facts["python"] = pickled.python or python_version()
        names = _names(encoded.fingerprint, "pkl")
        while True:
            name = next(names)
            data = self._store.map(name)
            checksum = None if data is None else _sound_checksum(data)
            if checksum is None:
                packer = packer_of(pickled)
                self._make(name, packer.pieces(), absent=data is None)
                checksum = packer.checksum
            elif checksum != checksum_of(data for data, _ in segments_of(pickled)) and (
                self._objects.forbidden or not _loads_alike(data, checksum, facts)
            ):
                continue
            return {"pickle": name, "checksum": checksum, **facts}

    def _has_files(self, entry: Entry, names: Iterable[str]) -> bool:
        """Return whether the objects of files of an outcome exist and are sound."""
        try:
            self._objects.check_files(entry, self._origin, names)
        except MimicError:
            return False
        return True

    def _place_file(self, name: str, file: WrittenFile) -> None:
        """Write the object of a file, unless it exists."""
        if not self._place(name, file.pieces):
            raise MimicError(f"{file.path} has changed while it was stored", path=file.path)

    def _place(self, name: str, pieces: Callable[[], Iterator[bytes]]) -> bool:
        """Write an object that is named by its content, unless it exists. Return whether this is the content."""
        if name in self._detached or self._has_files({}, [name]):
            return True
        packer = Packer(((memoryview(piece), 1) for piece in pieces()), FILE_START)
        self._make(name, packer.pieces(), absent=self._store.size(name) is None)
        return packer.checksum in name

    def _make(self, name: str, data: Any, *, absent: bool) -> None:
        """Write an object; a damaged one is replaced, and stays after a failure."""
        if self._objects.detaches:
            from pytest_mimic._core.vault.detached import DetachedWriter
            from pytest_mimic._core.vault.folder import FolderStore

            assert isinstance(self._store, FolderStore)  # no other has detached objects
            detached, name_of_file, absent = DetachedWriter(self._store).write(
                name, data, durable=self._durable
            )
            if detached is not None:
                self._detached[name] = detached
                name = name_of_file
        else:
            self._store.write(name, data, durable=self._durable)
        if absent:
            self._made.append(name)


def _names(fingerprint: str, suffix: str) -> Iterator[str]:
    """Yield the names that an object may have, the best first."""
    start = f"objects/{fingerprint[:2]}/{fingerprint}"
    return chain([f"{start}.{suffix}"], (f"{start}-{number}.{suffix}" for number in count(2)))


def _is_worth_flushing(stored: Stored) -> bool:
    """Return whether the real call took longer than a flush of its outcome."""
    encoded, size = stored.encoded, 0
    if encoded is not None and encoded.pickled is not None:
        size = sum(len(memory) for memory, _ in encoded.pickled.buffers)
    elif encoded is not None and encoded.readable is not None:
        size = sum(map(len, encoded.readable.objects.values()))
    return stored.duration > _FLUSH + size * _FLUSH_BYTE


def _is_other_text(data: bytes, text: str) -> bool:
    """Return whether it is a sound file with another content. A damaged file may be replaced."""
    try:
        return text_of(parse(data, "")) != text
    except CorruptRecordingError:
        return False


def _sound_checksum(data: memoryview) -> str | None:
    """Return the checksum of a pickle's file, or None if the file is damaged."""
    try:
        checksum = claimed_checksum(data)
        unpack(data, checksum)
    except DamagedError:
        return None
    return checksum


def _loads_alike(data: Any, checksum: str, facts: Entry) -> bool:
    """Return whether a file of other bytes loads by the listed names, such as one with a set in another order."""
    stream, buffers = unpack(data, checksum)
    admission = Admission(facts["imports"], facts.get("code", ()))
    try:
        admission.load(stream, buffers, (checksum, facts.get("count", 1)))
    except Exception:  # the other file may hold anything
        return False
    return True


def _read_before(
    store: Store, objects: Objects, name: str, part: str
) -> tuple[bytes | None, dict[str, Any] | None]:
    """Return the content in the vault, and its facts: None if absent or damaged.

    Raises:
        CorruptRecordingError: They have a newer format. One of an older format counts as damaged.
    """
    data = store.read(name)
    if data is None:
        return None, None
    try:
        facts = parse_recording(data, objects.label, name)
        for each in facts[part]:
            check_entry(each if part == "outcomes" else each["outcome"], name, None)
    except CorruptRecordingError as error:
        if "format" in error.data:
            raise
        return data, None
    except (LookupError, TypeError):
        return data, None
    return data, facts


def _are_same(entries: Sequence[Entry], before: Sequence[Entry]) -> bool:
    """Return whether the outcomes are all the old ones. What their calls ran and read may be another list."""
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
    files = {name for entry in entries if "files" in entry for name in objects_in(entry["files"])}
    return bodies | files | {name for entry in entries for name in entry.get("objects", ())}
