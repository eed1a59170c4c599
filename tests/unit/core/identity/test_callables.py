"""Functions and classes as values: by name, with their source, and with what they are bound to."""

from __future__ import annotations

import copyreg
import posixpath
import random
import re
import shlex
import types
from unittest.mock import MagicMock, Mock, PropertyMock

import kinds_of_things as k
import pytest

from pytest_mimic._core.identity.call_identity import fingerprint
from pytest_mimic._core.types.reductions import Unstable

pytestmark = pytest.mark.usefixtures("without_libraries")


def made(expression):
    return eval(expression, globals())


def test_a_class_made_under_the_name_of_another_one_does_not_count_as_that():
    made = type("Bare", (), {"price": 1, "__module__": k.__name__})
    other = type("Bare", (), {"price": 2, "__module__": k.__name__})
    reloaded = {"__name__": k.__name__}
    exec("class Bare:\n    pass", reloaded)
    again = reloaded["Bare"]

    with pytest.raises(
        Unstable, match="a class with neither source nor an importable name"
    ):
        fingerprint(made)
    assert len({fingerprint(one()) for one in (made, other, k.Bare)}) == 3
    assert fingerprint(again) == fingerprint(k.Bare)
    assert fingerprint(again()) == fingerprint(k.Bare())


class Undefined(type):
    """A metaclass whose classes are made again from their name and a fact."""


class Applied:
    def __init__(self, part):
        self.part = part


def undefined(name, fact=None):
    return Undefined(name, (Applied,), {"fact": fact, "__module__": None})


def reduce_undefined(cls):
    return undefined, (cls.__name__, cls.fact)


def test_a_class_that_its_metaclass_makes_again_counts_by_what_it_is_made_from(
    monkeypatch,
):
    with pytest.raises(Unstable, match="a class without a module"):
        fingerprint(undefined("f")(1))
    monkeypatch.setitem(copyreg.dispatch_table, Undefined, reduce_undefined)

    classes = [undefined("f"), undefined("g"), undefined("f", "positive")]
    values = [*classes, *(cls(1) for cls in classes), classes[0](2)]

    assert len(set(map(fingerprint, values))) == 7
    assert fingerprint(undefined("f")) == fingerprint(classes[0])
    assert fingerprint(undefined("f")(1)) == fingerprint(classes[0](1))


def test_the_shared_generator_of_random_counts_by_name():
    functions = [random.random, random.choice, random.Random(1).random]
    before = list(map(fingerprint, functions))

    random.random()

    assert list(map(fingerprint, functions)) == before
    assert len(set(before)) == 3
    assert fingerprint(random.Random(1).choice) != fingerprint(random.Random(2).choice)


def test_methods_in_c_count_with_their_object():
    values = [re.compile("a").match, re.compile("b").match, re.compile("a").search]

    assert len(set(map(fingerprint, values))) == 3
    assert fingerprint(re.compile("a").match) == fingerprint(values[0])


class Wallet:
    def __init__(self, coins):
        self.coins = coins

    def spend(self):
        self.coins -= 1


spend = Wallet(3).spend


def test_methods_offered_as_functions_count_with_their_object():
    before = fingerprint(spend)

    spend()

    assert fingerprint(spend) != before


def test_a_decorator_with_a_registry_counts_with_what_it_closes_over():
    """Only the functions that functools.singledispatch makes count by theirs."""
    one, other = (k.registered(factor)(k.add) for factor in (1, 2))

    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize("make", k.LOCAL_CLASSES, ids=lambda make: make.__name__)
def test_a_local_class_counts_with_the_values_that_its_members_hold(make):
    one, again, other = (fingerprint(make(value)) for value in (1, 1, 2))

    assert one == again != other


def test_a_function_bound_by_hand_counts_with_its_object():
    functions = [shlex.join, posixpath.join, len]
    methods = [
        types.MethodType(function, value)
        for function in functions
        for value in ("a", "b")
    ]

    assert len(set(map(fingerprint, methods))) == 6


def test_functions_that_wrap_each_other_are_identified():
    """An undone patch may leave a chain of `__wrapped__` that leads into itself."""

    def made(number):
        def method(self):
            return number

        def other(self):
            return number

        method.__wrapped__, other.__wrapped__ = other, method

        class Made:
            of_first = method
            of_second = staticmethod(other)

        return Made

    assert fingerprint(made(1)) == fingerprint(made(1))
    assert fingerprint(made(1)) != fingerprint(made(2))


def test_attributes_of_a_local_class_are_identified_without_their_code():
    mock = MagicMock()
    like_a_property = MagicMock(spec=property)

    class Local:
        client = mock
        setting = like_a_property

    fingerprint(Local)

    for held in (mock, like_a_property):
        assert not held.mock_calls
        assert held._mock_children.keys().isdisjoint({"fget", "fset", "fdel", "func"})


def mock_with(value: object) -> Mock:
    mock = Mock()
    type(mock).user = PropertyMock(return_value=value)
    return mock


def test_a_property_of_a_mock_counts():
    assert fingerprint(mock_with("ann")) == fingerprint(mock_with("ann"))
    assert fingerprint(mock_with("ann")) != fingerprint(mock_with("bob"))
    assert fingerprint(mock_with("ann")) != fingerprint(Mock())
