"""The drifts of a test as texts."""

from __future__ import annotations

from pytest_mimic._run.drift_reports import drift_texts
from pytest_mimic.errors import DriftError


def drift(number: int, *, conversation: str = "http") -> DriftError:
    error = DriftError(
        f"http GET /orders/{number} no longer gives what was recorded",
        facts=["status: 200 recorded, 404 now"],
        call=f"http GET /orders/{number}",
    )
    error.conversation = conversation
    return error


def test_of_many_drifts_that_follow_the_first_are_shown() -> None:
    (text,) = drift_texts([drift(number) for number in range(14)])

    assert text.count("  then http GET /orders/") == 10
    assert text.count("status: 200 recorded, 404 now") == 11
    assert text.endswith("\n  and 3 more calls that drifted")


def test_each_conversation_has_a_text_of_its_own() -> None:
    drifts = [drift(1), drift(2), drift(3, conversation="redis"), drift(4)]

    first, second = drift_texts(drifts)

    assert first.count("  then http GET /orders/") == 2
    assert "more calls" not in first
    assert "  then" not in second


def test_calls_that_drift_alike_are_one_with_their_number() -> None:
    """A stream that is asked for over and over drifts alike each time."""
    (text,) = drift_texts([drift(1), *[drift(2)] * 12, drift(3)])

    assert text.splitlines()[2:] == [
        "  then http GET /orders/2, 12 times",
        "    status: 200 recorded, 404 now",
        "  then http GET /orders/3",
        "    status: 200 recorded, 404 now",
    ]
