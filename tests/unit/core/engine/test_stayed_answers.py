"""Which recorded answers stay where their conversation is recorded again."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
import toy_client
from toy_adapter import ToyAdapter, describe, wrap_ask

from pytest_mimic._core.engine.record import record
from pytest_mimic._core.engine.scopes import Scopes
from pytest_mimic._core.outcome.outcome import Value
from unit.core.engine.runs import Runs


@pytest.fixture(autouse=True)
def _service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy_client, "SERVICE", toy_client.Service())


def conversation(runs: Runs, mode: str, *places: str) -> list[float]:
    runs.again(mode)
    ask: Any = runs.client(volatile=("degrees",))
    return [ask(place) for place in places]


def test_answers_stay_while_only_volatile_parts_change(runs: Runs) -> None:
    recorded = conversation(runs, "record", "Oslo", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Rome": 2.0}

    conversation(runs, "rerecord", "Oslo", "Rome")

    assert conversation(runs, "replay", "Oslo", "Rome") == recorded


@pytest.mark.parametrize("places", [("Oslo", "Bern", "Rome"), ("Oslo", "Rome", "Bern")])
def test_a_new_call_replaces_the_answers_before_and_after_it(
    runs: Runs, places: tuple[str, ...]
) -> None:
    conversation(runs, "record", "Oslo", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Rome": 2.0, "Bern": 3.0}

    recorded_again = conversation(runs, "rerecord", *places)

    assert conversation(runs, "replay", *places) == recorded_again


def test_a_call_that_is_gone_replaces_no_answer(runs: Runs) -> None:
    recorded = conversation(runs, "record", "Oslo", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Rome": 2.0}

    conversation(runs, "rerecord", "Oslo")

    assert conversation(runs, "replay", "Oslo") == recorded[:1]


class SlowComparison(ToyAdapter):
    """Compares an answer until another thread has asked for the degrees in Bern."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.others_call: Thread | None = None

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        other, self.others_call = self.others_call, None
        if other is not None:
            other.start()
            other.join()
        return super().comparable(plain)


def test_a_new_call_of_another_thread_replaces_an_answer_that_is_compared(
    runs: Runs,
) -> None:
    conversation(runs, "record", "Oslo")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Bern": 3.0}
    runs.again("rerecord")
    port = runs.port(kind=SlowComparison, volatile=("degrees",))
    ask = wrap_ask(toy_client.Client.ask, port)
    client = toy_client.Client("weather.test", api_key="k-5531-abc")
    adapter: Any = port.plans[0].adapter
    adapter.others_call = Thread(target=ask, args=(client, "Bern", "2026-11-01"))

    ask(client, "Oslo", "2026-11-01")

    assert conversation(runs, "replay", "Oslo", "Bern") == [1.0, 3.0]


def test_another_form_of_an_answer_that_stays_replaces_the_one_before(
    runs: Runs,
) -> None:
    """A later call may show that an earlier one has issued a secret of the answer."""
    recorded = conversation(runs, "record", "Oslo")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Bern": 3.0}
    runs.again("rerecord")
    port = runs.port(volatile=("degrees",))
    call = describe(
        toy_client.Client("weather.test", api_key="k-5531-abc"),
        "Oslo",
        "2026-11-01",
        "en",
        port,
    )
    step = port.begin(call)
    step.finish({"degrees": 1.0, "request_number": 2})
    record(
        step.track,
        step.place,
        step.observed,
        Value({"degrees": recorded[0], "request_number": 2}),
        is_first=False,
    )

    wrap_ask(toy_client.Client.ask, port)(
        toy_client.Client("weather.test", api_key="k-5531-abc"), "Bern", "2026-11-01"
    )

    assert conversation(runs, "replay", "Oslo") == recorded


def test_what_a_failed_test_took_back_of_a_fixture_is_written_with_a_later_one(
    runs: Runs,
) -> None:
    def tests(mode: str, *places: str, first_passes: bool = True) -> list[float]:
        runs.again(mode)
        ask: Any = runs.client(volatile=("degrees",))
        scopes = Scopes(runs.run)
        leave = scopes.enter("module")
        answers = [ask("Oslo")]
        leave(True)
        for test, place in zip(("test_first", "test_second"), places, strict=True):
            passed = test == "test_second" or first_passes
            scopes.begin_test(test)
            answers.append(ask(place))
            scopes.begin_teardown()
            scopes.end_test(passed=passed, is_neither_skipped_nor_xfail=passed)
        return answers

    tests("record", "Rome", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 3.0, "Bern": 4.0}

    recorded_again = tests("rerecord", "Bern", "Bern", first_passes=False)

    assert tests("replay", "Rome", "Bern") == [recorded_again[0], 16.0, 4.0]


def test_what_stayed_in_a_test_is_written_with_a_fixture_that_it_asks_for_later(
    runs: Runs,
) -> None:
    def answers_of_test(mode: str, place: str) -> list[float]:
        runs.again(mode)
        ask: Any = runs.client(volatile=("degrees",))
        scopes = Scopes(runs.run)
        scopes.begin_test("test_late")
        answers = [ask("Oslo")]
        leave = scopes.enter("module")
        answers.append(ask(place))
        leave(True)
        scopes.begin_teardown()
        scopes.end_test(passed=True, is_neither_skipped_nor_xfail=True)
        return answers

    answers_of_test("record", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 3.0, "Bern": 4.0}

    recorded_again = answers_of_test("rerecord", "Bern")

    assert answers_of_test("replay", "Bern") == recorded_again
