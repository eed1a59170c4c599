"""Compares the outcomes of real calls with their recordings, and keeps drifts for a review."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.outcomes_kept import hide
from pytest_mimic._core.outcome.encoding import Encoded, snapshot
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.tree.agreement import Rules, compare
from pytest_mimic._core.tree.differing import Difference
from pytest_mimic._core.tree.messages import differs_below, drift, unverifiable
from pytest_mimic._core.tree.wording import difference_lines
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.vault.recording_facts import Stored
    from pytest_mimic.errors import DriftError


def verify(real: Step, outcome: Outcome, duration: float) -> None:
    """Compare the outcome of a real call with its recording, and note a difference."""
    state, call, expected = real.state, real.call, real.stored
    outcome = _as_recorded(real, outcome)
    with state.guard:
        state.ledger.verified += 1
    drift, found = _drift(real, outcome)
    if state.settings.review:
        _keep_for_review(real, (outcome, duration) if drift is not None else None)
    if drift is not None:
        state.blame(drift, call)
    if state.log is not None:
        kind = "verified" if drift is None else "drifted"
        state.log(kind, call, stored=expected, seconds=duration, error=drift, found=found)


def compare_repeated(real: Step, outcome: Outcome, _duration: float) -> None:
    """Compare what a wider fixture does for real again, at a service, with its recording.

    So the tables that it made are there for the tests that are recorded now. These cannot rest on recorded answers that
    differ from the real ones: such a difference fails the test. It is not looked for in a tear-down, or once tests were
    replayed since the fixture began: the service then lacks what these and other tests did.
    """
    state, call, owner = real.state, real.call, real.state.owner
    if owner.ends or owner.replayed.get(call.plan.target) != state.replayed_tests:
        return
    drift, _ = _drift(real, _as_recorded(real, outcome))
    if drift is not None:
        state.blame(differs_below(call.label, drift.facts, scope=owner.name), call)


def _drift(real: Step, actual: Outcome) -> tuple[DriftError | None, list[Difference]]:
    """Return the error that shows how a real outcome differs from its recording, None if they agree, and the differences."""
    call, state, stored = real.call, real.state, real.stored
    recorded, failure = stored.load(call.paths), actual.last.exception
    if failure is not None and recorded.last.exception is None:
        error = unverifiable(call.label, failure, test=state.test, redactor=state.redactor)
        error.__cause__ = failure
        return error, []
    plan, options = call.plan, call.plan.options
    exact = frozenset() if plan.adapter is None else plan.adapter.exact
    found = compare(
        plan.comparable(recorded, actual),
        plan.comparable(actual, recorded),
        Rules(options.rtol, options.atol, options.volatile, options.compare, exact),
        redactor=state.redactor,
        secrets=plan.secrets(call),
    )
    if stored.awaited and not (real.awaited or real.begun or recorded.kind != actual.kind):
        found.insert(0, Difference("", fact="the call returned something to await when recorded, not now"))
    if not found:
        return None, []
    # The error that was recorded, with other words, is a drift like any other.
    lines = difference_lines(found)
    failed = None if plan.kind == "function" else plan.failure(actual)
    if failed is not None and failed != plan.failure(recorded):
        failed = f"the service gave an error or could not be reached ({failed})"
        return drift(call.label, lines, test=state.test, failed=failed), found
    return drift(call.label, lines, test=state.test), found


def _as_recorded(real: Step, outcome: Outcome) -> Outcome:
    """Return a real outcome with the names of environment variables in place of secret values, as it is recorded."""
    state, call = real.state, real.call
    if not state.redactor.environment.forms:
        return outcome
    with suppress(MimicError):  # what cannot be stored is compared as it is
        stored = state.vault.stored(outcome, 0.0, target=call.plan.target, paths=call.paths)
        if stored.encoded is not None and any(hide(stored.encoded, state.redactor.environment).values()):
            return stored.load(call.paths)
    return outcome


# -- reviews


def _keep_for_review(real: Step, drifted: tuple[Outcome, float] | None) -> None:
    """Let a drift wait for a review, or an equal outcome that is to be stamped. What cannot be stored does not wait."""
    recordings, recorded, new = real.state.recordings, real.stored, None
    if drifted is not None:
        with suppress(MimicError):
            new = _encoded(real, *drifted)
    elif _has_changed(real):
        new = _stamped(real)
    with recordings.guard:
        made = recordings.new_recording(real.call, [])
        recordings.renewals.verified(recorded.name, real.place.number, made, new)


def _has_changed(real: Step) -> bool:
    """Return whether the source, or what the call reaches and reads, has changed since an outcome was recorded."""
    state, inputs = real.state, real.stored.entry.get("inputs")
    if state.is_stale(real.call.plan, real.place.source):
        return True
    return bool(inputs and state.settings.inputs != "ignore" and state.changed_inputs(inputs))


def _encoded(real: Step, outcome: Outcome, duration: float) -> Stored:
    """Return the outcome as recording would store it. MimicError: it would refuse it."""
    plan = real.call.plan
    if plan.kind != "function" and outcome.kind == "raised":
        raise MimicError("the real call failed, which recording would not keep")
    items = outcome.items
    # As recording takes them, with the places of their paths.
    taken: list[object] = [
        one if isinstance(one, Encoded) else snapshot(one, target=plan.target, paths=real.call.paths)
        for one in items
    ]
    outcome.items = taken
    try:
        stored: Stored = real.state.recordings.encode(real, outcome, duration, logs=False)
        return stored
    finally:
        outcome.items = items


def _stamped(real: Step) -> Stored:
    """Return a recorded outcome with what its call now reaches and reads."""
    trace = real.trace
    return real.stored.again(None if trace is None else trace.noted().over)
