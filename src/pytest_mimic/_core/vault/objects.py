"""Loads outcomes from their recording or from an object of their own, which are checked before they are used."""

from __future__ import annotations

import marshal
from json import loads
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.ambient import command
from pytest_mimic._core.outcome.memory import Piece, object_name, pieces_of, unpack
from pytest_mimic._core.outcome.outcome import DamagedError, decode_pickled, decode_plain
from pytest_mimic._core.outcome.plain import layout_of
from pytest_mimic._core.vault.parsing import check_pulled, corrupt, damaged, parse
from pytest_mimic._core.vault.schema import body_of
from pytest_mimic.errors import CorruptRecordingError, MimicError, StaleRecordingError

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
    """Loads outcomes, and writes objects, each named by its content; no pickle if `pickles` is `forbid`.

    Messages show the path `label`. The bytes of an object are compared with its name once a run.
    """

    def __init__(self, store: Store, *, pickles: Literal["listed", "forbid"], label: str) -> None:
        self.label = label
        self.store = store
        self._forbidden = pickles == "forbid"
        self._classes: dict[int, ClassTag] = {}
        self._sound: dict[str, int] = {}  # the bytes of objects that are as they were written

    # Outcomes

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
            raise self._damaged(entry.get("json", origin.name), origin, reason) from None

    def body(self, entry: Entry, origin: Origin) -> Any:
        """Return the tree of a readable outcome: a part of its entry, or a JSON object, checked to be of its kind."""
        if "json" not in entry:
            return body_of(entry)
        name = entry["json"]
        body = parse(self._read(name, origin), f"{self.label}/{name}", test=origin.test)
        if type(body) is not dict or entry["kind"] not in body:
            raise self._damaged(name, origin, f"it holds no {entry['kind']}")
        return body

    def input_list(self, name: str, *, test: str | None = None) -> bytes:
        """Return a list of what a call reaches and reads.

        CorruptRecordingError: it is missing or damaged.
        """
        data = self.store.read(name)
        path = f"{self.label}/{name}"
        if data is None:
            raise corrupt(path, "is missing", test=test)
        tables = parse(data, path, test=test)
        try:
            functions = tables["functions"]
            noted = [tables["files"], *(functions.values() if type(functions) is dict else ())]
            is_table = type(functions) in (dict, str)
            if not is_table or not all(type(digits) is str for one in noted for digits in one.values()):
                raise TypeError
        except (AttributeError, LookupError, TypeError):
            raise damaged(path, "no list of what a call reaches and reads", test=test) from None
        return data

    def equals(self, entry: Entry, origin: Origin, encoded: Encoded) -> bool:
        """Return whether the body of an entry, with the objects that it names, is sound and is this outcome."""
        readable = encoded.readable
        if encoded.is_tagged != entry.get("tagged", False):
            return False
        try:
            if readable is None:
                if entry.get("fingerprint") != encoded.fingerprint:
                    return False
                self.map(entry["pickle"], origin)
                return True
            listed = {"imports": readable.imports, "objects": sorted(readable.objects)}
            if "pickle" in entry or any(entry.get(name, []) != names for name, names in listed.items()):
                return False
            for name in readable.objects:
                self.map(name, origin)
            return layout_of(self.body(entry, origin)) == readable.text
        except MimicError:
            return False

    # Writing

    def placed(self, encoded: Encoded, *, inline: int) -> Entry:
        """Return the facts of an outcome that was written: its body, of up to so many characters, or its object."""
        readable = encoded.readable
        if readable is None:
            pickled: Any = encoded.pickled
            name = self.place(pieces_of(pickled.parts()), "pkl")
            facts: Entry = {"kind": encoded.kind, "pickle": name, "fingerprint": encoded.fingerprint}
            facts["imports"] = pickled.imports
            if encoded.count != 1:
                facts["count"] = encoded.count
            if pickled.code:
                facts["code"] = pickled.code
            if pickled.by_value:
                from pytest_mimic._core.outcome.pickling import python_version

                facts["python"] = pickled.python or python_version()
            return facts
        facts = {"imports": readable.imports} if readable.imports else {}
        if readable.objects:
            facts["objects"] = sorted(self.place([one], "bin") for one in readable.objects.values())
        if len(readable.text) <= inline:
            return {**facts, **loads(readable.text)}
        return {
            **facts,
            "kind": encoded.kind,
            "json": self.place([readable.text.encode()], "json", keeps_edits=True),
        }

    def place(self, pieces: list[Piece], suffix: str, *, keeps_edits: bool = False) -> str:
        """Write an object, unless it is there and sound, and return its name.

        With `keeps_edits`, one that was edited stays, and the object gets another name.
        """
        while True:
            name = object_name(pieces, suffix)
            if name in self._sound and self.store.size(name) == self._sound[name]:
                return name
            held = self.store.map(name)
            if held is None or object_name([held], suffix) != name:
                text = _text_of(held) if held is not None and suffix == "json" else None
                is_same = text is not None and text == _text_of(b"".join(pieces))
                if text is not None and not is_same and keeps_edits:
                    pieces = [*pieces, b"\n"]
                    continue
                if not is_same:  # else git has changed its line ends
                    self.store.write(name, pieces)
            self._sound[name] = sum(map(len, pieces))
            return name

    # Outcomes with tags

    def _reader(self, entry: Entry, origin: Origin, paths: PathStore) -> Reader:
        from pytest_mimic._core.outcome.tag_reader import Reader

        def content(name: str) -> bytes:
            if name not in entry.get("objects", ()):
                raise ValueError(f"it names {name}, which its recording does not list")
            return bytes(self.map(name, origin))

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
        from pytest_mimic._core.outcome.outcome import OutdatedClassError

        if isinstance(reason, MimicError):
            return reason
        if isinstance(reason, OutdatedClassError):
            return self._stale(origin, str(reason))
        if isinstance(reason, (ImportError, AttributeError)):
            return self._stale(origin, reason)
        detail = "nested too deeply" if isinstance(reason, RecursionError) else str(reason)
        return self._damaged(entry.get("json", origin.name), origin, detail)

    # Pickles

    def content(self, entry: Entry, origin: Origin, *, anywhere: bool = False) -> tuple[bytes, list[Any]]:
        """Return the checked pickle streams and buffers of an object. Nothing is unpickled.

        MimicError: the pickle may not be loaded on this Python, which is not asked for with `anywhere`.
        """
        if not anywhere:
            self._check_allowed(entry, origin)
        try:
            stream, *buffers = unpack(self.map(entry["pickle"], origin))
        except DamagedError as reason:
            raise self._damaged(entry["pickle"], origin, str(reason)) from None
        return bytes(stream), list(buffers)

    def _check_allowed(self, entry: Entry, origin: Origin) -> None:
        """Check that this pickle may be loaded, on this Python."""
        if self._forbidden:
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
        from pytest_mimic._core.outcome.outcome import RefusedError
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
        """Return the bytes of an object, as they were written. The caller owns them.

        Raises:
            CorruptRecordingError: The file is missing, damaged, or a pointer of Git LFS.
        """
        data = self.store.map(name)
        if data is None:
            raise self._missing(name, origin)
        check_pulled(data, f"{self.label}/{name}")
        if self._sound.get(name) != len(data) and not name.endswith(".json"):  # which may be edited by hand
            if object_name([data], name.rpartition(".")[2]) != name:
                raise self._damaged(name, origin, "")
            self._sound[name] = len(data)
        return data

    def _read(self, name: str, origin: Origin) -> bytes:
        found = self.store.read(name)
        if found is None:
            raise self._missing(name, origin)
        return found

    # Errors

    def _missing(self, name: str, origin: Origin) -> Exception:
        how = f"is missing, {self.label}/{origin.name} names it"
        return corrupt(f"{self.label}/{name}", how, test=origin.test)

    def _damaged(self, name: str, origin: Origin, detail: object) -> MimicError:
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


def _text_of(data: bytes | memoryview) -> str | None:
    """Return a JSON text as it would be written, or None if it is none."""
    try:
        return layout_of(parse(bytes(data), ""))
    except (CorruptRecordingError, RecursionError):
        return None


def _nowhere() -> PathStore:
    from pytest_mimic._core.outcome.placed_paths import NOWHERE

    return NOWHERE
