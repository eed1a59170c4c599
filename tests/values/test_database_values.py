"""Values as drivers of databases give them: each comes back in its class, or is refused."""

from __future__ import annotations

import datetime as dt
from collections import namedtuple
from decimal import Decimal
from enum import Enum, IntEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from support.face import there_and_back

from values.sameness import comes_back_or_is_refused, shown

BERLIN = ZoneInfo("Europe/Berlin")


class Address(NamedTuple):
    """A named tuple, as psycopg makes one of a composite type."""

    street: str
    number: int


class Currency(Enum):
    """A class of an application, which is none of a database's."""

    EUR = 1


class Label(str):
    """A text of an application, which remembers something."""

    color: str


class Cents(int):
    """A number with a method."""

    def dollars(self):
        return self / 100


class Stamp(dt.datetime):
    """A moment of an application."""


class Price(Decimal):
    """A number of an application."""


class Tags(list[str]):
    """A list of an application."""


class Box(dict[str, int]):
    """A mapping of an application."""


class Level(IntEnum):
    """What a converter may make of a number."""

    LOW = 1


@pytest.mark.parametrize(
    "value",
    [
        Label("red"),
        Cents(250),
        Stamp(2026, 11, 2, 10, 30, 15, 7, tzinfo=BERLIN, fold=1),
        Price("1.10"),
        Tags(["a", "b"]),
        Box(a=1),
        Level.LOW,
        Currency.EUR,
        Address("Storgata", 5),
        [Cents(1), {"a": (Cents(2),)}],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_in_the_class_that_a_converter_made(value):
    again = there_and_back([{"column": value}])[0]["column"]

    assert type(again) is type(value)
    assert shown(again) == shown(value)


def test_a_value_of_an_own_class_keeps_its_attributes_and_methods():
    label = Label("red")
    label.color = "#f00"

    assert there_and_back(label).color == "#f00"
    assert there_and_back(Cents(250)).dollars() == 2.5


def test_a_named_tuple_that_a_driver_made_keeps_its_names_or_is_refused():
    """A driver makes its class in each process, and so does a replay."""
    made = namedtuple("address", "street number", module="psycopg.types.composite")

    comes_back_or_is_refused(
        [made("Storgata", 5)], shown=lambda rows: (rows, repr(rows), rows[0].number)
    )


def test_a_zone_keeps_its_name_and_its_hour():
    """A time that is there twice comes back as the one it was."""
    moment = dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)

    again = there_and_back(moment)

    assert again.tzinfo is BERLIN
    assert again.utcoffset() == dt.timedelta(hours=1)


DRIVERS = {
    "psycopg.types.range": ("Range(1, 5)", "Range(None, 5, '(]')", "Range(empty=True)"),
    "psycopg.types.multirange": (
        "Multirange([Range(1, 3), Range(5, None)])",
        "Multirange[int]([Range(1, 3)])",
    ),
    "asyncpg": (
        "Range(1, 5)",
        "Range(None, 5, lower_inc=False, upper_inc=True)",
        "Range(empty=True)",
        "Point(1.5, 2)",
        "Box(Point(1, 2), Point(3, 4))",
        "Line(1, 2, 3)",
        "LineSegment(Point(1, 2), Point(3, 4))",
        "Circle(Point(1, 2), 3)",
        "Path(Point(1, 2), Point(3, 4), is_closed=True)",
        "Polygon(Point(1, 2), Point(3, 4))",
        "BitString('1010')",
    ),
    "asyncpg.pgproto.pgproto": ("UUID('12345678-1234-5678-1234-567812345678')",),
    "psycopg2.extras": (
        "NumericRange(1, 5)",
        "DateTimeTZRange(None, None)",
        "DateRange(empty=True)",
    ),
    "pg8000.types": ("Range(1, 5)", "Range(is_empty=True)"),
    "sqlalchemy.dialects.postgresql": (
        "Range(1, 5, bounds='(]')",
        "Range(None, None)",
        "Range(empty=True)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "source"),
    [(module, source) for module, sources in DRIVERS.items() for source in sources],
)
def test_classes_of_drivers_come_back_or_are_refused(module, source):
    made = eval(source, vars(pytest.importorskip(module)))

    again = comes_back_or_is_refused([made])

    if again is not None:
        assert type(again[0]) is type(made)
        assert again[0] == made or repr(again[0]) == repr(made)
