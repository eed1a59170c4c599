"""Which INSERT has the rows of a recorded one in another order."""

from __future__ import annotations

import pytest

from pytest_mimic._core.tree.row_order import only_order_differs


@pytest.mark.parametrize(
    ("old", "new", "is_order"),
    [
        ({"name__0": "a", "name__1": "b"}, {"name__0": "b", "name__1": "a"}, True),
        ({"name__0": "a", "name__1": "b"}, {"name__0": "b", "name__1": "c"}, False),
        (
            {"n__0": "a", "x__0": 1, "n__1": "b", "x__1": 2},
            {"n__0": "b", "x__0": 2, "n__1": "a", "x__1": 1},
            True,
        ),
        (
            {"n__0": "a", "x__0": 1, "n__1": "b", "x__1": 2},
            {"n__0": "b", "x__0": 1, "n__1": "a", "x__1": 2},
            False,
        ),
        ({"id": 1}, {"id": 2}, False),
    ],
)
def test_rows_in_another_order_are_known(old, new, is_order) -> None:
    statement = "INSERT INTO cards VALUES (:name__0), (:name__1)"

    sides = [{"statement": statement, "params": params} for params in (old, new)]

    assert only_order_differs(*sides) is is_order


@pytest.mark.parametrize(
    ("then", "now"),
    [("SELECT :id_1, :id_2",) * 2, ("INSERT INTO a", "INSERT INTO b"), (None, None)],
)
def test_values_of_another_statement_are_no_rows(then, now) -> None:
    old = {"statement": then, "params": {"id_1": "a", "id_2": "b"}}
    new = {"statement": now, "params": {"id_1": "b", "id_2": "a"}}

    assert not only_order_differs(old, new)
