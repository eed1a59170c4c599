"""Recordings and cassette entries: the facts of a call, and its outcomes, which are loaded when they are used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic._core.vault.parsing import damaged, fresh_copies, is_usual
from pytest_mimic._core.vault.schema import (
    CALL_FACTS,
    CASSETTE_FACTS,
    Entry,
    Origin,
    body_of,
    check_entry,
    is_description,
)
from pytest_mimic.errors import MimicError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome, OutcomeKind
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault.objects import Objects


class InputList(Protocol):
    """The list of what a call reaches and reads."""

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list to be written over that of the same place. `is_same`: the outcome stays."""
        ...


class KeptInputs(NamedTuple):
    """The list of an outcome that comes from another vault."""

    text: str

    def over(self, before: bytes | None, *, is_same: bool) -> str:  # noqa: ARG002
        return self.text


_UNWRITTEN = Origin("?", "?", None)


class Stored:
    """One outcome, not yet loaded.

    Attributes:
        entry: The outcome in the recording's JSON. Not to be changed.
    """

    encoded: Encoded | None = None  # the outcome in memory, until it is written
    inputs: InputList | None = None  # what the call reaches and reads, until it is written
    _is_outdated: bool | None = None

    def __init__(
        self, reader: Objects, entry: Entry, origin: Origin = _UNWRITTEN, encoded: Encoded | None = None
    ) -> None:
        self._reader = reader
        self._origin = origin
        self.entry = entry
        self.duration: float = entry["duration"]  # of the real call, in seconds
        if encoded is not None:
            self.encoded = encoded

    @property
    def name(self) -> str:
        """The file that holds it, `?` until it is written."""
        return self._origin.name

    @property
    def kind(self) -> OutcomeKind:
        """`value`, `raised` or `stream`."""
        entry = self.entry
        if "value" in entry:
            return "value"
        if "raised" in entry:
            return "raised"
        kind: OutcomeKind = "stream" if "stream" in entry else entry["kind"]
        return kind

    @property
    def awaited(self) -> bool:
        """Whether a plain function returned it as a coroutine or an async generator."""
        return self.entry.get("awaited", False) is True

    @property
    def is_tagged(self) -> bool:
        """Whether parts of it are put in when it is loaded: the tags of a text, or the paths of a pickle."""
        return self.encoded.is_tagged if self.encoded is not None else self.entry.get("tagged", False) is True

    @property
    def size(self) -> int | None:
        """The bytes of its pickle's file, None if it is not written."""
        return None if self.encoded is not None else self._reader.size(self.entry["pickle"])

    def is_outdated(self) -> bool:
        """Check whether it cannot be loaded any more: a class has changed, or it holds code of another Python version.

        Damage is no reason: `load` reports it.
        """
        if self._is_outdated is None:
            self._is_outdated = False
            names_classes = self.kind != "value" or self.is_tagged or "imports" in self.entry
            if self.encoded is None and names_classes:
                try:
                    self.load()
                except StaleRecordingError:
                    self._is_outdated = True
                except MimicError:
                    pass
        return self._is_outdated

    def load(self, paths: PathStore | None = None) -> Outcome:
        """Return the outcome, a fresh copy each time, with its paths restored by `paths`.

        Raises:
            CorruptRecordingError: A file is damaged or missing.
            StaleRecordingError: A pickle imports a name that no longer exists, or holds another Python's code.
            MimicError: It is a pickle, and pickles are forbidden.
        """
        if self.encoded is not None:
            return _outcome_of(self.encoded, paths)
        return self._reader.load(self.entry, self._origin, paths)

    def whole(self, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the described arguments of its call with their long parts, which a recording names."""
        from pytest_mimic._core.vault.long_parts import whole

        return whole(arguments, self._reader.stored)

    def readable(self) -> Any:
        """Return the outcome's JSON as it is in the vault, or None if it is a pickle. No class is imported.

        Raises:
            CorruptRecordingError: Its file is damaged or missing.
        """
        from json import loads

        if self.encoded is not None:
            return loads(self.encoded.readable.text) if self.encoded.readable is not None else None
        entry = self.entry
        if "json" in entry:
            return loads(self._reader.text(entry, self._origin))
        return None if "pickle" in entry else body_of(entry)

    def lifted(self) -> Stored:
        """Return the outcome in memory, ready to be written to another vault. No pickle is loaded, and no class imported.

        Raises:
            CorruptRecordingError: A file is damaged or missing.
        """
        from pytest_mimic._core.vault.lifting import lift

        if self.encoded is not None:
            return self
        facts, encoded = lift(self._reader, self.entry, self._origin, kind=self.kind)
        lifted = Stored(self._reader, facts, encoded=encoded)
        if "inputs" in self.entry:
            lifted.inputs = KeptInputs(self._reader.input_list(self.entry["inputs"]).decode())
        return lifted

    @property
    def is_plain(self) -> bool:
        """Whether it is a value that stands in its recording as it is."""
        return self.encoded is None and "value" in self.entry and "tagged" not in self.entry

    def detach(self) -> None:
        """Copy memory that belongs to the value itself, so that the value may change before it is written."""
        if self.encoded is not None and self.encoded.pickled is not None:
            self.encoded.pickled.detach()

    def settle(self, entry: Entry, origin: Origin) -> None:
        """Replace the outcome in memory by the one that was written to the vault."""
        self.entry, self.encoded, self.inputs = entry, None, None
        self._origin = origin


def _outcome_of(encoded: Encoded, paths: PathStore | None) -> Outcome:
    """Return an outcome that is still in memory, a fresh copy each time."""
    from pytest_mimic._core.outcome.outcome import decode_pickled, decode_plain

    if encoded.readable is not None:
        return decode_plain(encoded.readable.load(paths or encoded.paths))
    kept: Any = encoded.pickled
    return decode_pickled(kept.load(encoded.count, paths))


class Recording(NamedTuple):
    """The facts of one call and its outcomes.

    Attributes:
        identity: Of what has an owner, the identity of the call, 32 hex digits; else None, as the file's name has it.
    """

    target: str  # `module:qualified.name`
    arguments: dict[str, Any] | None  # a redacted description, whose long parts may be objects, or None
    source: str | None  # the fingerprint of the target's source, or None
    test: str | None  # the id of the test that recorded it, or None
    recorded: str  # the date, `2026-11-02`
    owner: str | None  # for a sequence, the id of the test, module or package that it belongs to; else None
    outcomes: list[Stored]  # in the order of the calls; at least one
    name: str = ""  # its file in the vault; empty until it was read
    identity: str | None = None

    def whole(self) -> Recording:
        """Return it with the long parts of its arguments."""
        return self._replace(arguments=self.outcomes[0].whole(self.arguments))


class CassetteEntry(NamedTuple):
    """One call of a cassette."""

    kind: str  # `function`, `httpx`, ..
    target: str  # the function, or the client
    signature: str  # `GET /users/1`
    key: str  # the call's identity
    arguments: dict[str, Any] | None  # as in a recording
    stored: Stored  # its outcome
    host: str | None = None  # the host that it went to, for patterns, or None
    source: str | None = None  # the fingerprint of the target's source, or None
    # A Recording has these. For a cassette, they are facts of the whole file.
    test: None = None
    recorded: None = None

    def whole(self) -> CassetteEntry:
        """Return it with the long parts of its arguments."""
        return self._replace(arguments=self.stored.whole(self.arguments))


def recording_of(objects: Objects, name: str, facts: dict[str, Any]) -> Recording:
    """Return the recording with these facts. CorruptRecordingError: their shape is wrong."""
    get = facts.get
    entries, target, test = get("outcomes"), get("target"), get("test")
    if type(entries) is not list or not entries or type(target) is not str:
        raise damaged(f"{objects.label}/{name}", "no target or no outcomes", test=test)
    arguments, source, identity = get("arguments"), get("source"), get("identity")
    if arguments is not None:  # a replay reads none
        _check_arguments(objects, arguments, name, test=test)
    origin = Origin(name, target, test)
    outcomes = []
    for entry in entries:
        outcomes.append(stored_of(objects, entry, origin))
    recorded, owner = get("recorded", ""), get("owner")
    return Recording(target, arguments, source, test, recorded, owner, outcomes, name, identity)


def player_of(objects: Objects, name: str, facts: dict[str, Any], entry: Any) -> Callable[[], Any] | None:
    """Return a function that returns the value of an outcome, a fresh copy each time; None if there is more to it."""
    origin = Origin(name, facts.get("target", ""), facts.get("test"))
    stored = stored_of(objects, entry, origin)
    if stored.is_tagged or stored.awaited or stored.kind != "value":
        return None
    if "pickle" in entry:
        return lambda: stored.load().value
    body = objects.body(entry, origin)
    if body.keys() != {"value"}:
        return None
    if "value" in entry:
        return fresh_copies(body["value"])
    return partial(_value_of, objects, entry, origin, [body["value"]])


def _value_of(objects: Objects, entry: Entry, origin: Origin, read: list[Any]) -> Any:
    """Return the value of an entry: the one that was just read, and after that a fresh copy each time."""
    try:
        return read.pop()
    except IndexError:  # it was played before, perhaps by another thread
        return objects.body(entry, origin)["value"]


def cassette_of(objects: Objects, name: str, facts: dict[str, Any]) -> list[CassetteEntry]:
    """Return the calls of the cassette with these facts. CorruptRecordingError: their shape is wrong."""
    path = f"{objects.label}/{name}"
    calls, test = facts.get("calls"), facts.get("test")
    if type(calls) is not list:
        raise damaged(path, "no calls", test=test)
    entries = []
    origins: dict[str, Origin] = {}
    for call in calls:
        if type(call) is not dict or any(type(call.get(key)) is not str for key in CALL_FACTS):
            raise damaged(path, "a call lacks a fact", test=test)
        _check_arguments(objects, call.get("arguments"), name, test=test)
        origin = origins.setdefault(call["target"], Origin(name, call["target"], test))
        facts_of_call: dict[str, Any] = {fact: call.get(fact) for fact in CASSETTE_FACTS}
        entries.append(CassetteEntry(stored=stored_of(objects, call.get("outcome"), origin), **facts_of_call))
    return entries


def stored_of(objects: Objects, entry: Any, origin: Origin) -> Stored:
    """Return the outcome of an entry, whose shape is checked."""
    if not is_usual(entry):
        check_entry(entry, f"{objects.label}/{origin.name}", origin.test)
    return Stored(objects, entry, origin)


def _check_arguments(objects: Objects, arguments: object, name: str, *, test: str | None) -> None:
    if not is_description(arguments):
        raise damaged(f"{objects.label}/{name}", "arguments that were not described so", test=test)
