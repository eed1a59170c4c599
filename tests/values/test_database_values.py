"""Values as drivers of databases give them: each comes back in its class, or is refused."""

from __future__ import annotations

import json
from collections import namedtuple

import pytest

from pytest_mimic import UnstorableOutcomeError
from pytest_mimic.clients.sql.database import fault_in, made, stored

DRIVERS = {
    "psycopg.types.multirange": ("Multirange([Range(1, 3)])",),
    "psycopg.types.range": ("Range(1, 5)", "Range(None, 5, '(]')", "Range(empty=True)"),
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
    "builtins": ("memoryview(b'ab')", "b'ab'", "'ü'", "float('inf')", "[1, (2,)]"),
}  # fmt: skip


def there_and_back(value):
    return made(json.loads(json.dumps(stored(value, "rows[0].a"))))


@pytest.mark.parametrize(
    ("module", "source"),
    [(module, source) for module, sources in DRIVERS.items() for source in sources],
)
def test_values_of_drivers_come_back_in_their_classes(module, source):
    value = eval(source, {**vars(pytest.importorskip(module))})

    again = there_and_back(value)

    assert type(again) is type(value)
    assert again == value
    assert repr(again) == repr(value) or "<" in repr(value)


def test_a_value_that_no_row_can_keep_is_refused_by_its_place():
    """A driver makes the class of a composite type in each process."""
    address = namedtuple("address", "street number", module="psycopg.types.composite")

    with pytest.raises(UnstorableOutcomeError, match=r"rows\[0\]\.a"):
        there_and_back(address("Storgata", 5))


def test_a_vector_that_needs_a_file_is_refused_by_its_place():
    numpy = pytest.importorskip("numpy")

    assert there_and_back(numpy.arange(3)).tolist() == [0, 1, 2]
    with pytest.raises(UnstorableOutcomeError, match=r"rows\[0\]\.a: an array of many"):
        there_and_back(numpy.arange(99))


CLASS = f"{__name__}:Finalizer"


class Finalizer:
    def __del__(self):
        pass


@pytest.mark.parametrize(
    "answer",
    [
        {"rows": [{"a": 1}, {"$b": [{f"${CLASS}": {}}]}]},
        {"raised": {"class": "os:system", "args": []}},
        {"raised": {"class": "builtins:ValueError", "args": [], "cause": {"class": CLASS}}},
    ],
)  # fmt: skip
def test_what_an_answer_may_not_make_is_found(answer):
    assert fault_in(answer).damage == "refused"


def test_an_answer_of_a_driver_that_is_not_imported_is_sound():
    row = {
        "$x": {"$memoryview": {"$bytes": "a"}},
        "r": {"$asyncpg.pgproto.pgproto:UUID": "", "s": {"$a.b:Range": {}}},
    }
    error = {"class": "a.b:Error", "args": ["x"], "cause": None}

    assert fault_in({"rows": [row], "raised": error}) is None
