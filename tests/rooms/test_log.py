"""The log of an owner: places by identity and order, and what its end leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.place import Place, entry_of
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault

NAME = "logs/tests/test_shop.py/test_order.json"
OWNER = "tests/test_shop.py::test_order"


def a_call(identity: str, kind: str = "http", **facts: Any) -> Call:
    target = "shop:pay" if kind == "function" else kind
    signature = f"GET /{identity}"
    return Call(
        target=target,
        kind=kind,
        identity=identity,
        signature=signature,
        in_log=True,
        describe=lambda: {"url": f"/{identity}"},
        label=lambda: signature,
        **facts,
    )


def answered(call: Call, value: Any) -> Entry:
    if call.kind == "function":
        return entry_of(call, body={"value": value}, arguments={})
    return entry_of(call, body={"answer": value}, request=call.describe())


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / ".mimic_vault")


def opened(vault: Vault) -> Log:
    return Log(vault, NAME, OWNER)


def ask(log: Log, call: Call, mode: Any, value: Any = None) -> Place:
    """Take a call, and give it an answer if it runs for real."""
    place = log.take(call, mode)
    if place.is_real and value is not None:
        log.put(place, answered(call, value))
    return place


def close(log: Log, verdict: Any = "passed", **facts: Any) -> None:
    log.verdict = verdict
    log.write(fixtures={}, **facts)


def record(vault: Vault, *asked: tuple[str, Any], kind: str = "http") -> Log:
    """Record a log with these calls, an identity and an answer each."""
    log = opened(vault)
    for identity, value in asked:
        ask(log, a_call(identity, kind), "record", value)
    close(log)
    return opened(vault)


def values(log: Log) -> list[Any]:
    return [entry.body.get("answer", entry.body.get("value")) for entry in log.entries]


def given(place: Place) -> Any:
    assert place.entry is not None
    return place.entry.body.get("answer", place.entry.body.get("value"))


def test_the_nth_equal_call_gets_the_nth_outcome_and_the_last_repeats(
    vault: Vault,
) -> None:
    log = record(vault, ("a", 1), ("b", 10), ("a", 2))

    places = [log.take(a_call(name), "replay") for name in ("a", "a", "a", "b")]

    assert [given(place) for place in places] == [1, 2, 2, 10]
    assert [place.recorded for place in places] == [
        "fresh",
        "fresh",
        "repeats",
        "fresh",
    ]


def test_calls_stand_in_the_order_in_which_they_began(vault: Vault) -> None:
    log = opened(vault)
    first, second = a_call("first"), a_call("second")
    places = [log.take(first, "record"), log.take(second, "record")]
    log.put(places[1], answered(second, "early"))
    log.put(places[0], answered(first, "late"))
    close(log)

    again = opened(vault).entries

    assert [entry.identity for entry in again] == ["first", "second"]
    assert [(entry.begin, entry.ended) for entry in again] == [(0, 3), (1, 2)]


def test_a_place_of_which_nothing_is_kept_stays_empty(vault: Vault) -> None:
    """Nothing moves up, and a replay that comes to it is a miss."""
    log = opened(vault)
    ask(log, a_call("a"), "record", 1)
    log.end(log.take(a_call("a"), "record"))
    ask(log, a_call("a"), "record", 3)
    close(log)

    again = opened(vault)
    decisions = [log.take(a_call("a"), "replay").decision for log in [again] * 3]

    assert decisions == ["replay", "missing", "replay"]


def test_a_new_first_call_makes_its_conversation_again_as_a_whole(vault: Vault) -> None:
    log = record(vault, ("a", 1), ("b", 2))

    decisions = [
        ask(log, a_call(name), "record", name).decision for name in ("new", "a", "b")
    ]
    close(log)

    assert decisions == ["run", "run", "run"]
    assert values(opened(vault)) == ["new", "a", "b"]


def test_a_call_of_a_function_beyond_the_recorded_ones_is_appended(
    vault: Vault,
) -> None:
    log = record(vault, ("a", 1), kind="function")

    for value in (None, 2):
        ask(log, a_call("a", "function"), "record", value)
    close(log)

    assert values(opened(vault)) == [1, 2]


def test_a_failing_test_keeps_a_new_log_without_failures(vault: Vault) -> None:
    log = opened(vault)
    ask(log, a_call("a"), "record", {"status": 200})
    ask(log, a_call("b"), "record", {"status": 503})
    close(log, "failed")

    kept = opened(vault).entries

    assert [(entry.identity, entry.end) for entry in kept] == [
        ("a", ""),
        ("b", "empty"),
    ]


def test_a_failing_test_replaces_no_log(vault: Vault) -> None:
    """But its new calls of functions stay: they were paid for."""
    record(vault, ("a", 1), kind="function")
    log = opened(vault)
    ask(log, a_call("a", "function"), "rerecord", 9)
    ask(log, a_call("new", "function"), "rerecord", 2)
    close(log, "failed")

    assert values(opened(vault)) == [1, 2]
