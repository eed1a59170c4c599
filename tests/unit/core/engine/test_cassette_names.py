"""Names of cassettes that are made from the ids of tests."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic._core.engine.cassette_names import cassette_name, name_of_test


@pytest.mark.promise("a cassette name made from a test id is readable, unique and safe")
@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("tests/test_rates.py::test_day", "tests/test_rates/test_day"),
        ("tests/test_rates.py::TestDay::test_it", "tests/test_rates/TestDay.test_it-d9b3bf3a67"),
        ("tests/test_rates.py::test_day[EUR]", "tests/test_rates/test_day-EUR-726c616d0c"),
        ("con.py::aux[x]", "con_/aux-x-e0e64f5a3d"),
        (
            f"tests/{'a' * 50}.py::test_{'b' * 60}",
            f"{'a' * 40}/test_{'b' * 33}-db5f84aa85",
        ),
    ],
    ids=["plain", "class", "parameter", "device", "long"],
)
def test_a_name_is_the_same_in_every_run(nodeid, name):
    """A vault has it. The hash keeps names apart where the readable part cannot."""
    assert name_of_test(nodeid) == name


ids = st.text(st.sampled_from("ab-./_:[] ÄCon1\\"), max_size=70)


@pytest.mark.promise("a cassette name made from a test id is readable, unique and safe")
@given(ids, ids)
@example("a" * 80, "test_it")
@example("test_shop", "test_it[" + "-" * 80 + "]")
@example("test_shop", "test_it[CON/aux.x]")
def test_any_test_has_a_name_that_may_be_given(file, test):
    name = name_of_test(f"{file}.py::{test}")

    assert cassette_name(name) == name
    assert len(name) < 100


@given(ids, ids, st.integers(1, 3), st.integers(1, 3))
def test_two_tests_and_two_cassettes_of_one_have_other_names(one, other, first, second):
    """Also where case does not count."""
    names = {
        name_of_test(f"{test}.py::t", number).lower() for test, number in ((one, first), (other, second))
    }

    assert len(names) == len({(one, first), (other, second)})
