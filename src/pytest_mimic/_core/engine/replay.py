"""The steps that make no real call: replay a recording, or pass a call through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.outcome.outcome import raise_again
from pytest_mimic._core.vault.parsing import fresh_copies

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic.errors import MimicError


class PassThrough:
    """Call the original and record nothing."""

    __slots__ = ()
    mode: Literal["pass"] = "pass"


PASS = PassThrough()


class Replay:
    """Give the recorded outcome instead of calling the original. With `counts`, its first copy counts as a replay."""

    __slots__ = ("_counts", "_place", "call", "state", "stored")
    mode: Literal["replay"] = "replay"

    def __init__(self, state: RunState, call: Call, place: Place, *, counts: bool = True) -> None:
        assert place.found is not None
        self.call = call
        self.stored = place.found
        self.state = state
        self._place = place
        self._counts = counts

    def load(self) -> Outcome:
        """Return a fresh copy of the outcome."""
        with self.state.pending:
            outcome = self.stored.load(self.call.paths)
        self._count()
        return outcome

    def outcome(self, *, is_read_only: bool = False) -> Any:
        """Return a fresh copy of the plain value that a client stored, or the value itself if it is read only."""
        if not self.stored.is_plain:  # few are: a store of paths is made for them
            plain = self.load().value
        else:
            value = self.stored.entry["value"]
            plain = value if is_read_only else fresh_copies(value)()
            self._count()
        # A client tries a failed request again after a while; a replay has nothing to wait for.
        plan: Any = self.call.plan
        if plan.adapter.failure(plain):
            self.state.watch()
        return plain

    def _count(self) -> None:
        if not self._counts:
            return
        self._counts = False
        entry, state = self.stored.entry, self.state
        target = self.call.plan.target
        state.ledger.replays.append((entry["duration"], self._place.name, entry.get("inputs"), target))
        if state.log is not None:
            state.log("replayed", self.call, stored=self.stored)

    def exhausted(self) -> MimicError:
        """Return the error for a stream that is read further than its recording goes, in any mode."""
        from pytest_mimic._core.tree.messages import read_further

        error = read_further(self.call.label, test=self.state.test)
        return self.state.blame(error, self.call, by_option=False)


def given(outcome: Outcome) -> Any:
    """Return the value of a recorded outcome, or raise its exception."""
    exception, outcome.exception = outcome.exception, None
    if exception is not None:
        try:
            raise_again(exception)
        finally:
            del exception  # its traceback refers to this frame: a cycle would keep the arguments
    return outcome.value
