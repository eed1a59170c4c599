"""What is recorded again keeps the recorded outcome if they differ at most in parts that verifying leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from unit.core.engine.runs import Runs

LARGE = "x" * 1_000_000


def outcome_of(runs: Runs, function: Any) -> Any:
    """Call a function whose outcome has a volatile part."""
    try:
        return runs.mimic(function, volatile=("id",))()
    except LookupError as error:
        return error.args


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LookupError(1), {"id": 2}),
        ({"id": 1}, LookupError(2)),
        ({"id": 1, "n": 1}, {"id": 2, "n": 2}),
    ],
    ids=["exception before", "exception now", "another part"],
)
def test_another_outcome_is_recorded_with_all_of_its_parts(
    runs: Runs, before: Any, after: Any
) -> None:
    given = [before, after]

    def fetch() -> Any:
        now = given.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    first = outcome_of(runs, fetch)
    runs.again("rerecord")
    second = outcome_of(runs, fetch)
    runs.again("replay")

    assert outcome_of(runs, fetch) == second != first
    assert given == []


@pytest.mark.parametrize("is_damaged", [False, True])
def test_an_outcome_that_cannot_be_read_is_replaced(
    runs: Runs, is_damaged: bool
) -> None:
    given = [{"id": 1, "text": LARGE}, {"id": 2, "text": LARGE}]

    def fetch() -> Any:
        return given.pop(0)

    outcome_of(runs, fetch)
    (large,) = (name for name in runs.store.names() if name not in runs.names())
    if is_damaged:
        runs.damage(large)
    runs.again("rerecord")
    outcome_of(runs, fetch)
    runs.again("replay")

    assert outcome_of(runs, fetch)["id"] == (2 if is_damaged else 1)


def test_the_answer_of_a_client_stays_if_the_service_says_the_same(
    runs: Runs, service: Any
) -> None:
    """What verifying leaves out, the number of the request, is no change."""
    runs.client()("Oslo")
    (name,) = runs.names()
    before = runs.store.read(name)

    runs.again("rerecord")
    assert runs.client()("Oslo") == -3.5
    assert runs.store.read(name) == before

    runs.again("rerecord")
    service.degrees["Oslo"] = 4.0
    assert runs.client()("Oslo") == 4.0
    assert runs.store.read(name) != before


@pytest.mark.parametrize("use", ["function", "sequence", "cassette"])
def test_a_stale_recording_keeps_outcomes_of_which_only_volatile_parts_changed(
    runs: Runs, use: str
) -> None:
    """`--mimic-record` runs the calls of a changed function again."""
    ids = iter(range(100))

    def first_version() -> Any:
        return {"id": next(ids)}

    def second_version() -> Any:
        return dict(id=next(ids))

    def record(function: Any) -> list[Any]:
        function.__name__ = "fetch"
        cassette = runs.cassette("record") if use == "cassette" else None
        wrapped = runs.mimic(
            function, cassette, volatile=("id",), sequence=use == "sequence"
        )
        got = [wrapped(), wrapped()]
        if cassette is not None:
            cassette.close(None)
        return got

    recorded = record(first_version)
    runs.again("record")
    record(second_version)
    runs.again("replay")

    assert record(second_version) == recorded
    assert next(ids) >= 2
