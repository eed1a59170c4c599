"""Prints the identities, and the stored texts, of the values below: the same in every process and on every Python."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import json
import math
import pathlib
import re
import sys
import time
import types
import typing
import uuid
import zoneinfo
from dataclasses import dataclass

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.identity.call_identity import VERSION, CallIdentity, fingerprint, fingerprint_outcome
from pytest_mimic._core.identity.source import source_fingerprint
from pytest_mimic._core.outcome.placed_paths import NOWHERE
from pytest_mimic._core.outcome.plain import layout_of
from pytest_mimic._core.outcome.tag_reader import Reader
from pytest_mimic._core.outcome.tag_writer import write


class Color(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    """A point."""

    x: int
    y: object = 0

    def moved(self, by=1, *, scale=2.5):
        """Elsewhere."""
        match by:
            case [one, *rest] if one:
                return {**rest[0], "at": f"{one!r:>{scale}} {by=}!"}
            case None:
                pass
        return [x + 1 for x in by] if not by else lambda *a, **k: (a, k[...], -1j, b"x")


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int


@functools.lru_cache(maxsize=5)
def cached(rows: list, /, limit=10, *, key=None):
    # What is not said here does not count.
    with open(rows) as a, open(limit) as b:
        for row in a:
            total = (yield row) if (n := len(row)) else b[1:2, ..., ::3]
    try:
        del total.x
    except (ValueError, TypeError) as error:
        raise KeyError(n) from error
    finally:
        print(*rows, sep="\u2028")


def closing(n):
    return lambda x: x + n


Pair = collections.namedtuple("Pair", "left right")


def priced(rate):
    class Priced:
        tax = [rate]

        def price(self):
            return rate

    return Priced


def cycle():
    one, two = types.SimpleNamespace(), types.SimpleNamespace(rows=[1, 2])
    one.other, two.other = two, one
    return one


def nested(depth):
    value = "bottom"
    for _ in range(depth):
        value = [value, 1]
    return value


VALUES = {
    "none": None,
    "ints": [0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**64, -(10**30)],
    "floats": [0.0, -0.0, 0.1, 1e300, math.inf, math.nan],
    "texts": ["", "a", "añ😀", "\ud800", "a\0b"],
    "bytes": [b"", b"a", bytearray(b"a"), memoryview(b"ab")],
    "mixed": [True, None, 1, 1.5, "a", b"a", ..., NotImplemented, 1j],
    "small dict": {"b": 1, "a": None},
    "dict": {f"key {n}": n for n in range(100)},
    "dict of sorts": {1: "a", "b": 2, None: 3, (1, "x"): 4, frozenset({1, "y"}): 5, 1.5: 6},
    "rows": [{"id": n, "name": str(n), "ok": n % 2 == 0, "w": n / 3} for n in range(50)],
    "shapes": [{f"x{n % 3}": n, "y": [n]} for n in range(60)],
    "own shapes": [{f"x{n}": n} for n in range(10)],
    "sets": [{"b", "a"}, {3, 1}, {1, "a", None, (2, 3)}, frozenset("xyz")],
    "collections": [
        collections.OrderedDict(b=1, a=2),
        collections.deque([1], 3),
        collections.defaultdict(list, a=[1]),
        collections.Counter("abb"),
        collections.ChainMap({"a": 1}),
        types.MappingProxyType({"a": 1}),
        types.SimpleNamespace(a=1),
        range(0, 9, 2),
        slice(1, None),
    ],
    "times": [
        datetime.date(2024, 5, 1),
        datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        datetime.datetime(2024, 5, 1, tzinfo=datetime.timezone.utc),
        datetime.time(1, 2, 3, 4),
        datetime.timedelta(days=-1, microseconds=5),
    ],
    "numbers": [decimal.Decimal("1.50"), decimal.Decimal("-NaN"), fractions.Fraction(1, 3), uuid.UUID(int=7)],
    "paths": [pathlib.Path("a/b"), pathlib.PurePosixPath("/a"), pathlib.PureWindowsPath("c:/a")],
    "enums": [Color.RED, Access.READ, Access.READ | Access.WRITE],
    "patterns": [re.compile("a+", re.IGNORECASE), re.compile(b"a")],
    "addresses": [ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8")],
    "streams": [io.BytesIO(b"abc"), io.StringIO("abc")],
    "exceptions": [ValueError("a", 1), FileNotFoundError(2, "gone", "f"), ImportError("x", name="n")],
    "types": [
        list[int],
        typing.Dict[str, int],  # noqa: UP006
        int | None,
        typing.Optional[int],  # noqa: UP045
        typing.Any,
        Color,
        Point,
        int,
    ],
    "annotations": [
        typing.Annotated[int, "unit"],
        typing.Literal["a", 1],
        typing.Callable,
        typing.Callable[[int], str],
        typing.Tuple,  # noqa: UP006
    ],
    "functions": [
        cached,
        closing(1),
        Point.moved,
        Point(1).moved,
        functools.partial(closing, 1),
        len,
        "a".upper,
    ],
    "standard library": [json.dumps, pathlib.Path, functools.reduce, type(None), math, re.compile],
    "objects": [Point(1, [2]), Slotted(1), [Point(n) for n in range(20)]],
    "time": [time.gmtime(0), time.struct_time(range(9))],
    "cycle": cycle(),
    "deep": nested(1000),
    "named tuples": [Pair(1, 2), collections.namedtuple("Pair", "right left")(1, 2)],
    "local classes": [priced(1)(), priced(2)(), priced("a")],
}

WORDS = [f"word {number}" for number in range(20)]
ZONES = [
    datetime.timezone.utc,
    datetime.timezone(-datetime.timedelta(hours=3, seconds=7)),
    datetime.timezone(datetime.timedelta(hours=1), "CET"),
    zoneinfo.ZoneInfo("Europe/Berlin"),
]
MOMENT = datetime.datetime(2026, 10, 25, 2, 30, 0, 7)
TEXTS = {
    "sets": [
        set(WORDS),
        frozenset([*WORDS, 1, 2.5, None, True, (1, "a"), frozenset(WORDS), b"a", -7, 3**9000, math.inf]),
        {datetime.date(2026, 11, day) for day in range(1, 20)},
        {Color.RED, Point, Access.READ} - {Point},
        {frozenset(WORDS[:number]) for number in range(9)},
    ],
    "dicts": [
        {1: {"$date": 1}, (2, 3): {"$$date": 1, "$a": 2}, None: {"a": {}, "$": 3}},
        collections.OrderedDict(reversed([*enumerate(WORDS)])),
        collections.defaultdict(list, a=[1]),
        collections.Counter(WORDS[:3]),
        types.SimpleNamespace(b=1, a=(2,)),
    ],
    "numbers": [
        [math.inf, -math.inf, math.nan, 1 + 2j, complex(-0.0, math.nan), 2**64, -(7**5000)],
        [decimal.Decimal(text) for text in ("1.10", "-0", "1E+5", "sNaN12", "-Infinity")],
        [fractions.Fraction(-1, 3), range(5, -3, -2)],
    ],
    "moments": [
        [MOMENT.replace(tzinfo=zone, fold=fold) for zone in (None, *ZONES) for fold in (0, 1)],
        [MOMENT.time().replace(tzinfo=zone, fold=fold) for zone in (None, *ZONES) for fold in (0, 1)],
        [MOMENT.date(), -datetime.timedelta(microseconds=1), datetime.timedelta.max, *ZONES],
    ],
    "bytes": [
        b"",
        b"a\nb\r\nc\x0bd\n",
        bytes(range(256)),
        bytes(range(256)) * 9,
        bytearray(b"a"),
        "\u2028".encode(),
    ],
    "patterns": [re.compile("a+", re.I | re.X | re.M), re.compile(b"\xff\n", re.S), re.compile("(?a:x)")],
    "paths": [pathlib.PurePosixPath("a/../b"), pathlib.PureWindowsPath("C:/x"), pathlib.PosixPath("/etc")],
    "ids": [uuid.UUID(int=5), Color.RED, Access.READ, Access.WRITE],
}


def main():
    print(
        f"format {VERSION}: the lines below change only with a new number, and new kinds of values are added at the end"
    )
    for name, value in VALUES.items():
        print(f"{name}: {fingerprint(value)}")
    print("outcome:", fingerprint_outcome([VALUES["rows"], VALUES["sets"], VALUES["collections"]]))
    print("source:", source_fingerprint(cached), source_fingerprint(Point), source_fingerprint(closing(1)))
    call = CallIdentity("shop.api:send", ("n", "name", "payload"), ignore=("payload.at",))
    print(
        "call:", call.key((1, "a", {"b": 1, "a": 2})), call.key((1, "a", {"at": 5, "rows": VALUES["rows"]}))
    )
    for name, value in TEXTS.items():
        print(f"text of {name}: {text_digest(value)}")


def text_digest(value):
    """Return the digest of the text of a copy."""
    tree = write(value, NOWHERE)
    reader = Reader(NOWHERE, tree.imports, tree.objects.__getitem__)
    again = write(reader.read_text(layout_of(tree.tree)), NOWHERE)
    return xxh3_128_hexdigest(f"{layout_of(again.tree)}{again.imports}{sorted(again.objects)}".encode())


if __name__ == "__main__":
    sys.modules["known_fingerprints"] = sys.modules.pop("__main__")
    for _made in (Color, Access, Point, Slotted, Pair, closing, priced, cached.__wrapped__, Point.moved):
        _made.__module__ = "known_fingerprints"
    main()
