"""Compares a real outcome with its recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_mimic._compare import compare
from pytest_mimic._describe.messages import drift, unverifiable
from pytest_mimic._engine.streams import share_beginning

if TYPE_CHECKING:
    from pytest_mimic._engine.call import Call
    from pytest_mimic._outcome.outcome import Outcome
    from pytest_mimic._outcome.placing import PathStore
    from pytest_mimic._redact.redactor import Redactor
    from pytest_mimic._vault import Stored
    from pytest_mimic.errors import DriftError


def drift_of(
    call: Call, stored: Stored, actual: Outcome, *, redactor: Redactor, test: str
) -> DriftError | None:
    """Return the error that shows how a real outcome differs from its recording, or None if they agree."""
    recorded, failure = stored.load(call.paths), _failure(actual)
    if failure is not None and _failure(recorded) is None:
        error = unverifiable(call.label, failure, test=test, redactor=redactor)
        error.__cause__ = failure
        return error
    plan, options = call.plan, call.plan.options
    lines = []
    if stored.awaited and not (call.awaited or call.is_async or recorded.kind != actual.kind):
        lines = ["the call returned something to await when recorded, not now"]
    lines += compare(
        plan.comparable(recorded, actual),
        plan.comparable(actual, recorded),
        rtol=options.rtol,
        atol=options.atol,
        volatile=options.volatile,
        mode=options.compare,
        redactor=redactor,
        secrets=plan.secrets(call),
    )
    return drift(call.label, lines, test=test) if lines else None


def matching_stream(recorded: Sequence[Stored], outcome: Outcome, paths: PathStore | None = None) -> Stored:
    """Return the stream, of those recorded for a call, whose reader sent the same values."""
    if len(recorded) > 1 and outcome.kind == "stream":
        return next((one for one in recorded if share_beginning(one.load(paths), outcome)), recorded[0])
    return recorded[0]


def _failure(outcome: Outcome) -> BaseException | None:
    last = outcome.end if outcome.kind == "stream" else outcome
    return last.exception if last is not None else None
