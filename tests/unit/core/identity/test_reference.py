"""The encoding as docs/internals/identity-encoding.md describes it, written from that page alone: it gives the same identities."""

from __future__ import annotations

import datetime
import json
import pickle
import re
import tarfile
import uuid
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from marshal import dumps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds_of_things import Pair, Plain
from test_properties import hashable, values
from xxhash import xxh3_128, xxh3_128_hexdigest

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint

ARCHIVE = Path(__file__).parents[3] / "frozen" / "recordings.tar.xz"
NUMBERS = {int, float, bool, type(None)}
SCALARS = NUMBERS | {str, bytes}
NAN = float("nan")
SHORT, LONG, MANY = 64, 65_536, 4096


@dataclass
class Memory:
    """Memory as it is written: floats with one NaN only."""

    head: tuple[Any, ...]
    data: bytes


def memory(value: Any) -> Memory:
    view = memoryview(value)
    floats = [NAN if item != item else item for item in view.tolist()] if view.format == "d" else None
    data = view.tobytes() if floats is None else array("d", floats).tobytes()
    if type(value) is bytearray:
        return Memory((), data)
    if type(value) is array:
        return Memory((value.typecode, value.itemsize, len(value)), data)
    return Memory((view.format, view.itemsize, view.shape), data)


KINDS = [type(f"Kind{n}", (Plain,), {}) for n in range(300)]

#: Tags and reduced forms, from docs/internals/identity-of-types.md.
REDUCED: dict[type, Any] = {
    complex: lambda value: (value.real, value.imag),
    Decimal: lambda value: str(value).upper(),
    Fraction: lambda value: (value.numerator, value.denominator),
    OrderedDict: lambda value: list(value.items()),
    datetime.date: lambda value: (value.year, value.month, value.day),
    datetime.datetime: lambda value: (*value.timetuple()[:6], value.microsecond, value.fold, value.tzinfo),
    datetime.timedelta: lambda value: (value.days, value.seconds, value.microseconds),
    range: lambda value: (value[0], value[-1], value.step) if len(value) > 1 else tuple(value),
    uuid.UUID: int,
    Pair: tuple,
    Plain: vars,
    **dict.fromkeys(KINDS, vars),
    **dict.fromkeys((bytearray, array, memoryview), memory),
}


def dump(value: Any) -> bytes:
    return dumps(value, 2)


def nans(values: list[Any]) -> list[Any]:
    return [NAN if value != value else value for value in values]


def types_of(values: list[Any]) -> set[type]:
    return set(map(type, values))


def is_long(value: Any) -> bool:
    return type(value) in (str, bytes) and len(value) > LONG


def is_short(values: list[Any]) -> bool:
    return len(values) <= SHORT and types_of(values) <= SCALARS and not any(map(is_long, values))


def tag(type_: type) -> str:
    fields = getattr(type_, "_fields", ())
    return f"{type_.__module__}:{type_.__qualname__}" + (f"({','.join(fields)})" if fields else "")


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
    types, first = types_of(column), column[0]
    if types == {Memory}:
        return b"".join(b"R" + dump((one.head, len(one.data))) + one.data for one in column), []
    if types <= SCALARS and (scalars := encoded_scalars(column, types)):
        return scalars, []
    if len(types) > 1:
        numbers = {type_: number for number, type_ in enumerate(dict.fromkeys(map(type, column)))}
        parts = [[value for value in column if type(value) is type_] for type_ in numbers]
        marks = [numbers[type(value)] for value in column]
        return b"X" + dump(bytes(marks) if len(numbers) <= 256 else marks), parts
    lengths = b"" if type(first) in REDUCED else dump(list(map(len, column)))
    if types <= {list, tuple}:
        return (b"L" if types == {list} else b"P") + lengths, [list(chain.from_iterable(column))]
    if types <= {set, frozenset}:
        return encoded_sets(column, (b"E" if types == {set} else b"G") + lengths)
    if types == {dict}:
        return encoded_dict(first) if len(column) == 1 else encoded_dicts(column, lengths)
    return b"K" + dump((tag(type(first)), len(column))), [list(map(REDUCED[type(first)], column))]


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
    if len(types) == 1 and (type_ := types.pop()) in REDUCED:
        how, found = ranks(list(map(REDUCED[type_], members)))
        return b"K" + dump(tag(type_)) + how, found
    return b"#", [digest([member]) for member in members]


@pytest.mark.promise("the reference describes identities so that another program can compute them")
@given(values | st.lists(hashable, min_size=60, max_size=70) | st.sets(hashable, min_size=5))
def test_the_reference_describes_the_identity_of_values(value):
    assert fingerprint(value) == identity(value)


