"""What the calls of all targets have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import toy_client

from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.files.places import TEMPORARY
from pytest_mimic.errors import StaleRecordingError
from unit.core.engine.runs import Runs


def test_a_temporary_folder_in_the_answer_of_a_service_is_that_of_the_run(
    runs: Runs, service: Any, tmp_path: Path
) -> None:
    """No argument of the call names it. So it is the folder of the test."""

    def ask_in(folder: Path) -> Any:
        runs.run.places.set_root(TEMPORARY, str(folder))
        runs.run.places.folder_of_test = "test_order0"
        return runs.client()("Oslo")

    service.degrees["Oslo"] = str(tmp_path / "run-1" / "test_order0" / "oslo.csv")
    ask_in(tmp_path / "run-1")
    runs.again("replay")

    assert ask_in(tmp_path / "run-2") == str(
        tmp_path / "run-2" / "test_order0" / "oslo.csv"
    )
    assert toy_client.SERVICE.requests == ["Oslo 2026-11-01"]


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
    """With `sequence`, the position of the call decides."""
    prices = [3, 4]

    def poll() -> int:
        return prices.pop(0)

    recorded = runs.mimic(poll, sequence=True)
    assert [recorded(), recorded()] == [3, 4]
    runs.again("replay")
    replayed = runs.mimic(poll, sequence=True)

    assert [replayed(), replayed()] == [3, 4]


def test_no_player_answers_in_the_place_of_a_cassette(runs: Runs) -> None:
    prices = ["of the cassette", "of the vault"]

    def ask() -> str:
        return prices.pop(0)

    track = runs.cassette("rerecord")
    runs.mimic(ask, track)()
    track.close(None)
    assert runs.mimic(ask)() == "of the vault"
    runs.again("replay")
    assert runs.mimic(ask)() == "of the vault"

    assert runs.mimic(ask, runs.cassette("replay"))() == "of the cassette"


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


def test_no_player_answers_for_a_stale_recording(runs: Runs) -> None:
    def of_source(fingerprint: str) -> Any:
        plan = runs.plan(price)
        plan.source = fingerprint
        mimicked = Mimicked(price)
        mimicked.push(runs, plan)
        return mimicked.wrapper

    of_source("5a5a")("tea")
    runs.again("replay")

    with pytest.raises(StaleRecordingError, match="shop:price has changed"):
        of_source("7b7b")("tea")
    with pytest.raises(StaleRecordingError, match="shop:price has changed"):
        of_source("7b7b")("tea")
