"""What an object only remembers does not count: addresses of its parts, caches of libraries."""

from __future__ import annotations

import copy
from unittest.mock import MagicMock

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._core.types.uncounted_attributes import (
    CACHES,
    CACHES_IN_DICTS,
    FILLED_LATER,
    without_empty_private,
)


class Holder:
    def __init__(self):
        self.words = ["a"]
        self._words_id = id(self.words)
        self._own_id = id(self)


def test_the_address_of_the_object_or_of_a_part_does_not_count():
    value = Holder()

    assert fingerprint(value) == fingerprint(Holder())
    assert value._words_id != copy.deepcopy(value).words


def test_empty_private_attributes_are_one_with_absent_ones():
    state = {"_a": None, "_b": {}, "_c": [1], "d": None, "e": []}

    assert without_empty_private(state) == {"_c": [1], "d": None, "e": []}


def test_a_mock_of_an_empty_container_is_not_empty():
    mock = MagicMock(spec=dict)

    assert without_empty_private({"_a": mock}) == {"_a": mock}


def test_in_an_identity_none_and_empty_stay_two():
    class Allowing:
        def __init__(self, allowed):
            self._allowed = allowed

    assert fingerprint(Allowing(None)) != fingerprint(Allowing([]))


def rows_of(table):
    return [
        pytest.param(name, key, id=f"{name.rpartition('.')[2]}.{key}")
        for name, keys in table.items()
        for key in keys
    ]


def stand_in(name, **attributes):
    """Return an object of a plain class with the full name of a library's."""
    module, _, qualname = name.rpartition(".")
    made = type(qualname, (), {"__module__": module})()
    vars(made).update(attributes)
    return made


@pytest.mark.parametrize(("name", "cache"), rows_of(CACHES))
def test_a_cache_of_the_table_does_not_count(name, cache):
    filled = stand_in(name, data=[1], **{cache: {"read": 1}})

    assert fingerprint(filled) == fingerprint(stand_in(name, data=[1]))
    assert fingerprint(filled) != fingerprint(stand_in(name, data=[2]))


@pytest.mark.parametrize(("name", "attribute"), rows_of(FILLED_LATER))
@pytest.mark.parametrize("empty", [{}, [], ()], ids=repr)
def test_a_container_of_the_table_may_be_empty_or_none(name, attribute, empty):
    filled, other = (stand_in(name, **{attribute: part}) for part in ([1], [2]))

    assert fingerprint(stand_in(name, **{attribute: empty})) == fingerprint(
        stand_in(name, **{attribute: None})
    )
    assert fingerprint(filled) != fingerprint(other)
    assert fingerprint(filled) != fingerprint(stand_in(name))


@pytest.mark.parametrize(("name", "attribute"), rows_of(CACHES_IN_DICTS))
def test_keys_of_the_table_that_only_remember_something_do_not_count(name, attribute):
    caches = dict.fromkeys(CACHES_IN_DICTS[name][attribute], True)
    used = stand_in(name, **{attribute: {"frozen": True, **caches}})

    assert fingerprint(used) == fingerprint(
        stand_in(name, **{attribute: {"frozen": True}})
    )
    assert fingerprint(used) != fingerprint(
        stand_in(name, **{attribute: {"frozen": False, **caches}})
    )


def test_what_a_property_has_derived_does_not_count():
    httpx = pytest.importorskip("httpx")
    values = [httpx.Headers({"name": name}) for name in (b"a", "é".encode())]
    before = [fingerprint(value) for value in values]

    encodings = [value.encoding for value in values]

    assert encodings == ["ascii", "utf-8"]
    assert [fingerprint(value) for value in values] == before


def test_what_was_set_instead_counts():
    httpx = pytest.importorskip("httpx")
    value, other = (httpx.Headers({"name": "é"}, encoding="latin-1") for _ in range(2))
    assert value.encoding == "latin-1"

    other.encoding = "cp1252"

    assert fingerprint(value) != fingerprint(other)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("functools", "cached_property"),
        ("django.utils.functional", "cached_property"),
        ("werkzeug.utils", "cached_property"),
    ],
)
def test_what_a_cached_property_has_derived_does_not_count(module, name):
    decorator = getattr(pytest.importorskip(module), name)

    class Order:
        def __init__(self, items):
            self.items = items

        @decorator
        def total(self):
            return sum(self.items)

    order, other = Order([1, 2]), Order([1, 3])
    before = fingerprint(order)

    assert order.total == 3
    assert vars(order)["total"] == 3
    assert fingerprint(order) == before != fingerprint(other)
