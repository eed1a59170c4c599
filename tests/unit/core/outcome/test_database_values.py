"""Values of databases survive plain data with their types."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import math
import uuid
from collections import namedtuple
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from pytest_mimic._core.outcome.database_values import blank, from_plain, to_plain
from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError

BERLIN = ZoneInfo("Europe/Berlin")


class Address(NamedTuple):
    """A named tuple, as psycopg makes one of a composite type."""

    street: str
    number: int


class Currency(Enum):
    """A class of an application, which is none of a database's."""

    EUR = 1


VALUES = {
    "null": None,
    "bool": True,
    "int": 2**80,
    "float": 0.1,
    "infinity": -math.inf,
    "text": 'with "quotes" and \n lines',
    "bytes of text": b"plain text",
    "bytes": bytes(range(256)),
    "bytearray": bytearray(b"\x00"),
    "memoryview": memoryview(b"\xff"),
    "decimal": Decimal("1.10"),
    "decimal nan": Decimal("NaN"),
    "date": dt.date(2026, 11, 2),
    "naive time": dt.time(1, 2, 3, 4),
    "time with an offset": dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "time in a zone": dt.time(1, 2, tzinfo=BERLIN),
    "naive datetime": dt.datetime(2026, 11, 2, 10, 0, 0, 1),
    "datetime in UTC": dt.datetime(2026, 11, 2, tzinfo=dt.timezone.utc),
    "datetime in a zone": dt.datetime(2026, 7, 2, tzinfo=BERLIN),
    "second hour of a clock put back": dt.datetime(
        2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN
    ),
    "interval": dt.timedelta(days=-1, seconds=3, microseconds=5),
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "tuple": (1, (2, "3")),
    "list": [1, [None, b"\xff"]],
    "set": {1, 2},
    "frozenset": frozenset({"a"}),
    "mapping": {"a": {"b": Decimal(1)}},
    "mapping like a tag": {"$bytes": "no bytes"},
    "mapping by numbers": {1: "a", (2, 3): "b"},
    "address": ipaddress.ip_address("10.0.0.1"),
    "network": ipaddress.ip_network("fe80::/64"),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    back = from_plain(json.loads(json.dumps(to_plain(value), allow_nan=False)))

    assert type(back) is type(value)
    assert repr(back) == repr(value) or back == value


class Label(str):
    """A text of an application, which remembers something."""

    color: str


class Cents(int):
    """A number with a method."""

    def dollars(self) -> float:
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


def through_json(value: Any) -> Any:
    """A value as a replay gets it, and the classes that its recording lists."""
    classes: set[str] = set()
    stored = json.loads(json.dumps(to_plain(value, noted_classes=classes)))
    return from_plain(stored, sorted(classes))


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
def test_value_comes_back_in_the_class_that_a_converter_made(value: Any) -> None:
    back = through_json(value)

    assert type(back) is type(value)
    assert back == value
    assert repr(back) == repr(value)


def test_value_of_an_own_class_keeps_its_attributes_and_methods() -> None:
    label = Label("red")
    label.color = "#f00"

    assert through_json(label).color == "#f00"
    assert through_json(Cents(250)).dollars() == 2.5


def test_class_that_a_recording_does_not_list_is_not_imported() -> None:
    stored = to_plain(Cents(1), noted_classes=set())

    with pytest.raises(CorruptRecordingError, match="Cents is not listed"):
        from_plain(stored, ["shop:Other"])


def test_class_without_a_name_to_import_is_refused() -> None:
    class Local(str):
        __slots__ = ()

    with pytest.raises(UnstorableOutcomeError, match=r"rows\[0\]\.a: .*Local") as error:
        to_plain(Local("a"), "rows[0].a", set())

    assert "CAST(a AS text)" in str(error.value)


def test_named_tuple_that_a_driver_made_keeps_its_names() -> None:
    """A driver makes its class in each process, and so does a replay."""
    made: Any = namedtuple("address", "street number", module="psycopg.types.composite")

    back = from_plain(json.loads(json.dumps(to_plain([made("Storgata", 5)]))))

    assert back == [("Storgata", 5)]
    assert repr(back[0]) == "address(street='Storgata', number=5)"
    assert back[0].number == 5


GEOMETRY = (
    "Point(1.5, 2)",
    "Box(Point(1, 2), Point(3, 4))",
    "Line(1, 2, 3)",
    "LineSegment(Point(1, 2), Point(3, 4))",
    "Circle(Point(1, 2), 3)",
    "Path(Point(1, 2), Point(3, 4), is_closed=True)",
    "Polygon(Point(1, 2), Point(3, 4))",
    "BitString('1010')",
)


@pytest.mark.parametrize("source", GEOMETRY)
def test_geometry_and_bits_of_asyncpg_come_back(source: str) -> None:
    made = eval(source, vars(pytest.importorskip("asyncpg")))

    back = from_plain(json.loads(json.dumps(to_plain(made))))

    assert type(back) is type(made)
    assert back == made or repr(back) == repr(made)


def test_multirange_made_with_a_type_comes_back() -> None:
    """psycopg's own loader makes it so; what typing notes at it is none of its value."""
    multirange = pytest.importorskip("psycopg.types.multirange")
    made = multirange.Multirange[int]([multirange.Range(1, 3)])

    back = from_plain(json.loads(json.dumps(to_plain(made))))

    assert type(back) is type(made)
    assert back == made


def test_identifier_of_asyncpg_comes_back_in_its_own_class() -> None:
    pytest.importorskip("asyncpg")
    from asyncpg.pgproto.pgproto import UUID

    made = UUID("12345678-1234-5678-1234-567812345678")

    back = from_plain(json.loads(json.dumps(to_plain(made))))

    assert type(back) is UUID
    assert back == made


def test_zone_keeps_its_name_and_its_hour() -> None:
    """A time that is there twice comes back as the one it was."""
    moment = dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)

    back = from_plain(to_plain(moment))

    assert back.tzinfo is BERLIN
    assert back.utcoffset() == dt.timedelta(hours=1)


