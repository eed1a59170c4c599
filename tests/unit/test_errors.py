"""The errors: their base class, their builtin kinds, and their pickles."""

from __future__ import annotations

import pickle

import pytest

import pytest_mimic
from pytest_mimic import MimicError, MissingRecordingError, StaleRecordingError
from pytest_mimic._core.tree.differing import Difference
from pytest_mimic._core.tree.messages import Differences
from pytest_mimic.errors import Damage

KINDS = {
    "MissingRecordingError": RuntimeError,
    "MutatedInputError": RuntimeError,
    "UnstableIdentityError": TypeError,
    "UnstorableOutcomeError": TypeError,
    "CorruptRecordingError": RuntimeError,
    "StaleRecordingError": MissingRecordingError,
    "DriftError": AssertionError,
    "CassetteError": RuntimeError,
    "TargetError": ValueError,
}


@pytest.mark.parametrize(("name", "builtin"), KINDS.items(), ids=KINDS)
def test_each_error_is_a_mimic_error_and_a_builtin_kind(name, builtin):
    kind = getattr(pytest_mimic, name)

    assert issubclass(kind, MimicError)
    assert issubclass(kind, builtin)
    assert (kind.__module__, kind.__qualname__) == ("pytest_mimic", name)


@pytest.mark.parametrize("name", KINDS)
def test_an_error_survives_pickling(name):
    error = getattr(pytest_mimic, name)(
        "it broke", facts=["a: 1"], remedies=["mend it"], path="a.b"
    )

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), copy.path) == (
        type(error),
        "it broke\n  a: 1\n  mend it",
        "a.b",
    )


def test_an_error_with_differences_survives_pickling():
    """A pool of processes pickles the error of its worker."""
    lost_and_gained = (Difference("order.b", old="2"), Difference("order.c", new="3"))
    error = MissingRecordingError("it broke", facts=[Differences(lost_and_gained)])

    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)


FIELDS = {
    "MissingRecordingError": {"call": "", "target": "", "changing": (), "kinds": ()},
    "StaleRecordingError": {"call": "", "target": "", "recorder": None},
    "MutatedInputError": {"call": ""},
    "UnstableIdentityError": {"target": "", "path": ""},
    "UnstorableOutcomeError": {"path": ""},
    "CorruptRecordingError": {"file": "", "damage": Damage.CHANGED, "detail": ""},
    "DriftError": {"call": "", "is_outage": False, "conversation": ""},
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_fact_that_is_not_known_is_empty(name):
    """Who reads a field need not ask whether the error has it."""
    error = getattr(pytest_mimic, name)("it broke")

    assert {field: getattr(error, field) for field in FIELDS[name]} == FIELDS[name]


def test_handlers_of_misses_catch_stale_recordings():
    with pytest.raises(MissingRecordingError, match="changed"):
        raise StaleRecordingError("changed")
