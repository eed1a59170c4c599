"""Values → digests: the canonical encoding of identities, written for speed.

A change of any byte here makes the recordings of calls with such arguments misses.

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

These are the letters:

| letter | what follows |
|---|---|
| `M` | scalars, as one dump |
| `Z` | scalars of which some are long: the lengths and numbers, then the contents |
| `S` | many strings, as one text with NUL between them |
| `L`, `P` | the lengths of lists; of tuples |
| `E`, `G` | the lengths of sets; of frozensets |
| `#` | the ranks of the members of one set, sorted |
| `+` | for each set of strings, the sum of its members' digests |
| `D` | the number of keys of a single dict |
| `C` | the keys that many dicts share |
| `W` | the lengths of other dicts |
| `O` | the lengths of dicts whose order counts |
| `Q` | the lengths of dicts with keys that have no natural order |
| `K`, `V` | the tag of objects that are reduced one by one; all at once |
| `X` | for a column of several types, the number of each value's tag |
| `R` | the type and size of an array's memory |

A rank begins with `m` (a dump) or `#` (a digest).
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

from pytest_mimic._core.identity.short_scalars import (
    LONGEST_DUMPED,
    MARSHAL_VERSION,
    NAN,
    SCALARS,
    SCALARS_BUT_FLOATS,
    SEPARATOR,
    TEXTS_AND_BYTES,
    has_long,
    mentions_folder,
    plain_nans,
)
from pytest_mimic._core.types.reductions import PLAIN, Raw, Reduction

# A value with more cells or levels is digested part by part, by digest_graph.py: one
# walk would take too long, or never end. A part that is shared counts each time, so
# that equal values have the same size. Tables are not so deep as DEEP_LEVEL: below it,
# a value grows by parts that are shared over and over.
MOST_CELLS = 1 << 24
DEEP_LEVEL = 16
MOST_DEEP_CELLS = 1 << 20
MOST_LEVELS = 64

# A column of at most so many values is short: it is written by the way that needs no
# preparation.
SHORT_COLUMN = 64
# Among the scalars of a longer column, long texts and bytes are not searched for, as
# that would take longer than to dump them.
LONG_COLUMN = 1 << 12
# The values of at least this many dicts with the same keys become a column for each
# key.
MANY_ROWS = 8
# The objects of at most so many are reduced once each, where a longer column has them
# over and over.
FEW_OBJECTS = 8
# The size of a chunk of memory that is still in the CPU's cache when it is searched for
# NaNs.
CHUNK = 1 << 21

Column = list[Any]
"""Values of one place in the tree, encoded together. It is no column of a table."""

InnerColumns = tuple[Column, ...]
"""The columns of the parts of the values in one column, which are written next."""

# `hasher.update`: takes bytes, or memory, into the digest.
HashBytes = Callable[[Any], None]


class TooLarge(Exception):  # noqa: N818 - not an error: digest_graph.py digests the value
    """A value is deeper or larger than one walk can take, and perhaps cyclic."""


class MentionsFolder(Exception):  # noqa: N818 - not an error: the value is walked again
    """A value mentions a temporary folder: a string in it may be a path.

    A path below the base temporary folder counts by its place in the run, not by its
    text. So the value is walked again, by a `DigestWalk` with `replace_path`.
    """


class DigestWalk:
    """Makes the digest of one value, by one walk through it.

    Attributes:
        find_reduction: Returns how the values of a type are reduced. The walk calls it
            once for each type.
        dict_order_counts: Whether the order of dicts counts.
        folders: Folders in UTF-8 of which no string may contain one: see
            `MentionsFolder`.
        replace_path: Returns an object of a class of its own for a string that is a
            path, the same object for equal strings, and other strings as they are.
            None in a walk in which strings are only strings, which is faster.
        reductions: How the values of the types are reduced that were met.
        cells: How many values were met.
        deep_cells: How many of these were met deep inside.
    """

    __slots__ = (
        "cells",
        "deep_cells",
        "dict_order_counts",
        "find_reduction",
        "folders",
        "reductions",
        "replace_path",
    )

    def __init__(
        self,
        find_reduction: Callable[[type], Reduction],
        *,
        dict_order_counts: bool = False,
        folders: Sequence[bytes] = (),
        replace_path: Callable[[str], object] | None = None,
    ) -> None:
        self.find_reduction = find_reduction
        self.dict_order_counts = dict_order_counts
        self.folders = folders
        self.replace_path = replace_path
        self.reductions: dict[type, Reduction] = {}
        self.cells = self.deep_cells = 0

    def reduction(self, type_: type) -> Reduction:
        """Return how values are reduced that are no scalars or plain containers.

        The reduction of each type is kept for the rest of the walk.
        """
        reduction = self.reductions.get(type_)
        if reduction is None:
            reduction = self.reductions[type_] = self.find_reduction(type_)
        return reduction

    def with_replaced_paths(self, column: Column) -> Column:
        """Return the column with objects in place of the strings that are paths."""
        replace_path = self.replace_path
        if replace_path is None:
            # In this walk, strings are only strings.
            return column
        return [
            replace_path(value) if type(value) is str else value for value in column
        ]

    def checked_for_folders(self, data: bytes) -> bytes:
        """Return the data of encoded strings.

        Raises:
            MentionsFolder: A string contains a folder.
        """
        if (
            self.folders
            and data.find(SEPARATOR) >= 0
            and mentions_folder(data, self.folders)
        ):
            raise MentionsFolder
        return data

    def digest(self, column: Column, level: int = 0) -> bytes:
        """Return 16 bytes for the values of `column`, in their order.

        Raises:
            TooLarge: The values are cyclic, nested too deep, or too many for one walk.
            MentionsFolder: A string contains a folder.
            Unstable: A value has no identity. The error does not have its path yet.
        """
        hasher = xxh3_128()
        hash_bytes = hasher.update
        pending = [(column, level)]
        if not column:
            # No value is there whose type could be asked.
            pending = []
        while pending:
            column, level = pending.pop()
            column = self.with_replaced_paths(column)
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
                inner_columns = self.write(type_, column, hash_bytes, level)
            else:
                different_types = {*types}
                if different_types <= SCALARS:
                    # One dump tells the types of scalars.
                    inner_columns = self.write_scalars(
                        column, hash_bytes, different_types
                    )
                else:
                    inner_columns = self.split_by_tag(column, types, hash_bytes)
            # The parts are written later: no function calls itself for a level.
            for inner_column in inner_columns:
                if inner_column:
                    pending.append((inner_column, level + 1))
        return hasher.digest()

    def write(
        self, type_: type, column: Column, hash_bytes: HashBytes, level: int
    ) -> InnerColumns:
        """Write values of one type, and return the columns of their parts.

        Args:
            type_: The type.
            column: The values.
            hash_bytes: Takes bytes into the digest.
            level: How deep the values lie in the argument.
        """
        writer = _WRITERS.get(type_)
        if writer is not None:
            return writer(self, column, hash_bytes, level)
        if type_ is Raw:
            return _write_memory(column, hash_bytes)
        reduction = self.reduction(type_)
        if (
            reduction.reduce_column is not None
            and len(column) > SHORT_COLUMN
            and self.replace_path is None
        ):
            hash_bytes(b"V" + dumps((reduction.tag, len(column)), MARSHAL_VERSION))
            return reduction.reduce_column(column)
        hash_bytes(b"K" + dumps((reduction.tag, len(column)), MARSHAL_VERSION))
        first_objects = {*map(id, column[:SHORT_COLUMN])}
        if len(first_objects) > FEW_OBJECTS:
            # Most objects differ: it would not pay to look for those that repeat.
            return (list(map(reduction.reduce, column)),)
        # The column is a few objects over and over, such as time zones or flags. Each
        # object is reduced once.
        addresses = list(map(id, column))
        objects = dict(zip(addresses, column))
        reduced_by_address = {
            address: reduction.reduce(value) for address, value in objects.items()
        }
        return (list(map(reduced_by_address.__getitem__, addresses)),)

    def write_scalars(
        self, column: Column, hash_bytes: HashBytes, types: Collection[type]
    ) -> InnerColumns:
        """Write scalars: texts, bytes, numbers and None.

        Short scalars, or many, are one dump. Long texts and bytes are written by
        themselves.
        """
        if float in types:
            column = plain_nans(column)
        if (
            len(column) > LONG_COLUMN
            or TEXTS_AND_BYTES.isdisjoint(types)
            or not has_long(column)
        ):
            hash_bytes(b"M" + self.checked_for_folders(dumps(column, MARSHAL_VERSION)))
        else:
            self._write_long(column, hash_bytes)
        return ()

    def _write_long(self, column: Column, hash_bytes: HashBytes) -> None:
        """Write scalars of which some are long texts or bytes.

        The lengths and the numbers come first, then the content of texts and bytes.
        """
        lengths_and_numbers: Column = []
        for value in column:
            if type(value) in TEXTS_AND_BYTES:
                lengths_and_numbers.append((type(value).__name__, len(value)))
            else:
                lengths_and_numbers.append(value)
        hash_bytes(b"Z" + dumps(lengths_and_numbers, MARSHAL_VERSION))
        for value in column:
            if type(value) is bytes:
                hash_bytes(value)
            elif type(value) is str and len(value) <= LONGEST_DUMPED:
                hash_bytes(
                    self.checked_for_folders(value.encode("utf-8", "surrogatepass"))
                )
            elif type(value) is str:
                # The text is encoded by pieces, so that it is never copied as a whole.
                # No path is so long, so no folder is searched for.
                for start in range(0, len(value), LONGEST_DUMPED):
                    piece = value[start : start + LONGEST_DUMPED]
                    hash_bytes(piece.encode("utf-8", "surrogatepass"))

    def split_by_tag(
        self, column: Column, types: list[type], hash_bytes: HashBytes
    ) -> InnerColumns:
        """Split a column into one for each tag, and write the tags.

        Types may share a tag. Tags are numbered as they first appear: of `[1, "a", 2]`
        the numbers 0, 1, 0 are written, and the columns are `[1, 2]` and `["a"]`.
        """
        number_of_tag: dict[Any, int] = {}
        number_of_type: dict[type, int] = {}
        for type_ in dict.fromkeys(types):
            tag: Any = type_
            if type_ not in PLAIN and type_ is not Raw:
                tag = self.reduction(type_).tag
            number_of_type[type_] = number_of_tag.setdefault(tag, len(number_of_tag))
        if len(number_of_tag) == 1:
            # Several types share the one tag, as the classes of paths do.
            hash_bytes(b"K" + dumps((*number_of_tag, len(column)), MARSHAL_VERSION))
            return ([self.reductions[type(value)].reduce(value) for value in column],)
        numbers = list(map(number_of_type.__getitem__, types))
        hash_bytes(b"X" + dumps(numbers, MARSHAL_VERSION))
        columns: InnerColumns = tuple([] for _ in number_of_tag)
        for number, value in zip(numbers, column):
            columns[number].append(value)
        return columns

    def joined_items(self, column: Column, lengths: list[int]) -> Column:
        """Return the items of all containers in a column, one after another.

        Raises:
            TooLarge: There are too many items for one walk.
        """
        if len(column) == 1:
            [container] = column
            return container if type(container) is list else list(container)
        if self.cells + sum(lengths) > MOST_CELLS:
            raise TooLarge
        return list(chain.from_iterable(column))

    def ranks(self, values: Column, level: int) -> list[bytes]:
        """Return a rank for each of some values, by which they can be sorted.

        The values are members of a set or keys of a dict, of several types or of a type
        without a natural order. A rank is the value's dump, `m…`, or its digest, `#…`.
        """
        if level > MOST_LEVELS:
            raise TooLarge
        values = self.with_replaced_paths(values)
        if SCALARS.issuperset(map(type, values)) and not has_long(values):
            return list(map(self._dumped_rank, plain_nans(values)))
        if all(type(value) is tuple for value in values):
            # Keys such as `("EUR", 2024)` are dumped as a whole.
            items = self.with_replaced_paths(list(chain.from_iterable(values)))
            if SCALARS_BUT_FLOATS.issuperset(map(type, items)) and not has_long(items):
                return list(map(self._dumped_rank, values))
        return [b"#" + self.digest([value], level + 1) for value in values]

    def _dumped_rank(self, value: Any) -> bytes:
        return b"m" + self.checked_for_folders(dumps(value, MARSHAL_VERSION))


# Writers: one for each builtin class, see `_WRITERS`. Each writes what a column of
# objects of that class is by itself (how many items each has), and returns the columns
# of the items, which are written next. `level` is the depth of the column.


def _write_scalars(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes, _level: int
) -> InnerColumns:
    """Write scalars of one type other than `str`."""
    return walk.write_scalars(column, hash_bytes, (type(column[0]),))


def _write_texts(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes, _level: int
) -> InnerColumns:
    """Write strings, many short strings as one text with NUL between them."""
    if len(column) <= SHORT_COLUMN:
        return walk.write_scalars(column, hash_bytes, (str,))
    joined_texts = "\0".join(column).encode("utf-8", "surrogatepass")
    if joined_texts.count(0) != len(column) - 1:
        # A string holds the separator itself, so other strings would join to the same.
        return walk.write_scalars(column, hash_bytes, (str,))
    hash_bytes(b"S" + dumps((len(column), len(joined_texts)), MARSHAL_VERSION))
    hash_bytes(walk.checked_for_folders(joined_texts))
    return ()


def _write_lists(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes, _level: int
) -> InnerColumns:
    """Write lists or tuples: their lengths, and then their items in order."""
    lengths = list(map(len, column))
    letter = b"L" if type(column[0]) is list else b"P"
    hash_bytes(letter + dumps(lengths, MARSHAL_VERSION))
    return (walk.joined_items(column, lengths),)


def _write_sets(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes, level: int
) -> InnerColumns:
    """Write sets or frozensets, whose members have no order that a run could repeat."""
    lengths = list(map(len, column))
    letter = b"E" if type(column[0]) is set else b"G"
    hash_bytes(letter + dumps(lengths, MARSHAL_VERSION))
    if walk.replace_path is not None:
        # Paths are replaced before the members are sorted, as the name of a folder must
        # not decide the order.
        column = [walk.with_replaced_paths(list(members)) for members in column]
    if max(lengths) > LONG_COLUMN:
        inner_columns = _write_large_sets(walk, column, hash_bytes)
        if inner_columns is not None:
            return inner_columns
    types = set(map(type, chain.from_iterable(column)))
    if not types or types == {str} or types == {int}:
        # Such members can be sorted themselves.
        return (walk.joined_items(list(map(sorted, column)), lengths),)
    for members in column:
        ranks = walk.ranks(list(members), level)
        hash_bytes(b"#" + b"".join(sorted(ranks)))
    # A rank says all of a member, so that no column of members is left to be written.
    return ()


def _write_large_sets(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes
) -> InnerColumns | None:
    """Write sets of ints, or of strings without the separator, in a fast way.

    None: the sets have other members, and nothing was written.
    """
    first_member = next(chain.from_iterable(column))
    if type(first_member) is int:
        return _write_sets_of_ints(column, hash_bytes)
    if type(first_member) is str:
        return _write_sets_of_texts(walk, column, hash_bytes)
    return None


def _write_sets_of_ints(column: Column, hash_bytes: HashBytes) -> InnerColumns | None:
    """Write the members as one column, sorted in each set.

    None: a member is no `int`, and nothing was written.
    """
    # Other members may have no order, an order of their own, or no dump. They may raise
    # anything.
    with suppress(Exception):
        members: Column = list(chain.from_iterable(map(sorted, column)))
        dumped_members = dumps(members, MARSHAL_VERSION)
        # In a dump, each int of 32 bits is the letter `i` and four bytes. So the dump
        # proves their type faster than a check does.
        if dumped_members[5::5] == b"i" * len(members):
            hash_bytes(b"M" + dumped_members)
            return ()
        if countOf(map(type, members), int) == len(members):
            return (members,)
    return None


def _write_sets_of_texts(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes
) -> InnerColumns | None:
    """Write the sum of the members' digests for each set.

    A sum does not depend on the order of the members. To sort the texts takes longer.

    None: a member is no `str`, or holds the separator, and nothing was written.
    """
    sums: list[int] = []
    for members in column:
        sum_of_digests = 0
        remaining = iter(members)
        # A batch of this size stays in the cache of the processor.
        while batch := list(islice(remaining, LONG_COLUMN)):
            if countOf(map(type, batch), str) < len(batch):
                return None
            joined_texts = walk.checked_for_folders(
                "\0".join(batch).encode("utf-8", "surrogatepass")
            )
            texts = joined_texts.split(b"\0")
            if len(texts) != len(batch):
                # A text holds the separator itself.
                return None
            sum_of_digests += sum(map(xxh3_128_intdigest, texts))
        sums.append(sum_of_digests)
    hash_bytes(b"+" + dumps(sums, MARSHAL_VERSION))
    return ()


def _write_dicts(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes, level: int
) -> InnerColumns:
    """Write dicts, and return the columns of their keys and of their values.

    | dicts | letter | columns |
    |---|---|---|
    | whose order counts | `O` | keys and values as they stand |
    | with keys that have no natural order | `Q` | values, sorted by the keys' ranks |
    | a single dict | `D` | keys and values, sorted by the keys |
    | many with the same keys | `C` | the values of each key; the keys are written |
    | any others | `W` | keys and values, sorted by the keys of each dict |
    """
    if walk.replace_path is not None:
        column = [_with_replaced_keys(walk, row) for row in column]
    lengths = list(map(len, column))
    if walk.dict_order_counts:
        # Of an outcome: a replay gives its dicts back in their order.
        hash_bytes(b"O" + dumps(lengths, MARSHAL_VERSION))
        values = list(chain.from_iterable(map(dict.values, column)))
        return walk.joined_items(column, lengths), values
    # Only texts or only ints can be sorted. Keys of several types may be equal: 1,
    # True.
    key_type = type(next(chain.from_iterable(column), ""))
    is_sortable = key_type is str or key_type is int
    if is_sortable:
        key_types = map(type, chain.from_iterable(column))
        is_sortable = countOf(key_types, key_type) == sum(lengths)
    if not is_sortable:
        hash_bytes(b"Q" + dumps(lengths, MARSHAL_VERSION))
        return _write_by_ranks(walk, column, hash_bytes, level)
    first_row = column[0]
    if len(column) == 1:
        keys = sorted(first_row)
        hash_bytes(b"D" + dumps(len(keys), MARSHAL_VERSION))
        if keys == list(first_row):
            # The dict has its keys sorted already.
            return keys, list(first_row.values())
        return keys, list(map(first_row.__getitem__, keys))
    if (
        len(column) >= MANY_ROWS
        and first_row
        and lengths.count(len(first_row)) == len(lengths)
    ):
        # The rows of a table: its keys are written once.
        keys = sorted(first_row)
        # KeyError: a row has other keys.
        with suppress(KeyError):
            columns = [list(map(itemgetter(key), column)) for key in reversed(keys)]
            hash_bytes(
                b"C"
                + walk.checked_for_folders(dumps((len(column), keys), MARSHAL_VERSION))
            )
            return tuple(columns)
    hash_bytes(b"W" + dumps(lengths, MARSHAL_VERSION))
    return _sorted_items(column)


def _with_replaced_keys(walk: DigestWalk, row: dict[Any, Any]) -> dict[Any, Any]:
    """Return a dict with objects for the keys that are paths."""
    return dict(zip(walk.with_replaced_paths(list(row)), row.values()))


def _sorted_items(column: Column) -> InnerColumns:
    """Return the keys of all dicts, sorted in each dict, and the values in that order.

    The keys of dicts that have them in one order are sorted once.
    """
    sorted_keys = {order: sorted(order) for order in set(map(tuple, column))}
    all_keys: Column = []
    all_values: Column = []
    for row in column:
        keys = sorted_keys[tuple(row)]
        all_keys += keys
        all_values += map(row.__getitem__, keys)
    return all_keys, all_values


def _write_by_ranks(
    walk: DigestWalk, column: Column, hash_bytes: HashBytes, level: int
) -> InnerColumns:
    """Write dicts whose keys have no natural order, in the order of the keys' ranks."""
    all_values: Column = []
    for row in column:
        ranks = walk.ranks(list(row), level)
        values = list(row.values())
        if len(set(ranks)) < len(ranks):
            # Different keys have equal ranks, such as two NaNs: their values decide.
            pairs = zip(ranks, values)
            ranks = [rank + walk.digest([value], level + 1) for rank, value in pairs]
        hash_bytes(b"".join(sorted(ranks)))
        order_of_keys = sorted(range(len(ranks)), key=ranks.__getitem__)
        all_values += map(values.__getitem__, order_of_keys)
    return (all_values,)


