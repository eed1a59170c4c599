"""Outcomes loaded from their recording or from an object of their own, checked before they are used."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._ambient import command
from pytest_mimic._vault.parsing import (
    body_fault,
    corrupt,
    is_lfs_pointer,
    lfs_pointer,
    parse,
    parse_value,
)
from pytest_mimic._vault.recordings import body_of
from pytest_mimic.errors import MimicError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._outcome.encoding import Encoded
    from pytest_mimic._outcome.loading import Admission
    from pytest_mimic._vault.recordings import Entry, Whose
    from pytest_mimic._vault.store import Store

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

# What a player keeps in memory; a larger outcome is read again each time.
_KEPT = 1 << 17


class Objects:
    """Loads outcomes.

    Args:
        store: Where the files are.
        pickles: `listed`, or `forbid` to load none at all.
        label: The path that messages show.
    """

    def __init__(self, store: Store, *, pickles: Literal["listed", "forbid"], label: str) -> None:
        self._store = store
        self.label = label
        self.forbidden = pickles == "forbid"
        self._rehearsed: set[tuple[str, int]] = set()
        self._admissions: dict[tuple[str | None, ...], Admission] = {}

    def path(self, name: str) -> str:
        """The path that messages show."""
        return f"{self.label}/{name}"

    def load(self, entry: Entry, whose: Whose) -> Outcome:
        """The outcome of an entry, fresh."""
        if "pickle" in entry:
            return self._loaded(entry, whose, *self._content(entry, whose))
        if "json" in entry:
            return self._decoded(self._body(entry, whose), entry["json"], whose)
        return self._decoded(marshal.loads(marshal.dumps(body_of(entry))), whose.name, whose)

    def load_encoded(self, encoded: Encoded) -> Outcome:
        """The outcome that is still in memory, fresh."""
        from pytest_mimic._outcome.decoding import decode_pickled, decode_plain
        from pytest_mimic._outcome.loading import load_all
        from pytest_mimic._outcome.pickles import ImportCollector

        if encoded.text is not None:
            return decode_plain(parse(encoded.text.encode(), "memory"))
        kept: Any = encoded.pickled
        bodies = load_all(b"".join(kept.chunks), kept.copies(), ImportCollector(), count=encoded.count)
        return decode_pickled(bodies)

    def player(self, entry: Entry, whose: Whose) -> Callable[[], Any]:
        """A function that gives the value of an entry with an object, fresh each time."""
        if "json" in entry:
            return self._json_player(entry, whose)
        if "pickle" not in entry:
            return lambda: self.load(entry, whose).value
        return self._pickle_player(entry, whose)

    def text(self, entry: Entry, whose: Whose) -> str:
        """The readable JSON of a plain outcome as it stands, without its duration."""
        from pytest_mimic._outcome.plain import layout

        if "json" in entry:
            return layout(self._body(entry, whose)) + "\n"
        return layout(body_of(entry)) + "\n"

    def is_sound(self, entry: Entry, whose: Whose) -> bool:
        """Whether the file of a pickle is there and as it was recorded."""
        try:
            self._content(entry, whose)
        except MimicError:
            return False
        return True

    def _decoded(self, body: Any, name: str, whose: Whose) -> Outcome:
        from pytest_mimic._outcome.decoding import decode_plain

        try:
            return decode_plain(body)
        except (ImportError, AttributeError) as reason:
            raise self._stale(whose, f"{type(reason).__name__}: {reason}") from None
        except (LookupError, TypeError, ValueError) as reason:
            raise self._damaged(name, whose, str(reason)) from None

    def _body(self, entry: Entry, whose: Whose) -> Any:
        """The content of a JSON object, of the shape that its recording says."""
        name = entry["json"]
        data = self._store.read(name)
        if data is None:
            raise self._missing(name, whose)
        if entry["kind"] == "value" and (body := parse_value(data)) is not None:
            return body
        body = parse(data, self.path(name), test=whose.test)
        fault = body_fault(body)
        if fault is None and not ({entry["kind"], "returned"} & body.keys()):
            fault = f"it holds no {entry['kind']}"
        if fault is not None:
            raise self._damaged(name, whose, fault)
        return body

    def _json_player(self, entry: Entry, whose: Whose) -> Callable[[], Any]:
        body = self._body(entry, whose)
        if "value" not in body:
            return lambda: self.load(entry, whose).value
        fresh = [body["value"]]
        kept: list[bytes] = []

        def play() -> Any:
            try:
                return fresh.pop()
            except IndexError:
                pass
            if not kept:
                value = self._body(entry, whose)["value"]
                copy = marshal.dumps(value)
                if len(copy) <= _KEPT:
                    kept.append(copy)
                return value
            return marshal.loads(kept[0])

        return play

    def _pickle_player(self, entry: Entry, whose: Whose) -> Callable[[], Any]:
        stream, buffers = self._content(entry, whose)
        size = len(stream) + sum(len(buffer) for buffer in buffers)
        if size <= _KEPT:
            return partial(self._value, entry, whose, stream, [bytes(buffer) for buffer in buffers])
        fresh = [(stream, buffers)]

        def play() -> Any:
            try:
                content = fresh.pop()
            except IndexError:
                content = self._content(entry, whose)
            return self._loaded(entry, whose, *content).value

        return play

    def _value(self, entry: Entry, whose: Whose, stream: bytes, buffers: list[bytes]) -> Any:
        """From what is kept: buffers are copied, as the value will own them."""
        return self._loaded(entry, whose, stream, [bytearray(buffer) for buffer in buffers]).value

    def _loaded(self, entry: Entry, whose: Whose, stream: bytes, buffers: list[Any]) -> Outcome:
        """The outcome of pickle streams that are as they were recorded."""
        from pytest_mimic._outcome.decoding import decode_pickled

        bodies = self._unpickled(entry, whose, stream, buffers)
        try:
            return decode_pickled(bodies)
        except (LookupError, TypeError, AttributeError) as reason:
            raise self._damaged(entry["pickle"], whose, str(reason)) from None

    def _content(self, entry: Entry, whose: Whose) -> tuple[bytes, list[Any]]:
        """The pickle streams and buffers of an object, checked; nothing is unpickled."""
        name = entry["pickle"]
        self._check_allowed(entry, whose)
        data = self._store.map(name)
        if data is None:
            raise self._missing(name, whose)
        if is_lfs_pointer(data):
            raise lfs_pointer(self.path(name))
        from pytest_mimic._vault.container import DamagedError, unpack

        try:
            return unpack(data, entry["checksum"])
        except DamagedError as reason:
            raise self._damaged(name, whose, str(reason)) from None

    def _check_allowed(self, entry: Entry, whose: Whose) -> None:
        """Whether this pickle may be loaded, on this Python."""
        if self.forbidden:
            raise MimicError(
                f"mimic_pickle = forbid: the outcome of {whose.target} is a pickle",
                facts=[f"{self.path(entry['pickle'])}, named by {self.path(whose.name)}"],
                remedies=["to load it all the same: mimic_pickle = listed"],
                file=self.path(entry["pickle"]),
            )
        from pytest_mimic._outcome.loading import is_foreign, python_version

        made_by = entry.get("python")
        if is_foreign(made_by):
            raise self._stale(
                whose,
                f"it was recorded by Python {made_by} with code stored by value: {', '.join(entry.get('code', ()))}",
                f"only Python {made_by} can load it, this is {python_version()}",
            )

    def _unpickled(self, entry: Entry, whose: Whose, stream: bytes, buffers: list[Any]) -> list[Any]:
        from pytest_mimic._outcome.loading import RefusedError, load_all

        try:
            self._rehearse(entry, stream, buffers)
            bodies = load_all(stream, buffers, self._admission(entry), count=entry.get("count", 1))
        except RefusedError as reason:
            raise self._damaged(entry["pickle"], whose, str(reason)) from None
        except MimicError:
            raise
        except Exception as reason:  # the bytes are right: what they name has changed, and may raise anything
            raise self._stale(whose, f"{type(reason).__name__}: {reason}") from None
        if type(bodies[0]) is not dict or not {entry["kind"], "returned"} & bodies[0].keys():
            raise self._damaged(entry["pickle"], whose, f"it holds no {entry['kind']}")
        return bodies

    def _admission(self, entry: Entry) -> Admission:
        """What an entry's pickle may import; one for all entries with the same lists, as it learns."""
        imports, code = entry.get("imports", ()), entry.get("code", ())
        key = (*imports, None, *code)
        admission = self._admissions.get(key)
        if admission is None:
            from pytest_mimic._outcome.loading import Admission

            admission = self._admissions[key] = Admission(imports, code)
        return admission

    def _rehearse(self, entry: Entry, stream: bytes, buffers: list[Any]) -> None:
        """Refuses a pickle that would change what it imports; looks once, and not where it may run code anyhow."""
        from pytest_mimic._outcome.rehearsal import rehearse

        content = entry["checksum"], entry.get("count", 1)
        if not entry.get("code") and content not in self._rehearsed:
            rehearse(stream, buffers, count=content[1])
            self._rehearsed.add(content)

    def _damaged(self, name: str, whose: Whose, how: str) -> MimicError:
        detail = f" ({how})" if how else ""
        return corrupt(self.path(name), f"is not what was recorded{detail}", test=whose.test)

    def _missing(self, name: str, whose: Whose) -> MimicError:
        return corrupt(self.path(name), f"is missing, {self.path(whose.name)} names it", test=whose.test)

    def _stale(self, whose: Whose, *facts: str) -> StaleRecordingError:
        return StaleRecordingError(
            f"the recorded outcome of {whose.target} cannot be loaded here",
            facts=[*facts, f"recording: {self.path(whose.name)}"],
            remedies=[f"to record it anew: {command('--mimic-rerecord', whose.test)}"],
            call=whose.target,
        )


def fingerprint_in(name: str) -> str:
    """The fingerprint that an object is named by."""
    return name.rpartition("/")[2].partition(".")[0].partition("-")[0]
