"""The names of cassettes that are made from the ids of tests, and their modes in each mode of a run."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic import CassetteError
from pytest_mimic._core.engine.cassettes import mode_of
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import cassette_name, cassette_of_test


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("tests/test_rates.py::test_day", "tests/test_rates/test_day"),
        ("tests/test_rates.py::TestDay::test_it", "tests/test_rates/TestDay.test_it-d9b3bf3a67"),
        ("tests/test_rates.py::test_day[EUR]", "tests/test_rates/test_day-EUR-726c616d0c"),
        ("con.py::aux[x]", "con_/aux-x-e0e64f5a3d"),
        (f"tests/{'a' * 50}.py::test_{'b' * 60}", f"{'a' * 40}/test_{'b' * 33}-db5f84aa85"),
    ],
    ids=["plain", "class", "parameter", "device", "long"],
)
def test_a_name_is_the_same_in_every_run(nodeid, name):
    """A vault has it. The hash keeps names apart where the readable part cannot."""
    assert cassette_of_test(nodeid) == name


ids = st.text(st.sampled_from("ab-./_:[] ÄCon1\\"), max_size=70)


@given(ids, ids)
@example("a" * 80, "test_it")
@example("test_shop", "test_it[" + "-" * 80 + "]")
@example("test_shop", "test_it[CON/aux.x]")
def test_any_test_has_a_name_that_may_be_given(file, test):
    name = cassette_of_test(f"{file}.py::{test}")

    assert cassette_name(name) == name
    assert len(name) < 100


@given(ids, ids, st.integers(1, 3), st.integers(1, 3))
def test_two_tests_and_two_cassettes_of_one_have_other_names(one, other, first, second):
    """Also where case does not count."""
    names = {
        cassette_of_test(f"{test}.py::t", number).lower() for test, number in ((one, first), (other, second))
    }

    assert len(names) == len({(one, first), (other, second)})


@pytest.mark.parametrize(
    ("fixture", "mode", "exists", "expected"),
    [
        ("record", Mode.REPLAY, True, Mode.RERECORD),
        ("record", Mode.RECORD, True, Mode.RERECORD),
        ("record", Mode.VERIFY, True, Mode.VERIFY),
        ("record", Mode.LIVE, False, Mode.LIVE),
        ("replay", Mode.REPLAY, False, Mode.REPLAY),
        ("replay", Mode.RERECORD, True, Mode.REPLAY),
        ("replay", Mode.VERIFY, True, Mode.REPLAY),
        ("replay", Mode.LIVE, True, Mode.LIVE),
        ("auto", Mode.REPLAY, True, Mode.REPLAY),
        ("auto", Mode.REPLAY, False, Mode.RERECORD),
        ("auto", Mode.RECORD, True, Mode.RECORD),
        ("auto", Mode.RECORD, False, Mode.RERECORD),
        ("auto", Mode.RERECORD, True, Mode.RERECORD),
        ("auto", Mode.VERIFY, False, Mode.VERIFY),
        ("auto", Mode.LIVE, False, Mode.LIVE),
    ],
)
def test_a_fixtures_mode_follows_the_runs_mode(fixture, mode, exists, expected):
    assert mode_of(fixture, mode, name="trip", exists=exists, may_record=True) is expected


def test_auto_replays_if_recording_is_forbidden():
    assert mode_of("auto", Mode.REPLAY, name="trip", exists=False, may_record=False) is Mode.REPLAY


def test_record_is_refused_if_recording_is_forbidden():
    with pytest.raises(CassetteError, match="mimic_record may not record cassette trip"):
        mode_of("record", Mode.REPLAY, name="trip", exists=True, may_record=False)
