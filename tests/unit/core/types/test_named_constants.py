"""Objects without a value have the identity of their name, if their class has others."""

from __future__ import annotations

import dataclasses
import sys
from types import ModuleType

import attrs
import pytest

from pytest_mimic import fingerprint
from pytest_mimic._core.types.named_constants import (
    is_known_by_name,
    name_among_constants,
)


class Pair:
    pass


class Slotted:
    __slots__ = ()


class Empty:
    __slots__ = ("value",)


@dataclasses.dataclass(eq=False)
class Fieldless:
    pass


@attrs.define(eq=False)
class Defined:
    pass


class Lone:
    pass


class Lent:
    pass


class Held:
    pass


class Markers:
    FAST = Held()
    SLOW = Held()


class Equal:
    def __eq__(self, other):
        return type(other) is Equal

    def __hash__(self):
        return 1


class Reduced:
    def __reduce__(self):
        return Reduced, ()


MISSING, NOTHING = Pair(), Pair()
SLOTTED, OTHER_SLOTTED = Slotted(), Slotted()
EMPTY, OTHER_EMPTY = Empty(), Empty()
FIELDLESS, OTHER_FIELDLESS = Fieldless(), Fieldless()
DEFINED, OTHER_DEFINED = Defined(), Defined()
LONE = ALSO_LONE = Lone()
EQUAL, OTHER_EQUAL = Equal(), Equal()
REDUCED, OTHER_REDUCED = Reduced(), Reduced()

from unit.core.types import lent_constants as lent  # noqa: E402


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MISSING, NOTHING),
        (SLOTTED, OTHER_SLOTTED),
        (EMPTY, OTHER_EMPTY),
        (FIELDLESS, OTHER_FIELDLESS),
        (DEFINED, OTHER_DEFINED),
        (Markers.FAST, Markers.SLOW),
        (lent.UNSET, lent.DELETED),
        (MISSING, lent.LATER),
        (MISSING, Pair()),
    ],
    ids=[
        "a class",
        "slots",
        "an empty slot",
        "a dataclass",
        "attrs",
        "in a class",
        "in another module",
        "in two modules",
        "a nameless one",
    ],
)
def test_two_constants_have_two_identities(one, other):
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint([one, other]) != fingerprint([other, one])
    assert fingerprint({"x": one}) == fingerprint({"x": one})


@pytest.mark.parametrize(
    ("one", "other"),
    [(LONE, Lone()), (EQUAL, OTHER_EQUAL), (REDUCED, OTHER_REDUCED)],
    ids=["one constant", "__eq__", "__reduce__"],
)
def test_objects_that_their_class_says_are_equal_have_one_identity(one, other):
    assert fingerprint(one) == fingerprint(other)


def test_the_identity_of_a_constant_is_that_of_its_name(monkeypatch):
    before = fingerprint([MISSING, lent.UNSET])

    monkeypatch.setitem(globals(), "MISSING", Pair())
    monkeypatch.setitem(vars(lent), "UNSET", Lent())
    monkeypatch.setitem(sys.modules, "one_more", ModuleType("one_more"))
    monkeypatch.setitem(globals(), "ONE_MORE", 1)

    assert fingerprint([MISSING, lent.UNSET]) == before


def test_a_module_that_imports_a_constant_does_not_change_its_name(monkeypatch):
    importer = ModuleType("a_module_that_imports")
    importer.ALIAS = lent.UNSET
    before = name_among_constants(lent.UNSET)

    monkeypatch.setitem(sys.modules, importer.__name__, importer)

    assert name_among_constants(lent.UNSET) == before == f"{lent.__name__}:UNSET"


def test_a_constant_is_known_by_its_name():
    assert name_among_constants(NOTHING) == "NOTHING"
    assert name_among_constants(Markers.SLOW) == "Markers.SLOW"
    assert name_among_constants(LONE) is None


def test_no_code_of_a_class_runs_to_learn_how_it_compares():
    class Asked:
        def __get__(self, *_: object) -> object:
            raise AssertionError("the class was asked")

    class Comparing:
        __eq__ = Asked()

    assert not is_known_by_name(Comparing)
