"""Conversations: the calls of one test, fixture's scope or cassette at one client, which are recorded as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic._core.engine.owners import RestartError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call

# After so many errors that the code under test may have caught, it gets one that it cannot catch.
_MAX_CAUGHT = 20
_MAX_CAUGHT_IN_BACKGROUND = 1_000


class Participant(Protocol):
    """An owner of sequences or a cassette, during one attempt of a test.

    Attributes:
        replayed: The clients at which calls were replayed.
        recorded_again: The clients whose conversation is recorded again.
        is_aborted: Whether one of its conversations has ended the attempt.
        is_ending: Whether a fixture is being torn down, which cannot be repeated.
    """

    replayed: set[str]
    recorded_again: set[str]
    is_aborted: bool
    is_ending: bool


class Restart(NamedTuple):
    """The reason to run a test again: a conversation in it has a new call.

    Attributes:
        name: The name of the owner, or the cassette's file.
        target: The client.
        label: The new call.
        is_wider: Whether the conversation belongs to the scope of a wider fixture.
        by_pattern: Whether the call is not new, but one that `--mimic-only` selects.
    """

    name: str
    target: str
    label: str
    is_wider: bool
    by_pattern: bool = False


class AbortedCallError(RuntimeError):
    """Ends an attempt of a test where a `BaseException` would break a client, or end a thread that others wait for."""


class Conversations:
    """The conversations that a run records again as a whole.

    A service remembers what came before. So recorded answers are never mixed with answers of real calls that do not
    follow from them: from its first call on, a conversation is replayed or runs for real.

    Attributes:
        end_test: Returns the exception that ends the running test with this message, so that the test is run again. It
            is None if no test can be run again now.
        restarts: Why the running attempt of a test was ended.
    """

    def __init__(self) -> None:
        self.end_test: Callable[[str], BaseException] | None = None
        self.restarts: list[Restart] = []
        self._again: dict[str, set[str]] = {}
        # Those that have a call which `--mimic-only` selects: names, and clients. A cassette is one conversation.
        self._taken: set[tuple[str, str]] = set()
        self._caught = 0

    def runs(self, participant: Participant, name: str, call: Call, *, is_new: bool, is_wider: bool) -> bool:
        """Return whether a call of a conversation runs for real. The run's `guard` is held.

        `name` is that of the owner, or the cassette's file. A new call has no recording, or is to replace it.

        Raises:
            BaseException: The test is run again, because calls before this one were replayed.
            RestartError: It cannot be run again.
        """
        target = call.plan.target
        if self._is_ended(name, target):
            raise self._error(call)
        if target in self._again.get(name, ()):
            participant.recorded_again.add(target)
            return True
        if not is_new:
            participant.replayed.add(target)
            return False
        if target in participant.replayed:
            raise self.restart(participant, name, call, is_wider=is_wider)
        self._again.setdefault(name, set()).add(target)
        participant.recorded_again.add(target)
        return True

    def takes(
        self,
        participant: Participant,
        name: str,
        call: Call,
        *,
        matches: bool,
        is_wider: bool,
        keeps_recorded: bool,
    ) -> bool:
        """Return whether a conversation is one that `--mimic-only` selects, since one of its calls matches.

        The arguments and errors are those of `runs`. If the mode keeps what is recorded, `runs` decides about the rest.
        """
        target = call.plan.target
        if self._is_ended(name, target):
            raise self._error(call)
        if (name, target) in self._taken:
            return True
        if not matches:
            participant.replayed.add(target)
            return False
        if target in participant.replayed and not keeps_recorded:
            raise self.restart(participant, name, call, is_wider=is_wider, by_pattern=True)
        self._taken.add((name, target))
        return True

    def runs_again(self, name: str) -> bool:
        """Check whether the running attempt of a test is to record a cassette, by the cassette's file."""
        return name in self._again or self.is_taken(name)

    def is_taken(self, name: str) -> bool:
        """Check whether `--mimic-only` selects a call of a cassette, by the cassette's file."""
        return any(name == taken for taken, _ in self._taken)

    def restart(
        self,
        participant: Participant,
        name: str,
        call: Call,
        *,
        is_wider: bool = False,
        by_pattern: bool = False,
    ) -> BaseException:
        """Return the exception that ends the running test. It is run again, with this conversation for real.

        Raises:
            RestartError: It cannot be run again.
        """
        if self.end_test is None or participant.is_ending:
            raise RestartError
        participant.is_aborted = True
        self.restarts.append(Restart(name, call.plan.target, call.label, is_wider, by_pattern))
        return self._error(call)

    def _is_ended(self, name: str, target: str) -> bool:
        return any(one.name == name and one.target == target for one in self.restarts)

    def _error(self, call: Call) -> BaseException:
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
            if one.by_pattern:
                self._taken.add((one.name, one.target))
            else:
                self._again.setdefault(one.name, set()).add(one.target)
        self.restarts = []
        self._caught = 0

    def end(self, name: str) -> None:
        """End the conversations of an owner: the next pass replays what this one recorded.

        If the test is run again, they go on: what was done for real is undone, and the next attempt does it again.
        """
        if not self.restarts:
            self._again.pop(name, None)

    def end_cassettes(self) -> None:
        """End the conversations of all cassettes, as their test has ended."""
        for name in [name for name in self._again if name.startswith("cassettes/")]:
            del self._again[name]


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
