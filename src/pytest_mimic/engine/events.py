"""Keeps what happened in a run as rows, whichever process it happened in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeAlias

from pytest_mimic.errors import MimicError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

EventKind: TypeAlias = Literal[
    # Of these five: name, identity, at, fixture
    "replayed",  # seconds, times
    "recorded",  # seconds
    "verified",  # seconds
    "as before",  # verified, though its source has changed: cause
    # Option, cause, paths that `volatile=` is to name, a line; error, ...
    "drifted",
    "other state",  # a drift in a database that is not as it was when recorded: cause
    "opened",  # a cassette: name
    "missing",  # option, cause; error, facts, remedies
    "stale",  # the same
    "not recorded",  # what: why a replay will miss it
    "not kept",  # what a failing test leaves out: what
    "put back",  # a recording that a failing test has replaced: name
    "kept failure",  # what: status 503, timeout; option
    "lost value",  # an error that has replaced a recorded value: name
    "imported",  # met an imported call by method and URL: cause, option
    "repeated",  # made more often than recorded: option
    "out of order",  # calls that no longer end in the recorded order
    "set up anew",  # a wider fixture, the owner in `call`: worker
    "former answers",  # a test holds earlier answers of the fixture in `call`
    "began again",  # a wider fixture with another state than at its beginning: what
    "two answers",  # the same, where the fixture was set up anew in two ways
    "met nothing",  # `call` is a path of `ignore=` that no real call of its line has
    "new test id",  # what stands in a test's id, in `call`, and is new in each process
    "wrote",  # a file that a recorded function wrote: cause, with the target
    "drew",  # random numbers that it drew: cause, with the target
    "unmoved",  # texts of an outcome with a path of this checkout: cause, identity
    "left out",  # parts of an exception that cannot be kept: cause, identity
    "bound",  # an outcome that another version may not load: cause
    "hidden",  # a name in an answer, whose values are placeholders in a replay: cause
    "redacted",  # an outcome that held values of the environment
    "told apart by order",  # equal calls with other keys: what, paths, a line
    "differs",  # a header that does not count: cause, paths, a line
    "asked again",  # a request that one owner has made twice, and all share: a line
    "became one",  # requests that differ in ignored parts alone: cause, identity
    "kept in clear",  # secrets in what a function gave: cause, the target and names
    "sent in part",  # a part or a digest of an issued token: what
    "looks secret",  # what; mark: the name that `!` in mimic_redact accepts
    "not searched",  # bytes, in which nobody can look for secrets
    "accepted",  # a stale call of a target: cause, name, identity, at; what is new
    "not accepted",  # the same, where a test that uses it did not pass: what
    "inputs changed",  # of a replayed call of the target in `call`: cause, identity
    "damaged",  # a file of the vault that a test needed, in `call`: cause, what helps
    "connected",  # a test to another machine, without a line: in `call`
    "spawned",  # a process that was started anew, by the method in `call`
    "stray",  # an error that belongs to no test, in `call`
    "wrong target",  # a target that names nothing, in `call`
    "not writable",  # why the vault cannot be written, in `call`
]
"""What happened, and which facts the row has.

| fact | meaning |
|---|---|
| `what` | words behind the call |
| `cause` | a text that is equal for events of one cause: they are one row |
| `option` | the option of pytest that helps; empty: none does |
| `line`, `options` | the name of the call's target, and its options: a line |
| `paths` | what an option of that line would name |
"""

CALLS: tuple[EventKind, ...] = (
    "recorded",
    "replayed",
    "verified",
    "missing",
    "stale",
    "drifted",
)
"""What may become of a call."""


def facts_of_time(at: Sequence[int]) -> dict[str, Json]:
    """Give when a call began and when it ended, as far as a recording tells it."""
    return dict(zip(("at", "ended"), at, strict=False))


class Event:
    """Something that happened to a call, in a test."""

    def __init__(
        self, kind: EventKind, call: str, test: str, facts: dict[str, Json]
    ) -> None:
        self.kind = kind
        self.call = call
        self.test = test
        self.facts = facts

    def text(self, name: str) -> str:
        """Give a fact that is a text; empty: there is none."""
        value = self.facts.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float:
        """Give a fact that is a number; 0: there is none."""
        value = self.facts.get(name)
        return value if isinstance(value, (int, float)) else 0

    @property
    def times(self) -> int:
        """How many calls the row counts."""
        return int(self.number("times")) or 1


class Events:
    """The events of a run, and the errors that wait for the verdict of their phase.

    Attributes:
        rows: What happened, those of workers and forked children included.
        noted: Errors of calls that the code under test may have swallowed, until the
            phase in which they were raised is judged.
        errors: How many were noted in this process.
        to_parent: In a forked child: takes each row, and each error that the parent
            judges, in place of the two lists; the parent reads what it writes.
        is_judged_here: Whether this process judges its errors. A forked child does if
            it runs whole tests.
    """

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.noted: list[MimicError] = []
        self.errors = 0
        self.to_parent: Callable[[object], None] | None = None
        self.is_judged_here = True

    def add(
        self, kind: EventKind, call: str = "", *, test: str = "", **facts: Json
    ) -> Event:
        """Add a row, and give it: its facts may still be counted up."""
        event = Event(kind, call, test, facts)
        if self.to_parent is None:
            self.rows.append(event)
        else:
            self.to_parent(event)
        return event

    def take_back(self, event: Event) -> None:
        """Count a row no more, if it was added in this process."""
        with suppress(ValueError):
            self.rows.remove(event)

    def of_kinds(self, *kinds: EventKind) -> list[Event]:
        """Give the rows of some kinds, in the order in which they happened."""
        return [event for event in self.rows if event.kind in kinds]

    def to_plain(self) -> list[Json]:
        """Give the rows as JSON has them."""
        return [[row.kind, row.call, row.test, row.facts] for row in self.rows]

    def add_plain(self, plain: Any) -> None:
        """Count what `to_plain` gave in another process as a part of this run."""
        self.rows += [Event(*row) for row in plain]

    def note_error(self, error: MimicError) -> None:
        """Keep an error for the verdict of the phase, should somebody swallow it."""
        self.errors += 1
        if self.to_parent is None or self.is_judged_here:
            self.noted.append(error)
        else:
            self.to_parent(error)
