"""Compares the outcomes of real calls with recorded ones.

`--mimic-verify` compares them. So does `--mimic-rerecord`, which leaves a recording as
it is where only volatile parts have changed.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.account_events import VerifiedCall
from pytest_mimic._core.engine.blame import blame
from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.agreement import ComparisonRules, compare
from pytest_mimic._core.tree.differing import Difference
from pytest_mimic._core.tree.messages import differs_below, drift
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.function_plan import Plan
    from pytest_mimic._core.vault.recording_facts import StoredOutcome
    from pytest_mimic.errors import DriftError


def verify(
    call: Call,
    stored_outcome: StoredOutcome,
    outcome: Outcome,
    duration: float,
    *,
    is_awaited: bool,
) -> None:
    """Compare the outcome of a real call with its recording, and note a difference.

    Args:
        call: The call.
        stored_outcome: Its recorded outcome.
        outcome: Its outcome now.
        duration: How long it took, in seconds.
        is_awaited: Whether the function has returned something to await.
    """
    run = call.plan.run
    verified = VerifiedCall(call.plan.target)
    if stored_outcome.gave_nothing:
        run.account.verified_calls.append(verified)
        # There is nothing to compare the answer with.
        call.report("was answered, before it was cancelled as it was when recorded")
        return
    actual = _as_recorded(call, outcome)
    drift, differences = _drift_and_differences(
        call, stored_outcome, actual, is_awaited=is_awaited
    )
    if drift is None:
        run.account.verified_calls.append(verified)
    else:
        blame(run, drift, call)
    if run.account.log is not None:
        run.account.log(
            "verified" if drift is None else "drifted",
            call,
            stored_outcome=stored_outcome,
            seconds=duration,
            error=drift,
            differences=differences,
        )


def compare_repeated(
    call: Call, stored_outcome: StoredOutcome, outcome: Outcome, *, is_awaited: bool
) -> None:
    """Compare what a wider fixture does again, at a service, with its recording.

    Tests that are recorded now need the tables that the fixture makes. If its real
    answers differ from its recorded ones, the tests would record nonsense, so that the
    difference fails the test.

    The difference is not looked for in a tear-down, or once tests were replayed since
    the fixture began: the service then lacks what these and other tests did.
    """
    run = call.plan.run
    owner = run.current.owner
    if (
        owner.is_being_torn_down
        or owner.clients_replayed.get(call.plan.target)
        != run.current.replayed_test_count
    ):
        return
    actual = _as_recorded(call, outcome)
    drift, _ = _drift_and_differences(
        call, stored_outcome, actual, is_awaited=is_awaited
    )
    if drift is not None:
        facts = drift.fact_lines()
        error = differs_below(call.label, facts, scope=owner.name_in_commands)
        blame(run, error, call)


def _drift_and_differences(
    call: Call, stored_outcome: StoredOutcome, actual: Outcome, *, is_awaited: bool
) -> tuple[DriftError | None, list[Difference]]:
    """Return how a real outcome differs from its recording.

    Returns:
        The error, None if they agree, and the differences that it shows, which
        the log of the run's calls takes.
    """
    run = call.plan.run
    plan, options = call.plan, call.plan.options
    recorded = stored_outcome.load(call.paths)
    exact_keys = frozenset[str]()
    if plan.adapter is not None:
        exact_keys = plan.adapter.exact
    rules = ComparisonRules(
        rtol=options.rtol,
        atol=options.atol,
        volatile=options.volatile,
        mode=options.compare,
        exact_keys=exact_keys,
    )
    differences = compare(
        _comparable(plan, recorded, actual),
        _comparable(plan, actual, recorded),
        rules,
        redactor=run.redactor,
        secrets=plan.secrets(call),
    )
    # A caller that awaits the one could not take the other.
    if is_awaited != stored_outcome.awaited and type(recorded) is type(actual):
        when = "now, not when recorded" if is_awaited else "when recorded, not now"
        differences.insert(
            0, Difference("", fact=f"the call returned something to await {when}")
        )
    if not differences:
        return None, []
    recorded_failure, failure = plan.failure(recorded), plan.failure(actual)
    # Of a function, another error than the recorded one is a drift like any other.
    is_outage = failure not in (None, recorded_failure) and (
        recorded_failure is None or plan.adapter is not None
    )
    failed = f"the real call {failure}" if is_outage else ""
    error = drift(
        call.label,
        differences,
        test=run.current.test_to_run_again,
        failed=failed,
        target=plan.target,
        line=plan.client,
        options=options,
    )
    # The report of the test shows how the service failed.
    error.__cause__ = actual.error if failed else None
    # In that report, later drifts of a conversation stand below its first one.
    if plan.adapter is not None and options.sequence is not False:
        error.conversation = plan.target
    return error, differences


def _as_recorded(call: Call, outcome: Outcome) -> Outcome:
    """Return a real outcome as it would be recorded.

    The names of environment variables stand in it for secret values. An exception of a
    library may drag along what no copy keeps, such as an open connection.
    """
    run = call.plan.run
    is_error = isinstance(outcome, Raised) and call.edge_call is None
    if not (run.redactor.environment.forms or is_error):
        return outcome
    # MimicError: what cannot be stored is compared as it is.
    with suppress(MimicError):
        stored_outcome = run.vault.writer.encoded(
            outcome, 0.0, target=call.plan.target, paths=call.paths
        )
        if is_error:
            if stored_outcome.encoded is not None:
                stored_outcome.encoded.hide(run.redactor.environment)
            return stored_outcome.load(call.paths)
        if stored_outcome.encoded is not None and any(
            stored_outcome.encoded.hide(run.redactor.environment).values()
        ):
            return stored_outcome.load(call.paths)
    return outcome


def _comparable(plan: Plan, outcome: Outcome, other: Outcome | None = None) -> Outcome:
    """Return the part of an outcome that is compared with another one of its call.

    Args:
        plan: The plan of the call. Only an adapter leaves parts out.
        outcome: The outcome.
        other: The outcome with which it is compared: of a body that was left early,
            only what both have is compared. None: all of it is.
    """
    if plan.adapter is None or not isinstance(outcome, Value):
        return outcome
    # An exception that no client knows has no parts to compare.
    other_value = None
    if isinstance(other, Value):
        other_value = other.value
    return Value(plan.adapter.comparable(outcome.value, other_value))


def _kind_and_length(outcome: Outcome) -> tuple[str, int, bool]:
    """Return the kind of an outcome, and of a stream how far it was read.

    | outcome | returned |
    |---|---|
    | a stream | its kind, the number of its items, whether it was read to its end |
    | any other | its kind, 0, False |
    """
    if isinstance(outcome, Stream):
        return outcome.kind, len(outcome.items), outcome.end is not None
    return outcome.kind, 0, False


def agrees_with_recorded(
    call: Call,
    recorded: StoredOutcome,
    new: StoredOutcome,
    *,
    volatile: Collection[str],
    redactor: Redactor,
) -> bool:
    """Return whether a new outcome has all parts that count of the recorded one.

    The paths of `volatile` do not count, and at a client, neither do the parts that
    verifying leaves out, such as a date. If the two agree, a call that is recorded
    again may keep its recorded outcome.

    Args:
        call: The call that was recorded again.
        recorded: The outcome that its recording has.
        new: The outcome that it has given now.
        volatile: The paths that may differ.
        redactor: Hides the secrets in the differences.
    """
    plan = call.plan
    hides_parts = new.encoded is not None and new.encoded.has_custom_identity
    if plan.kind == "function" and (
        not volatile or hides_parts or recorded.awaited != new.awaited
    ):
        return False
    try:
        recorded_outcome = recorded.load(call.paths)
        new_outcome = new.load(call.paths)
    except MimicError:
        # The file is damaged, for example.
        return False
    if _kind_and_length(recorded_outcome) != _kind_and_length(new_outcome):
        return False
    # The new outcome is compared beside nothing: if it goes further than the recorded
    # one, they differ.
    comparable_recorded = _comparable(plan, recorded_outcome, new_outcome)
    comparable_new = _comparable(plan, new_outcome)
    return not compare(
        comparable_recorded,
        comparable_new,
        ComparisonRules(volatile=volatile, mapping_order_counts=True),
        redactor=redactor,
    )
