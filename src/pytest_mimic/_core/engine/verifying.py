"""Verifies calls: makes them for real, and compares the real outcome with its recording."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from pytest_mimic._core.compare.outcome_comparison import Rules, compare
from pytest_mimic._core.describe.messages import differs_below, drift, unverifiable
from pytest_mimic._core.engine.real_calls import RealCall
from pytest_mimic._core.engine.steps import Replay
from pytest_mimic._core.engine.streams import matching_stream
from pytest_mimic._core.outcome.encoding import Snapshot, snapshot
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place, Plan
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.vault import Stored
    from pytest_mimic.errors import DriftError


class Verification(RealCall):
    """Call the original, compare its outcome with the recording, and give the recorded one.

    So the calls that follow are the recorded ones. Drift does not raise here: it fails the test afterwards.
    """

    __slots__ = ("_recordings", "_replay", "exhausted", "outcome")
    mode: Literal["run", "verify"] = "verify"

    def __init__(self, recordings: Recordings, state: RunState, call: Call, place: Place) -> None:
        super().__init__(state, call, place._replace(keep=type(self)._compare))
        self._recordings = recordings
        self.recorded = self._replay = recorded = Replay(state, call, place, counts=place.repeats)
        self.outcome, self.exhausted = recorded.outcome, recorded.exhausted

    def _compare(self, outcome: Outcome, duration: float) -> None:
        """Compare the real outcome with its recording, and note a difference."""
        state, call, place = self._state, self.call, self._place
        outcome = self._as_recorded(outcome)
        expected = matching_stream(place.outcomes, outcome, call.paths)
        with self._recordings.guard:
            state.ledger.verified += 1
        paths: dict[str | None, None] = {}
        drift = drift_of(self, expected, outcome, state, paths)
        if state.settings.review:
            number = next(index for index, one in enumerate(place.outcomes, place.number) if one is expected)
            self._keep_for_review(expected, number, (outcome, duration) if drift is not None else None)
        if drift is not None:
            state.blame(drift, call)
        if state.log is not None:
            kind = "verified" if drift is None else "drifted"
            told = {"stored": expected, "actual": outcome, "seconds": duration}
            state.log(kind, call, **told, error=drift, paths=paths.keys())

    def _keep_for_review(self, recorded: Stored, place: int, drifted: tuple[Outcome, float] | None) -> None:
        """Let a drift wait for a review, or an equal outcome that is to be stamped. What cannot be stored does not wait.

        `place` is that of the recorded one in its recording or cassette.
        """
        new = None
        if drifted is not None:
            with suppress(MimicError):
                new = self._encoded(*drifted)
        elif self._has_changed(recorded):
            new = self._stamped(recorded)
        with self._recordings.guard:
            made = self._recordings.new_recording(self.call, [])
            self._recordings.renewals.verified(recorded.name, place, made, new)

    def _as_recorded(self, outcome: Outcome) -> Outcome:
        """Return a real outcome with the names of environment variables in place of secret values, as it is recorded."""
        from pytest_mimic._core.engine.outcomes_kept import hide

        state, call = self._state, self.call
        if not state.redactor.environment.forms:
            return outcome
        with suppress(MimicError):  # what cannot be stored is compared as it is
            stored = state.vault.stored(outcome, 0.0, target=call.plan.target, paths=call.paths)
            if stored.encoded is not None and any(hide(stored.encoded, state.redactor.environment).values()):
                return stored.load(call.paths)
        return outcome

    def _has_changed(self, stored: Stored) -> bool:
        """Return whether the source, or what the call reaches and reads, has changed since an outcome was recorded."""
        state, inputs = self._state, stored.entry.get("inputs")
        if state.is_stale(self.call.plan, self._place.source):
            return True
        return bool(inputs and state.settings.inputs != "ignore" and state.changed_inputs(inputs))

    def _encoded(self, outcome: Outcome, duration: float) -> Stored:
        """Return the outcome as recording would store it. MimicError: it would refuse it."""
        plan = self.call.plan
        if plan.kind != "function" and outcome.kind == "raised":
            raise MimicError("the real call failed, which recording would not keep")
        items = outcome.items
        # As recording takes them, with the places of their paths.
        taken: list[object] = [
            one if isinstance(one, Snapshot) else snapshot(one, target=plan.target, paths=self.call.paths)
            for one in items
        ]
        outcome.items = taken
        try:
            return self._recordings.encode(self, outcome, duration, logs=False)
        finally:
            outcome.items = items

    def _stamped(self, stored: Stored) -> Stored:
        """Return a recorded outcome with what its call now reaches and reads."""
        from pytest_mimic._core.vault.recording_facts import KeptInputs

        lifted = stored.lifted()
        if self.trace is not None:
            before = None if lifted.inputs is None else lifted.inputs.over(None, is_same=True).encode()
            lifted.inputs = KeptInputs(self.trace.noter.noted(self.trace).over(before, is_same=True))
        return lifted

    def answers(self, error: BaseException) -> bool:
        """Return whether the caller gets the recorded outcome: not after an interrupt or an error of ours."""
        return is_outcome(error)

    def abandon(self, error: BaseException | None = None) -> None:
        """End the call. A failure of the original is drift; see `RealCall.abandon`."""
        if error is None or not is_outcome(error):
            super().abandon()
            return
        self.complete(Outcome("raised", exception=error))

    def refuse(self) -> Replay:
        """End the call because its request contains the placeholder of a secret. It cannot be verified."""
        from pytest_mimic._core.describe.messages import unsendable

        self.abandon()
        self._state.ledger.verified += 1
        error = self._state.blame(unsendable(self.call.label, test=self._state.test), self.call)
        if self._state.log is not None:
            self._state.log("drifted", self.call, stored=self._replay.stored, error=error)
        return self._replay


class Repetition(Verification):
    """Call the original for what it does at its service, and give the recorded outcome.

    So the tables that a wider fixture made are there for the tests that are recorded now. These cannot rest on recorded
    answers that differ from the real ones: such a difference fails the test. It is not looked for in a tear-down, or once
    tests were replayed since the fixture began: the service then lacks what these and other tests did.
    """

    def _compare(self, outcome: Outcome, _duration: float) -> None:
        state, call, owner = self._state, self.call, self._state.owner
        if owner.ends or owner.begun_after.get(call.plan.target) != state.replayed_tests:
            return
        drift = drift_of(self, self._place.outcomes[0], self._as_recorded(outcome), state, {})
        if drift is not None:
            state.blame(differs_below(call.label, drift.facts, scope=owner.name), call)


def drift_of(
    real: RealCall, stored: Stored, actual: Outcome, state: RunState, paths: dict[str | None, None]
) -> DriftError | None:
    """Return the error that shows how a real outcome differs from its recording, or None if they agree.

    `paths` gets the paths of the differences; see `compare`.
    """
    call = real.call
    recorded, failure = stored.load(call.paths), actual.last.exception
    if failure is not None and recorded.last.exception is None:
        error = unverifiable(call.label, failure, test=state.test, redactor=state.redactor)
        error.__cause__ = failure
        return error
    plan, options = call.plan, call.plan.options
    lines = []
    if stored.awaited and not (real.awaited or call.is_async or recorded.kind != actual.kind):
        lines, paths[None] = ["the call returned something to await when recorded, not now"], None
    lines += compare(
        plan.comparable(recorded, actual),
        plan.comparable(actual, recorded),
        Rules(options.rtol, options.atol, options.volatile, options.compare, plan.exact),
        redactor=state.redactor,
        secrets=plan.secrets(call),
        paths=paths,
    )
    if not lines:
        return None
    failed = "" if plan.kind == "function" else _failed(plan, actual)
    if failed == _failed(plan, recorded):  # the error that was recorded, with other words
        failed = ""
    return drift(call.label, lines, test=state.test, failed=failed)


def _failed(plan: Plan, outcome: Outcome) -> str:
    """Return how a service failed an exchange, or nothing if it did not."""
    what = plan.failure(outcome)
    return f"the service gave an error or could not be reached ({what})" if what else ""
