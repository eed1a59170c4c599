"""Recordings and cassette entries: the facts of a call, and its outcomes, which are loaded when they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic._core.vault.parsing import damaged, fresh_copies, given_once, is_usual
from pytest_mimic._core.vault.schema import CASSETTE_FACTS, Entry, Origin, check_entry
from pytest_mimic.errors import MimicError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome, OutcomeKind
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault.objects import Objects

#: What reading a file of another shape raises.
MISSHAPED = (AttributeError, LookupError, TypeError, ValueError)
_UNWRITTEN = Origin("?", "?", None)


class InputList(Protocol):
    """The list of what a call reaches and reads."""

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list to be written over that of the same place. `is_same`: the outcome stays."""
        ...


class KeptInputs(NamedTuple):
    """A list that is written as it is."""

    text: str

    def over(self, before: bytes | None, *, is_same: bool) -> str:  # noqa: ARG002
        return self.text


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
    def is_plain(self) -> bool:
        """Whether it is a value that stands in its recording as it is."""
        return self.encoded is None and "value" in self.entry and "tagged" not in self.entry

    @property
    def size(self) -> int | None:
        """The bytes of its pickle's file, None if it is not written."""
        return None if self.encoded is not None else self._reader.store.size(self.entry["pickle"])

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
        if self.encoded is None:
            return self._reader.load(self.entry, self._origin, paths)
        from pytest_mimic._core.outcome.outcome import decode_pickled, decode_plain

        encoded = self.encoded
        if encoded.readable is not None:
            return decode_plain(encoded.readable.load(paths or encoded.paths))
        kept: Any = encoded.pickled
        return decode_pickled(kept.load(encoded.count, paths))

    def whole(self, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the described arguments of its call with their long parts, which a recording names."""
        from pytest_mimic._core.vault.long_parts import whole

        return whole(arguments, self._reader.store.read)

    def readable(self) -> Any:
        """Return the outcome's JSON as it is in the vault, or None if it is a pickle. No class is imported.

        Raises:
            CorruptRecordingError: Its file is damaged or missing.
        """
        if self.encoded is None:
            return None if "pickle" in self.entry else self._reader.body(self.entry, self._origin)
        from json import loads

        return loads(self.encoded.readable.text) if self.encoded.readable is not None else None

    def long_bytes(self) -> dict[str, bytes]:
        """Return the long bytes of a readable outcome by the names of their objects. The errors are those of `readable`."""
        if self.encoded is not None:
            return {} if self.encoded.readable is None else self.encoded.readable.objects
        names = self.entry.get("objects", ())
        return {name: bytes(self._reader.map(name, self._origin)) for name in names}

    def again(self, inputs: InputList | None = None) -> Stored:
        """Return the outcome once more, to be written with what its call reaches and reads now."""
        again = Stored(self._reader, self.entry, self._origin, self.encoded)
        again.inputs = inputs or self.inputs
        return again

    def detach(self) -> None:
        """Copy memory that belongs to the value itself, so that the value may change before it is written."""
        if self.encoded is not None and self.encoded.pickled is not None:
            self.encoded.pickled.detach()

    def settle(self, entry: Entry, origin: Origin) -> None:
        """Replace the outcome in memory by the one that was written to the vault."""
        self.entry, self.encoded, self.inputs = entry, None, None
        self._origin = origin


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
    get, test = facts.get, facts.get("test")
    try:
        entries, target = facts["outcomes"], facts["target"]
        if type(entries) is not list or not entries or type(target) is not str:
            raise ValueError("no target or no outcomes")
        origin = Origin(name, target, test)
        outcomes = [_stored(objects, entry, origin) for entry in entries]
        arguments = _described(get("arguments"))
    except MISSHAPED as reason:
        raise damaged(f"{objects.label}/{name}", reason, test=test) from None
    return Recording(
        target,
        arguments,
        get("source"),
        test,
        get("recorded", ""),
        get("owner"),
        outcomes,
        name,
        get("identity"),
    )


def cassette_of(objects: Objects, name: str, facts: dict[str, Any]) -> list[CassetteEntry]:
    """Return the calls of the cassette with these facts. CorruptRecordingError: their shape is wrong."""
    test = facts.get("test")
    try:
        entries = []
        for call in facts["calls"]:
            if any(type(call[key]) is not str for key in CASSETTE_FACTS[:4]):
                raise ValueError("a call lacks a fact")
            stored = _stored(objects, call["outcome"], Origin(name, call["target"], test))
            facts_of_call: dict[str, Any] = {fact: call.get(fact) for fact in CASSETTE_FACTS}
            _described(facts_of_call["arguments"])
            entries.append(CassetteEntry(stored=stored, **facts_of_call))
    except MISSHAPED as reason:
        raise damaged(f"{objects.label}/{name}", reason, test=test) from None
    return entries


def player_of(objects: Objects, name: str, facts: dict[str, Any], entry: Any) -> Callable[[], Any] | None:
    """Return a function that returns the value of an outcome, a fresh copy each time; None if there is more to it."""
    stored = recording_of(objects, name, facts).outcomes[0]
    if stored.is_tagged or stored.awaited or stored.kind != "value":
        return None
    if "pickle" in entry:
        return lambda: stored.load().value
    body = stored.readable()
    if body.keys() != {"value"}:
        return None
    if "value" in entry:
        return fresh_copies(body["value"])
    return given_once(body["value"], lambda: stored.readable()["value"])


def _stored(objects: Objects, entry: Any, origin: Origin) -> Stored:
    if not is_usual(entry):
        check_entry(entry)
    return Stored(objects, entry, origin)


def _described(arguments: Any) -> dict[str, Any] | None:
    if type(arguments) not in (dict, type(None)):
        raise TypeError("arguments that were not described so")
    return arguments  # type: ignore[no-any-return]
