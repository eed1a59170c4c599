"""The errors that must fail the running test, those of forked processes included."""

from __future__ import annotations

import os

import pytest

from pytest_mimic import MimicError, MissingRecordingError
from pytest_mimic._core.swallowed.pending_errors import PendingErrors


@pytest.fixture
def pending() -> PendingErrors:
    return PendingErrors()


def test_an_error_is_noted_once(pending: PendingErrors) -> None:
    error = MissingRecordingError("no recording of shop:fetch")

    with pytest.raises(MissingRecordingError, match="no recording"), pending, pending:
        raise error

    assert pending.take() == [error]
    assert pending.take() == []


def test_other_exceptions_are_not_noted(pending: PendingErrors) -> None:
    with pytest.raises(ValueError, match="no such city"), pending:
        raise ValueError("no such city")

    assert pending.take() == []


def test_an_error_of_another_process_is_told() -> None:
    """And it is an error of the test where it was heard."""
    told: list[MimicError] = []
    pending = PendingErrors(tell=told.append)
    error = MissingRecordingError("no recording of shop:fetch")

    pending.judge += 1
    pending.note(error)
    pending.note(error)

    assert told == [error]
    heard = PendingErrors()
    heard.add(MimicError.from_plain(error.to_plain()))
    assert [str(one) for one in heard.take()] == ["no recording of shop:fetch"]


def test_the_process_that_begins_a_test_judges_it(pending: PendingErrors) -> None:
    pending.judge += 1

    pending.begin()

    assert pending.judge == os.getpid()
