"""What is kept of what a test, or the scope of a wider fixture, has recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mimic._core.engine.scopes import Scopes
from unit.core.engine.runs import TEST, Runs


def fetch(outcomes: list[Any]) -> Callable[[], Any]:
    def fetch() -> Any:
        if isinstance(outcome := outcomes.pop(0), Exception):
            raise outcome
        return outcome

    return fetch


def a_test(
    runs: Runs, *outcomes: Any, passed: bool, scopes: Scopes | None = None
) -> None:
    """Run a test that calls a function once for each outcome."""
    scopes = scopes or Scopes(runs.run)
    scopes.begin_test(TEST)
    function = runs.mimic(fetch([*outcomes]), sequence=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            with pytest.raises(type(outcome)):
                function()
        else:
            assert function() == outcome
    scopes.begin_teardown()
    scopes.end_test(passed=passed, is_neither_skipped_nor_xfail=passed)


def replayed(runs: Runs, times: int = 1) -> list[Any]:
    runs.again("replay")
    function = runs.mimic(fetch([]), sequence=True)
    return [function() for _ in range(times)]


@pytest.mark.parametrize(
    ("outcome", "passed", "is_kept"),
    [
        (1, True, True),
        (1, False, True),
        (KeyError(1), True, True),
        (KeyError(1), False, False),
    ],
)
def test_a_failing_test_keeps_new_values_and_no_new_errors(
    runs: Runs, outcome: Any, passed: bool, is_kept: bool
) -> None:
    a_test(runs, outcome, passed=passed)

    assert bool(runs.names()) is is_kept
    assert bool(runs.account.outcomes_not_kept) is not is_kept
    assert bool(runs.account.recorded_errors) is (is_kept and outcome != 1)


def test_a_failing_test_replaces_no_recording(runs: Runs) -> None:
    a_test(runs, 1, passed=True)
    runs.again("rerecord")
    a_test(runs, 2, passed=False)

    assert len(runs.account.restored_recordings) == 1
    assert replayed(runs) == [1]


def test_a_new_sequence_keeps_what_came_before_its_first_error(runs: Runs) -> None:
    a_test(runs, 1, 2, KeyError(3), passed=False)

    assert replayed(runs, 2) == [1, 2]


def test_a_passing_test_drops_the_outcomes_that_its_sequence_no_longer_reaches(
    runs: Runs,
) -> None:
    a_test(runs, 1, 2, 3, passed=True)
    runs.again("rerecord")
    a_test(runs, 4, passed=True)

    assert replayed(runs, 2) == [4, 4]


def test_a_conversation_that_is_recorded_again_loses_the_calls_that_are_not_made(
    runs: Runs, service: Any
) -> None:
    for mode, places in (("record", ["Oslo", "Rome"]), ("rerecord", ["Oslo"])):
        runs.again(mode)
        scopes = Scopes(runs.run)
        scopes.begin_test(TEST)
        assert [*map(runs.client(), places)] == [
            service.degrees[place] for place in places
        ]
        scopes.end_test(passed=True, is_neither_skipped_nor_xfail=True)

    assert len(runs.names()) == 1


@pytest.mark.parametrize("passed", [True, False])
def test_what_a_fixture_recorded_is_kept_if_a_test_in_its_scope_passed(
    runs: Runs, passed: bool
) -> None:
    scopes = Scopes(runs.run)
    leave = scopes.enter("test_shop.py")
    with pytest.raises(KeyError):
        runs.mimic(fetch([KeyError(1)]), sequence=True)()
    leave(True)

    a_test(runs, passed=passed, scopes=scopes)
    scopes.enter("test_shop.py", is_teardown=True)(True)
    a_test(runs, passed=False, scopes=scopes)
    scopes.close()

    assert bool(runs.names()) is passed


def test_a_set_up_that_fails_keeps_no_error(runs: Runs) -> None:
    scopes = Scopes(runs.run)
    leave = scopes.enter("test_shop.py")
    with pytest.raises(KeyError):
        runs.mimic(fetch([KeyError(1)]), sequence=True)()

    leave(False)

    assert runs.names() == []
    assert runs.run.current.owner.name == TEST