def _write_memory(column: Iterable[Raw], hash_bytes: HashBytes) -> InnerColumns:
    """Write the memory of arrays: what the bytes mean, and then the bytes."""
    for raw in column:
        head: Any = raw.head
        hash_bytes(b"R" + dumps((head, raw.size), MARSHAL_VERSION))
        for buffer in raw.parts():
            if not raw.format_of_floats:
                hash_bytes(buffer)
                continue
            for start in range(0, len(buffer), CHUNK):
                hash_bytes(
                    _with_one_nan(buffer[start : start + CHUNK], raw.format_of_floats)
                )
    return ()


def _with_one_nan(memory: memoryview, format_of_floats: str) -> object:
    """Return the memory of floats with the same bits for every NaN.

    The sign and the payload of a NaN differ by machine. Memory without a NaN is
    returned itself, any other memory as a copy.
    """
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return memory
    values = numpy.frombuffer(memory, format_of_floats)
    # The maximum is a NaN if any value is a NaN. `maximum.reduce` reads 80 GB/s in the
    # cache, against 50 of `isnan().any()`; the hash reads 60.
    maximum = numpy.maximum.reduce(values)
    # Only a NaN differs from itself.
    if maximum == maximum:
        return memory
    values = values.copy()
    numpy.putmask(values, numpy.isnan(values), NAN)
    return values.view(numpy.uint8).data


_WRITERS: dict[Any, Callable[[DigestWalk, Column, HashBytes, int], InnerColumns]] = {
    **dict.fromkeys(SCALARS, _write_scalars),
    str: _write_texts,
    list: _write_lists,
    tuple: _write_lists,
    dict: _write_dicts,
    set: _write_sets,
    frozenset: _write_sets,
}
