"""Writes the objects of recordings: texts, pickles and long bytes, shared if they are equal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from json import loads
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.faults import DamagedError
from pytest_mimic._core.outcome.memory import FILE, checksum_of, claimed_checksum, packed, unpack
from pytest_mimic._core.outcome.pickling import load, python_version
from pytest_mimic._core.outcome.plain import layout_of
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.parsing import parse
from pytest_mimic._core.vault.schema import Entry, Origin
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.vault.recording_facts import Stored
    from pytest_mimic._core.vault.store import Store


class ObjectWriter:
    """Writes the objects of one recording or cassette. The names of new files are added to `made`."""

    def __init__(
        self, store: Store, objects: Objects, origin: Origin, made: list[str], *, durable: bool
    ) -> None:
        self._store = store
        self._objects = objects
        self._origin = origin
        self._durable = durable
        self._made = made

    def placed(self, entry: Entry, stored: Stored, *, inline: int) -> Entry:
        """Return the entry of an outcome with its body, of up to so many bytes, or the names of the objects that have it."""
        encoded: Any = stored.encoded
        readable = encoded.readable
        if readable is not None and readable.objects:
            entry["objects"] = sorted(readable.objects)
            for name, content in readable.objects.items():
                self._place(name, content)
        if readable is not None and len(readable.text) <= inline:
            entry |= loads(readable.text)
        else:
            entry["kind"] = encoded.kind
            if readable is None:
                entry |= self._place_pickle(encoded)
            else:
                entry["json"] = self._place_text(encoded.fingerprint, readable.text)
        return entry

    def place_list(self, text: str) -> str:
        """Write a list of what a call reaches and reads, and return its name."""
        data = text.encode()
        return self.place_json(next(_names(xxh3_128_hexdigest(data), "json")), data)

    def place_json(self, name: str, data: bytes) -> str:
        """Write an object that is named by its content, unless it exists, and return its name."""
        known = self._store.read(name)
        if known != data:
            self._store.write(name, data, durable=self._durable)
            self._made += [name] if known is None else []
        return name

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
                file = packed(pickled.parts())
                self._make(name, file.pieces, absent=data is None)
                checksum = file.checksum
            elif checksum != checksum_of(pickled.parts()) and (
                self._objects.forbidden or not _loads_alike(data, checksum, facts)
            ):
                continue
            return {"pickle": name, "checksum": checksum, **facts}

    def _place(self, name: str, content: bytes) -> None:
        """Write an object of long bytes, which is named by them, unless it is there and sound."""
        try:
            self._objects.check_bytes(self._origin, [name])
        except MimicError:
            self._make(name, packed([content], FILE).pieces, absent=self._store.size(name) is None)

    def _make(self, name: str, data: Any, *, absent: bool) -> None:
        """Write an object; a damaged one is replaced, and stays after a failure."""
        self._store.write(name, data, durable=self._durable)
        if absent:
            self._made.append(name)


def _names(fingerprint: str, suffix: str) -> Iterator[str]:
    """Yield the names that an object may have, the best first."""
    start = f"objects/{fingerprint[:2]}/{fingerprint}"
    return chain([f"{start}.{suffix}"], (f"{start}-{number}.{suffix}" for number in count(2)))


def _is_other_text(data: bytes, text: str) -> bool:
    """Return whether it is a sound file with another content. A damaged file may be replaced."""
    try:
        return layout_of(parse(data, "")) != text
    except (CorruptRecordingError, RecursionError):
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
    stream, *buffers = unpack(data, checksum)
    try:
        load(stream, buffers, facts["imports"], facts.get("code", ()), count=facts.get("count", 1))
    except Exception:  # the other file may hold anything
        return False
    return True
