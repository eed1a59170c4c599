"""Values as drivers of databases give them: each comes back in its class, or is refused."""

from __future__ import annotations

from collections import namedtuple

import pytest

from values.sameness import comes_back_or_is_refused


def test_a_named_tuple_that_a_driver_made_keeps_its_names_or_is_refused():
    """A driver makes its class in each process, and so does a replay."""
    made = namedtuple("address", "street number", module="psycopg.types.composite")

    comes_back_or_is_refused(
        [made("Storgata", 5)], shown=lambda rows: (rows, repr(rows), rows[0].number)
    )


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
