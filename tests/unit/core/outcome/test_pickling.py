"""A pickle imports what its list names, and members of enumerations come back by name."""

from __future__ import annotations

import enum
from fractions import Fraction

import pytest

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


def test_members_of_enumerations_are_pickled_by_name_and_combined_flags_by_number() -> (
    None
):
    both = Permission.READ | Permission.WRITE

    assert reduced(Color.RED) == (member, (Color, "RED"))
    assert reduced(both) == (member, (Permission, 3))
    assert member(Color, "RED") is Color.RED
    assert member(Permission, 3) == both
