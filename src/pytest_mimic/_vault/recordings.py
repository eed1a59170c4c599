"""What a recording is: the facts of a call and its outcomes, each still to be loaded."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_mimic._outcome import Outcome, OutcomeKind
    from pytest_mimic._outcome.encoding import Encoded

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

Entry = dict[str, Any]

#: What an entry says of the call besides its outcome.
_FACTS = frozenset({"duration", "awaited"})


def body_of(entry: Entry) -> dict[str, Any]:
    """The outcome itself, of an entry that holds it."""
    return {key: value for key, value in entry.items() if key not in _FACTS}


def facts_of(entry: Entry) -> Entry:
    """An entry without its outcome."""
    return {key: value for key, value in entry.items() if key in _FACTS}


class Reader(Protocol):
    """Who can load an outcome that stands in an object of its own: the vault."""

    def load(self, entry: Entry, whose: Whose) -> Outcome: ...

    def player(self, entry: Entry, whose: Whose) -> Callable[[], Any]: ...

    def load_encoded(self, encoded: Encoded) -> Outcome: ...


class Whose(Protocol):
    """What messages about an outcome say of its recording."""

    name: str
    target: str
    test: str | None


class Owner:
    """The facts of `Whose` alone."""

    __slots__ = ("name", "target", "test")

    def __init__(self, name: str, target: str, test: str | None) -> None:
        self.name = name
        self.target = target
        self.test = test


class Stored:
    """One outcome, not yet loaded.

    Attributes:
        duration: Of the real call, in seconds.
        entry: The outcome as it stands in the recording's JSON; not to be changed.
        encoded: The outcome in memory, until it is written.
    """

    __slots__ = ("_reader", "_whose", "duration", "encoded", "entry")

    def __init__(
        self, reader: Reader, entry: Entry, whose: Whose | None, encoded: Encoded | None = None
    ) -> None:
        self._reader = reader
        self._whose = whose
        self.entry = entry
        self.encoded = encoded
        self.duration: float = entry["duration"]

    @property
    def kind(self) -> OutcomeKind:
        """`value`, `raised` or `stream`."""
        entry = self.entry
        if "value" in entry or "returned" in entry:
            return "value"
        if "raised" in entry:
            return "raised"
        kind: OutcomeKind = "stream" if "stream" in entry else entry["kind"]
        return kind

    @property
    def changes(self) -> Sequence[str]:
        """The names of the arguments that the call changed."""
        changed: Sequence[str] = self.entry.get("changes") or list(self.entry.get("changed", ()))
        return changed

    @property
    def awaited(self) -> bool:
        """Whether a plain function gave it as a coroutine or an async generator."""
        return self.entry.get("awaited", False) is True

    @property
    def is_foreign(self) -> bool:
        """Whether it holds code of another Python version, which this one cannot load."""
        from pytest_mimic._outcome.loading import is_foreign

        return is_foreign(self.entry.get("python"))

    @property
    def is_plain_value(self) -> bool:
        """Whether `player` gives all of it: a returned value, nothing changed, nothing to await."""
        return self.kind == "value" and not self.changes and not self.awaited

    def load(self) -> Outcome:
        """The outcome, fresh each time.

        Raises:
            CorruptRecordingError: A file is damaged or missing.
            StaleRecordingError: What a pickle imports does not exist any more, or it holds another Python's code.
            MimicError: It is a pickle, and pickles are forbidden.
        """
        if self.encoded is not None:
            return self._reader.load_encoded(self.encoded)
        return self._reader.load(self.entry, self._owner)

    def player(self) -> Callable[[], Any]:
        """A function that gives the value, fresh each time; only where `kind` is `value` and nothing changes.

        Raises:
            CorruptRecordingError, StaleRecordingError, MimicError: As for `load`, now or when called.
        """
        entry = self.entry
        if "value" in entry:
            return fresh_copies(entry["value"])
        if self.encoded is not None:
            return lambda: self.load().value
        return self._reader.player(entry, self._owner)

    def detach(self) -> None:
        """Copy what is still memory of the value itself, so that the value may change before it is written."""
        if self.encoded is not None and self.encoded.pickled is not None:
            self.encoded.pickled.detach()

    def settle(self, entry: Entry, whose: Whose) -> None:
        """From now on the outcome is the one that the vault holds."""
        self.entry = entry
        self.encoded = None
        self._whose = whose

    @property
    def _owner(self) -> Whose:
        return self._whose or Owner("?", "?", None)


def fresh_copies(value: Any) -> Callable[[], Any]:
    """A function that gives a new copy of plain data each time."""
    # marshal only within this process: it copies plain data faster than JSON parses.
    return partial(marshal.loads, marshal.dumps(value))


class Recording:
    """The facts of one call and its outcomes.

    Attributes:
        target: `module:qualified.name`.
        arguments: A short, redacted description, or None.
        source: The fingerprint of the target's source, or None.
        test: The id of the test that recorded it, or None.
        recorded: The date, `2026-11-02`.
        owner: For a sequence, the id of the test, module or package it belongs to; else None.
        outcomes: In the order of the calls; at least one.
        name: Where it stands in the vault; empty until it was read.
    """

    __slots__ = ("arguments", "name", "outcomes", "owner", "recorded", "source", "target", "test")

    def __init__(
        self,
        target: str,
        arguments: dict[str, Any] | None,
        source: str | None,
        test: str | None,
        recorded: str,
        owner: str | None,
        outcomes: list[Stored],
        name: str = "",
    ) -> None:
        self.name = name
        self.target = target
        self.arguments = arguments
        self.source = source
        self.test = test
        self.recorded = recorded
        self.owner = owner
        self.outcomes = outcomes


class CassetteEntry:
    """One call of a cassette.

    Attributes:
        kind: `function`, `httpx`, ...
        target: The function, or the boundary.
        signature: `GET /users/1`.
        key: The call's identity.
        arguments: A short, redacted description, or None.
        stored: Its outcome.
        host: The host that it went to, for patterns, or None.
        source: The fingerprint of the target's source, or None.
    """

    #: All of these but `stored`, in the order of the file.
    FACTS = ("kind", "target", "signature", "key", "host", "source", "arguments")
    __slots__ = (*FACTS, "stored")
    # Of a recording. The test and the date of a cassette are those of its file.
    test: str | None = None
    recorded: str | None = None

    def __init__(
        self,
        kind: str,
        target: str,
        signature: str,
        key: str,
        arguments: dict[str, Any] | None,
        stored: Stored,
        *,
        host: str | None = None,
        source: str | None = None,
    ) -> None:
        self.kind = kind
        self.target = target
        self.signature = signature
        self.key = key
        self.host = host
        self.source = source
        self.arguments = arguments
        self.stored = stored
