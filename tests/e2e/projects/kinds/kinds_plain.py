"""Values of the builtins and the standard library, and of classes of a user's own."""

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import functools
import http
import io
import ipaddress
import json
import math
import pathlib
import random
import re
import time
import types
import typing
import uuid
import zoneinfo
from dataclasses import dataclass, field

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MOMENT = dt.datetime(2026, 10, 25, 2, 30, 0, 7)
ZONES = [
    dt.timezone.utc,
    dt.timezone(-dt.timedelta(hours=3, seconds=7)),
    dt.timezone(dt.timedelta(hours=1), "CET"),
    BERLIN,
]


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Access(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 4


class Size(enum.IntEnum):
    SMALL = 1


class Point(typing.NamedTuple):
    x: int
    y: object = 0


@dataclass
class User:
    """A user, whose methods and docstring are part of no object."""

    name: str
    born: dt.date
    groups: set = field(default_factory=set)

    def greeting(self, word="Hello"):
        return f"{word}, {self.name}"


@dataclass(frozen=True)
class Frozen:
    __slots__ = ("x",)
    x: int


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    @functools.cached_property
    def size(self):
        return len(vars(self))


class Nothing:
    pass


class Named:
    def __init__(self, name, secret):
        self.name = name
        self.secret = secret

    def __mimic_identity__(self):
        return {"name": self.name}


class Stateful:
    def __init__(self, value):
        self.value = value
        self.cache = object()

    def __getstate__(self):
        return {"value": self.value}

    def __setstate__(self, state):
        self.__init__(state["value"])


class Reduced:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return Reduced, self.parts


class Rows(list):
    def __init__(self, items=(), *, title=""):
        super().__init__(items)
        self.title = title


class Word(str):
    pass


class Refused(Exception):
    def __init__(self, code, *, retry):
        super().__init__(f"refused with {code}")
        self.code = code
        self.retry = retry


def double(x, by=2, *, offset=(0, 1)):
    """Twice as much."""
    total = [each * by for each in x if each]
    try:
        total.append(f"{by!r:>{offset[0]}} {offset=}")
    except (TypeError, ValueError) as error:
        raise KeyError(by) from error
    return total, (lambda *a, **k: (a, k[...], -1j, b"x"))


@functools.lru_cache(maxsize=8)
def cached(n):
    return n


def closing(n):
    return lambda x: x + n


async def later(n):
    async with n as one:
        return [each async for each in one]


def cyclic():
    one, two = types.SimpleNamespace(), types.SimpleNamespace(rows=[1, 2])
    one.other, two.other = two, one
    return one


def nested(depth):
    value = "bottom"
    for _ in range(depth):
        value = [value, 1]
    return value


def shared_levels(levels):
    value = ["bottom"]
    for _ in range(levels):
        value = [value, value]
    return value


def with_items(make, *items):
    for name, item in items:
        make.__setitem__(name, item)
    return make


WORDS = [f"word {number}" for number in range(20)]
ROWS = [{"id": n, "name": str(n), "ok": n % 2 == 0, "w": n / 3} for n in range(50)]


def written(cls, text, at):
    stream = cls(text)
    stream.seek(at)
    return stream


def noted(error, **attributes):
    error.__cause__ = KeyError("cause")
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return caught.with_traceback(None)


ARGUMENTS = {
    "none": lambda: None,
    "booleans": lambda: [True, False],
    "small ints": lambda: [0, -1, 7],
    "ints": lambda: [2**31 - 1, 2**31, -(2**31) - 1, 2**64, -(10**30), *range(100)],
    "floats": lambda: [0.0, -0.0, 0.1, 1e300, math.inf, -math.inf, math.nan],
    "many floats": lambda: [n / 7 for n in range(100)],
    "complex": lambda: [1j, complex(-0.0, math.nan)],
    "texts": lambda: ["", "a", "añ😀", "\ud800", "a\0b"],
    "many texts": lambda: WORDS * 5,
    "one text": lambda: "x" * 200_000,
    "bytes": lambda: [b"", b"a", b"\xff" * 100],
    "many bytes": lambda: [b"%d" % n for n in range(100)],
    "bytearray": lambda: bytearray(b"a\xff"),
    "memoryview": lambda: memoryview(b"ab"),
    "memoryview of floats": lambda: memoryview(array.array("d", [1.5, math.nan])),
    "mixed": lambda: [True, None, 1, 1.5, "a", b"a"] * 20,
    "odd ones": lambda: [..., NotImplemented],
    "tuples": lambda: [(1,), (), ("a", (2.5, None))],
    "small dict": lambda: {"b": 1, "a": None, "c": math.nan},
    "dict": lambda: {f"key {n}": n for n in range(100)},
    "dict of ints": lambda: {n: str(n) for n in range(100, 0, -1)},
    "dict of sorts": lambda: {
        1: "a",
        "b": 2,
        None: 3,
        (1, "x"): 4,
        frozenset({1, "y"}): 5,
        1.5: 6,
    },
    "dict of nans": lambda: {float("nan"): 2, float("nan"): 1, "a": 3},
    "empty ones": lambda: [[], (), {}, set(), frozenset(), b"", ""],
    "rows": lambda: ROWS,
    "rows in other orders": lambda: [
        dict(reversed(row.items())) if row["id"] % 2 else row for row in ROWS
    ],
    "rows of other keys": lambda: [{n: 1, None: 2} for n in range(20)],
    "shapes": lambda: [{f"x{n % 3}": n, "y": [n]} for n in range(60)],
    "own shapes": lambda: [{f"x{n}": n} for n in range(10)],
    "set of texts": lambda: set(WORDS),
    "set of ints": lambda: {*range(100, 0, -1)},
    "sets": lambda: [
        {"b", "a"},
        {3, 1},
        {1, "a", None, (2, 3)},
        frozenset("xyz"),
        {frozenset({1}), frozenset()},
    ],
    "set of moments": lambda: {dt.date(2026, 11, day) for day in range(1, 20)},
    "ordered dict": lambda: collections.OrderedDict(b=1, a=2),
    "deque": lambda: collections.deque([1], 3),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "counter": lambda: collections.Counter("abb"),
    "chain map": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "mapping proxy": lambda: types.MappingProxyType({"a": 1}),
    "namespace": lambda: types.SimpleNamespace(a=1),
    "range": lambda: [range(0, 9, 2), range(0), range(5, 6), range(0, 10, 2)],
    "slice": lambda: slice(1, None),
    "array": lambda: [array.array("i", [1, 2]), array.array("d", [0.5, math.nan])],
    "date": lambda: dt.date(2024, 5, 1),
    "datetime": lambda: [
        MOMENT.replace(tzinfo=zone, fold=fold)
        for zone in (None, *ZONES)
        for fold in (0, 1)
    ],
    "time": lambda: [MOMENT.time().replace(tzinfo=zone) for zone in (None, *ZONES)],
    "timedelta": lambda: dt.timedelta(days=-1, microseconds=5),
    "timezone": lambda: ZONES,
    "struct_time": lambda: [time.gmtime(0), time.struct_time(range(9))],
    "decimal": lambda: [
        decimal.Decimal(text) for text in ("1.50", "1.5", "-NaN", "-Infinity", "0E+5")
    ],
    "fraction": lambda: fractions.Fraction(1, 3),
    "uuid": lambda: uuid.UUID(int=7),
    "path": lambda: [
        pathlib.Path("a/b"),
        pathlib.PurePosixPath("/a"),
        pathlib.PureWindowsPath("c:/a"),
    ],
    "enum": lambda: [Colour.RED, Colour.BLUE, Size.SMALL],
    "flag": lambda: [Access.READ, Access.READ | Access.WRITE, Access(0)],
    "status": lambda: http.HTTPStatus.NOT_FOUND,
    "pattern": lambda: [re.compile("a+", re.IGNORECASE), re.compile(b"a")],
    "addresses": lambda: [
        make(text)
        for text in ("10.0.0.1/8", "fe80::1/64")
        for make in (
            ipaddress.ip_interface,
            lambda text: ipaddress.ip_interface(text).network,
        )
    ],
    "address": lambda: [ipaddress.ip_address("::1"), ipaddress.ip_address("127.0.0.1")],
    "streams": lambda: [written(io.BytesIO, b"abc", 1), written(io.StringIO, "abc", 2)],
    "exception": lambda: [
        ValueError("a", 1),
        noted(Refused(3, retry=True)),
        KeyError(),
    ],
    "system error": lambda: [
        FileNotFoundError(2, "gone", "f"),
        ImportError("x", name="n"),
    ],
    "generic alias": lambda: [list[int], typing.List[int], typing.Dict[str, int]],  # noqa: UP006
    "union": lambda: [int | None, typing.Optional[int], typing.Union[int, str]],  # noqa: UP007, UP045
    "special forms": lambda: [
        typing.Any,
        typing.Final,
        typing.Callable,
        typing.Tuple,  # noqa: UP006
        typing.Literal["a", 1],
    ],
    "annotated": lambda: [typing.Annotated[int, "unit"], typing.Callable[[int], str]],
    "class": lambda: [User, Colour, int, type(None), pathlib.Path, dict],
    "local class": lambda: type(closing(1)),
    "module": lambda: [math, json],
    "function": lambda: [double, later],
    "lambda": lambda: [closing(1), closing([2])],
    "cached function": lambda: cached,
    "built-in": lambda: [len, "a".upper, str.upper, [].__len__],
    "function of the standard library": lambda: [
        json.dumps,
        functools.reduce,
        re.compile,
        random.random,
    ],
    "method": lambda: [User("Ann", dt.date(2001, 2, 3)).greeting, User.greeting],
    "partial": lambda: functools.partial(double, 1, offset=(2, 3)),
    "descriptors": lambda: [
        staticmethod(double),
        classmethod(double),
        Slotted.a,
        str.__len__,
    ],
    "dataclass": lambda: [User("Ann", dt.date(2001, 2, 3), {"staff"}), Frozen(1)],
    "dataclasses": lambda: [User(f"user {n}", dt.date(2001, 2, 3)) for n in range(20)],
    "named tuple": lambda: [Point(1), Point(2, [3])],
    "plain object": lambda: [Plain(a=1, b=[2]), Nothing()],
    "slotted object": lambda: Slotted(1, {"b": 2}),
    "own identity": lambda: Named("n", object()),
    "own state": lambda: Stateful([1]),
    "own reduction": lambda: Reduced(1, "a"),
    "subclasses": lambda: [
        Rows([1, 2], title="t"),
        Word("a"),
        with_items(collections.UserDict(), ("a", 1)),
    ],
    "cycle": cyclic,
    "deep": lambda: nested(1000),
    "shared": lambda: shared_levels(30),
    "large and deep": lambda: [
        nested(100),
        {"a": ROWS},
        {1, (2, 3)},
        {None: nested(70)},
    ],
}

part = {"rows": [1]}
looped = collections.deque(maxlen=3)
looped.extend([looped, {"again": looped}])
OUTCOMES = {
    "json": lambda: {
        "a": [1, 2.5, None, True, "ü\u2028"],
        "b": {},
        "c": [[]],
        "n": 10**25,
        "e": 1e300,
    },
    "large json": lambda: {"rows": ROWS * 2},
    "list": lambda: [1, "a"],
    "text": lambda: "a\nb",
    "none": lambda: None,
    "tuple": lambda: (1, "two", (), (None, [3])),
    "set": lambda: set(WORDS),
    "frozenset": lambda: frozenset(
        [*WORDS, 1, 2.5, None, True, (1, "a"), frozenset(WORDS), b"a", -7]
    ),
    "set of enums": lambda: {Colour.RED, Access.READ, Size.SMALL},
    "dict": lambda: {
        1: {"$date": 1},
        (2, 3): {"$$date": 1, "$a": 2},
        None: {"a": {}, "$": 3},
    },
    "ordered dict": lambda: collections.OrderedDict([("b", 1), ("a", (2,))]),
    "counter": lambda: collections.Counter("abb"),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "deque": lambda: collections.deque([1, (2,)], maxlen=4),
    "namespace": lambda: types.SimpleNamespace(b=1, a=(2,)),
    "int": lambda: [3**9500, -(3**9500)],
    "float": lambda: [math.nan, math.inf, -math.inf, -0.0],
    "complex": lambda: [1 + 2j, complex(-0.0, math.inf)],
    "fraction": lambda: fractions.Fraction(-1, 3),
    "decimal": lambda: [
        decimal.Decimal(text) for text in ("1.10", "-0", "1E+5", "sNaN12", "-Infinity")
    ],
    "range": lambda: range(5, -3, -2),
    "date": lambda: dt.date(2026, 11, 2),
    "time": lambda: [
        MOMENT.time().replace(tzinfo=zone, fold=fold)
        for zone in (None, *ZONES)
        for fold in (0, 1)
    ],
    "datetime": lambda: [
        MOMENT.replace(tzinfo=zone, fold=fold)
        for zone in (None, *ZONES)
        for fold in (0, 1)
    ],
    "timedelta": lambda: [
        -dt.timedelta(microseconds=1),
        dt.timedelta.max,
        dt.timedelta(0),
    ],
    "timezone": lambda: ZONES,
    "uuid": lambda: [uuid.UUID(int=5), uuid.UUID(int=6, is_safe=uuid.SafeUUID.safe)],
    "regex": lambda: [
        re.compile("a+", re.I | re.X | re.M),
        re.compile(b"\xff\n", re.S),
        re.compile("(?a:x)"),
    ],
    "bytes": lambda: [
        b"",
        b"text",
        b"a\nb\r\nc\x0bd\n",
        bytes(range(256)),
        "\u2028".encode(),
    ],
    "object": lambda: [bytes(range(256)) * 9, b"\0" * 3_000],
    "bytearray": lambda: bytearray(b"a\xff"),
    "enum": lambda: [Colour.RED, Colour.BLUE, Size.SMALL],
    "flags": lambda: [Access.READ, Access.READ | Access.RUN, Access(0)],
    "named tuple": lambda: Point(1, [Point(2)]),
    "dataclass": lambda: [
        User("Ann", dt.date(2001, 2, 3), {"staff", "admin"}),
        Frozen(1),
    ],
    "dataclass with more": lambda: with_attribute(
        User("Ann", dt.date(2001, 2, 3)), "note", (1,)
    ),
    "plain object": lambda: [Plain(a=1, b=(2,)), Nothing()],
    "slotted object": lambda: Slotted(1, {"b": 2.5}),
    "exceptions": lambda: [
        ValueError("a", 1),
        Refused(3, retry={1}),
        FileNotFoundError(2, "gone", "f"),
    ],
    "shared": lambda: [part, {"again": part, "rows": (part["rows"], part)}],
    "looped": lambda: looped,
    "pure paths": lambda: [
        pathlib.PurePosixPath("a/../b"),
        pathlib.PureWindowsPath("C:/x"),
    ],
    "place": lambda: pathlib.Path("data/rates.csv").absolute(),
    "pickled address": lambda: ipaddress.ip_address("10.0.0.1"),
    "pickled slice": lambda: [slice(1, None), (1, {2})],
    "pickled array": lambda: array.array("d", [1.5, 2.5]),
    "pickled state": lambda: [Stateful([1]), Reduced(1, "a")],
    "pickled subclass": lambda: Rows([1, (2, 3)], title="t"),
    "pickled function": lambda: [double, User, math, len],
    "pickled chain map": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "pickled depth": lambda: nested(150),
}


def with_attribute(value, name, attribute):
    setattr(value, name, attribute)
    return value


FAILURES = {
    "plain": lambda: ValueError("too long", 17),
    "own": lambda: Refused((1, 2), retry={"a"}),
    "system": lambda: FileNotFoundError(2, "gone", "rates.csv"),
    "noted": lambda: with_attribute(KeyError("a"), "__notes__", ["seen in winter"]),
    "caused": lambda: raised(Refused(5, retry=None), ZeroDivisionError("zero")),
    "pickled": lambda: ValueError(ipaddress.ip_address("10.0.0.1")),
}

STREAMS = {
    "plain": lambda: iter([1, "two", [3]]),
    "tagged": lambda: iter([(1,), {2}, dt.date(2026, 11, 2)]),
    "pickled": lambda: iter([1, ipaddress.ip_address("10.0.0.1"), (2, slice(3))]),
}
