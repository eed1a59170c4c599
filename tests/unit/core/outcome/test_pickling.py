"""A pickle imports what its list names, and members of enumerations come back by name."""

from __future__ import annotations

import enum
from collections import namedtuple
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from pytest_mimic._core.identity.call_identity import fingerprint_outcome
from pytest_mimic._core.outcome.outcome import DamagedError
from pytest_mimic._core.outcome.pickling import dump, load, member, reduced


class Color(enum.Enum):
    RED = 1


class Permission(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


def test_a_pickle_comes_back_by_the_names_that_it_lists() -> None:
    pickled = dump(Fraction(1, 3))

    assert pickled.imports == ["fractions:Fraction"]
    assert pickled.load() == [Fraction(1, 3)]


def test_a_pickle_that_imports_another_name_is_not_loaded() -> None:
    stream, *buffers = dump(Fraction(1, 3)).parts()

    with pytest.raises(DamagedError, match="it imports fractions:Fraction, which"):
        load(stream, map(bytearray, buffers), ["decimal:Decimal"])


def described_pair(description: str) -> Any:
    Pair = namedtuple("Pair", "left right")
    Pair.__doc__ = description
    return Pair(1, 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: namedtuple("Pair", "left right")(1, 2),
        lambda: namedtuple("Pair", "left right", defaults=[3])(1),
        lambda: namedtuple("Row", ["id", "class", "a b"], rename=True)(1, 2, 3),
    ],
    ids=["plain", "with a default", "with names that Python does not allow"],
)
def test_named_tuples_of_a_class_made_on_the_fly_are_stored_without_code(
    make: Callable[[], Any],
) -> None:
    value = make()

    pickled = dump([value, value])

    assert not pickled.by_value
    assert pickled.imports == ["pytest_mimic._core.outcome.lossy:named_tuple_class"]
    ((loaded, again),) = pickled.load()
    assert repr(loaded) == repr(value)
    assert type(loaded)._field_defaults == type(value)._field_defaults
    assert type(loaded) is type(again) is not type(value)
    assert fingerprint_outcome(loaded) == fingerprint_outcome(make())


def test_a_class_of_named_tuples_that_was_changed_is_stored_with_its_code() -> None:
    pickled = dump(described_pair("Two numbers."))

    assert pickled.by_value
    assert type(pickled.load()[0]).__doc__ == "Two numbers."


def test_a_class_of_named_tuples_keeps_the_description_of_a_field() -> None:
    Pair = namedtuple("Pair", "left right")
    Pair.left.__doc__ = "The first number."  # type: ignore[attr-defined]

    pickled = dump(Pair(1, 2))

    assert type(pickled.load()[0]).left.__doc__ == "The first number."


class Handwritten(tuple[int, ...]):
    _fields = ("left", "right")


def test_a_tuple_with_fields_that_is_no_named_tuple_is_stored() -> None:
    class Local(tuple):  # type: ignore[type-arg]
        _fields = ("left", "right")

    assert dump(Handwritten((1, 2))).load() == [Handwritten((1, 2))]
    assert dump(Local((1, 2))).load() == [(1, 2)]


def test_members_of_enumerations_are_pickled_by_name_and_combined_flags_by_number() -> (
    None
):
    both = Permission.READ | Permission.WRITE

    assert reduced(Color.RED) == (member, (Color, "RED"))
    assert reduced(both) == (member, (Permission, 3))
    assert member(Color, "RED") is Color.RED
    assert member(Permission, 3) == both
