"""Values of the standard library are made again of what they are made of."""

from __future__ import annotations

import datetime
import enum
import pathlib
import re
import uuid
from collections import Counter, OrderedDict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pytest_mimic._core.types.stdlib_types import (
    ROWS,
    TYPE_NAME_BY_TAG,
    is_path,
    row_maker,
    row_of,
    shown_text_of,
)


class Mine(Decimal):
    pass


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@pytest.mark.parametrize(
    "value",
    [
        *(Decimal("1.50"), Fraction(2, 6), uuid.UUID(int=5), 2 - 3j, range(1, 9, 2)),
        *(datetime.date(2024, 5, 1), datetime.timedelta(days=1, microseconds=3), datetime.time(1, fold=1)),
        *(deque([1, 2], 3), OrderedDict(b=1, a=2), Counter("aab"), bytearray(b"ab"), re.compile("a+", re.I | re.M)),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_is_made_again_of_its_parts(value: Any) -> None:
    found = row_of(type(value))
    assert found is not None
    row, base = found
    make = row_maker(row.tag)
    assert make is not None

    again = make(row.take(value))

    assert base is type(again) is type(value)
    assert (again, repr(again)) == (value, repr(value))


def test_a_class_of_ones_own_has_the_row_of_its_base() -> None:
    assert row_of(Mine) == (ROWS["decimal.Decimal"], Decimal)
    assert row_of(Access) is row_of(object) is None
    assert [is_path(kind) for kind in (pathlib.Path, pathlib.PureWindowsPath, str)] == [
        True,
        True,
        False,
    ]


def test_each_tag_is_that_of_one_type() -> None:
    assert len(TYPE_NAME_BY_TAG) == len(
        [row for row in ROWS.values() if row.make is not None]
    )
    assert row_maker("no such tag") is None


def test_members_and_combinations_have_a_text() -> None:
    assert shown_text_of(Access.READ) == "Access.READ"
    assert shown_text_of(Access(0)) == "Access(0)"
    assert shown_text_of(object()) is None
