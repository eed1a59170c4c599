"""The encoding as docs/internals/identity-encoding.md describes it, written from that page alone: it gives the same identities."""

from __future__ import annotations

import pickle
from itertools import chain
from marshal import dumps
from typing import Any

from reference_kinds import NAN, PLAIN, Memory, reduced
from xxhash import xxh3_128

NUMBERS = {int, float, bool, type(None)}
SCALARS = NUMBERS | {str, bytes}
SHORT, LONG, MANY = 64, 65_536, 4096


def dump(value: Any) -> bytes:
    return dumps(value, 2)


def nans(values: list[Any]) -> list[Any]:
    return [NAN if value != value else value for value in values]


def types_of(values: list[Any]) -> set[type]:
    return set(map(type, values))


def mark(value: Any) -> Any:
    """Return the type of a scalar, a plain container or memory; the tag of any other value."""
    return type(value) if type(value) in PLAIN or type(value) is Memory else reduced(value)[0]


def is_long(value: Any) -> bool:
    return type(value) in (str, bytes) and len(value) > LONG


def is_short(values: list[Any]) -> bool:
    return len(values) <= SHORT and types_of(values) <= SCALARS and not any(map(is_long, values))


def identity(value: Any) -> str:
    return xxh3_128(dump(("value", 1)) + dump([part(value)])).hexdigest()


def part(value: Any) -> Any:
    type_ = type(value)
    if type_ in SCALARS and not is_long(value):
        return nans([value])[0]
    if type_ in (list, tuple) and is_short(list(value)):
        return type_(nans(list(value)))
    if type_ is dict and types_of(list(value)) <= {str} and is_short(list(value.values())):
        return [sorted(value), nans([value[key] for key in sorted(value)])]
    return [[digest([value])]]


def digest(column: list[Any]) -> bytes:
    hasher, todo = xxh3_128(), [column]
    while todo:
        column = todo.pop()
        if column:
            written, pushed = encoded(column)
            hasher.update(written)
            todo += pushed
    return hasher.digest()


def encoded(column: list[Any]) -> tuple[bytes, list[list[Any]]]:
    """Return what is written for a column, and the columns that it pushes."""
    if types_of(column) <= SCALARS and (scalars := encoded_scalars(column, types_of(column))):
        return scalars, []
    marks, first = list(map(mark, column)), column[0]
    numbers = {each: number for number, each in enumerate(dict.fromkeys(marks))}
    if len(numbers) > 1:
        parts = [[value for value, own in zip(column, marks) if own == each] for each in numbers]
        written = [numbers[each] for each in marks]
        return b"X" + dump(bytes(written) if len(numbers) <= 256 else written), parts
    if marks[0] is Memory:
        return b"".join(b"R" + dump((one.head, len(one.data))) + one.data for one in column), []
    if marks[0] not in PLAIN:
        return b"K" + dump((marks[0], len(column))), [[reduced(value)[1] for value in column]]
    lengths = dump(list(map(len, column)))
    if marks[0] in (list, tuple):
        return (b"L" if marks[0] is list else b"P") + lengths, [list(chain.from_iterable(column))]
    if marks[0] is dict:
        return encoded_dict(first) if len(column) == 1 else encoded_dicts(column, lengths)
    return encoded_sets(column, (b"E" if marks[0] is set else b"G") + lengths)


def encoded_scalars(column: list[Any], types: set[type]) -> bytes | None:
    if is_short(column):
        return b"M" + dump(nans(column))
    if types <= NUMBERS:
        return b"N" + pickle.dumps(nans(column), 2)
    if types == {str}:
        text = "\0".join(column)
        if len(column) > SHORT and text.count("\0") == len(column) - 1:
            data = text.encode("utf-8", "surrogatepass")
            return b"S" + dump((len(column), len(data))) + data
        return b"Z" + dump(list(map(len, column))) + "".join(column).encode("utf-8", "surrogatepass")
    if types == {bytes}:
        return b"B" + dump(list(map(len, column))) + b"".join(column)
    if len(column) > MANY or not any(map(is_long, column)):
        return b"M" + dump(nans(column))
    return None


def encoded_sets(column: list[Any], head: bytes) -> tuple[bytes, list[list[Any]]]:
    members = list(chain.from_iterable(column))
    types = types_of(members)
    if types in (set(), {str}, {int}) or (types == {float} and nans(members) == members):
        return head, [list(chain.from_iterable(map(sorted, column)))]
    return head + b"#" + b"".join(
        how + b"".join(sorted(found)) for how, found in map(ranks, map(list, column))
    ), []


def encoded_dict(value: dict[Any, Any]) -> tuple[bytes, list[list[Any]]]:
    if types_of(list(value)) in ({str}, {int}, set()):
        keys = sorted(value)
        written = encoded(keys)[0] if keys else b"M" + dump([])
        if keys and type(keys[0]) is str and len(keys) <= SHORT and any(map(is_long, keys)):
            written = encoded_scalars(keys, {str}) or b""
        return b"D" + written, [[value[key] for key in keys]]
    return encoded_dicts([value], dump([len(value)]))


def encoded_dicts(column: list[Any], lengths: bytes) -> tuple[bytes, list[list[Any]]]:
    keys = [key for value in column for key in value]
    if not types_of(keys) <= {str}:
        written, found = b"Q" + lengths, []
        for value in column:
            how, order = ranks(list(value))
            if len(set(order)) < len(order):
                order = [rank + digest([item]) for rank, item in zip(order, value.values())]
            written += how + b"".join(sorted(order))
            items = list(value.values())
            found += [items[place] for place in sorted(range(len(order)), key=order.__getitem__)]
        return written, [found]
    shapes = list(dict.fromkeys(tuple(sorted(value)) for value in column))
    if len(column) >= 8 and len(shapes) == 1 and shapes[0]:
        names = list(shapes[0])
        return b"C" + dump((len(column), names)), [[row[name] for row in column] for name in reversed(names)]
    if 8 * sum(map(len, shapes)) <= len(keys):
        numbers = [shapes.index(tuple(sorted(value))) for value in column]
        rows = [
            [row for row, number in zip(column, numbers) if number == place] for place in range(len(shapes))
        ]
        parts = [[row[name] for row in rows[place]] for place, shape in enumerate(shapes) for name in shape]
        return b"V" + dump((numbers, list(map(list, shapes)))), parts
    flat = [
        [key for value in column for key in sorted(value)],
        [value[key] for value in column for key in sorted(value)],
    ]
    return b"W" + lengths, flat


def ranks(members: list[Any]) -> tuple[bytes, list[bytes]]:
    types = types_of(members)
    if types <= SCALARS:
        return b"m", [dump(member) for member in nans(members)]
    if types == {tuple} and types_of(list(chain.from_iterable(members))) <= SCALARS - {float}:
        return b"m", [dump(member) for member in members]
    marks = set(map(mark, members))
    if len(marks) == 1 and type(tag := marks.pop()) is str:
        how, found = ranks([reduced(member)[1] for member in members])
        return b"K" + dump(tag) + how, found
    return b"#", [digest([member]) for member in members]