RANGES = {
    "psycopg.types.range": ("Range(1, 5)", "Range(None, 5, '(]')", "Range(empty=True)"),
    "psycopg.types.multirange": ("Multirange([Range(1, 3), Range(5, None)])",),
    "asyncpg": (
        "Range(1, 5)",
        "Range(None, 5, lower_inc=False, upper_inc=True)",
        "Range(empty=True)",
    ),
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
}


@pytest.mark.parametrize(
    ("module", "source"),
    [(module, source) for module, sources in RANGES.items() for source in sources],
)
def test_ranges_of_drivers_come_back(module: str, source: str) -> None:
    """Those of SQLAlchemy too, which a parameter may hold."""
    made = eval(source, vars(pytest.importorskip(module)))

    back = from_plain(json.loads(json.dumps(to_plain(made))))

    assert type(back) is type(made)
    assert back == made


def test_unknown_type_is_refused_by_its_place() -> None:
    """The error names the part that has no plain form."""
    with pytest.raises(
        UnstorableOutcomeError, match=r"rows\[0\]\.a: list, which holds builtins.object"
    ):
        to_plain([1, object()], "rows[0].a")
    with pytest.raises(UnstorableOutcomeError, match="dict, which holds"):
        to_plain({"a": object()})


@pytest.mark.parametrize(
    "plain",
    [
        {"$decimal": "x"},
        {"$nothing": 1},
        {"$datetime": 5},
        {"$ip": ["os", "10.0.0.1"]},
        {"$driver": ["os:DirEntry", {}]},
    ],
    ids=str,
)
def test_damaged_value_is_an_error(plain: Any) -> None:
    with pytest.raises(CorruptRecordingError, match="a recording has a value"):
        from_plain(plain)


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ("s3cret", "***"),
        (b"s3cret", b"***"),
        (12345, 0),
        (True, True),
        (Decimal("5"), Decimal(0)),
        (dt.date(2000, 5, 5), dt.date(1970, 1, 1)),
        (dt.datetime(2000, 5, 5), dt.datetime(1970, 1, 1)),
        (dt.time(5, 5, tzinfo=BERLIN), dt.time(0, tzinfo=BERLIN)),
        (uuid.UUID(int=5), uuid.UUID(int=0)),
        (["a", None], ["***", None]),
        (Address("Storgata", 5), Address("***", 0)),
        (Label("red"), Label("***")),
        (Cents(5), Cents(0)),
        (Stamp(2000, 5, 5), Stamp(1970, 1, 1)),
        (Tags(["a"]), Tags(["***"])),
        ({"k": "a"}, {"k": "***"}),
        (None, None),
    ],
    ids=repr,
)
def test_secret_is_replaced_by_its_own_type(value: Any, hidden: Any) -> None:

    assert blank(value, "***") == hidden
    assert type(blank(value, "***")) is type(hidden)
