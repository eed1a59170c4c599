"""Values → digests: the canonical encoding, written for speed.

A *column* is a list of values that are encoded together: the items of a list, or the values of one key in 200,000
rows. A column of one type is encoded by one call of C code. A column of containers is encoded as their shapes, and
their contents are joined into a further column. Nothing recurses into the values, so their depth costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from itertools import chain, compress
from marshal import dumps
from operator import countOf, itemgetter
from typing import Any

from xxhash import xxh3_128

from pytest_mimic._core.identity.kinds import PLAIN, Kind, Raw
from pytest_mimic._core.identity.nans import write_memory, zeros
from pytest_mimic._core.identity.short import (
    EXACT,
    LONG,
    MANY,
    SCALARS,
    SEPARATOR,
    SHORT,
    has_long,
    is_marked,
    plain_nans,
    short_form,
)

# Types whose values have an order of their own, unless one is a NaN.
NATURAL = frozenset({str, int, float})

# Larger values are digested part by part: see graph.py. A shared part counts each time, so that equal values have the
# same size. Tables do not reach DEEP_LEVEL: below it, growth comes from parts that are shared over and over.
MOST_CELLS = 1 << 24
DEEP_LEVEL = 16
MOST_DEEP_CELLS = 1 << 20
MOST_LEVELS = 64

# The values of dicts become columns if each set of keys has at least this many rows on average.
ROWS_PER_SHAPE = 8


# A mixed column of at most as many types keeps one byte for the number of each value's type.
FEW_TAGS = 256

Column = list[Any]
Update = Callable[[Any], None]


class TooLarge(Exception):  # noqa: N818 - not an error: graph.py digests the value instead
    """A value is deeper or larger than one walk takes, and perhaps cyclic."""


class HoldsMark(Exception):  # noqa: N818 - the value is walked again, with `locate`
    """A value holds a mark, and so perhaps a string that is a path below the base temporary folder."""


class Walk:
    """One walk through one value. It calls `kind_of` once for each type. If `ordered`, the order of dicts counts.

    Args:
        marks: Texts in UTF-8 of which no string may contain one: see `HoldsMark`.
        locate: Replaces some strings by objects that have a kind of their own, the same object for equal strings. None
            for a walk in which strings are only strings, which is faster.
    """

    __slots__ = ("cells", "deep_cells", "kind_of", "kinds", "locate", "marks", "ordered")

    def __init__(
        self,
        kind_of: Callable[[type], Kind],
        *,
        ordered: bool = False,
        marks: Sequence[bytes] = (),
        locate: Callable[[str], object] | None = None,
    ) -> None:
        self.kind_of = kind_of
        self.kinds: dict[type, Kind] = {}
        self.ordered = ordered
        self.marks = marks
        self.locate = locate
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

    def digest(self, column: list[Any], level: int = 0) -> bytes:
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
            if self.locate is not None:
                column = self.located(column)
            self.cells += len(column)
            if level >= DEEP_LEVEL:
                self.deep_cells += len(column)
            # Both counts are sums, so that the order of the members of a set does not decide.
            if level > MOST_LEVELS or self.cells > MOST_CELLS or self.deep_cells > MOST_DEEP_CELLS:
                raise TooLarge
            if self.write_scalars(column, update):
                continue
            type_ = type(column[0])
            if type(column[-1]) is type_ and only_type(column) is type_:
                writer = WRITERS.get(type_)
                if writer is not None:
                    pushed = writer(self, column, update, level)
                elif type_ is Raw:
                    write_memory(hasher, column)
                    continue
                else:
                    kind = self.kind(type_)
                    update(b"K" + dumps((kind.tag, len(column)), 2))
                    pushed = (self.reduced(kind.reduce, column, update, level),)
            else:
                types = types_of_row(list(map(type, column)))
                kinds = dict.fromkeys(types)
                if kinds.keys() <= SCALARS and (len(column) > MANY or not has_long(column)):
                    update(b"M" + self.search(dumps(plain_nans(column) if float in kinds else column, 2)))
                    continue
                pushed = self.by_tag(column, types, update)
            for part in pushed:
                if part:
                    todo.append((part, level + 1))
        return hasher.digest()

    def write_scalars(self, column: Column, update: Update) -> bool:
        """Write a column of few scalars, or of numbers; return False for any other column."""
        if len(column) <= SHORT:
            form = short_form(column)
            if form is None:
                return False
            update(b"M" + self.search(dumps(form, 2)))
            return True
        from pytest_mimic._core.identity.scalar_columns import pickled_numbers

        numbers = pickled_numbers(column)
        if numbers is None:
            return False
        update(b"N")
        update(numbers)
        return True

    def tag(self, type_: type) -> type | str:
        """Return the mark of a type in a mixed column: a plain type itself, or the tag that several types may share."""
        return type_ if type_ in PLAIN or type_ is Raw else self.kind(type_).tag

    def by_tag(self, column: Column, types: list[type], update: Update) -> tuple[Column, ...]:
        """Split a column into one for each tag, and write the tags, numbered as they first appear.

        The types are those of all values or of one row: see `types_of_row`.
        """
        tags = {type_: self.tag(type_) for type_ in dict.fromkeys(types)}
        numbers = {tag: number for number, tag in enumerate(dict.fromkeys(tags.values()))}
        if len(numbers) == 1:
            update(b"K" + dumps((*numbers, len(column)), 2))
            return ([self.kinds[type(value)].reduce(value) for value in column],)
        number_of = {type_: numbers[tag] for type_, tag in tags.items()}
        marks = list(map(number_of.__getitem__, types))
        width, rows = len(types), len(column) // len(types)
        if len(numbers) > FEW_TAGS:
            update(b"X" + dumps(marks, 2))
            parts: tuple[Column, ...] = tuple([] for _ in numbers)
            for mark, value in zip(marks, column):
                parts[mark].append(value)
            return parts
        named = bytes(marks)
        update(b"X" + dumps(named * rows, 2))
        if rows == 1:
            # 20 ns a value, against 60 with a loop.
            return tuple(
                [*compress(column, named.translate(selector(number)))] for number in numbers.values()
            )
        places = [[place for place in range(width) if marks[place] == number] for number in numbers.values()]
        return tuple(
            list(chain.from_iterable(zip(*(column[place::width] for place in some)))) for some in places
        )

    def reduced(self, reduce: Callable[[Any], Any], column: Column, update: Update, level: int) -> Column:
        """Reduce values, those that occur many times once: members of an Enum, time zones. Empty: they are written."""
        if len(column) <= SHORT or len(set(map(id, column[:SHORT]))) * 2 > SHORT:
            return list(map(reduce, column))
        places = list(map(id, column))
        forms = {place: reduce(value) for place, value in dict(zip(places, column)).items()}
        is_written = self.write_rows(forms, places, update, level)
        return [] if is_written else list(map(forms.__getitem__, places))

    def write_rows(self, rows: dict[int, Any], places: list[int], update: Update, level: int) -> bool:
        """Write a column of few different tuples, of texts or of texts and other scalars, each of which is dumped once."""
        parts = [part for row in rows.values() if type(row) is tuple for part in row]
        count, width, types = len(places), len(parts) // len(rows), set(map(type, parts))
        cells, is_text = count * width, types == {str}
        is_even = all(type(row) is tuple and len(row) == width for row in rows.values())
        is_short = (
            str in types <= SCALARS and not has_long(parts) and not (is_text and "\0" in "".join(parts))
        )
        is_small = level + 2 < DEEP_LEVEL and self.cells + count + cells <= MOST_CELLS
        if self.locate is not None or not (is_even and is_short and is_small):
            return False
        self.cells += count + cells
        update(b"P" + dumps([width] * count, 2))
        if is_text:
            texts = {place: "\0".join(row) for place, row in rows.items()}
            data = "\0".join(map(texts.__getitem__, places)).encode("utf-8", "surrogatepass")
            update(b"S" + dumps((cells, len(data)), 2))
        else:  # a dump of a list, behind whose five first bytes the items stand
            dumped = {place: dumps(list(plain_nans(row)), 2)[5:] for place, row in rows.items()}
            data = b"".join(map(dumped.__getitem__, places))
            update(b"M[" + cells.to_bytes(4, "little"))
        update(self.search(data))
        return True

    def ranks(self, values: list[Any], level: int) -> tuple[bytes, list[bytes]]:
        """Return how values without a natural order were ranked, and a rank for each, by which they can be sorted."""
        if level > MOST_LEVELS:
            raise TooLarge
        values = self.located(values)
        types = set(map(type, values))
        if types <= SCALARS:
            return b"m", [self.search(dumps(value, 2)) for value in plain_nans(values)]
        tags = set(map(self.tag, types))
        if tags == {tuple} and EXACT.issuperset(map(type, self.located(list(chain.from_iterable(values))))):
            return b"m", [self.search(dumps(value, 2)) for value in values]
        if len(tags) == 1 and isinstance(tag := tags.pop(), str):
            how, ranks = self.ranks([self.kinds[type(value)].reduce(value) for value in values], level + 1)
            return b"K" + dumps(tag, 2) + how, ranks
        return b"#", [self.digest([value], level + 1) for value in values]


def only_type(values: Collection[Any]) -> type | None:
    """Return the type of all values, or None if there are several types or no values."""
    # 9 ns a value, against 13 with a set of the types.
    types = list(map(type, values))
    return types[0] if types and types.count(types[0]) == len(types) else None


def types_of_row(types: list[type]) -> list[type]:
    """Return the types of one row if those of many values repeat as in a table; otherwise all types."""
    if len(types) > SHORT:
        some = types[:SHORT]
        for width in range(2, SHORT // 2 + 1):
            if some[width:] == some[:-width] and some[:width] * (len(types) // width) == types:
                return some[:width]
    return types


@cache
def selector(number: int) -> bytes:
    """Return a table for `bytes.translate` by which one number becomes 1, and all others 0."""
    return bytes(number == other for other in range(FEW_TAGS))


def has_nan(floats: Iterable[float]) -> bool:
    """Check whether one of some floats is a NaN. Infinities of both signs add up to a NaN too."""
    total = sum(floats)
    return total != total and any(value != value for value in floats)


def _write_texts(walk: Walk, column: Column, update: Update, _level: int) -> tuple[Column, ...]:
    """Write strings: many as one text, few long ones piece by piece."""
    is_many = len(column) > SHORT
    if is_many:
        data = "\0".join(column).encode("utf-8", "surrogatepass")
        if zeros(data) == len(column) - 1:
            update(b"S" + dumps((len(column), len(data)), 2))
            update(walk.search(data))
            return ()
    update(b"Z" + dumps(list(map(len, column)), 2))
    for text in ["".join(column)] if is_many else column:
        if is_many or len(text) <= LONG:
            update(walk.search(text.encode("utf-8", "surrogatepass")))
            continue
        for start in range(0, len(text), LONG):
            update(text[start : start + LONG].encode("utf-8", "surrogatepass"))
    return ()


def _write_bytes(_walk: Walk, column: Column, update: Update, _level: int) -> tuple[Column, ...]:
    update(b"B" + dumps(list(map(len, column)), 2))
    for value in column:
        update(value)
    return ()


def _write_lists(walk: Walk, column: Column, update: Update, _level: int) -> tuple[Column, ...]:
    lengths = list(map(len, column))
    update((b"L" if type(column[0]) is list else b"P") + dumps(lengths, 2))
    return (joined(walk, column, lengths),)


def joined(walk: Walk, column: Column, lengths: list[int]) -> Column:
    if len(column) == 1:
        return column[0] if type(column[0]) is list else list(column[0])
    if walk.cells + sum(lengths) > MOST_CELLS:
        raise TooLarge
    return list(chain.from_iterable(column))


def _write_sets(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    lengths = list(map(len, column))
    update((b"E" if type(column[0]) is set else b"G") + dumps(lengths, 2))
    if not any(lengths):
        return ()
    if walk.locate is not None:  # before sorting, as the folder's name must not decide the order
        column = [walk.located(list(value)) for value in column]
    type_ = only_type(column[0] if len(column) == 1 else list(chain.from_iterable(column)))
    if type_ in NATURAL and not (type_ is float and any(map(has_nan, column))):
        return (joined(walk, list(map(sorted, column)), lengths),)
    update(b"#")
    for value in column:
        how, ranks = walk.ranks(list(value), level)
        update(how + b"".join(sorted(ranks)))
    return ()


def _write_dicts(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    if walk.locate is not None:
        column = [dict(zip(walk.located(list(value)), value.values())) for value in column]
    if len(column) == 1:
        return _write_dict(walk, column[0], update, level)
    if walk.ordered:
        lengths = list(map(len, column))
        update(b"O" + dumps(lengths, 2))
        return joined(walk, column, lengths), list(chain.from_iterable(map(dict.values, column)))
    if countOf(map(type, chain.from_iterable(column)), str) != sum(map(len, column)):
        update(b"Q")
        return _write_dicts_one_by_one(walk, column, update, level)
    first = column[0]
    if len(column) >= ROWS_PER_SHAPE and first and column[1].keys() == first.keys() == column[-1].keys():
        keys = sorted(first)
        if countOf(map(len, column), len(keys)) == len(column):
            try:
                columns = [list(map(itemgetter(key), column)) for key in reversed(keys)]
            except KeyError:
                return _write_shapes(walk, column, update)
            update(b"C" + walk.search(dumps((len(column), keys), 2)))
            return tuple(columns)
    return _write_shapes(walk, column, update)


def _write_shapes(walk: Walk, column: Column, update: Update) -> tuple[Column, ...]:
    """Write dicts with several sets of keys: one column for each key of each set, or flat if there are too many sets."""
    orders = list(map(tuple, column))
    shape_of = {order: tuple(sorted(order)) for order in dict.fromkeys(orders)}
    numbers = {shape: number for number, shape in enumerate(dict.fromkeys(shape_of.values()))}
    if sum(map(len, numbers)) * ROWS_PER_SHAPE > sum(map(len, column)):
        update(b"W" + dumps(list(map(len, column)), 2))
        keys = list(map(shape_of.__getitem__, orders))
        values = [
            row.values() if shape == order else map(row.__getitem__, shape)
            for row, order, shape in zip(column, orders, keys)
        ]
        return list(chain.from_iterable(keys)), list(chain.from_iterable(values))
    number_of = {order: numbers[shape] for order, shape in shape_of.items()}
    marks = list(map(number_of.__getitem__, orders))
    update(b"V" + walk.search(dumps((marks, list(map(list, numbers))), 2)))
    rows: list[Column] = [[] for _ in numbers]
    for mark, row in zip(marks, column):
        rows[mark].append(row)
    return tuple(list(map(itemgetter(key), part)) for shape, part in zip(numbers, rows) for key in shape)


def _write_dict(walk: Walk, value: dict[Any, Any], update: Update, level: int) -> tuple[Column, ...]:
    keys = list(value)
    if walk.ordered:
        update(b"O" + dumps([len(keys)], 2))
        return keys, list(value.values())
    type_ = only_type(keys) if keys else str
    if type_ not in (str, int):
        update(b"Q")
        return _write_dicts_one_by_one(walk, [value], update, level)
    in_order = sorted(keys)
    update(b"D")
    if type_ is str and len(keys) > SHORT:
        _write_texts(walk, in_order, update, level)
    elif not walk.write_scalars(in_order, update):
        WRITERS[type_](walk, in_order, update, level)
    if in_order == keys:
        return (list(value.values()),)
    return (list(map(value.__getitem__, in_order)),)


def _write_dicts_one_by_one(walk: Walk, column: Column, update: Update, level: int) -> tuple[Column, ...]:
    """Write dicts whose keys have no natural order, in the order of the keys' digests."""
    update(dumps(list(map(len, column)), 2))
    values: Column = []
    for row in column:
        how, ranks = walk.ranks(list(row), level)
        items = list(row.values())
        if len(set(ranks)) < len(ranks):  # different keys with equal digests, such as two NaNs
            ranks = [rank + walk.digest([item], level + 1) for rank, item in zip(ranks, items)]
        update(how + b"".join(sorted(ranks)))
        values += [items[place] for place in sorted(range(len(ranks)), key=ranks.__getitem__)]
    return (values,)


WRITERS: dict[type, Callable[[Walk, Column, Update, int], tuple[Column, ...]]] = {
    str: _write_texts,
    bytes: _write_bytes,
    list: _write_lists,
    tuple: _write_lists,
    dict: _write_dicts,
    set: _write_sets,
    frozenset: _write_sets,
}
