"""Loads outcomes from their recording or from an object of their own, which are checked before they are used."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.ambient import command
from pytest_mimic._core.vault.json_shapes import body_fault
from pytest_mimic._core.vault.object_contents import Contents
from pytest_mimic._core.vault.parsing import damaged, parse
from pytest_mimic._core.vault.recording_facts import body_of
from pytest_mimic.errors import MimicError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.admission import Admission
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.outcome.tagged.nodes import Tag
    from pytest_mimic._core.outcome.tagged.reader import Reader
    from pytest_mimic._core.vault.recording_facts import Entry, Origin, Stored
    from pytest_mimic._core.vault.store import Store

# The bytes of an outcome that a player keeps in memory; it reads a larger one again each time.
_KEPT = 1 << 17
# The same for a text with tags, which is several times as long as a pickle.
_KEPT_TEXT = 1 << 19


class Objects:
    """Loads outcomes; no pickle if `pickles` is `forbid` instead of `listed`. Messages show the path `label`.

    With `detaches`, large objects are written so that Git ignores them; see `detached`.
    """

    def __init__(
        self, store: Store, *, pickles: Literal["listed", "forbid"], label: str, detaches: bool = False
    ) -> None:
        self.detaches = detaches
        self.label = label
        self.forbidden = pickles == "forbid"
        self.contents = Contents(store, label=label)
        self._admissions: dict[tuple[str | None, ...], Admission] = {}
        self._classes: dict[int, Tag] = {}

    def load(self, entry: Entry, origin: Origin, paths: PathStore | None = None) -> Outcome:
        """Return the outcome of an entry, a fresh copy each time, with its paths restored by `paths`."""
        if "pickle" in entry:
            return self._unpickled(entry, origin, *self.content(entry, origin), paths)
        from pytest_mimic._core.outcome.outcome import decode_plain

        is_object = "json" in entry
        body = self.body(entry, origin) if is_object else body_of(entry)
        if entry.get("tagged"):
            from pytest_mimic._core.outcome.placed_paths import NOWHERE

            body = self._untagged(self._reader(entry, origin, paths or NOWHERE), body, entry, origin)
        elif not is_object:
            body = marshal.loads(marshal.dumps(body))
        try:
            return decode_plain(body)
        except (ImportError, AttributeError) as reason:
            raise self._stale(origin, f"{type(reason).__name__}: {reason}") from None
        except (LookupError, TypeError, ValueError) as reason:
            raise self._damaged(entry["json"] if is_object else origin.name, origin, str(reason)) from None

    def load_encoded(self, encoded: Encoded, paths: PathStore | None = None) -> Outcome:
        """Return an outcome that is still in memory, a fresh copy each time."""
        from pytest_mimic._core.outcome.outcome import decode_pickled, decode_plain

        if encoded.readable is not None:
            return decode_plain(encoded.readable.load(paths or encoded.paths))
        kept: Any = encoded.pickled
        return decode_pickled(kept.load(encoded.count, paths))

    def lift(self, entry: Entry, origin: Origin) -> Stored:
        """Return the outcome of an entry in memory, ready to be written to another vault; see `Stored.lifted`."""
        from pytest_mimic._core.vault.lifting import lift

        return lift(self, entry, origin)

    def player(self, entry: Entry, origin: Origin) -> Callable[[], Any]:
        """Return a function that returns the value of an entry, a fresh copy each time.

        The first copy is the one that was read to check the file. A small outcome is then kept in memory.
        """
        if "pickle" in entry:
            return self._pickle_player(entry, origin)
        if entry.get("tagged"):
            return self._tagged_player(entry, origin)
        body = self.body(entry, origin) if "json" in entry else {}
        if "value" not in body:
            return lambda: self.load(entry, origin).value
        fresh = [body["value"]]
        kept: list[bytes] = []

        def play() -> Any:
            try:
                return fresh.pop()
            except IndexError:
                pass
            if kept:
                return marshal.loads(kept[0])
            value = self.body(entry, origin)["value"]
            copy = marshal.dumps(value)
            if len(copy) <= _KEPT:
                kept.append(copy)
            return value

        return play

    def text(self, entry: Entry, origin: Origin) -> str:
        """Return the readable JSON of a plain outcome as it is in the vault, without its duration."""
        from pytest_mimic._core.outcome.plain import layout

        return layout(self.body(entry, origin) if "json" in entry else body_of(entry)) + "\n"

    def is_sound(self, entry: Entry, origin: Origin) -> bool:
        """Return whether the file of a pickle exists and is as it was recorded."""
        try:
            self.content(entry, origin)
        except MimicError:
            return False
        return True

    # Plain outcomes

    def body(self, entry: Entry, origin: Origin) -> Any:
        """Return the content of a JSON object, checked to be of the kind that its recording says."""
        name = entry["json"]
        body = parse(self.contents.read(entry, name, origin), f"{self.label}/{name}", test=origin.test)
        fault = body_fault(body)
        if fault is None and not ({entry["kind"], "returned"} & body.keys()):
            fault = f"it holds no {entry['kind']}"
        if fault is not None:
            raise self._damaged(name, origin, fault)
        return body

    # Outcomes with tags

    def _tagged_player(self, entry: Entry, origin: Origin) -> Callable[[], Any]:
        """Return the player of a readable value. NeedsCallError: it has paths."""
        reader = self._reader(entry, origin, None)
        data = self.contents.read(entry, entry["json"], origin) if "json" in entry else None
        made = None if data is None else reader.parsed(data)
        if made is not None and "value" in made:
            fresh = [made["value"]]
        else:
            body = self.body(entry, origin) if "json" in entry else entry
            if "value" not in body:
                return lambda: self.load(entry, origin).value
            fresh = [self._untagged(reader, body["value"], entry, origin)]
        kept: list[Any] = []

        def play() -> Any:
            try:
                return fresh.pop()
            except IndexError:
                pass
            if kept:
                return self._untagged(reader, kept[0], entry, origin)
            tree = (self.body(entry, origin) if "json" in entry else entry)["value"]
            value = self._untagged(reader, tree, entry, origin)
            size = self.contents.size(entry, entry["json"]) if "json" in entry else 0
            if size is not None and size <= _KEPT_TEXT and "objects" not in entry:
                kept.append(reader.prepared(tree))
            return value

        return play

    def _reader(self, entry: Entry, origin: Origin, paths: PathStore | None) -> Reader:
        from pytest_mimic._core.outcome.tagged.reader import Reader

        def content(name: str) -> bytes:
            if name not in entry.get("objects", ()):
                raise ValueError(f"it names {name}, which its recording does not list")
            return b"".join(self.file_content(entry, origin, name))

        return Reader(paths, entry.get("imports", ()), content, self._classes)

    def _untagged(self, reader: Reader, tree: Any, entry: Entry, origin: Origin) -> Any:
        from pytest_mimic._core.outcome.tagged.nodes import OutdatedClassError
        from pytest_mimic._core.outcome.tagged.reader import NeedsCallError

        try:
            return reader.read_whole(tree)
        except (MimicError, NeedsCallError):
            raise
        except OutdatedClassError as reason:
            raise self._stale(origin, str(reason)) from None
        except (ImportError, AttributeError) as reason:
            raise self._stale(origin, f"{type(reason).__name__}: {reason}") from None
        except RecursionError:
            raise self._damaged(entry.get("json", origin.name), origin, "nested too deeply") from None
        except Exception as reason:  # imported modules, and the hashes of their classes, may raise anything
            raise self._damaged(entry.get("json", origin.name), origin, str(reason)) from None

    # Pickles

    def _pickle_player(self, entry: Entry, origin: Origin) -> Callable[[], Any]:
        stream, buffers = self.content(entry, origin)
        # Each value owns its buffers, so those that are kept are copied. Large ones go to the first value itself.
        kept: list[tuple[bytes, list[bytes]]] = []
        fresh = [(stream, buffers)]
        if len(stream) + sum(map(len, buffers)) <= _KEPT:
            kept, fresh = [(stream, [bytes(buffer) for buffer in buffers])], []

        def play() -> Any:
            for small, copies in kept:
                return self._unpickled(entry, origin, small, [bytearray(copy) for copy in copies]).value
            try:
                content = fresh.pop()
            except IndexError:
                content = self.content(entry, origin)
            return self._unpickled(entry, origin, *content).value

        return play

    def content(self, entry: Entry, origin: Origin) -> tuple[bytes, list[Any]]:
        """Return the checked pickle streams and buffers of an object. Nothing is unpickled."""
        name = entry["pickle"]
        path = f"{self.label}/{name}"
        self._check_allowed(entry, path, origin)
        data = self.contents.map(entry, name, origin)
        from pytest_mimic._core.outcome.container import DamagedError, unpack

        try:
            return unpack(data, entry["checksum"])
        except DamagedError as reason:
            raise self._damaged(name, origin, str(reason)) from None

    def _check_allowed(self, entry: Entry, path: str, origin: Origin) -> None:
        """Check that this pickle may be loaded, on this Python."""
        if self.forbidden:
            raise MimicError(
                f"mimic_pickle = forbid: the outcome of {origin.target} is a pickle",
                facts=[f"{path}, named by {self.label}/{origin.name}"],
                remedies=["to load it all the same: mimic_pickle = listed"],
                file=path,
            )
        from pytest_mimic._core.outcome.unpickling import is_foreign, python_version

        made_by = entry.get("python")
        if is_foreign(made_by):
            raise self._stale(
                origin,
                f"it was recorded by Python {made_by} with code stored by value: {', '.join(entry.get('code', ()))}",
                f"only Python {made_by} can load it, this is {python_version()}",
            )

    def _unpickled(
        self, entry: Entry, origin: Origin, stream: bytes, buffers: list[Any], paths: PathStore | None = None
    ) -> Outcome:
        """Load pickle streams whose bytes are as they were recorded."""
        from pytest_mimic._core.outcome.outcome import decode_pickled
        from pytest_mimic._core.outcome.unpickling import RefusedError

        name, kind = entry["pickle"], entry["kind"]
        try:
            content = entry["checksum"], entry.get("count", 1)
            bodies = self._admission(entry).load(stream, buffers, content, paths)
        except RefusedError as reason:
            raise self._damaged(name, origin, str(reason)) from None
        except MimicError:
            raise
        except Exception as reason:  # the classes that it names have changed, and may raise anything
            raise self._stale(origin, f"{type(reason).__name__}: {reason}") from None
        if type(bodies[0]) is not dict or not {kind, "returned"} & bodies[0].keys():
            raise self._damaged(name, origin, f"it holds no {kind}")
        try:
            return decode_pickled(bodies)
        except (LookupError, TypeError, AttributeError) as reason:
            raise self._damaged(name, origin, str(reason)) from None

    def _admission(self, entry: Entry) -> Admission:
        """Return the names that an entry's pickle may import. Entries with equal lists share it, as it learns."""
        imports, code = entry.get("imports", ()), entry.get("code", ())
        key = (*imports, None, *code)
        admission = self._admissions.get(key)
        if admission is None:
            from pytest_mimic._core.outcome.admission import Admission

            admission = self._admissions[key] = Admission(imports, code)
        return admission

    # Files

    def file_content(self, entry: Entry, origin: Origin, name: str) -> Iterator[Any]:
        """Yield the content of a file that a call wrote. CorruptRecordingError: its object is missing or damaged."""
        from pytest_mimic._core.outcome.container import DamagedError
        from pytest_mimic._core.outcome.kept_files import content_of

        data = self.contents.map(entry, name, origin)
        try:
            yield from content_of(data, name)
        except DamagedError as reason:
            raise self._damaged(name, origin, str(reason)) from None

    # Errors

    def _damaged(self, name: str, origin: Origin, detail: str) -> MimicError:
        return damaged(f"{self.label}/{name}", detail, test=origin.test)

    def _stale(self, origin: Origin, *facts: str) -> StaleRecordingError:
        return StaleRecordingError(
            f"the recorded outcome of {origin.target} cannot be loaded here",
            facts=[*facts, f"recording: {self.label}/{origin.name}"],
            remedies=[f"to record it again: {command('--mimic-record', origin.test)}"],
            call=origin.target,
        )
