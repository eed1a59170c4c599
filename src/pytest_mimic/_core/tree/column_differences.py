"""In which columns two tables or arrays differ, and in which of their rows.

The columns are those of two values, or what descriptions keep of them: `kept_columns`.
The words for the differences are in `difference_words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.nodes.node_classes import Node, Opaque
from pytest_mimic._core.tree.drawing import line

#: The step to the labels of the rows; of several levels, `.index[0]` is the first.
INDEX = ".index"
_LONGEST_VALUE = 120


class Column(NamedTuple):
    """A column of a table, or an array.

    Attributes:
        dtype: The dtype in words.
        rows_or_shape: How many rows the column has; of an array of several dimensions
            the shape, `2x3`.
        values: The values, or the first of them; None: a description has kept none.
        digest: The digest of all values, which a description keeps; empty: the column
            is that of a value itself.
    """

    dtype: str
    rows_or_shape: int | str
    values: Sequence[Any] | None = None
    digest: str = ""

    def as_node(self, **facts: Node) -> Opaque:
        """Return the node that stands for the column in a difference."""
        return Opaque("column", self.dtype, facts={"rows": self.rows_or_shape, **facts})


Columns = Mapping[str, Column]
"""The columns by the steps to them: `['price']`, `.index`; empty for an only column."""

Change = tuple[str, Opaque | None, Opaque | None]
"""The step to a column, and its node on both sides: None where there is none."""


def changed_columns(
    old: Columns,
    new: Columns,
    *,
    is_same: Callable[[Any, Any], bool],
    node_of: Callable[[Any], Node],
) -> Iterator[Change]:
    """Yield the columns in which two tables differ, and other numbers of rows once.

    A miss and `diff` compare two descriptions in this way, and verifying two values. If
    nothing else differs, the first column that has another place is yielded.

    Args:
        old: The columns of one table.
        new: The columns of the other table.
        is_same: Returns whether two values of a column are equal.
        node_of: Makes the node of a value.
    """
    row_counts = _row_counts(old, new)
    if row_counts is not None:
        yield "", Opaque("rows", row_counts[0]), Opaque("rows", row_counts[1])
    has_told_change = row_counts is not None
    for step in dict.fromkeys([*old, *new]):
        if step not in old:
            yield step, None, new[step].as_node()
        elif step not in new:
            yield step, old[step].as_node(), None
        else:
            pair = _ColumnPair(old[step], new[step], is_same, node_of)
            labels: list[Sequence[Any]] = []
            if not step.startswith(INDEX):
                labels = _row_labels(old)
            differing_sides = pair.differing_sides(
                labels, is_count_told=row_counts is not None
            )
            if differing_sides is None:
                # The two columns are equal.
                continue
            yield step, *differing_sides
        has_told_change = True
    if not has_told_change:
        yield from _column_order_change(old, new)


def _row_counts(old: Columns, new: Columns) -> tuple[int, int] | None:
    """Return how many rows two tables have, if this is told once for all columns.

    None: the tables have equally many rows, or only some of their columns have not.
    """
    if {*old} == {""}:
        # An array is its only column.
        return None
    counts = {
        (old[step].rows_or_shape, new[step].rows_or_shape)
        for step in old.keys() & new.keys()
    }
    if len(counts) != 1:
        return None
    [(old_count, new_count)] = counts
    if old_count == new_count:
        return None
    if isinstance(old_count, int) and isinstance(new_count, int):
        return old_count, new_count
    return None


def _row_labels(columns: Columns) -> list[Sequence[Any]]:
    """Return the labels of the rows by level; empty if a level's labels are unknown."""
    levels: list[Sequence[Any]] = []
    for step, column in columns.items():
        if not _is_index(step):
            continue
        if column.values is None:
            # A difference then names a row by its number.
            return []
        levels.append(column.values)
    return levels


def _is_index(step: str) -> bool:
    """Return whether a step leads to labels of rows, not to a column."""
    return step == INDEX or step.startswith(f"{INDEX}[")


def _column_order_change(old: Columns, new: Columns) -> Iterator[Change]:
    """Yield a change if the columns of a table have another order."""
    # Both sides have the same columns here, as no column has come or gone.
    for step, new_step in zip(old, new, strict=True):
        if step != new_step:
            yield "", Opaque("first_column", step), Opaque("first_column", new_step)
            return


class _ColumnPair(NamedTuple):
    """Compares two columns."""

    old: Column
    new: Column
    is_same: Callable[[Any, Any], bool]
    node_of: Callable[[Any], Node]

    def differing_sides(
        self, labels: list[Sequence[Any]], *, is_count_told: bool
    ) -> tuple[Opaque, Opaque] | None:
        """Return the nodes of both columns; None: they do not differ.

        Args:
            labels: The labels of the rows, by level.
            is_count_told: Whether a change of the number of rows is told already. Then
                only the rows that both sides have are compared.
        """
        old, new = self.old, self.new
        if old.digest and old.digest == new.digest and old.dtype == new.dtype:
            return None
        has_other_rows = old.rows_or_shape != new.rows_or_shape
        if old.dtype != new.dtype or (has_other_rows and not is_count_told):
            return old.as_node(), new.as_node()
        if old.values is not None and new.values is not None:
            places = self._differing_places(old.values, new.values)
            if places:
                return self._sides_at(places, labels)
            if not old.digest:
                return None
        if has_other_rows:
            # The number of rows is told already.
            return None
        # The digests differ. The values that are kept may not be all of them.
        return old.as_node(), new.as_node()

    def _differing_places(
        self, old_values: Sequence[Any], new_values: Sequence[Any]
    ) -> list[int]:
        """Return the numbers of the rows in which both columns differ."""
        places: list[int] = []
        pairs = zip(old_values, new_values, strict=False)
        for place, (old_value, new_value) in enumerate(pairs):
            if not self.is_same(old_value, new_value):
                places.append(place)
        return places

    def _sides_at(
        self, places: list[int], labels: list[Sequence[Any]]
    ) -> tuple[Opaque, Opaque]:
        """Return the nodes of both columns with the first row in which they differ.

        Their facts are `differ`, how many rows differ, and the first one's `label` and
        `value`, which `difference_words` puts into words.
        """
        first_place = places[0]
        facts: dict[str, Node] = {"differ": len(places), "label": str(first_place)}
        if isinstance(self.old.rows_or_shape, str):
            facts["label"] = _index_of(first_place, self.old.rows_or_shape)
        elif labels and first_place < len(labels[0]):
            labels_of_row: list[str] = []
            for level in labels:
                labels_of_row.append(
                    line(self.node_of(level[first_place]), _LONGEST_VALUE)
                )
            facts["label"] = ", ".join(labels_of_row)
        nodes: list[Opaque] = []
        for column in (self.old, self.new):
            value = self.node_of((column.values or ())[first_place])
            nodes.append(column.as_node(**facts, value=value))
        return nodes[0], nodes[1]


def _index_of(number: int, shape: str) -> str:
    """Return the index of an item of an array: of a shape `2x3`, one for each axis."""
    if not shape:
        # An array without dimensions has one item.
        return str(number)
    indexes: list[str] = []
    for extent in reversed([int(part) for part in shape.split("x")]):
        number, index = divmod(number, extent)
        indexes.insert(0, str(index))
    return ", ".join(indexes)


def is_column(node: object) -> bool:
    """Check whether a node stands for a column, or a table's rows or first column."""
    return isinstance(node, Opaque) and node.kind in ("column", "rows", "first_column")
