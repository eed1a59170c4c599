"""Names of files fit every system, and no two owners have one file."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic import CassetteError
from pytest_mimic.vault.names import (
    call_name,
    cassette_name,
    cassette_of_test,
    log_name,
)

DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("tests/test_shop.py::test_order", "logs/tests/test_shop.py/test_order.json"),
        (
            "tests/test_shop.py::test_order[3]",
            "logs/tests/test_shop.py/test_order-3-48648cc27b1f.json",
        ),
        (
            "tests/test_shop.py::TestDay::test_it",
            "logs/tests/test_shop.py/TestDay-test_it-86f5685f682e.json",
        ),
        (
            "tests/conftest.py::customer (session)",
            "logs/tests/conftest.py/fixture-customer.json",
        ),
        (
            "tests/test_shop.py::customer (module)[db=1]",
            "logs/tests/test_shop.py/customer-module-db-1-e949ba0e563b.json",
        ),
        (
            f"tests/integration/api/test_models.py::test_kind[{'a' * 60}]",
            "logs/tests/integration/api/test_models.py/"
            "test_kind-aaaaaaaaaaaaaaaaaaaaaaaaaaaa-4d64a46cec28.json",
        ),
    ],
    ids=["plain", "parameter", "class", "fixture", "other fixture", "cut"],
)
def test_a_name_is_the_same_in_every_run(owner, name):
    """A vault has it."""
    assert log_name(owner) == name


signs = st.text(st.sampled_from("ab-._:[] ÄCon1\\9\n"), min_size=1, max_size=70)
owners = st.builds("{}/{}.py::{}".format, signs, signs, signs)


@given(owners)
@example("con.py::aux[x]")
@example("../x.py::..")
@example("tests/.hidden/x.py::a.")
@example("a/" * 99 + "test_a.py::test_" + "b" * 99)
@example("tests/\ud800.py::test_it")
def test_any_owner_has_a_name_that_every_system_takes(owner):
    name = log_name(owner)

    assert len(name) < 100
    for part in name.removesuffix(".json").split("/"):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part)
        assert not part.endswith(".")
        assert not DEVICE.match(part)


@given(owners, owners)
@example("a.py::test_a", "a.py::test_A")
@example("a.py::t[a b]", "a.py::t[a-b]")
@example("a.py::" + "b" * 90, "a.py::" + "b" * 91)
@example("tests/con.py::t", "tests/_con.py::t")
@example("T.py::t", "t.py-749a639f8b2a::t")
@example("a.py::t[3]", "a.py::t-3-6ba858a5d911")
def test_no_two_owners_have_one_name(one, other):
    """Case does not count everywhere. A name may look as if a digest stood in it."""
    names = {log_name(owner).lower() for owner in (one, other)}

    assert len(names) == len({one, other})


def test_a_call_stands_below_its_target():
    assert (
        call_name("shop.api:Client.get", "5f", "")
        == "calls/shop.api.Client.get/5f.json"
    )
    assert call_name("con:fit", "5f", "") == "calls/_con.fit/5f.json"


@given(owners)
def test_a_cassette_of_a_test_may_be_called_by_its_default_name(owner):
    first, second = cassette_of_test(owner), cassette_of_test(owner, 2)

    assert cassette_name(first) == f"cassettes/{first}.json"
    assert second == f"{first}-2"


@pytest.mark.parametrize(
    "name", ["rates", "Shop/a b", "console", "a.con", "com", "com10", "ü", "a-b_c.d"]
)
def test_a_cassette_keeps_the_name_that_a_user_gives(name):
    assert cassette_name(name) == f"cassettes/{name}.json"


@pytest.mark.parametrize(
    "name",
    [
        *("../a", "a/./b", "a//b", "/a", "a/", "..", "", ".git/x", "a\\b", "c:/x"),
        *("a|b", "a?b", "a*b", "a<b", 'a"b', "a\nb", "a\0b", "\udc80", "x" * 201, 3),
        *("CON", "nul", "x/Aux", "com1.x", "a ", "a /b", "a./b", "a."),
    ],
)
def test_a_name_that_leaves_the_vault_or_does_not_fit_a_system_is_refused(name):
    with pytest.raises(CassetteError, match=r"^a cassette cannot be called"):
        cassette_name(name)