LARGE = {
    "numbers": [*range(5000), 2**70, 0.5, None, True],
    "floats": [n / 7 for n in range(500)] + [NAN],
    "texts": [f"word {n}" for n in range(200)],
    "texts with NUL": ["a\0b"] * 70,
    "long text": "ü" * 70_000,
    "long bytes": [b"x" * 70_000, b""],
    "long and others": ["x" * 70_000, 1, b"a", None],
    "many scalars": [1, "a", b"b", None, 0.5] * 1000,
    "rows": [{"id": n, "name": str(n), "w": n / 3} for n in range(300)],
    "shapes": [{f"x{n % 3}": n, "y": [n]} for n in range(100)],
    "own shapes": [{f"x{n}": n} for n in range(30)],
    "sets": [set(range(500)), {f"word {n}" for n in range(500)}, {n / 7 for n in range(500)}, {1, "a"}],
    "dicts": [{str(n): n for n in range(200)}, {n: str(n) for n in range(200)}, {None: 1, (1, 2): 2}],
    "decimals": [Decimal(n) / 100 for n in range(300)],
    "moments and ids": [datetime.timedelta(-1, 2, 3), uuid.UUID(int=5), range(3, 9, 5), range(3, 4), range(0)]
    * 20,
    "sets and keys of moments": [
        {datetime.date(2026, 1, day) for day in (1, 2)},
        {datetime.datetime(2026, 1, 2, 3): [1]},
    ],
    "empty dicts": [{}, {}],
    "one empty dict": [{}],
    "keys that are NaN": {NAN: 1, -NAN: [2], 2.0: 3},
    "long keys": {"x" * 70_000: 1, "y": 2},
    "more than 256 types": [kind(a=n % 7) for n, kind in enumerate([*KINDS, *KINDS[::3]])],
    "256 types": [kind(a=[]) for kind in KINDS[:256]],
    "257 types": [*(kind(a="") for kind in KINDS[:256]), None],
    "memory": [bytearray(b"a"), bytearray(), array("d", [NAN, -NAN, 0.5]), array("h", [1, 2]), array("d")],
    "views": [
        memoryview(b"abcdef")[::2],
        memoryview(b"abcdef").cast("B", (2, 3)),
        memoryview(array("d", [-NAN])),
    ],
    "sets with NaN": [
        {NAN, -NAN, 1.0},
        {1.0, 2, None},
        {-0.0, 1.5},
        frozenset([(1.5, 2)]),
        frozenset([(1, "a"), ()]),
    ],
    "a whole batch": [*range(1000)],
    "a batch of one": [*range(999), -(2**31) - 1, None],
    "a batch of two": [*range(1000), 2**255, -(2**2100)],
    "a table": [(n, str(n), Decimal(n), None, NAN) for n in range(100)],
    "a table but for a row": [*([n, Decimal(n)] for n in range(100)), [Decimal(1), 1]],
    "scalars in turn": [(n, None, "a", 0.5) for n in range(2000)],
    "none among numbers": [(n, None) for n in range(100)] + [(NAN, 1)],
    "objects that occur often": [Decimal(1), Decimal(2)] * 50,
    "empty sets": [set(), set(), frozenset()],
    "few and many keys": [dict.fromkeys(map(str, range(n))) for n in (64, 65)],
    "texts beyond ASCII": ["\ud800", "\U00010000", "\ud800\udc00", ""] * 17,
}


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
@pytest.mark.parametrize("name", LARGE)
def test_the_reference_describes_the_identity_of_large_values(name):
    assert fingerprint(LARGE[name]) == identity(LARGE[name])


def call_identity(target: str, names: list[str], arguments: list[Any]) -> str:
    head = dump(("call", 1, target, names, False))
    return xxh3_128(head + dump(list(map(part, arguments)))).hexdigest()


def test_the_reference_describes_the_identity_of_calls():
    names, arguments = ("n", "*rest", "**extra"), (1, ("a", [2]), {"at": {1, 2}})

    key = CallIdentity("shop.api:send", names).key(arguments)

    assert key == call_identity("shop.api:send", list(names), list(arguments))


def is_plain(described: Any) -> bool:
    """Check whether the description of an argument is the argument itself: JSON, shown as a whole."""
    if type(described) is dict:
        return "$" not in described and all(map(is_plain, described.values()))
    return all(map(is_plain, described)) if type(described) is list else True


def frozen_files() -> list[tuple[str, bytes]]:
    """Return the frozen recordings, cassettes and objects by their names in their vaults."""
    with tarfile.open(ARCHIVE) as archive:
        found = [(one.name.partition("/")[2], archive.extractfile(one)) for one in archive]
        return [(name, file.read()) for name, file in found if file is not None]


@pytest.mark.promise(
    "the reference describes the names in a vault so that another program can find a recording"
)
def test_the_reference_describes_the_names_of_recordings():
    owned, computed = [], []
    for name, data in frozen_files():
        if found := re.fullmatch(r"calls/.*/([0-9a-f]{32})(-[a-z-]+)?\.json", name):
            facts = json.loads(data)
            target, arguments, owner = facts["target"], facts["arguments"], facts["owner"]
            if owner is not None:
                owned.append(found[1] == xxh3_128_hexdigest(f"{facts['identity']}\0{owner}".encode()))
            elif ":" in target and arguments and is_plain(arguments):
                computed.append(found[1] == call_identity(target, [*arguments], [*arguments.values()]))

    assert set(owned) == {True}
    assert set(computed) == {True}


def test_the_reference_describes_the_names_of_readable_objects():
    readable = [
        (Path(name).stem, text) for name, text in frozen_files() if re.match(r"objects/.*\.json$", name)
    ]

    assert readable
    assert all(name == xxh3_128_hexdigest(text) for name, text in readable)
