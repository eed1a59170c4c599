"""What an object remembers of itself does not count, and two objects are never one for what was left out."""

from __future__ import annotations

import dataclasses
import functools
import operator
import random
from http import HTTPStatus

import attrs
import pytest
from support.face import fingerprint, there_and_back

from pytest_mimic import UnstableIdentityError, UnstorableOutcomeError
from values.told_apart import told_apart


class Lazy:
    def __init__(self, name):
        self.name, self._hash = name, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.name)
        return self._hash


class Absent:
    __slots__ = ("_kept", "name")

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        try:
            return self._kept
        except AttributeError:
            self._kept = hash(self.name)
            return self._kept


class Pair(tuple):
    def __hash__(self):
        if "_hash" not in self.__dict__:
            self._hash = tuple.__hash__(self)
        return self._hash


class Numbered:
    def __init__(self, number):
        self._id = number

    def __hash__(self):
        return self._id


class Named:
    """Its hash is taken of a public number, and so is equal to it."""

    def __init__(self, number):
        self.id, self._hash = number, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.id)
        return self._hash


class Early:
    def __init__(self, name):
        self.name, self._hash = name, hash(name)

    def __hash__(self):
        return self._hash


KEEPING = [Lazy("a"), Absent("a"), Named(2**40), Pair((1, 2)), Early("a")]


@pytest.mark.parametrize("value", KEEPING, ids=lambda value: type(value).__name__)
def test_an_attribute_that_holds_the_objects_own_hash_is_refused(value):
    hash(value)
    [name] = [name for name in ("_hash", "_kept") if hasattr(value, name)]

    with pytest.raises(UnstableIdentityError, match=f"value.{name}: the object's own"):
        fingerprint(value)
    with pytest.raises(UnstorableOutcomeError, match=f"{name}: the object's own hash"):
        there_and_back(value)


class Addressed:
    """As a variable of PuLP is."""

    def __init__(self, name):
        self.name, self.hash = name, id(self)


def test_an_attribute_that_is_the_objects_own_address_does_not_count():
    told_apart(Addressed("a"), Addressed("a"), [Addressed("b")])


@pytest.mark.parametrize("cls", [Numbered, Named, Lazy, Absent, Early])
def test_objects_with_other_numbers_stay_different(cls):
    values = [cls(1), cls(2)]
    for value in values:
        hash(value)

    assert fingerprint(values[0]) != fingerprint(values[1])


@pytest.mark.parametrize("amount", [5, 500, 2**31])
def test_a_number_that_an_object_gives_as_its_hash_counts(amount):
    told_apart(Numbered(amount), Numbered(amount), [Numbered(amount + 1)])


class Holder:
    """An object whose attribute may be none, or empty."""

    def __init__(self, allowed):
        self._allowed = allowed


def test_none_and_empty_stay_two():
    told_apart(Holder(None), Holder(None), [Holder([]), Holder({}), Holder(())])


class Basket:
    items = 3
    count = functools.cached_property(operator.attrgetter("items"))


def test_what_another_callable_has_derived_does_not_count():
    basket = Basket()
    before = fingerprint(basket)

    assert basket.count == 3
    assert fingerprint(basket) == before


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("functools", "cached_property"),
        ("django.utils.functional", "cached_property"),
        ("werkzeug.utils", "cached_property"),
        ("propcache.api", "cached_property"),
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


class Default:
    """Gives a default where an object has no value, as a field of Django's models."""

    def __init__(self, default):
        self.default = default

    def __get__(self, instance, owner):
        return self.default


class Row:
    name = Default("a")

    def __init__(self, **fields):
        vars(self).update(fields)


def test_what_stands_in_the_place_of_a_default_counts():
    told_apart(Row(name="b"), Row(name="b"), [Row(), Row(name="c")])


@pytest.mark.parametrize(("name", "other"), [((1,), [1]), (HTTPStatus.OK, 200)])
def test_the_mapping_of_an_object_counts_by_its_values(name, other):
    rows = [Row(name=name), Row(name=name), Row(name=other)]

    told_apart(vars(rows[0]), vars(rows[1]), [vars(rows[2])])


@attrs.frozen(cache_hash=True)
class Hashed:
    x: int


def test_the_hash_that_attrs_keeps_does_not_count():
    used = Hashed(1)

    hash(used)

    assert fingerprint(used) == fingerprint(Hashed(1)) != fingerprint(Hashed(2))


@dataclasses.dataclass(eq=False)
class Fieldless:
    pass


def test_objects_without_fields_are_one_value():
    assert fingerprint(Fieldless()) == fingerprint(Fieldless())


class Filling:
    """Fills an attribute when it is asked for one that it does not have, as xarray."""

    __slots__ = ("_attrs", "_cache")

    def __init__(self):
        self._attrs = None

    def __getattr__(self, name):
        self._attrs = {}
        raise AttributeError(name)


def test_an_object_is_the_same_after_it_was_looked_at():
    value = Filling()

    assert fingerprint(value) == fingerprint(value)
    assert value._attrs is None


class Loading:
    """Tells what is not loaded from what is empty."""

    def __init__(self, rows):
        self._rows = rows

    @property
    def rows(self):
        if self._rows is None:
            self._rows = [1, 2, 3]
        return self._rows


def test_what_a_class_of_the_project_has_not_loaded_is_not_empty():
    assert fingerprint(Loading(None)) != fingerprint(Loading([]))


class Words:
    """Remembers where its words are, as a vectorizer of scikit-learn does."""

    def __init__(self, words, number=0):
        self.words = words
        self._words_id = number or id(words)


def test_where_another_attribute_lies_does_not_count():
    told_apart(Words(["a"]), Words(["a"]), [Words(["b"]), Words(["a"], 1 << 40)])
    for made in (Words(["a"]), [Words({"a", frozenset()})]):
        assert fingerprint(there_and_back(made)) == fingerprint(made)


def test_what_draws_from_the_shared_generator_is_the_same_in_each_process():
    before = fingerprint({"seed": 1, "random": random._inst})

    random.random()

    assert fingerprint({"seed": 1, "random": random._inst}) == before
    assert fingerprint({"seed": 1, "random": random.Random(1)}) != before
