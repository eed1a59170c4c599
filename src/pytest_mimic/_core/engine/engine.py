"""The engine of one run. Its decisions are loaded when the first call needs one."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.decisions import Decisions
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.sequences import Sequences
    from pytest_mimic._core.engine.single_flight import CallInFlight
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.vault.locks import Locks


class Engine:
    """Decides about the calls of one run. New recordings bear the date `today`: `2026-11-02`.

    A plain recorded value is replayed without a decision: see `FunctionPlan.open_player`.

    Attributes:
        state: The run's state.
        decided: The decisions of the run. None if no call has needed one.
    """

    def __init__(self, state: RunState, *, locks: Callable[[], Locks], today: str) -> None:
        self.state = state
        self.decided: Decisions | None = None
        self._locks = locks
        self._today = today
        self._guard = Lock()

    @property
    def decisions(self) -> Decisions:
        """The decisions of the run, made on first use."""
        return self.decided or self._make_decisions()

    def _make_decisions(self) -> Decisions:
        from pytest_mimic._core.engine.decisions import Decisions

        with self._guard:  # several threads may make their first call
            self.decided = self.decided or Decisions(self.state, locks=self._locks(), today=self._today)
            return self.decided

    def decide(self, call: Call) -> Step | CallInFlight:
        """Return the step for a call. See `Decisions.decide`."""
        return self.decisions.decide(call)

    @property
    def recordings(self) -> Recordings:
        """The recordings of the run's calls."""
        return self.decisions.recordings

    @property
    def sequences(self) -> Sequences:
        """The sequences that the run replays and records."""
        return self.decisions.sequences

    def close(self) -> None:
        """Release all locks of calls in flight."""
        if self.decided is not None:
            self.decided.in_flight.close()
