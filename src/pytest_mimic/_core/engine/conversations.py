"""Conversations: the calls of one test, fixture's scope or cassette at one client, which are recorded as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.vault.file_names import CASSETTES

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.owners import Owner

# After so many errors that the code under test may have caught, it gets one that it cannot catch.
_MAX_CAUGHT = 20
_MAX_CAUGHT_IN_BACKGROUND = 1_000


class Restart(NamedTuple):
    """The reason to run a test again: a conversation in it has a new call."""

    name: str  # the name of the owner, or the cassette's file
    target: str  # the client
    label: str  # the new call
    is_wider: bool  # whether the conversation belongs to the scope of a wider fixture
    by_pattern: bool = False  # whether the call is not new, but one that `--mimic-only` selects


class AbortedCallError(RuntimeError):
    """Ends an attempt of a test where a `BaseException` would break a client, or end a thread that others wait for."""


class Conversations:
    """The conversations of a run: the calls of one owner at one client, which are recorded as a whole.

    A service remembers what came before. So recorded answers are never mixed with answers of real calls that do not
    follow from them: from its first call on, a conversation is replayed or runs for real. Each is known by its place, the
    owner's name or the cassette's file, and the client. The run's `guard` is held while a call is admitted or selected.

    Attributes:
        refuse: Returns the error for a new call of a conversation, if no test can be run again for it.
        end_test: Returns the exception that ends the running test with this message, so that the test is run again. It
            is None if no test can be run again now.
    """

    def __init__(self, refuse: Callable[[Call], BaseException]) -> None:
        self.refuse = refuse
        self.end_test: Callable[[str], BaseException] | None = None
        self.restarts: list[Restart] = []  # why the running attempt of a test was ended
        self.again: set[tuple[str, str]] = set()  # those that run for real from now on
        self.selected: set[tuple[str, str]] = set()  # those that have a call which `--mimic-only` selects
        self._caught = 0

    def admit(self, owner: Owner, call: Call, *, is_new: bool) -> bool:
        """Return whether a call runs for real. A new one has no recording, or is to replace it.

        Raises:
            BaseException: The test is run again, because calls before this one were replayed.
            MissingRecordingError: It cannot be run again.
        """
        target = call.plan.target
        place = owner.name, target
        if self.restarts:
            self._check_open(place, call)
        if place not in self.again:
            if not is_new:
                owner.replayed.add(target)
                return False
            if target in owner.replayed:
                raise self.restart(owner, call)
            self.again.add(place)
        owner.recorded_again.add(target)
        return True

    def select(self, owner: Owner, call: Call, *, matches: bool, keeps_recorded: bool) -> bool:
        """Return whether `--mimic-only` selects a conversation, since this call or one before matches.

        The errors are those of `admit`, which decides about the rest if the mode keeps what is recorded.
        """
        target = call.plan.target
        place = owner.name, target
        if self.restarts:
            self._check_open(place, call)
        if place in self.selected:
            return True
        if not matches:
            owner.replayed.add(target)
            return False
        if target in owner.replayed and not keeps_recorded:
            raise self.restart(owner, call, by_pattern=True)
        self.selected.add(place)
        return True

    def restart(self, owner: Owner, call: Call, *, by_pattern: bool = False) -> BaseException:
        """Return the exception that ends the running test. It is run again, with this conversation for real.

        Raises:
            MissingRecordingError: It cannot be run again.
        """
        if self.end_test is None or owner.is_ending:
            raise self.refuse(call)
        owner.is_aborted = True
        is_wider = not (owner.is_test or owner.name.startswith(CASSETTES))
        self.restarts.append(Restart(owner.name, call.plan.target, call.label, is_wider, by_pattern))
        return self.error(call)

    def _check_open(self, place: tuple[str, str], call: Call) -> None:
        """End the attempt once more, if this conversation has ended it and its code goes on."""
        if any((one.name, one.target) == place for one in self.restarts):
            raise self.error(call)

    def is_selected(self, name: str) -> bool:
        """Check whether `--mimic-only` selects a call of a cassette, by the cassette's file."""
        return any(name == one for one, _ in self.selected)

    def error(self, call: Call) -> BaseException:
        """Return the exception that ends the running attempt of a test at this call."""
        text = f"the test is run again: a conversation at {call.plan.target} has changed"
        adapter: Any = getattr(call.plan, "adapter", None)
        is_awaited = _is_in_background()
        if is_awaited or getattr(adapter, "closes_on_exits", False) or self.end_test is None:
            self._caught += 1
            limit = _MAX_CAUGHT_IN_BACKGROUND if is_awaited else _MAX_CAUGHT
            if self._caught <= limit or self.end_test is None:
                return AbortedCallError(text)
        return self.end_test(text)

    def begin_again(self) -> None:
        """Begin the next attempt of a test, in which the conversations that have ended this one run for real."""
        for one in self.restarts:
            (self.selected if one.by_pattern else self.again).add((one.name, one.target))
        self.restarts = []
        self._caught = 0

    def end(self, name: str) -> None:
        """End the conversations of an owner: the next pass replays what this one recorded.

        If the test is run again, they go on: what was done for real is undone, and the next attempt does it again.
        """
        if not self.restarts:
            self.again = {one for one in self.again if one[0] != name}

    def end_cassettes(self) -> None:
        """End the conversations of all cassettes, as their test has ended."""
        self.again = {one for one in self.again if not one[0].startswith(CASSETTES)}


def _is_in_background() -> bool:
    """Check whether a thread or an asyncio task makes the call, and not the test itself.

    Others may wait for its answer without end. Such workers catch `Exception` and pass it on.
    """
    if current_thread() is not main_thread():
        return True
    asyncio: Any = sys.modules.get("asyncio")
    try:
        task = asyncio and asyncio.current_task()
    except RuntimeError:  # no event loop runs
        return False
    frame: FrameType | None = sys._getframe(1) if task is not None else None
    while frame is not None:
        if frame.f_code.co_name == "run_until_complete":
            return frame.f_locals.get("future") is not task
        frame = frame.f_back
    return task is not None
