"""Classes with named fields make tuples as those of `NamedTuple` do."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pytest_mimic._core.named_fields import NamedFields


class Point(NamedFields):
    """A point."""

    x: int
    y: int = 0


@pytest.mark.parametrize(
    "point", [Point(1), Point(1, 0), Point(x=1), Point(1, y=0)], ids=repr
)
def test_a_row_is_a_tuple_with_names(point: Point) -> None:
    assert point == (1, 0)
    assert (point.x, point.y) == (1, 0)
    assert repr(point) == "Point(x=1, y=0)"
    assert point._replace(y=2) == (1, 2)


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})]
)
def test_other_fields_are_refused(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="Point has the fields x, y"):
        Point(*values, **named)


def test_a_row_is_pickled_with_its_class() -> None:
    point: Point = pickle.loads(pickle.dumps(Point(1, y=2)))

    assert type(point) is Point
    assert point._asdict() == {"x": 1, "y": 2}
