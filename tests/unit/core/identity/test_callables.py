"""Functions and classes as values: by name, with their source, and with what they are bound to."""

from __future__ import annotations

import posixpath
import random
import shlex
import types

import kinds_of_things as k
import pytest

from pytest_mimic._core.identity.call_identity import fingerprint
from pytest_mimic._core.types.kinds import Unstable


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


def test_the_shared_generator_of_random_counts_by_name():
    functions = [random.random, random.choice, random.Random(1).random]
    before = list(map(fingerprint, functions))

    random.random()

    assert list(map(fingerprint, functions)) == before
    assert len(set(before)) == 3
    assert fingerprint(random.Random(1).choice) != fingerprint(random.Random(2).choice)


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


def test_a_function_bound_by_hand_counts_with_its_object():
    functions = [shlex.join, posixpath.join, len]
    methods = [
        types.MethodType(function, value)
        for function in functions
        for value in ("a", "b")
    ]

    assert len(set(map(fingerprint, methods))) == 6
