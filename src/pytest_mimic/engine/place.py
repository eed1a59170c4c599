"""The place of a call: in the log of an owner, or among what all tests share."""

from __future__ import annotations

import threading
from typing import Any

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.decide import Decision, Reason, Recorded
from pytest_mimic.vault.recording import Entry, copied

Key = tuple[str, str]
"""What makes calls equal: the identity, and the options of the line that count."""


def key_of(call: Call | Entry) -> Key:
    """Give what a call has in common with equal ones."""
    return call.identity, call.line


class Place:
    """What becomes of a call, where its recording is, and what it gave.

    A place lasts as long as its owner. So it keeps nothing of the call itself, which
    may hold large arguments.

    Attributes:
        decision: What becomes of the call, or why it is refused.
        recorded: What is recorded at its place.
        entry: The recording, if there is one.
        name: The file.
        key: What equal calls have.
        conversation: The calls that it follows from, by name; empty: none.
        is_in_log: Whether it is in a log; else all tests share it.
        index: The recorded call of the log that it is; None: none.
        begin: When it began, among the beginnings and ends of the log.
        ended: When it ended. None: not yet.
        blank: Of a call that runs for real: its entry as long as nothing is kept.
        outcome: What it gave, if it ran for real and is recorded.
        thread: The thread in which it began.
    """

    def __init__(
        self,
        decision: Decision | Reason,
        recorded: Recorded,
        entry: Entry | None,
        name: str,
        key: Key,
        conversation: str = "",
        is_in_log: bool = False,
        index: int | None = None,
        begin: int = 0,
    ) -> None:
        self.decision = decision
        self.recorded = recorded
        self.entry = entry
        self.name = name
        self.key = key
        self.conversation = conversation
        self.is_in_log = is_in_log
        self.index = index
        self.begin = begin
        self.ended: int | None = None
        self.blank: Entry | None = None
        self.outcome: Entry | None = None
        self.thread = threading.get_ident()

    @property
    def is_real(self) -> bool:
        """Whether the call runs for real and is recorded."""
        return self.decision == "run"

    @property
    def is_added(self) -> bool:
        """Whether it is a new call of a function, behind the recorded ones."""
        return self.is_real and self.index is None and not self.conversation

    @property
    def group(self) -> str:
        """What is made again as a whole: a conversation, or equal calls."""
        return self.conversation or self.key[0]

    def left(self, outcome: Entry | None) -> Entry:
        """Give what is in the log when its owner has ended.

        Args:
            outcome: What it gave, if that is kept.
        """
        entry = outcome or (self.blank if self.is_real else self.entry)
        assert entry is not None
        return copied(entry, begin=self.begin, ended=self.ended)


def entry_of(call: Call, **facts: Any) -> Entry:
    """Give the entry of a call, with what else is known of it."""
    return Entry(
        target=call.target,
        identity=call.identity,
        signature="" if call.kind == "function" else call.signature,
        line=call.line,
        python=call.options.in_python,
        **facts,
    )


def is_stale(call: Call, entry: Entry | None) -> bool:
    """Whether a recording was made with other source or inputs."""
    if entry is None or call.changed is None:
        return False
    return bool(call.changed(entry))
