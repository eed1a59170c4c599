"""Values → digests: the canonical encoding, written for speed.

A *column* is a list of values that are encoded together: the items of a list, or the
values of one key in 200,000 rows. A column of one type is encoded by one call of C
code. A column of containers is encoded as their shapes, and their contents are joined
into a further column. Nothing recurses into the values, so their depth costs nothing.

An example: of the argument `[{"id": 1}, {"id": 2}]`, these columns are written, each
behind a letter that says what follows.

| column | written |
|---|---|
| the list | `L`, the length 2 |
| its two dicts | `W`, the lengths 1 and 1 |
| their values | `M`, 1 and 2 |
| their keys | `M`, "id" and "id" |
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
# `hasher.update`: writes bytes, or memory, into the digest.
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
        pending = [(column, level)]
        if not column:
            pending = []
        while pending:
            column, level = pending.pop()
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
                inner_columns = self.write(type_, column, update, level)
            else:
                different_types = {*types}
                if different_types <= SCALARS:
                    inner_columns = self.write_scalars(column, update, different_types)
                else:
                    inner_columns = self.split(column, types, update)
            for inner_column in inner_columns:
                if inner_column:
                    pending.append((inner_column, level + 1))
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
        different_objects = {*map(id, column[:SHORT])}
        if len(different_objects) * MANY_ROWS > SHORT:
            return (list(map(kind.reduce, column)),)
        # A few time zones or flags, over and over: each object is reduced once.
        keys = list(map(id, column))
        objects = dict(zip(keys, column))
        reduced = {key: kind.reduce(value) for key, value in objects.items()}
        return (list(map(reduced.__getitem__, keys)),)

    def write_scalars(
        self, column: Column, update: Update, types: Collection[type]
    ) -> Columns:
        """Write scalars: texts, bytes, numbers and None.

        Short ones, or many, are one dump. Long texts and bytes are written by
        themselves.
        """
        if float in types:
            column = plain_nans(column)
        if len(column) > MANY or SIZED.isdisjoint(types) or not has_long(column):
            update(b"M" + self.search(dumps(column, 2)))
        else:
            self._write_long(column, update)
        return ()

    def _write_long(self, column: Column, update: Update) -> None:
        """Write scalars of which some are long texts or bytes.

        The lengths and the numbers come first, then the content of texts and bytes.
        """
        lengths_and_numbers: Column = []
        for value in column:
            if type(value) in SIZED:
                lengths_and_numbers.append((type(value).__name__, len(value)))
            else:
                lengths_and_numbers.append(value)
        update(b"Z" + dumps(lengths_and_numbers, 2))
        for value in column:
            if type(value) is bytes:
                update(value)
            elif type(value) is str and len(value) <= LONG:
                update(self.search(value.encode("utf-8", "surrogatepass")))
            elif type(value) is str:
                # The text is encoded by pieces, so that it is never copied as a whole.
                # It is too long for a path.
                for start in range(0, len(value), LONG):
                    piece = value[start : start + LONG]
                    update(piece.encode("utf-8", "surrogatepass"))

    def split(self, column: Column, types: list[type], update: Update) -> Columns:
        """Split a column into one for each tag, and write the tags.

        Types may share a tag. Tags are numbered as they first appear: of `[1, "a", 2]`
        the numbers 0, 1, 0 are written, and the columns are `[1, 2]` and `["a"]`.
        """
        number_of_tag: dict[Any, int] = {}
        number_of_type: dict[type, int] = {}
        for type_ in dict.fromkeys(types):
            tag: Any = type_
            if type_ not in PLAIN and type_ is not Raw:
                tag = self.kind(type_).tag
            number_of_type[type_] = number_of_tag.setdefault(tag, len(number_of_tag))
        if len(number_of_tag) == 1:
            update(b"K" + dumps((*number_of_tag, len(column)), 2))
            return ([self.kinds[type(value)].reduce(value) for value in column],)
        numbers = list(map(number_of_type.__getitem__, types))
        update(b"X" + dumps(numbers, 2))
        columns: Columns = tuple([] for _ in number_of_tag)
        for number, value in zip(numbers, column):
            columns[number].append(value)
        return columns

    def joined(self, column: Column, lengths: list[int]) -> Column:
        """Return the items of all containers in a column, one after another.

        Raises:
            TooLarge: There are too many for one walk.
        """
        if len(column) == 1:
            [container] = column
            return container if type(container) is list else list(container)
        if self.cells + sum(lengths) > MOST_CELLS:
            raise TooLarge
        return list(chain.from_iterable(column))

    def ranks(self, values: Column, level: int) -> list[bytes]:
        """Return a rank for each of some values, by which they can be sorted.

        They are members of a set, or keys of a dict, of several types or of a type that
        has no natural order. A rank is the value's dump, or else its digest.
        """
        if level > MOST_LEVELS:
            raise TooLarge
        values = self.located(values)
        if SCALARS.issuperset(map(type, values)) and not has_long(values):
            return list(map(self._dump, plain_nans(values)))
        if all(type(value) is tuple for value in values):
            items = self.located(list(chain.from_iterable(values)))
            if EXACT.issuperset(map(type, items)) and not has_long(items):
                return list(map(self._dump, values))
        return [b"#" + self.digest([value], level + 1) for value in values]

    def _dump(self, value: Any) -> bytes:
        return b"m" + self.search(dumps(value, 2))


# Writers: one for each builtin class, see `_WRITERS`. Each writes what a column of
# objects of that class is by itself (how many items each has), and returns the columns
# of the items, which are written next.


def _write_scalars(walk: Walk, column: Column, update: Update, _level: int) -> Columns:
    """Write scalars of one type other than `str`."""
    return walk.write_scalars(column, update, (type(column[0]),))


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
    """Write lists or tuples: their lengths, and then their items in order."""
    lengths = list(map(len, column))
    letter = b"L" if type(column[0]) is list else b"P"
    update(letter + dumps(lengths, 2))
    return (walk.joined(column, lengths),)


def _write_sets(walk: Walk, column: Column, update: Update, level: int) -> Columns:
    """Write sets or frozensets, whose members have no order that a run could repeat."""
    lengths = list(map(len, column))
    letter = b"E" if type(column[0]) is set else b"G"
    update(letter + dumps(lengths, 2))
    if walk.locate is not None:
        # Before sorting, as a folder's name must not decide the order.
        column = [walk.located(list(members)) for members in column]
    if max(lengths) > MANY:
        inner_columns = _write_large_sets(walk, column, update)
        if inner_columns is not None:
            return inner_columns
    types = set(map(type, chain.from_iterable(column)))
    if not types or types == {str} or types == {int}:
        return (walk.joined(list(map(sorted, column)), lengths),)
    for members in column:
        ranks = walk.ranks(list(members), level)
        update(b"#" + b"".join(sorted(ranks)))
    return ()


def _write_large_sets(walk: Walk, column: Column, update: Update) -> Columns | None:
    """Write sets of ints, or of strings without the separator.

    None: there are other members, and nothing was written.
    """
    first = next(chain.from_iterable(column))
    if type(first) is int:
        return _write_sets_of_ints(column, update)
    if type(first) is str:
        return _write_sets_of_texts(walk, column, update)
    return None


def _write_sets_of_ints(column: Column, update: Update) -> Columns | None:
    # Other members may have no order, or one of their own, or no dump.
    with suppress(Exception):
        members: Column = list(chain.from_iterable(map(sorted, column)))
        data = dumps(members, 2)
        # In a dump, each int of 32 bits is the letter `i` and four bytes. So the dump
        # proves their type faster than a check does.
        if data[5::5] == b"i" * len(members):
            update(b"M" + data)
            return ()
        if countOf(map(type, members), int) == len(members):
            return (members,)
    return None


def _write_sets_of_texts(walk: Walk, column: Column, update: Update) -> Columns | None:
    # The sum of digests has no order. To sort the texts takes longer.
    sums: list[int] = []
    for members in column:
        sum_of_digests = 0
        remaining = iter(members)
        # So many texts stay in the cache of the processor.
        while batch := list(islice(remaining, MANY)):
            if countOf(map(type, batch), str) < len(batch):
                return None
            data = walk.search("\0".join(batch).encode("utf-8", "surrogatepass"))
            texts = data.split(b"\0")
            if len(texts) != len(batch):
                # A text holds the separator itself.
                return None
            sum_of_digests += sum(map(xxh3_128_intdigest, texts))
        sums.append(sum_of_digests)
    update(b"+" + dumps(sums, 2))
    return ()


def _write_dicts(walk: Walk, column: Column, update: Update, level: int) -> Columns:
    """Write dicts, and return the columns of their keys and of their values.

    | dicts | letter | columns |
    |---|---|---|
    | whose order counts | `O` | keys and values as they stand |
    | with keys that have no natural order | `Q` | values by the ranks of the keys |
    | one | `D` | keys and values by the keys |
    | many with the same keys | `C` | one for each key, since the keys are written |
    | others | `W` | keys and values, by the keys of each dict |
    """
    if walk.locate is not None:
        column = [_with_located_keys(walk, row) for row in column]
    lengths = list(map(len, column))
    if walk.ordered:
        update(b"O" + dumps(lengths, 2))
        values = list(chain.from_iterable(map(dict.values, column)))
        return walk.joined(column, lengths), values
    # Keys of one type have an order of their own; those of several types may be equal.
    key_type = type(next(chain.from_iterable(column), ""))
    is_sortable = key_type is str or key_type is int
    if is_sortable:
        key_types = map(type, chain.from_iterable(column))
        is_sortable = countOf(key_types, key_type) == sum(lengths)
    if not is_sortable:
        update(b"Q" + dumps(lengths, 2))
        return _write_ranked(walk, column, update, level)
    first = column[0]
    if len(column) == 1:
        keys = sorted(first)
        update(b"D" + dumps(len(keys), 2))
        if keys == list(first):
            return keys, list(first.values())
        return keys, list(map(first.__getitem__, keys))
    if len(column) >= MANY_ROWS and first and lengths.count(len(first)) == len(lengths):
        keys = sorted(first)
        # KeyError: a row has other keys.
        with suppress(KeyError):
            columns = [list(map(itemgetter(key), column)) for key in reversed(keys)]
            update(b"C" + walk.search(dumps((len(column), keys), 2)))
            return tuple(columns)
    update(b"W" + dumps(lengths, 2))
    return _sorted_items(column)


def _with_located_keys(walk: Walk, row: dict[Any, Any]) -> dict[Any, Any]:
    return dict(zip(walk.located(list(row)), row.values()))


def _sorted_items(column: Column) -> Columns:
    """Return the keys of all dicts, sorted in each dict, and the values in that order.

    Dicts with their keys in one order are sorted once.
    """
    sorted_keys = {order: sorted(order) for order in set(map(tuple, column))}
    all_keys: Column = []
    all_values: Column = []
    for row in column:
        keys = sorted_keys[tuple(row)]
        all_keys += keys
        all_values += map(row.__getitem__, keys)
    return all_keys, all_values


def _write_ranked(walk: Walk, column: Column, update: Update, level: int) -> Columns:
    """Write dicts whose keys have no natural order, in the order of the keys' ranks."""
    all_values: Column = []
    for row in column:
        ranks = walk.ranks(list(row), level)
        values = list(row.values())
        if len(set(ranks)) < len(ranks):
            # Different keys have equal digests, such as two NaNs: the values decide.
            pairs = zip(ranks, values)
            ranks = [rank + walk.digest([value], level + 1) for rank, value in pairs]
        update(b"".join(sorted(ranks)))
        places = sorted(range(len(ranks)), key=ranks.__getitem__)
        all_values += map(values.__getitem__, places)
    return (all_values,)


