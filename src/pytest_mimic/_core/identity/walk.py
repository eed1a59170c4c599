"""Values → digests: the canonical encoding, written for speed.

A *column* is a list of values that are encoded together: the items of a list, or the
values of one key in 200,000
rows. A column of one type is encoded by one call of C code. A column of containers is
encoded as their shapes, and
their contents are joined into a further column. Nothing recurses into the values, so
their depth costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from marshal import dumps
from operator import countOf, itemgetter
from typing import Any

from xxhash import xxh3_128, xxh3_128_intdigest

from pytest_mimic._core.identity.short import (
    EXACT,
    LONG,
    MANY,
    NAN,
    SCALARS,
    SEPARATOR,
    SHORT,
    SIZED,
    has_long,
    is_marked,
    plain_nans,
)
from pytest_mimic._core.types.kinds import PLAIN, Kind, Raw

# Larger values are digested part by part: see graph.py. A shared part counts each time,
# so that equal values have the same size. Tables do not reach DEEP_LEVEL: below it,
# growth comes from parts that are shared over and over.
MOST_CELLS = 1 << 24
DEEP_LEVEL = 16
MOST_DEEP_CELLS = 1 << 20
MOST_LEVELS = 64

# The values of at least this many dicts with the same keys become a column for each
# key.
MANY_ROWS = 8
# The size of a chunk of memory that is still in the CPU's cache when it is searched for
# NaNs.
CHUNK = 1 << 21

Column = list[Any]
Columns = tuple[Column, ...]
Update = Callable[[Any], None]


class TooLarge(Exception):  # noqa: N818 - not an error: graph.py digests the value instead
    """A value is deeper or larger than one walk takes, and perhaps cyclic."""


class HoldsMark(Exception):  # noqa: N818 - the value is walked again, with `locate`
    """A value holds a mark, and so perhaps a string that is a path.

    The path would be one below the base temporary folder.
    """


class Walk:
    """One walk through one value.

    Attributes:
        kind_of: Returns the kind of a type. It is called once for each type.
        ordered: Whether the order of dicts counts.
        marks: Texts in UTF-8 of which no string may contain one: see `HoldsMark`.
        locate: Replaces some strings by objects that have a kind of their own, the same
            object for equal strings. None in a walk in which strings are only strings,
            which is faster.
        kinds: The kinds of the types that were met.
        cells: How many values were met.
        deep_cells: How many of these were met deep inside.
    """

    __slots__ = (
        "cells",
        "deep_cells",
        "kind_of",
        "kinds",
        "locate",
        "marks",
        "ordered",
    )

    def __init__(
        self,
        kind_of: Callable[[type], Kind],
        *,
        ordered: bool = False,
        marks: Sequence[bytes] = (),
        locate: Callable[[str], object] | None = None,
    ) -> None:
        self.kind_of = kind_of
        self.ordered = ordered
        self.marks = marks
        self.locate = locate
        self.kinds: dict[type, Kind] = {}
        self.cells = self.deep_cells = 0

    def kind(self, type_: type) -> Kind:
        """Return the kind of a type that is neither a scalar nor a plain container."""
        kind = self.kinds.get(type_)
        if kind is None:
            kind = self.kinds[type_] = self.kind_of(type_)
        return kind

    def located(self, column: Column) -> Column:
        """Return the column with objects for the strings that `locate` replaces."""
        locate = self.locate
        if locate is None:
            return column
        return [locate(value) if type(value) is str else value for value in column]

    def search(self, data: bytes) -> bytes:
        """Return encoded strings, or raise HoldsMark."""
        if self.marks and data.find(SEPARATOR) >= 0 and is_marked(data, self.marks):
            raise HoldsMark
        return data

    def digest(self, column: Column, level: int = 0) -> bytes:
        """Return 16 bytes for the values of `column`, in their order.

        Raises:
            TooLarge: The values are cyclic, nested too deep, or too many for one walk.
            HoldsMark: A string contains a mark.
            Unstable: A value has no identity; its path is not known here.
        """
        hasher = xxh3_128()
        update = hasher.update
        todo = [(column, level)] if column else []
        while todo:
            column, level = todo.pop()
            column = self.located(column)
            self.cells += len(column)
            if level >= DEEP_LEVEL:
                self.deep_cells += len(column)
            # Both counts are sums, so that the order of the members of a set does not
            # decide.
            if (
                level > MOST_LEVELS
                or self.cells > MOST_CELLS
                or self.deep_cells > MOST_DEEP_CELLS
            ):
                raise TooLarge
            type_ = type(column[0])
            types: list[type] = list(map(type, column))
            if types.count(type_) == len(types):
                pushed = self.write(type_, column, update, level)
            elif (kinds := {*types}) <= SCALARS:
                pushed = self.write_scalars(column, update, kinds)
            else:
                pushed = self.split(column, types, update)
            for part in pushed:
                if part:
                    todo.append((part, level + 1))
        return hasher.digest()

    def write(self, type_: type, column: Column, update: Update, level: int) -> Columns:
        """Write values of one type, and return the columns of their parts."""
        writer = _WRITERS.get(type_)
        if writer is not None:
            return writer(self, column, update, level)
        if type_ is Raw:
            return _write_memory(column, update)
        kind = self.kind(type_)
        if kind.many is not None and len(column) > SHORT and self.locate is None:
            update(b"V" + dumps((kind.tag, len(column)), 2))
            return kind.many(column)
        update(b"K" + dumps((kind.tag, len(column)), 2))
        if len({*map(id, column[:SHORT])}) * MANY_ROWS > SHORT:
            return (list(map(kind.reduce, column)),)
        # A few time zones or flags, over and over.
        known = {
            key: kind.reduce(value)
            for key, value in dict(zip(map(id, column), column)).items()
        }
        return (list(map(known.__getitem__, map(id, column))),)

    def write_scalars(
        self, column: Column, update: Update, types: Collection[type]
    ) -> Columns:
        """Write scalars.

        Short ones, or many, are one dump. The content of long texts and bytes is
        written by itself.
        """
        column = plain_nans(column) if float in types else column
        if len(column) > MANY or SIZED.isdisjoint(types) or not has_long(column):
            update(b"M" + self.search(dumps(column, 2)))
        else:
            marks = [
                (type(value).__name__, len(value)) if type(value) in SIZED else value
                for value in column
            ]
            update(b"Z" + dumps(marks, 2))
            for text in column:
                if type(text) is bytes:
                    update(text)
                elif type(text) is str and len(text) <= LONG:
                    update(self.search(text.encode("utf-8", "surrogatepass")))
                elif type(text) is str:
                    # The text is encoded by pieces, so that it is never copied as a
                    # whole. It is too long for a path.
                    for start in range(0, len(text), LONG):
                        update(
                            text[start : start + LONG].encode("utf-8", "surrogatepass")
                        )
        return ()

    def split(self, column: Column, types: list[type], update: Update) -> Columns:
        """Split a column into one for each tag, and write the tags.

        Types may share a tag. Tags are numbered as they first appear.
        """
        tags = {
            type_: type_ if type_ in PLAIN or type_ is Raw else self.kind(type_).tag
            for type_ in dict.fromkeys(types)
        }
        numbers: dict[Any, int] = {
            tag: number for number, tag in enumerate(dict.fromkeys(tags.values()))
        }
        if len(numbers) == 1:
            update(b"K" + dumps((*numbers, len(column)), 2))
            return ([self.kinds[type(value)].reduce(value) for value in column],)
        number_of = {type_: numbers[tag] for type_, tag in tags.items()}
        marks = [number_of[type_] for type_ in types]
        update(b"X" + dumps(marks, 2))
        parts: Columns = tuple([] for _ in numbers)
        for mark, value in zip(marks, column):
            parts[mark].append(value)
        return parts

    def joined(self, column: Column, lengths: list[int]) -> Column:
        if len(column) == 1:
            return column[0] if type(column[0]) is list else list(column[0])
        if self.cells + sum(lengths) > MOST_CELLS:
            raise TooLarge
        return list(chain.from_iterable(column))

    def ranks(self, values: Column, level: int) -> list[bytes]:
        """Return a rank for each of some values, by which they can be sorted.

        They have no natural order.
        """
        if level > MOST_LEVELS:
            raise TooLarge
        values = self.located(values)
        if SCALARS.issuperset(map(type, values)) and not has_long(values):
            return [b"m" + self.search(dumps(value, 2)) for value in plain_nans(values)]
        if all(type(value) is tuple for value in values):
            parts = self.located(list(chain.from_iterable(values)))
            if EXACT.issuperset(map(type, parts)) and not has_long(parts):
                return [b"m" + self.search(dumps(value, 2)) for value in values]
        return [b"#" + self.digest([value], level + 1) for value in values]


def _write_texts(walk: Walk, column: Column, update: Update, _level: int) -> Columns:
    """Write strings, many short ones as one text."""
    if len(column) <= SHORT:
        return walk.write_scalars(column, update, (str,))
    data = "\0".join(column).encode("utf-8", "surrogatepass")
    if data.count(0) != len(column) - 1:
        return walk.write_scalars(column, update, (str,))
    update(b"S" + dumps((len(column), len(data)), 2))
    update(walk.search(data))
    return ()


def _write_lists(walk: Walk, column: Column, update: Update, _level: int) -> Columns:
    lengths = list(map(len, column))
    update((b"L" if type(column[0]) is list else b"P") + dumps(lengths, 2))
    return (walk.joined(column, lengths),)


def _write_sets(walk: Walk, column: Column, update: Update, level: int) -> Columns:
    lengths = list(map(len, column))
    update((b"E" if type(column[0]) is set else b"G") + dumps(lengths, 2))
    # Before sorting, as a folder's name must not decide the order.
    column = (
        column
        if walk.locate is None
        else [walk.located(list(value)) for value in column]
    )
    written = _write_large_sets(walk, column, update) if max(lengths) > MANY else None
    if written is not None:
        return written
    types = set(map(type, chain.from_iterable(column)))
    if not types or types == {str} or types == {int}:
        return (walk.joined(list(map(sorted, column)), lengths),)
    for value in column:
        update(b"#" + b"".join(sorted(walk.ranks(list(value), level))))
    return ()


def _write_large_sets(walk: Walk, column: Column, update: Update) -> Columns | None:
    """Write sets of ints, or of strings without the separator.

    None: there are other members.
    """
    first = type(next(chain.from_iterable(column)))
    if first is int:
        # Other members may have no order, or one of their own, or no dump.
        with suppress(Exception):
            members: Column = list(chain.from_iterable(map(sorted, column)))
            data = dumps(members, 2)
            # The dump proves their type faster than a check does.
            if data[5::5] == b"i" * len(members):
                update(b"M" + data)
                return ()
            if countOf(map(type, members), int) == len(members):
                return (members,)
    if first is not str:
        return None
    # The sum of digests has no order. To sort the texts takes longer.
    sums: list[int] = []
    for value in column:
        rest = iter(value)
        sums.append(0)
        # So many texts stay in the cache of the processor.
        while some := list(islice(rest, MANY)):
            if countOf(map(type, some), str) < len(some):
                return None
            texts = walk.search("\0".join(some).encode("utf-8", "surrogatepass")).split(
                b"\0"
            )
            if len(texts) != len(some):
                return None
            sums[-1] += sum(map(xxh3_128_intdigest, texts))
    update(b"+" + dumps(sums, 2))
    return ()


def _write_dicts(walk: Walk, column: Column, update: Update, level: int) -> Columns:
    if walk.locate is not None:
        column = [
            dict(zip(walk.located(list(value)), value.values())) for value in column
        ]
    lengths = list(map(len, column))
    if walk.ordered:
        update(b"O" + dumps(lengths, 2))
        return walk.joined(column, lengths), list(
            chain.from_iterable(map(dict.values, column))
        )
    # Keys of one type have an order of their own; those of several types may be equal.
    type_ = type(next(chain.from_iterable(column), ""))
    if type_ not in (str, int) or countOf(
        map(type, chain.from_iterable(column)), type_
    ) != sum(lengths):
        update(b"Q" + dumps(lengths, 2))
        return _write_ranked(walk, column, update, level)
    first = column[0]
    if len(column) == 1:
        keys = sorted(first)
        update(b"D" + dumps(len(keys), 2))
        return keys, list(
            first.values() if keys == list(first) else map(first.__getitem__, keys)
        )
    if len(column) >= MANY_ROWS and first and lengths.count(len(first)) == len(lengths):
        keys = sorted(first)
        with suppress(KeyError):  # a row has other keys
            columns = [list(map(itemgetter(key), column)) for key in reversed(keys)]
            update(b"C" + walk.search(dumps((len(column), keys), 2)))
            return tuple(columns)
    update(b"W" + dumps(lengths, 2))
    orders = {order: sorted(order) for order in set(map(tuple, column))}
    rows = [(orders[tuple(row)], row) for row in column]
    return [key for keys, _ in rows for key in keys], [
        row[key] for keys, row in rows for key in keys
    ]


def _write_ranked(walk: Walk, column: Column, update: Update, level: int) -> Columns:
    """Write dicts whose keys have no natural order, in the order of the keys' ranks."""
    values: Column = []
    for row in column:
        ranks, items = walk.ranks(list(row), level), list(row.values())
        if len(set(ranks)) < len(
            ranks
        ):  # different keys with equal digests, such as two NaNs
            ranks = [
                rank + walk.digest([item], level + 1)
                for rank, item in zip(ranks, items)
            ]
        update(b"".join(sorted(ranks)))
        values += [
            items[place] for place in sorted(range(len(ranks)), key=ranks.__getitem__)
        ]
    return (values,)


