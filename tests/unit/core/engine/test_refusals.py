"""What calls are told that get none of the outcomes of their file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic.errors import MissingRecordingError, StaleRecordingError
from unit.core.engine.runs import Runs


def total(price: int) -> int:
    return price + 1


def test_an_equal_call_of_the_test_is_missed_with_an_equal_error(runs: Runs) -> None:
    """No recording is sought for it again."""
    runs.again("replay")
    wrapped = runs.mimic(total)

    with pytest.raises(MissingRecordingError, match="no recording of shop:total") as a:
        wrapped(4)
    with pytest.raises(MissingRecordingError, match="no recording of shop:total") as b:
        wrapped(4)

    assert str(a.value) == str(b.value)
    assert a.value is not b.value
    assert len(runs.run.recordings.misses_of_test) == 1


def test_a_miss_names_the_option_that_records_it(runs: Runs) -> None:
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="no recording"):
        runs.mimic(total)(4)

    assert [miss.option for miss in runs.account.misses] == ["--mimic-record"]


def test_a_later_call_of_a_replayed_conversation_records_it_as_a_whole(
    runs: Runs, service: object
) -> None:
    runs.client()("Oslo")
    runs.again("replay")
    ask = runs.client()
    ask("Oslo")

    with pytest.raises(MissingRecordingError, match="ASK Rome"):
        ask("Rome")

    assert [miss.option for miss in runs.account.misses] == ["--mimic-rerecord"]


def test_a_miss_of_a_cassette_that_never_records_names_no_option(runs: Runs) -> None:
    track = runs.cassette("replay")
    track.remedies = ["record it elsewhere"]

    with pytest.raises(MissingRecordingError, match="record it elsewhere"):
        runs.mimic(total, track)(4)

    assert [miss.option for miss in runs.account.misses] == [""]


def test_a_stale_recording_counts_as_used(runs: Runs) -> None:
    with_source(runs, "5a5a")(4)
    runs.again("replay")

    with pytest.raises(StaleRecordingError, match="shop:total has changed"):
        with_source(runs, "7b7b")(4)

    assert runs.account.used == set(runs.names())


def with_source(runs: Runs, fingerprint: str) -> Callable[..., Any]:
    """Return the wrapper of `total`, as if this was the fingerprint of its source."""
    plan = runs.plan(total)
    plan.source = fingerprint
    mimicked = Mimicked(total)
    mimicked.push(runs, plan)
    return mimicked.wrapper
