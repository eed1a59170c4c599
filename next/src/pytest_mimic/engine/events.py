"""Keeps what happened in a run as rows that every reader understands, in any process."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Plain: TypeAlias = "None | bool | int | float | str | list[Plain] | dict[str, Plain]"

EventKind: TypeAlias = Literal[
    "replayed",  # name, identity, seconds, times
    "recorded",  # name, identity, seconds
    "verified",  # name, identity
    "unmade",  # a log whose owner passed and did not ask for these: name, identities
    "missing",  # command, text, cause (path and kind of what differs; else "")
    "stale",  # what, command
    "drifted",  # command, text, cause
    "handled",  # a miss that the test's own file handled: text
    "not recorded",  # why
    "repeated",  # made more often than recorded: times
    "kept failure",  # what
    "out of order",  # ends that no longer are in the recorded order
    "overlapped",  # shared calls of one function that ended in another order
    "fixture",  # a wider fixture whose set-up was recorded anew: before, now
    "made anew",  # path, what
    "redacted",  # name
    "looks secret",  # path, what
    "spawned",  # a process that was started anew
]


class Event(NamedTuple):
    """Something that happened to a call, in a test."""

    kind: EventKind
    call: str
    test: str
    facts: dict[str, Plain]


class Events:
    """The events of a run, those of its workers and forked children included."""

    rows: list[Event]

    def add(
        self, kind: EventKind, call: str = "", *, test: str = "", **facts: Plain
    ) -> Event:
        """Add a row, and give it: its facts may still be counted up."""
        raise NotImplementedError

    def of(self, *kinds: EventKind) -> list[Event]:
        """Give the rows of these kinds, in the order in which they happened."""
        raise NotImplementedError
