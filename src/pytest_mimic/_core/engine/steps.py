"""The steps that make no real call of ours: replay a recording, or pass a call through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.outcome.outcome import raise_again
from pytest_mimic._core.vault.parsing import fresh_copies
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome


class PassThrough:
    """Call the original and record nothing."""

    __slots__ = ()
    mode: Literal["pass"] = "pass"


class Replay:
    """Give the recorded outcome instead of calling the original. With `counts`, its first copy counts as a replay."""

    __slots__ = ("_is_counted", "call", "place", "state", "stored")
    mode: Literal["replay"] = "replay"

    def __init__(self, state: RunState, call: Call, place: Place, *, counts: bool = True) -> None:
        self.call = call
        self.stored = place.outcomes[0]
        self.state = state
        self.place = place
        self._is_counted = not counts

    def load(self) -> Outcome:
        """Return a fresh copy of the outcome. The first copy counts as one replay."""
        with self.state.pending:
            outcome = self.stored.load(self.call.paths)
        if not self._is_counted:
            self._count()
        return outcome

    def load_others(self) -> Iterator[Outcome]:
        """Yield the other streams recorded for the same call."""
        with self.state.pending:
            yield from (stored.load(self.call.paths) for stored in self.place.outcomes[1:])

    def unpack(self, outcome: Outcome) -> Any:
        """Return the value of the outcome, or raise its exception."""
        exception, outcome.exception = outcome.exception, None
        if exception is not None:
            try:
                raise_again(exception)
            finally:
                del exception  # its traceback refers to this frame: a cycle would keep the arguments
        return outcome.value

    def outcome(self, *, is_read_only: bool = False) -> Any:
        """Return a fresh copy of the plain value that a client stored, or the value itself if it is read only."""
        stored = self.stored
        if not stored.is_plain:  # few are: a store of paths is made for them
            try:
                plain = stored.load(self.call.paths).value
            except MimicError as error:
                self.state.pending.note(error)
                raise
        else:
            plain = stored.entry["value"] if is_read_only else fresh_copies(stored.entry["value"])()
        if not self._is_counted:
            self._count()
        # A client tries a failed request again after a while; a replay has nothing to wait for.
        plan: Any = self.call.plan
        if plan.adapter.failure(plain):
            self.state.watch()
        return plain

    def _count(self) -> None:
        self._is_counted = True
        entry, target = self.stored.entry, self.call.plan.target
        replay = (entry["duration"], self.place.name, entry.get("inputs"), target)
        self.state.ledger.replays.append(replay)
        if self.state.log is not None:
            self.state.log("replayed", self.call, stored=self.stored)

    def exhausted(self) -> MimicError:
        """Return the error for a response that is read further than its recording goes, in any mode.

        The real response cannot continue it: the stored bytes are redacted, in another compression and framing,
        so the place to continue from is unknown.
        """
        from pytest_mimic._core.describe.messages import read_further

        error = read_further(self.call.label, test=self.state.test, option="--mimic-rerecord")
        return self.state.blame(error, self.call, by_option=False)


PASS = PassThrough()
