"""A recorded call goes one straight way: its place, its outcome, its stored form, the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pytest_mimic._core.engine import record
from pytest_mimic._core.engine.begin import begin
from pytest_mimic._core.engine.call import call_of_function
from pytest_mimic._core.outcome.outcome import Raised, Value
from unit.core.engine.runs import Runs


def fetch(city: str) -> dict[str, object]:
    return {"city": city, "rates": [["USD", 1.1], ["EUR", 1]]}


def content(runs: Runs) -> dict[str, Any]:
    """Return the only recording of the vault."""
    (name,) = runs.names()
    found: dict[str, Any] = json.loads(runs.store.read(name) or b"")
    return found


def test_the_outcome_of_a_call_stands_in_its_recording(runs: Runs) -> None:
    step = begin(runs.run, call_of_function(runs.plan(fetch), ("Oslo",), {}))

    step.complete(Value(fetch("Oslo")))

    (entry,) = content(runs)["outcomes"]
    assert entry["value"] == fetch("Oslo")
    assert runs.account.recorded == 1


def test_an_exception_of_a_function_is_recorded_with_the_words_of_its_failure(
    runs: Runs,
) -> None:
    step = begin(runs.run, call_of_function(runs.plan(fetch), ("Oslo",), {}))

    step.complete(Raised(LookupError("Oslo")))

    (entry,) = content(runs)["outcomes"]
    assert "value" not in entry
    (change,) = runs.run.current.owner.journal.values()
    assert list(change.errors.values()) == [
        ("shop:fetch(city='Oslo') raised LookupError", runs.run.current.test)
    ]


def test_another_form_of_a_recorded_outcome_does_not_count_again(runs: Runs) -> None:
    """A placeholder in an answer may turn out to stand for a secret that an earlier one issued."""
    step = begin(runs.run, call_of_function(runs.plan(fetch), ("Rome",), {}))
    step.complete(Value({"token": "abc"}))
    counted = runs.account.recorded, runs.account.record_seconds

    record.record(
        step.track,
        step.place,
        step.observed,
        Value({"token": "<redacted>"}),
        is_first=False,
    )

    assert (runs.account.recorded, runs.account.record_seconds) == counted
    names = [name for name in runs.names() if "fetch" in name]
    (entry,) = json.loads(runs.store.read(names[0]) or b"")["outcomes"]
    assert entry["value"] == {"token": "<redacted>"}


def test_of_a_shared_stream_what_was_read_furthest_stays(runs: Runs) -> None:
    """A second reader that stops earlier does not replace it."""

    def rows() -> Iterator[int]:
        yield from range(3)

    runs.again("rerecord")
    assert list(runs.mimic(rows)()) == [0, 1, 2]
    stopped = runs.mimic(rows)()
    next(stopped)
    stopped.close()

    (entry,) = content(runs)["outcomes"]
    assert entry["stream"]["items"] == [0, 1, 2]


def test_what_looks_like_a_key_is_noted_in_bytes_of_an_argument(runs: Runs) -> None:
    key = b"ghp_" + b"a1B2c3D4e5" * 3 + b"F6g7H8"
    step = begin(runs.run, call_of_function(runs.plan(fetch), (b"\xff " + key,), {}))

    step.complete(Value(1))

    (noted,) = runs.account.texts_like_keys
    assert noted.remark.startswith("ghp_")
