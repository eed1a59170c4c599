"""Conversations: the calls of one test, fixture's scope or cassette at one boundary, which are recorded as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic._engine.owners import RestartError

if TYPE_CHECKING:
    from pytest_mimic._engine.call import Call

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# After so many errors that the code under test may have caught, it gets one that it cannot catch.
_MAX_CAUGHT = 20


class Participant(Protocol):
    """An owner of sequences or a cassette, during one attempt of a test.

    Attributes:
        replayed: The boundaries at which calls were replayed.
        recorded_again: The boundaries whose conversation is recorded again.
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
        target: The boundary.
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
    """Ends an attempt of a test at a boundary whose client would break with a `BaseException`."""


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
        # Those that have a call which `--mimic-only` selects: names, and boundaries. A cassette is one conversation.
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
        self, participant: Participant, name: str, call: Call, *, matches: bool, is_wider: bool
    ) -> bool:
        """Return whether a conversation is one that `--mimic-only` selects, since one of its calls matches.

        The arguments and errors are those of `runs`.
        """
        target = call.plan.target
        if self._is_ended(name, target):
            raise self._error(call)
        if (name, target) in self._taken:
            return True
        if not matches:
            participant.replayed.add(target)
            return False
        if target in participant.replayed:
            raise self.restart(participant, name, call, is_wider=is_wider, by_pattern=True)
        self._taken.add((name, target))
        return True

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
        boundary: Any = getattr(call.plan, "boundary", None)
        if getattr(boundary, "closes_on_exits", False) or self.end_test is None:
            self._caught += 1
            if self._caught <= _MAX_CAUGHT or self.end_test is None:
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
        """End the conversations of an owner: the next pass replays what this one recorded."""
        if not any(one.name == name for one in self.restarts):
            self._again.pop(name, None)

    def end_cassettes(self) -> None:
        """End the conversations of all cassettes, as their test has passed."""
        for name in [name for name in self._again if name.startswith("cassettes/")]:
            del self._again[name]
