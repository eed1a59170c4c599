"""The quick replay of plain values: its players, and what ends them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic.errors import StaleRecordingError
from unit.core.engine.runs import Runs


def price(of: str) -> str:
    return f"price of {of}"


def test_a_player_answers_without_a_look_at_the_recording(runs: Runs) -> None:
    runs.mimic(price)("tea")
    runs.again("replay")
    wrapped = runs.mimic(price)
    assert wrapped("tea") == "price of tea"
    runs.damage()

    assert wrapped("tea") == "price of tea"
    assert runs.account.replayed == 2


def test_no_player_answers_in_the_place_of_another_outcome(runs: Runs) -> None:
    """With `sequence`, the position of the call decides.

    The recording that served all tests before stands there still.
    """
    prices = [3, 4, 5]

    def poll() -> int:
        return prices.pop(0)

    assert runs.mimic(poll)() == 3
    recorded = runs.mimic(poll, sequence=True)
    assert [recorded(), recorded()] == [4, 5]
    runs.again("replay")
    replayed = runs.mimic(poll, sequence=True)

    assert [replayed(), replayed()] == [4, 5]


def test_no_player_answers_while_a_cassette_is_open(runs: Runs) -> None:
    """A block that has opened one replays, or records, what its wrapper replayed before."""
    prices = ["of the cassette", "of the vault", "of a block that records"]

    def ask() -> str:
        return prices.pop(0)

    track = runs.cassette("rerecord")
    runs.mimic(ask, track)()
    track.close(None)
    assert runs.mimic(ask)() == "of the vault"
    runs.again("replay")
    mimicked = Mimicked(ask)
    mimicked.push("line", runs.plan(ask))
    answers = [mimicked.wrapper()]
    for mode in ("replay", "rerecord"):
        mimicked.push("block", runs.plan(ask, runs.cassette(mode)))
        answers.append(mimicked.wrapper())
        mimicked.remove("block")
    answers.append(mimicked.wrapper())

    assert answers == [
        "of the vault",
        "of the cassette",
        "of a block that records",
        "of the vault",
    ]


def test_no_player_answers_while_calls_are_recorded_again(runs: Runs) -> None:
    prices = [3, 4, 5]

    def poll() -> int:
        return prices.pop(0)

    assert runs.mimic(poll)() == 3
    runs.again("rerecord")
    again = runs.mimic(poll)

    assert [again(), again()] == [4, 5]


def test_no_player_answers_while_calls_are_logged(runs: Runs) -> None:
    runs.mimic(price)("tea")
    runs.again("replay")
    logged: list[str] = []
    runs.run.account.log = lambda kind, call, **_: logged.append(f"{kind} {call.label}")
    wrapped = runs.mimic(price)

    wrapped("tea")
    wrapped("tea")

    assert logged == ["replayed shop:price(of='tea')"] * 2


@pytest.fixture
def of_source(runs: Runs) -> Callable[[str], Any]:
    """Return a function that mimics `price` as if its source had a fingerprint."""

    def mimic(fingerprint: str) -> Any:
        plan = runs.plan(price)
        plan.source = fingerprint
        mimicked = Mimicked(price)
        mimicked.push(runs, plan)
        return mimicked.wrapper

    return mimic


def test_no_player_answers_for_a_stale_recording(runs: Runs, of_source: Any) -> None:
    of_source("5a5a")("tea")
    runs.again("replay")

    with pytest.raises(StaleRecordingError, match="shop:price has changed"):
        of_source("7b7b")("tea")
    with pytest.raises(StaleRecordingError, match="shop:price has changed"):
        of_source("7b7b")("tea")


def test_no_player_answers_for_stale_inputs(runs: Runs, of_source: Any) -> None:
    """The recorded call has read a file that has changed since."""
    of_source("5a5a")("tea")
    Path(runs.folder, "shop.csv").write_text("2\n", encoding="utf-8")
    inputs = b'{"files": {"shop.csv": "0123abcd"}, "functions": {}}'
    digest = xxh3_128_hexdigest(inputs)
    inputs_name = f"objects/{digest[:2]}/{digest}.json"
    runs.store.write(inputs_name, inputs)
    [name] = runs.names()
    recorded = json.loads(runs.store.read(name) or "")
    recorded["outcomes"][0]["inputs"] = inputs_name
    runs.store.write(name, json.dumps(recorded).encode())

    runs.again("replay", inputs="warn")
    assert of_source("5a5a")("tea") == "price of tea"
    runs.again("replay", inputs="strict")
    wrapped = of_source("5a5a")
    for _ in range(2):
        with pytest.raises(StaleRecordingError, match=r"shop\.csv"):
            wrapped("tea")
