"""The errors: their base class, their builtin kinds, and their pickles."""

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


@pytest.mark.parametrize(("name", "builtin"), KINDS.items(), ids=KINDS)
def test_each_error_is_a_mimic_error_and_a_builtin_kind(name, builtin):
    kind = getattr(pytest_mimic, name)

    assert issubclass(kind, MimicError)
    assert issubclass(kind, builtin)
    assert (kind.__module__, kind.__qualname__) == ("pytest_mimic", name)


@pytest.mark.parametrize("name", KINDS)
def test_an_error_survives_pickling(name):
    """A pool of processes pickles the error of its worker."""
    remedies = [("to mend it", "pytest --mimic-record")]
    error = getattr(pytest_mimic, name)("it broke", ["a: 1"], remedies)

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy)) == (
        type(error),
        "it broke\n  a: 1\n  to mend it: pytest --mimic-record",
    )


def test_handlers_of_misses_catch_stale_recordings():
    with pytest.raises(MissingRecordingError, match="changed"):
        raise StaleRecordingError("changed")
