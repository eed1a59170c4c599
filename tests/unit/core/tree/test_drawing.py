"""How people see values: readable, on one line, of a library's data only its type and shape."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import io
import ipaddress
import json
import pathlib
import random
import re
import threading
import types
import uuid
import zoneinfo

import pytest

from pytest_mimic._core.nodes.node_json import node_of, plain_of
from pytest_mimic._core.tree.describing import tree_of
from pytest_mimic._core.tree.drawing import line
from unit.core.tree.values import REDACTOR, Color, Point, Rate, shown


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Slotted:
    __slots__ = ("a", "b", "password")

    def __init__(self) -> None:
        self.a = 1
        self.password = "hunter2"


class Hostile:
    """A class whose methods all raise when they are called."""

    def __init__(self) -> None:
        self.seen = 1

    def __repr__(self) -> str:
        raise RuntimeError("repr ran")

    __str__ = __hash__ = __len__ = __iter__ = __eq__ = __bool__ = __repr__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("getattr ran")

    @property  # type: ignore[misc]  # that it is wrong is the point
    def __class__(self) -> type:
        raise RuntimeError("class ran")

    @property
    def costly(self) -> object:
        raise RuntimeError("property ran")


class NoDict:
    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]
        raise RuntimeError("dict ran")


class OwnIdentity:
    def __init__(self, name: str) -> None:
        self.lock = threading.Lock()
        self.name = name

    def __mimic_identity__(self) -> str:
        return self.name


class BrokenIdentity:
    def __mimic_identity__(self) -> str:
        raise ValueError("no identity today")


class Names(list[str]):
    owner = "class"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("str ran")


class Failure(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def function() -> None: ...


ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
MOMENT = datetime.datetime(2024, 5, 1, 12, 30)
UUID = uuid.UUID("12345678123456781234567812345678")
TEXTS: list[tuple[object, str]] = [
    (None, "None"),
    (True, "True"),
    (3, "3"),
    (-0.0, "-0.0"),
    (float("nan"), "nan"),
    (float("-inf"), "-inf"),
    (1 + 2j, "(1+2j)"),
    (10**400, "<int of 1329 bits>"),
    ("EUR", "'EUR'"),
    ("a\nb", "'a\\nb'"),
    ("a\ud800", "'a\\ud800'"),
    (b"ab\x00", "b'ab\\x00'"),
    (bytearray(b"ab"), "bytearray(b'ab')"),
    (datetime.date(2024, 5, 1), "2024-05-01"),
    (MOMENT, "2024-05-01T12:30:00"),
    (MOMENT.replace(tzinfo=datetime.timezone.utc), "2024-05-01T12:30:00+00:00"),
    (MOMENT.replace(tzinfo=ZONE), "2024-05-01T12:30:00+02:00[Europe/Berlin]"),
    (datetime.timedelta(days=1), "1 day, 0:00:00"),
    (decimal.Decimal("1.50"), "1.50"),
    (fractions.Fraction(1, 3), "1/3"),
    (UUID, "12345678-1234-5678-1234-567812345678"),
    (pathlib.PurePosixPath("data/x.csv"), "data/x.csv"),
    (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
    (re.compile("a+"), "re.compile('a+')"),
    (range(3), "range(0, 3)"),
    (Color.RED, "Color.RED"),
    (Mode.READ | Mode.WRITE, "Mode(3)"),
    (len, "<function builtins:len>"),
    (random.random, "<function random:Random.random>"),
    (function, f"<function {__name__}:function>"),
    (Rate, f"<class {Rate.__module__}:Rate>"),
    (io, "<module io>"),
    ([1, [2]], "[1, [2]]"),
    ((1,), "(1,)"),
    ((1, "a"), "(1, 'a')"),
    ({"a": 1, "two words": {}}, "{'a': 1, 'two words': {}}"),
    ({1: 2, None: 3, (1, 2): 4}, "{1: 2, None: 3, (1, 2): 4}"),
    ({"$": 1}, "{'$': 1}"),
    ({3, 1, 2}, "{1, 2, 3}"),
    ({"b", "a"}, "{'a', 'b'}"),
    ({1, "a", None}, "{'a', 1, None}"),
    (set(), "set()"),
    (frozenset(), "frozenset()"),
    (collections.deque([1, 2]), "deque([1, 2])"),
    (collections.OrderedDict(a=1), "OrderedDict({'a': 1})"),
    (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
    (
        collections.defaultdict(list, a=[1]),
        "defaultdict({'a': [1]}, default_factory=<class builtins:list>)",
    ),
    (types.SimpleNamespace(a=1), "SimpleNamespace(a=1)"),
    (io.BytesIO(b"ab"), "BytesIO(b'ab')"),
    (Point(1, 2), "Point(x=1, y=2)"),
    (Rate(), "Rate(base='EUR', value=1.5)"),
    (Slotted(), "Slotted(a=1, password=<redacted>)"),
    (Names(["a"]), "Names(['a'])"),
    (Text("ab"), "Text('ab')"),
    (ValueError("no", 3), "ValueError('no', 3)"),
    (Failure("no", 3), "Failure('no', code=3)"),
    (Hostile(), "Hostile(seen=1)"),
    (NoDict(), "<NoDict>"),
    (OwnIdentity("main"), "OwnIdentity('main')"),
    (BrokenIdentity(), "<BrokenIdentity>"),
    (object(), "<object>"),
    (threading.Lock(), "<lock>"),
    ((letter for letter in "ab"), "<generator>"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_values_read_well_and_are_plain_data(value: object, text: str) -> None:
    description = tree_of(value, REDACTOR)

    assert line(description) == text
    assert line(node_of(json.loads(json.dumps(plain_of(description))))) == text


def test_numpy_values_are_shown_by_type_and_shape() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")

    assert shown(numpy.zeros((1797, 64))) == "<ndarray float64 1797x64>"
    assert shown(numpy.array([[1, 2]])) == "<ndarray int64 1x2 [[1, 2]]>"
    assert shown(numpy.array([1, 2])) == "array([1, 2], dtype=int64)"
    assert shown(numpy.array([0.5, numpy.nan])) == "array([0.5, nan], dtype=float64)"
    assert shown(numpy.arange(50)) == "<ndarray int64 50>"
    assert shown(numpy.array(1.5)) == "<ndarray float64 1.5>"
    assert shown(numpy.float64(1.5)) == "1.5"
    assert shown(numpy.datetime64("2024-05-01")) == "2024-05-01"
    assert shown(numpy.dtype("int8")) == "int8"
    assert tree_of(numpy.zeros(100), REDACTOR) != tree_of(numpy.ones(100), REDACTOR)


def test_tables_are_shown_by_shape_and_columns() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    columns = {"day": [1, 2], "price": [1.0, 2.0]}

    assert shown(pandas.DataFrame(columns)) == "<DataFrame 2x2: day, price>"
    assert (
        shown(pandas.DataFrame({f"c{n}": [n] for n in range(9)})) == "<DataFrame 1x9>"
    )
    assert shown(pandas.Series([1.0, 2.0])) == "<Series float64 2>"
    assert shown(pandas.Timestamp("2024-05-01")) == "2024-05-01 00:00:00"
    assert shown(pandas.NaT) == "NaT"
    assert shown(polars.DataFrame(columns)) == "<DataFrame 2x2: day, price>"
    assert shown(polars.Series([1, 2])) == "<Series Int64 2>"
    assert shown(pyarrow.table(columns)) == "<Table 2x2>"
    assert shown(pyarrow.array([1, 2])) == "<Int64Array int64 2>"