def _write_memory(column: Iterable[Raw], update: Update) -> Columns:
    for raw in column:
        head: Any = raw.head
        update(b"R" + dumps((head, raw.size), 2))
        for part in raw.parts():
            for start in range(0, len(part), CHUNK) if raw.floats else ():
                update(_with_one_nan(part[start : start + CHUNK], raw.floats))
            if not raw.floats:
                update(part)
    return ()


def _with_one_nan(memory: memoryview, floats: str) -> object:
    """Return floats with one kind of NaN, whose sign and payload differ by machine.

    That is a copy, or the memory itself if there is none.
    """
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return memory
    values = numpy.frombuffer(memory, floats)
    # 80 GB/s in the cache, against 50 with isnan().any(); the hash reads 60.
    most = numpy.maximum.reduce(values)
    if most == most:
        return memory
    values = values.copy()
    numpy.putmask(values, numpy.isnan(values), NAN)
    return values.view(numpy.uint8).data


_WRITERS: dict[Any, Callable[[Walk, Column, Update, int], Columns]] = {
    **dict.fromkeys(
        SCALARS,
        lambda walk, column, update, _level: walk.write_scalars(
            column, update, (type(column[0]),)
        ),
    ),
    str: _write_texts,
    list: _write_lists,
    tuple: _write_lists,
    dict: _write_dicts,
    set: _write_sets,
    frozenset: _write_sets,
}