def _write_memory(column: Iterable[Raw], update: Update) -> Columns:
    """Write the memory of arrays: what the bytes mean, and then the bytes."""
    for raw in column:
        head: Any = raw.head
        update(b"R" + dumps((head, raw.size), 2))
        for part in raw.parts():
            if not raw.floats:
                update(part)
                continue
            for start in range(0, len(part), CHUNK):
                update(_with_one_nan(part[start : start + CHUNK], raw.floats))
    return ()


def _with_one_nan(memory: memoryview, floats: str) -> object:
    """Return floats with one kind of NaN, whose sign and payload differ by machine.

    It returns a copy, or the memory itself if it holds no NaN.
    """
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return memory
    values = numpy.frombuffer(memory, floats)
    # The maximum is a NaN if any value is one. It reads 80 GB/s in the cache, against
    # 50 of `isnan().any()`; the hash reads 60.
    maximum = numpy.maximum.reduce(values)
    if maximum == maximum:
        return memory
    values = values.copy()
    numpy.putmask(values, numpy.isnan(values), NAN)
    return values.view(numpy.uint8).data


_WRITERS: dict[Any, Callable[[Walk, Column, Update, int], Columns]] = {
    **dict.fromkeys(SCALARS, _write_scalars),
    str: _write_texts,
    list: _write_lists,
    tuple: _write_lists,
    dict: _write_dicts,
    set: _write_sets,
    frozenset: _write_sets,
}
