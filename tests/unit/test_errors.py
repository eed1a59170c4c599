"""The errors: one base, the builtin kinds that users may catch, pickled with their facts."""

from __future__ import annotations

import pickle

import pytest

import pytest_mimic
from pytest_mimic import MimicError, MissingRecordingError, StaleRecordingError

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


@pytest.mark.promise("every error is a MimicError and the builtin kind that fits")
@pytest.mark.parametrize(("name", "builtin"), KINDS.items(), ids=KINDS)
def test_each_error_is_ours_and_of_a_builtin_kind(name, builtin):
    """`except MimicError` takes all of them, `except RuntimeError` those that are one."""
    kind = getattr(pytest_mimic, name)

    assert issubclass(kind, MimicError)
    assert issubclass(kind, builtin)
    assert (kind.__module__, kind.__qualname__) == ("pytest_mimic", name)


@pytest.mark.promise("errors can be pickled with their facts")
@pytest.mark.parametrize("name", KINDS)
def test_an_error_survives_pickling(name):
    """With its text and its facts, as a worker of xdist or of a pool sends it."""
    error = getattr(pytest_mimic, name)("it broke", facts=["a: 1"], remedies=["mend it"], path="a.b")

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), copy.path) == (type(error), "it broke\n  a: 1\n  mend it", "a.b")


@pytest.mark.promise("every error is a MimicError and the builtin kind that fits")
def test_a_stale_recording_is_a_missing_one():
    """Who catches misses catches both."""
    with pytest.raises(MissingRecordingError, match="changed"):
        raise StaleRecordingError("changed")
