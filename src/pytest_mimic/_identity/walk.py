"""Values → digests: the canonical encoding (docs/reference/identity.md), written for speed.

A *column* is a list of values that are encoded together: a list's items, the values that 200,000 rows hold
under one key. A column of one type is one C-level dump; containers give their shape and join their contents
into a further column. Nothing recurses into the values, so their depth costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from marshal import dumps
from operator import countOf, itemgetter, ne
from typing import Any

from xxhash import xxh3_128

from pytest_mimic._identity.kinds import Kind, Raw

# What may stand in a mixed column, or in the short form of a small value, as marshal writes it.
# Version 2 of marshal: later ones write references that depend on interning and on reference counts.
# It writes anything with a buffer as bytes, and sets in their order: so only behind a check of exact types.
NONE = type(None)
EXACT = frozenset({int, str, bool, bytes, NONE})
SCALARS = EXACT | {float}
TEXT = frozenset({str})
NUMBER = frozenset({int})
NAN = float("nan")

# Values beyond these (expanded, so by value and not by sharing) are digested part by part: see graph.py.
MOST_CELLS = 1 << 24
MOST_LEVELS = 64

# A dict's values become columns of their own where a shape's keys hold for at least this many rows on average.
ROWS_PER_SHAPE = 8


class TooLarge(Exception):
    """A value is deeper or larger than one walk takes: cyclic, perhaps."""


class Walk:
    """One walk through one value.

    Args:
        kind_of: Type → Kind; asked once for each type.
        ordered: Whether the order of dicts counts.
    """

    __slots__ = ("cells", "kind_of", "kinds", "ordered")

    def __init__(self, kind_of: Callable[[type], Kind], *, ordered: bool = False) -> None:
        self.kind_of = kind_of
        self.kinds: dict[type, Kind] = {}
        self.ordered = ordered
        self.cells = 0

    def kind(self, type_: type) -> Kind:
        """The kind of a type that is neither scalar nor a plain container."""
        kind = self.kinds.get(type_)
        if kind is None:
            kind = self.kinds[type_] = self.kind_of(type_)
        return kind

    def digest(self, column: list[Any], level: int = 0) -> bytes:
        """16 bytes for the values of `column`, in their order.

        Raises:
            TooLarge: The values are cyclic, nested too deep, or too many for one walk.
            Unstable: A value has no identity; its path is not known here.
        """
        hasher = xxh3_128()
        update = hasher.update
        todo = [(column, level)]
        while todo:
            column, level = todo.pop()
            self.cells += len(column)
            if level > MOST_LEVELS or self.cells > MOST_CELLS:
                raise TooLarge
            types = set(map(type, column))
            if len(types) == 1:
                type_ = types.pop()
                writer = WRITERS.get(type_)
                if writer is not None:
                    pushed = writer(self, column, update, level)
                else:
                    kind = self.kind(type_)
                    update(b"K" + dumps((kind.tag, len(column)), 2))
                    pushed = (list(map(kind.reduce, column)),)
            elif types <= SCALARS:
                update(b"M" + dumps(_plain_nans(column) if float in types else column, 2))
                continue
            else:
                pushed = _by_type(column, update)
            for part in pushed:
                if part:
                    todo.append((part, level + 1))
        return hasher.digest()

    def digest_each(self, values: list[Any], level: int) -> list[bytes]:
        """The digest of each value alone, for what has to be put in order."""
        return [self.digest([value], level + 1) for value in values]


Column = list[Any]
Update = Callable[[Any], None]


def _plain_nans(column: Column) -> Column:
    """The same, every NaN with the same bits (their sign differs by machine)."""
    if any(map(ne, column, column)):
        return [NAN if value != value else value for value in column]
    return column


def _by_type(column: Column, update: Update) -> tuple[Column, ...]:
    """Splits a column of several types: which type stands where, types numbered as they first appear."""
    parts: dict[type, Column] = {}
    numbers: dict[type, int] = {}
    marks = []
    for value in column:
        type_ = type(value)
        part = parts.get(type_)
        if part is None:
            part = parts[type_] = []
            numbers[type_] = len(numbers)
        part.append(value)
        marks.append(numbers[type_])
    update(b"X" + dumps(marks, 2))
    return tuple(parts.values())


def _write_ints(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    update(b"I")
    update(dumps(column, 2))
    return ()


def _write_floats(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    total = sum(column)
    update(b"F")
    update(dumps(_plain_nans(column) if total != total else column, 2))
    return ()


def _write_flags(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    update(b"T")
    update(dumps(column, 2))
    return ()


def _write_texts(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    text = "\0".join(column)
    data = text.encode("utf-8", "surrogatepass")
    if text.count("\0") == len(column) - 1:
        update(b"S" + dumps((len(column), len(data)), 2))
    else:
        update(b"Z" + dumps((list(map(len, column)), len(data)), 2))
    update(data)
    return ()


def _write_bytes(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    update(b"B" + dumps(list(map(len, column)), 2))
    for value in column:
        update(value)
    return ()


def _write_raw(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    for raw in column:
        update(b"R" + dumps((raw.head, raw.size), 2))
        for part in raw.parts():
            update(part)
    return ()


def _write_lists(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    update(b"L" + dumps(list(map(len, column)), 2))
    return (walk_flat(walk, column),)


def _write_tuples(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    update(b"P" + dumps(list(map(len, column)), 2))
    return (walk_flat(walk, column),)


def walk_flat(walk: Walk, column: Column) -> Column:
    """The contents of containers, one after the other."""
    if len(column) == 1:
        return list(column[0])
    if walk.cells + sum(map(len, column)) > MOST_CELLS:
        raise TooLarge
    return list(chain.from_iterable(column))


def _write_sets(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    update((b"E" if type(column[0]) is set else b"G") + dumps(list(map(len, column)), 2))
    types = set(map(type, chain.from_iterable(column)))
    if types <= TEXT or types <= NUMBER:
        return (list(chain.from_iterable(map(sorted, column))),)
    update(b"#")
    for value in column:
        update(b"".join(sorted(walk.digest_each(list(value), level))))
    return ()


def _write_dicts(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    if len(column) == 1:
        return _write_dict(walk, column[0], update, level)
    if walk.ordered:
        update(b"O" + dumps(list(map(len, column)), 2))
        return walk_flat(walk, column), list(chain.from_iterable(map(dict.values, column)))
    if countOf(map(type, chain.from_iterable(column)), str) != sum(map(len, column)):
        update(b"Q")
        return _write_dicts_one_by_one(walk, column, update, level)
    first = column[0]
    keys = sorted(first)
    if keys and len(column) >= ROWS_PER_SHAPE and countOf(map(len, column), len(keys)) == len(column):
        try:
            columns = [list(map(itemgetter(key), column)) for key in keys]
        except KeyError:
            pass
        else:
            update(b"C" + dumps((len(column), keys), 2))
            columns.reverse()
            return tuple(columns)
    return _write_shapes(column, update)


def _write_shapes(column: Column, update: Update) -> tuple[Column, ...]:
    """Dicts of several shapes: columns shape by shape, or where shapes are as many as dicts, flat."""
    orders = list(map(tuple, column))
    shape_of = {order: tuple(sorted(order)) for order in set(orders)}
    if sum(map(len, set(shape_of.values()))) * ROWS_PER_SHAPE > sum(map(len, column)):
        update(b"W" + dumps(list(map(len, column)), 2))
        sorted_keys = [shape_of[order] for order in orders]
        values = [row[key] for row, keys in zip(column, sorted_keys) for key in keys]
        return list(chain.from_iterable(sorted_keys)), values
    rows: dict[tuple[str, ...], Column] = {}
    numbers: dict[tuple[str, ...], int] = {}
    marks = []
    for order, row in zip(orders, column):
        shape = shape_of[order]
        if shape not in rows:
            rows[shape] = []
            numbers[shape] = len(numbers)
        rows[shape].append(row)
        marks.append(numbers[shape])
    update(b"V" + dumps((marks, list(map(list, rows))), 2))
    return tuple(list(map(itemgetter(key), part)) for shape, part in rows.items() for key in shape)


def _write_dict(walk: Walk, value: dict[Any, Any], update: Update, level: int) -> tuple[Column, ...]:
    keys = list(value)
    if walk.ordered:
        update(b"O" + dumps([len(keys)], 2))
        return keys, list(value.values())
    types = set(map(type, keys))
    if not (types <= TEXT or types <= NUMBER):
        update(b"Q")
        return _write_dicts_one_by_one(walk, [value], update, level)
    update(b"D" + dumps(len(keys), 2))
    in_order = sorted(keys)
    if in_order == keys:
        return keys, list(value.values())
    return in_order, list(map(value.__getitem__, in_order))


def _write_dicts_one_by_one(
    walk: Walk, column: Column, update: Update, level: int
) -> tuple[Column, ...]:
    """Dicts with keys that have no order of their own: by the digests of the keys."""
    update(dumps(list(map(len, column)), 2))
    values: Column = []
    for row in column:
        keys = list(row)
        ranked = sorted(zip(walk.digest_each(keys, level), range(len(keys))))
        update(b"".join([digest for digest, _ in ranked]))
        contents = list(row.values())
        values += [contents[place] for _, place in ranked]
    return (values,)


WRITERS: dict[type, Callable[[Walk, Column, Update, int], tuple[Column, ...]]] = {
    int: _write_ints,
    float: _write_floats,
    bool: _write_flags,
    NONE: _write_flags,
    str: _write_texts,
    bytes: _write_bytes,
    Raw: _write_raw,
    list: _write_lists,
    tuple: _write_tuples,
    dict: _write_dicts,
    set: _write_sets,
    frozenset: _write_sets,
}
