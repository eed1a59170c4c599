"""The errors that must fail the running test, those of forked processes included."""

from __future__ import annotations

import os
import pickle

import pytest

from pytest_mimic import MissingRecordingError
from pytest_mimic._core.swallowed.pending import PendingErrors


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_reports_its_errors() -> None:
    """What it has counted, too."""
    counts: list[object] = []
    pending = PendingErrors(count=counts.append)
    child = os.fork()
    if not child:
        error = MissingRecordingError(
            "no recording of shop:fetch", facts=["city: 1"], call="shop:fetch"
        )
        pending.note(error, {"missing": [("shop:fetch", "test_it")]})
        os._exit(0)
    os.waitpid(child, 0)

    [error] = pending.take()

    assert (type(error), str(error)) == (
        MissingRecordingError,
        "no recording of shop:fetch\n  city: 1",
    )
    assert (error.data, pending.take()) == ({"call": "shop:fetch"}, [])
    assert pickle.loads(pickle.dumps(error)).data == error.data
    assert counts == [{"missing": [["shop:fetch", "test_it"]]}]
