"""The place of a call: in the log of an owner, or among what all tests share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_mimic.engine.calls import Call, SameBodies
from pytest_mimic.engine.decide import Decision, Reason, Recorded
from pytest_mimic.patch.targets import Options
from pytest_mimic.vault.recording import Entry

Key = tuple[str, str]
"""What makes calls equal: the identity, and the options of the line that count."""


def key_of(call: Call | Entry) -> Key:
    """Give what a call has in common with equal ones."""
    return call.identity, call.line


@dataclass(eq=False)
class Slot:
    """The place of a call that has begun in a log.

    Attributes:
        blank: What the recording says of the call beside its outcome; its request or
            arguments are left out, as they may hold much alive.
        conversation: The calls that it follows from, by name; empty: none.
        options: Those of its line.
        index: The place among the recorded calls that it has; None: none.
        is_real: Whether it runs for real and is recorded.
        is_new: Whether nothing was recorded at its place.
        begin: When it began, among the beginnings and ends of the log.
        ended: When it ended. None: not yet.
        entry: What it gave.
        why: Why its owner, which has ended, leaves that out; empty: it is kept.
        is_equal: Compares two of its outcomes, as a client does.
        thread: The thread in which it began.
    """

    blank: Entry
    conversation: str
    options: Options
    index: int | None
    is_real: bool
    is_new: bool
    begin: int
    ended: int | None = None
    entry: Entry | None = None
    why: str = ""
    is_equal: SameBodies | None = None
    thread: int = field(default_factory=threading.get_ident)


class Place(NamedTuple):
    """What becomes of a call, and where its recording is.

    Attributes:
        decision: What becomes of it, or why it is refused.
        recorded: What stands at its place.
        entry: The recording, if there is one.
        name: The file.
        slot: Its place in a log; None: all tests share it.
    """

    decision: Decision | Reason
    recorded: Recorded
    entry: Entry | None
    name: str
    slot: Slot | None = None


def blank_of(call: Call) -> Entry:
    """Give the entry of a call of which nothing is kept."""
    return Entry(
        target=call.target,
        identity=call.identity,
        signature="" if call.kind == "function" else call.signature,
        line=call.line,
        python=call.options.in_python,
        end="empty",
    )


def is_stale(call: Call, entry: Entry | None) -> bool:
    """Whether a recording was made with other source or inputs."""
    if entry is None or call.is_stale is None:
        return False
    return bool(call.is_stale(entry))
