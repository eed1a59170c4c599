"""A second implementation of identities, written from docs/internals/identity-encoding.md alone: it imports nothing of ours.

It knows the builtin containers, and of other types those in `REDUCED`.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import marshal
import pickle
import uuid

from xxhash import xxh3_128

NUMBERS = (int, float, bool, type(None))
SCALARS = (*NUMBERS, str, bytes)
REDUCED = {
    complex: ("builtins:complex", lambda value: (value.real, value.imag)),
    range: (
        "builtins:range",
        lambda value: (value[0], value[-1], value.step) if len(value) > 1 else tuple(value),
    ),
    datetime.date: ("datetime:date", lambda value: (value.year, value.month, value.day)),
    datetime.timedelta: ("datetime:timedelta", lambda value: (value.days, value.seconds, value.microseconds)),
    datetime.datetime: (
        "datetime:datetime",
        lambda value: (*value.timetuple()[:6], value.microsecond, value.fold, value.tzinfo),
    ),
    decimal.Decimal: ("decimal:Decimal", lambda value: str(value).upper()),
    fractions.Fraction: ("fractions:Fraction", lambda value: (value.numerator, value.denominator)),
    uuid.UUID: ("uuid:UUID", lambda value: value.int),
}


def dump(value):
    return marshal.dumps(plain(value), 2)


def plain(value):
    """Return an equal value with one NaN everywhere."""
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return float("nan") if value != value else value


def is_long(value):
    return type(value) in (str, bytes) and len(value) > 65_536


def are_short(values):
    return len(values) <= 64 and all(type(one) in SCALARS and not is_long(one) for one in values)


def part(value):
    kind = type(value)
    if kind in SCALARS and not is_long(value):
        return value
    if kind in (list, tuple) and are_short(value):
        return value
    if (
        kind is dict
        and all(type(key) is str for key in value)
        and are_short(list(value))
        and are_short(list(value.values()))
    ):
        keys = sorted(value)
        return [keys, [value[key] for key in keys]]
    return [[digest(value)]]


def fingerprint(value):
    return xxh3_128(dump(("value", 1)) + dump([part(value)])).hexdigest()


def call_identity(target, names, values, keyed=False):
    head = dump(("call", 1, target, list(names), keyed))
    return xxh3_128(head + dump([part(value) for value in values])).hexdigest()


def digest(value):
    return column_digest([value])


def column_digest(column):
    return xxh3_128(encoded(column)).digest()


def encoded(column):
    """Return the bytes of a column and of those that it pushes, the last one first."""
    written, stack = [], [column]
    while stack:
        if top := stack.pop():
            data, pushed = encode(top)
            written.append(data)
            stack += pushed
    return b"".join(written)


def encode(column):
    """Return the bytes of one column, and the columns that it pushes."""
    kinds = list(dict.fromkeys(map(type, column)))
    if are_short(column):
        return b"M" + dump(column), []
    if all(kind in NUMBERS for kind in kinds):
        return b"N" + pickle.dumps(plain(column), 2), []
    if kinds == [str]:
        texts = [text.encode("utf-8", "surrogatepass") for text in column]
        if len(column) > 64 and not any("\0" in text for text in column):
            joined = b"\0".join(texts)
            return b"S" + dump((len(column), len(joined))) + joined, []
        return b"Z" + dump([len(text) for text in texts]) + b"".join(texts), []
    if kinds == [bytes]:
        return b"B" + dump([len(one) for one in column]) + b"".join(column), []
    if all(kind in SCALARS for kind in kinds) and (len(column) > 4096 or not any(map(is_long, column))):
        return b"M" + dump(column), []
    if len(kinds) > 1:
        numbers = [kinds.index(type(one)) for one in column]
        seen = bytes(numbers) if len(kinds) <= 256 else numbers
        return b"X" + dump(seen), [[one for one in column if type(one) is kind] for kind in kinds]
    return ENCODED.get(kinds[0], encode_objects)(column)


def encode_lists(column):
    letter = b"L" if type(column[0]) is list else b"P"
    return letter + dump([len(one) for one in column]), [[item for one in column for item in one]]


def encode_sets(column):
    letter = b"E" if type(column[0]) is set else b"G"
    data = letter + dump([len(one) for one in column])
    items = [item for one in column for item in one]
    kinds = set(map(type, items))
    if kinds <= {str} or kinds == {int} or (kinds == {float} and all(item == item for item in items)):
        return data, [[item for one in column for item in sorted(one)]]
    written = [data, b"#"]
    for one in column:
        mark, ranks = ranked(list(one))
        written += [mark, *sorted(ranks)]
    return b"".join(written), []


def encode_dicts(column):
    keys = [key for one in column for key in one]
    kinds = set(map(type, keys))
    if len(column) == 1 and (kinds <= {str} or kinds == {int}):
        (one,) = column
        names = sorted(one)
        return b"D" + (encoded(names) or b"M" + dump([])), [[one[name] for name in names]]
    if not kinds <= {str}:
        written, values = [b"Q", dump([len(one) for one in column])], []
        for one in column:
            mark, ranks = ranked(list(one))
            if len(set(ranks)) < len(ranks):
                ranks = [rank + digest(value) for rank, value in zip(ranks, one.values())]
            written += [mark, *sorted(ranks)]
            values += [value for _, value in sorted(zip(ranks, one.values()), key=lambda pair: pair[0])]
        return b"".join(written), [values]
    shapes = list(dict.fromkeys(tuple(sorted(one)) for one in column))
    if len(column) >= 8 and len(shapes) == 1 and shapes[0]:
        names = list(shapes[0])
        return b"C" + dump((len(column), names)), [[one[name] for one in column] for name in reversed(names)]
    if 8 * sum(map(len, shapes)) <= len(keys):
        numbers = [shapes.index(tuple(sorted(one))) for one in column]
        members = [[one for one in column if tuple(sorted(one)) == shape] for shape in shapes]
        pushed = [[one[name] for one in group] for shape, group in zip(shapes, members) for name in shape]
        return b"V" + dump((numbers, [list(shape) for shape in shapes])), pushed
    names = [name for one in column for name in sorted(one)]
    values = [one[name] for one in column for name in sorted(one)]
    return b"W" + dump([len(one) for one in column]), [names, values]


def encode_objects(column):
    tag, reduced = REDUCED[type(column[0])]
    return b"K" + dump((tag, len(column))), [[reduced(one) for one in column]]


ENCODED = {
    **dict.fromkeys((list, tuple), encode_lists),
    **dict.fromkeys((set, frozenset), encode_sets),
    dict: encode_dicts,
}


def ranked(values):
    """Return the mark of values without an order, and the rank of each, by which they are sorted."""
    kinds = set(map(type, values))
    if kinds <= set(SCALARS):
        return b"m", [dump(value) for value in values]
    if kinds == {tuple} and {type(one) for value in values for one in value} <= set(SCALARS) - {float}:
        return b"m", [dump(value) for value in values]
    if len(kinds) == 1 and kinds <= REDUCED.keys():
        tag, reduced = REDUCED[kinds.pop()]
        mark, found = ranked([reduced(value) for value in values])
        return b"K" + dump(tag) + mark, found
    return b"#", [digest(value) for value in values]


def key_of_sequence(identity, owner):
    """Return the key of a recording that belongs to a test, module, package or session."""
    return xxh3_128(f"{identity}\0{owner}".encode()).hexdigest()
