"""What becomes of each recording of a vault."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.engine.equal_outcomes import text_of_outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.targets.target import parse_target
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.rekey.call_redactor import CallRedactor
from pytest_mimic._tools.rekey.planning import Plan, Planner
from unit.tools.rekey.vaults import TARGET, calls_in, file_of, vault_of

IGNORING = {"ignore": ["run"]}


def planned(vault: Vault, line: str, redact: tuple[str, ...] = ()) -> Plan:
    target = parse_target(line)
    assert target is not None

    def is_same(one: Any, other: Any, _line: object) -> bool:
        return text_of_outcome(one) == text_of_outcome(other)

    planner = Planner(
        vault,
        [target],
        signature_of=lambda call: (call.target, None),
        is_same=is_same,
        call_redactor=CallRedactor(Redactor(redact)),
    )
    return planner.plan(calls_in(vault))


def test_a_recording_is_written_under_its_new_name() -> None:
    arguments = {"base": "EUR", "run": 1}
    vault = vault_of({"arguments": arguments})

    [change] = planned(vault, "shop:fetch ignore=run").changes

    new, _ = file_of(arguments, options=IGNORING)
    old, _ = file_of(arguments)
    assert (change.name, change.old_names, change.number_rekeyed) == (new, (old,), 1)


def test_nothing_becomes_of_a_recording_of_today_s_line() -> None:
    vault = vault_of({"arguments": {"base": "EUR", "run": 1}, "options": IGNORING})

    plan = planned(vault, "shop:fetch ignore=run")

    assert (plan.changes, plan.staying) == ([], [])


def test_nothing_becomes_of_a_recording_without_a_line() -> None:
    vault = vault_of({"arguments": {"base": "EUR", "run": 1}})

    plan = planned(vault, "shop:send ignore=run")

    assert (plan.changes, plan.staying) == ([], [])


def test_what_a_killed_run_has_written_is_not_written_again() -> None:
    arguments = {"base": "EUR", "run": 1}
    vault = vault_of(
        {"arguments": arguments}, {"arguments": arguments, "options": IGNORING}
    )

    [change] = planned(vault, "shop:fetch ignore=run").changes

    assert (change.facts, change.old_names) == (None, (file_of(arguments)[0],))


def test_a_call_that_was_recorded_again_since_keeps_its_new_recording() -> None:
    arguments = {"base": "EUR", "run": 1}
    vault = vault_of(
        {"arguments": arguments, "value": 1},
        {"arguments": arguments, "value": 2, "options": IGNORING},
    )

    plan = planned(vault, "shop:fetch ignore=run")

    assert plan.changes == []
    [staying_call] = plan.staying
    assert staying_call.reason == "equal calls have different outcomes"
    assert staying_call.changes == ("ignore=run is new",)
    assert (staying_call.is_rival, staying_call.is_recorded_again) == (False, True)


def test_two_tests_with_different_outcomes_of_a_call_have_to_choose_one() -> None:
    arguments = {"base": "EUR", "run": 1}
    vault = vault_of(
        {"arguments": arguments, "value": 1},
        {
            "arguments": arguments,
            "value": 2,
            "options": IGNORING,
            "test": "test_b.py::test_y",
        },
    )

    [staying_call] = planned(vault, "shop:fetch ignore=run").staying

    assert (staying_call.is_rival, staying_call.is_recorded_again) == (True, False)


def test_a_name_is_taken_after_its_recording_has_moved_away() -> None:
    """Without `a`, the first call is what the second one was without `b`."""
    first = {"payload": {"a": 2, "c": 1}}
    second = {"payload": {"b": 5, "c": 1}}
    options = {"ignore": ["payload.b"]}
    vault = vault_of(
        {"arguments": first, "value": 1, "options": options},
        {"arguments": second, "value": 2, "options": options},
    )

    plan = planned(vault, f"{TARGET} ignore=payload.a")

    taken = file_of(second, options=options)[0]
    assert not plan.staying
    assert [change.old_names for change in plan.changes] == [
        (taken,),
        (file_of(first, options=options)[0],),
    ]
    assert plan.changes[1].name == taken
