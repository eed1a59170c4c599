"""Loads outcomes from their recording or from an object of their own, which are checked before they are used."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.ambient import command
from pytest_mimic._core.outcome.outcome import decode_pickled, decode_plain
from pytest_mimic._core.vault.file_names import fingerprint_in
from pytest_mimic._core.vault.parsing import check_pulled, corrupt, damaged, parse
from pytest_mimic._core.vault.schema import body_fault, body_of
from pytest_mimic.errors import MimicError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.class_tags import ClassTag
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.outcome.tag_reader import Reader
    from pytest_mimic._core.vault.schema import Entry, Origin
    from pytest_mimic._core.vault.store import Store

# How many characters of another's error are shown.
_LONGEST = 200


class Objects:
    """Loads outcomes; no pickle if `pickles` is `forbid` instead of `listed`. Messages show the path `label`."""

    def __init__(self, store: Store, *, pickles: Literal["listed", "forbid"], label: str) -> None:
        self.label = label
        self.forbidden = pickles == "forbid"
        self._store = store
        self._classes: dict[int, ClassTag] = {}
        #: The lists of what calls reach and read that this run has named in a recording, with their names.
        self.lists: dict[str, str] = {}

    def forget_lists(self) -> None:
        """Look again which lists are there: some may be deleted."""
        self.lists = {}

    def load(self, entry: Entry, origin: Origin, paths: PathStore | None = None) -> Outcome:
        """Return the outcome of an entry, a fresh copy each time, with its paths restored by `paths`."""
        if "pickle" in entry:
            return self._unpickled(entry, origin, self.content(entry, origin), paths)
        if entry.get("tagged"):
            body = self._untagged(entry, origin, paths or _nowhere())
        else:
            body = self.body(entry, origin)
            body = body if "json" in entry else marshal.loads(marshal.dumps(body))
        try:
            return decode_plain(body)
        except Exception as reason:
            raise self._unreadable(reason, entry, origin) from None

    def body(self, entry: Entry, origin: Origin) -> Any:
        """Return the tree of a readable outcome: a part of its entry, or a JSON object, checked to be of its kind."""
        if "json" not in entry:
            return body_of(entry)
        name = entry["json"]
        body = parse(self._read(name, origin), f"{self.label}/{name}", test=origin.test)
        fault = body_fault(body)
        if fault is None and entry["kind"] not in body:
            fault = f"it holds no {entry['kind']}"
        if fault is not None:
            raise self._damaged(name, origin, fault)
        return body

    def stored(self, name: str) -> bytes | None:
        """Return the bytes of a file of the vault, None if it is missing."""
        return self._store.read(name)

    def text(self, entry: Entry, origin: Origin) -> str:
        """Return the readable JSON of an outcome as it is in the vault, without its duration."""
        from pytest_mimic._core.outcome.plain import layout

        return layout(self.body(entry, origin)) + "\n"

    def input_list(self, name: str, *, test: str | None = None) -> bytes:
        """Return a list of what a call reaches and reads.

        CorruptRecordingError: it is missing or damaged.
        """
        data = self._store.read(name)
        path = f"{self.label}/{name}"
        if data is None:
            raise corrupt(path, "is missing", test=test)
        tables = parse(data, path, test=test)
        files, functions = (tables.get("files"), tables.get("functions")) if type(tables) is dict else (0, 0)
        noted = [files, *(functions.values() if type(functions) is dict else ())]
        is_sound = type(functions) in (dict, str) and all(type(one) is dict for one in noted)
        if not is_sound or not all(type(digits) is str for one in noted for digits in one.values()):
            raise damaged(path, "no list of what a call reaches and reads", test=test)
        return data

    def equals(self, entry: Entry, origin: Origin, encoded: Encoded) -> bool:
        """Return whether the body of an entry, with the objects that it names, is sound and is this outcome."""
        if encoded.is_tagged != entry.get("tagged", False):
            return False
        try:
            if encoded.readable is None:
                if "pickle" not in entry or fingerprint_in(entry["pickle"]) != encoded.fingerprint:
                    return False
                self.content(entry, origin)
                return True
            listed = {"imports": encoded.readable.imports, "objects": sorted(encoded.readable.objects)}
            if any(entry.get(name, []) != names for name, names in listed.items()):
                return False
            self.check_bytes(origin, listed["objects"])
            return self.text(entry, origin) == encoded.readable.text
        except MimicError:
            return False

    def check_bytes(self, origin: Origin, names: Iterable[str]) -> None:
        """Check objects of long bytes. CorruptRecordingError: one is missing or damaged."""
        for name in names:
            self.long_bytes(origin, name)

    # Outcomes with tags

    def _reader(self, entry: Entry, origin: Origin, paths: PathStore) -> Reader:
        from pytest_mimic._core.outcome.tag_reader import Reader

        def content(name: str) -> bytes:
            if name not in entry.get("objects", ()):
                raise ValueError(f"it names {name}, which its recording does not list")
            return self.long_bytes(origin, name)

        return Reader(paths, entry.get("imports", ()), content, self._classes)

    def _untagged(self, entry: Entry, origin: Origin, paths: PathStore) -> object:
        reader = self._reader(entry, origin, paths)
        body = self.body(entry, origin)
        try:
            return reader.read(body)
        except Exception as reason:  # imported modules, and the hashes of their classes, may raise anything
            raise self._unreadable(reason, entry, origin) from None

    def _unreadable(self, reason: Exception, entry: Entry, origin: Origin) -> Exception:
        """Return the error for what reading a JSON text with tags has raised."""
        from pytest_mimic._core.outcome.faults import OutdatedClassError

        if isinstance(reason, MimicError):
            return reason
        if isinstance(reason, OutdatedClassError):
            return self._stale(origin, str(reason))
        if isinstance(reason, (ImportError, AttributeError)):
            return self._stale(origin, reason)
        detail = "nested too deeply" if isinstance(reason, RecursionError) else str(reason)
        return self._damaged(entry.get("json", origin.name), origin, detail)

    # Pickles

    def content(self, entry: Entry, origin: Origin) -> tuple[bytes, list[Any]]:
        """Return the checked pickle streams and buffers of an object. Nothing is unpickled."""
        name = entry["pickle"]
        self._check_allowed(entry, origin)
        data = self.map(name, origin)
        from pytest_mimic._core.outcome.faults import DamagedError
        from pytest_mimic._core.outcome.memory import unpack

        try:
            stream, *buffers = unpack(data, entry["checksum"])
        except DamagedError as reason:
            raise self._damaged(name, origin, str(reason)) from None
        return bytes(stream), list(buffers)

    def _check_allowed(self, entry: Entry, origin: Origin) -> None:
        """Check that this pickle may be loaded, on this Python."""
        if self.forbidden:
            path = f"{self.label}/{entry['pickle']}"
            raise MimicError(
                f"mimic_pickle = forbid: the outcome of {origin.target} is a pickle",
                facts=[f"{path}, named by {self.label}/{origin.name}"],
                remedies=["to load it all the same: mimic_pickle = listed"],
                file=path,
            )
        from pytest_mimic._core.outcome.pickling import is_foreign, python_version

        made_by = entry.get("python")
        if is_foreign(made_by):
            raise self._stale(
                origin,
                f"it was recorded by Python {made_by} with code stored by value: {', '.join(entry.get('code', ()))}",
                f"only Python {made_by} can load it, this is {python_version()}",
            )

    def _unpickled(
        self, entry: Entry, origin: Origin, content: tuple[bytes, list[Any]], paths: PathStore | None = None
    ) -> Outcome:
        """Load pickle streams whose bytes are as they were recorded."""
        from pytest_mimic._core.outcome.faults import RefusedError
        from pytest_mimic._core.outcome.pickling import load

        lists = entry.get("imports", ()), entry.get("code", ())
        try:
            bodies = load(*content, *lists, count=entry.get("count", 1), paths=paths)
        except MimicError:
            raise
        except Exception as reason:  # the classes that it names have changed, and may raise anything
            if isinstance(reason, RefusedError):
                raise self._damaged(entry["pickle"], origin, str(reason)) from None
            raise self._stale(origin, reason) from None
        try:
            if type(bodies[0]) is not dict or entry["kind"] not in bodies[0]:
                raise LookupError(f"it holds no {entry['kind']}")
            return decode_pickled(bodies)
        except (LookupError, TypeError, AttributeError) as reason:
            raise self._damaged(entry["pickle"], origin, str(reason)) from None

    # Bytes

    def map(self, name: str, origin: Origin) -> memoryview:
        """Return the bytes of an object. The caller owns them.

        Raises:
            CorruptRecordingError: The file is missing, or a pointer of Git LFS.
        """
        data = self._store.map(name)
        if data is None:
            raise self._missing(name, origin)
        check_pulled(data, f"{self.label}/{name}")
        return data

    def _read(self, name: str, origin: Origin) -> bytes:
        found = self._store.read(name)
        if found is None:
            raise self._missing(name, origin)
        return found

    def size(self, name: str) -> int | None:
        """Return the size of an object in bytes, None if it is missing."""
        return self._store.size(name)

    def long_bytes(self, origin: Origin, name: str) -> bytes:
        """Return long bytes of an outcome. CorruptRecordingError: their object is missing or damaged."""
        from pytest_mimic._core.outcome.faults import DamagedError
        from pytest_mimic._core.outcome.memory import content_of

        try:
            return content_of(self.map(name, origin), name)
        except DamagedError as reason:
            raise self._damaged(name, origin, str(reason)) from None

    # Errors

    def _missing(self, name: str, origin: Origin) -> Exception:
        how = f"is missing, {self.label}/{origin.name} names it"
        return corrupt(f"{self.label}/{name}", how, test=origin.test)

    def _damaged(self, name: str, origin: Origin, detail: str) -> MimicError:
        return damaged(f"{self.label}/{name}", detail, test=origin.test)

    def _stale(self, origin: Origin, *facts: str | Exception) -> StaleRecordingError:
        # A library's error may hold an array as text.
        told = [
            one if isinstance(one, str) else f"{type(one).__name__}: {one}".partition("\n")[0][:_LONGEST]
            for one in facts
        ]
        return StaleRecordingError(
            f"the recorded outcome of {origin.target} cannot be loaded here",
            facts=[*told, f"recording: {self.label}/{origin.name}"],
            remedies=[f"to record it again: {command('--mimic-record', origin.test)}"],
            call=origin.target,
            recorder=origin.test,
        )


def _nowhere() -> PathStore:
    from pytest_mimic._core.outcome.placed_paths import NOWHERE

    return NOWHERE
