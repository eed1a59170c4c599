"""The names of cassettes fit every system, and tell tests apart."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic import CassetteError
from pytest_mimic._core.vault.cassette_names import cassette_name, cassette_of_test


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("tests/test_rates.py::test_day", "tests/test_rates/test_day"),
        (
            "tests/test_rates.py::TestDay::test_it",
            "tests/test_rates/TestDay.test_it-d9b3bf3a67",
        ),
        (
            "tests/test_rates.py::test_day[EUR]",
            "tests/test_rates/test_day-EUR-726c616d0c",
        ),
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
        cassette_of_test(f"{test}.py::t", number).lower()
        for test, number in ((one, first), (other, second))
    }

    assert len(names) == len({(one, first), (other, second)})


@pytest.mark.parametrize(
    "name",
    [
        *("a|b", "a?b", "a*b", "a<b", 'a"b', "a\nb", "a\tb", "a\x7f"),
        *("CON", "nul", "x/Aux", "com1.x", "lpt9 .txt/b", "a ", "a /b", "a./b", "a."),
    ],
)
def test_a_name_that_windows_cannot_hold_is_refused(name):
    """The vault may be checked out there."""
    with pytest.raises(
        CassetteError, match=r"cannot be called .*\n.* fits every system"
    ):
        cassette_name(name)


@pytest.mark.parametrize(
    "name", ["console", "a.con", "com", "com10", "a b", " a", "ü", "a.b/c-d_e", "nul_"]
)
def test_a_name_that_only_looks_like_a_device_is_taken(name):
    assert cassette_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["../a", "a/./b", "a//b", "/a", "a:b", "a\\b", "a\0", "", "x" * 201, "\udc80", 3],
)
def test_a_name_that_leaves_the_vault_or_is_no_files_name_is_refused(name):
    with pytest.raises(CassetteError, match=r"^a cassette"):
        cassette_name(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("c:/x/../a", ["for example c/x/a"]),
        ("..", ["for example shop/rates"]),
        ("a|b?/CON/c. ", ["for example a/b/CON_/c"]),
        (":" * 201, []),
    ],
)
def test_a_refused_name_is_answered_with_one_that_may_be_given(name, hint):
    with pytest.raises(CassetteError) as caught:
        cassette_name(name)

    assert [remedy.words for remedy in caught.value.remedies] == [
        (line,) for line in hint
    ]
