"""Names of recordings are short, readable, and safe on every file system."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic._core.vault import recording_name
from pytest_mimic._core.vault.format import cassette_name, cassette_of_test

KEY = "0123456789abcdef0123456789abcdef"
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop.api:fetch_rates", f"calls/shop.api/fetch_rates/{KEY}.json"),
        ("shop.api:client.get", f"calls/shop.api/client.get/{KEY}.json"),
        ("httpx", f"calls/httpx/{KEY}.json"),
    ],
)
def test_usual_names_are_readable(target, name):
    assert recording_name(target, KEY) == name


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_is_safe_on_every_file_system(module, qualname):
    """Windows' reserved names, trailing dots, path separators, lengths."""
    name = recording_name(f"{module.replace(':', '')}:{qualname}", KEY)

    parts = name.split("/")
    assert len(name) < 180
    assert len(parts) == 4
    for part in parts:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", part)
        assert not part.endswith(".")
        assert not part.startswith(".")
        assert not RESERVED.match(part)


@given(
    st.lists(
        st.sampled_from(["Shop", "shop", "SHOP", "con", "con.", "a.b", "A.b", "ä", "a" * 60, "a" * 70]),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_two_targets_never_share_a_folder(names):
    """Also on file systems that ignore case."""
    one, two = (recording_name(f"{name}:f", KEY).lower() for name in names)

    assert one != two


# -- cassettes


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
