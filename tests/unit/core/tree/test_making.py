"""Descriptions of values and calls: short, readable, plain, without secrets, the same everywhere."""

from __future__ import annotations

import collections
import dataclasses
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
import sys
import threading
import types
import urllib.parse
import uuid
import zoneinfo
from typing import Any, NamedTuple

import pytest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.call_labels import call_label
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.making import Budget, argument_trees, tree_of

REDACTOR = Redactor()


def shown(value: object, **options: Any) -> str:
    return line(tree_of(value, REDACTOR, **options))


class Color(enum.Enum):
    RED = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Rate:
    base: str = "EUR"
    value: float = 1.5


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
    (Mode.READ | Mode.WRITE, f"{'Mode.READ|WRITE' if sys.version_info >= (3, 11) else 'Mode(3)'}"),
    (len, "<function builtins:len>"),
    (random.random, "<function random:Random.random>"),
    (function, f"<function {__name__}:function>"),
    (Rate, f"<class {__name__}:Rate>"),
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
    (collections.defaultdict(list, a=[1]), "defaultdict({'a': [1]}, default_factory=<class builtins:list>)"),
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
    assert json.dumps(json.loads(json.dumps(description))) == json.dumps(description)


def test_different_types_have_different_descriptions() -> None:
    values: list[object] = [
        1, 1.0, True, "1", None, decimal.Decimal(1), fractions.Fraction(1), [1], (1,), {1}, frozenset({1}), {1: 1},
        {"1": 1}, b"1", bytearray(b"1"), collections.deque([1]), -0.0, 0.0, "2024-05-01", datetime.date(2024, 5, 1),
        {"$": "date", "text": "2024-05-01"}, Point(1, 1), Rate("1"), Rate, Color.RED, "<redacted> ",
    ]  # fmt: skip

    descriptions = {json.dumps(tree_of(value, REDACTOR)) for value in values}

    assert len(descriptions) == len(values)


def test_values_under_secret_names_are_left_out() -> None:
    """Keys, attributes and (name, value) pairs with secret names show that there is a value, but not which."""
    value = {
        "password": "hunter2",
        "token": None,
        b"Authorization": "x",
        "config": types.SimpleNamespace(api_key=b"12345", name="a"),
        "headers": [("X-Api-Key", "k"), ("Accept", "y")],
        "parsed": [["X-Api-Key", "k"], ["Cookie", None], ["Accept", "y"]],
        "form": [
            {"name": "password", "value": "x"},
            {"key": "api_token", "value": 3},
            {"name": "Ann", "value": 3},
        ],
    }

    text = shown(value)

    assert text == (
        "{'password': <redacted>, 'token': None, b'Authorization': <redacted>, "
        "'config': SimpleNamespace(api_key=<redacted>, name='a'), "
        "'headers': [('X-Api-Key', <redacted>), ('Accept', 'y')], "
        "'parsed': [['X-Api-Key', <redacted>], ['Cookie', None], ['Accept', 'y']], "
        "'form': [{'name': 'password', 'value': <redacted>}, {'key': 'api_token', 'value': <redacted>}, "
        "{'name': 'Ann', 'value': 3}]}"
    )


def test_secrets_in_a_command_line_are_left_out() -> None:
    command = ["login", "--user", "ann", "--password", "hunter2", "--api-key=12345", "-v", "hunter2"]

    assert shown(command) == (
        "['login', '--user', 'ann', '--password', <redacted>, '--api-key=<redacted>', '-v', <redacted>]"
    )
    assert shown(("--token", "abc", "--token")) == "('--token', <redacted>, '--token')"
    assert shown(["password", "hunter2", "token", "-"]) == "['password', 'hunter2', 'token', '-']"


@pytest.mark.parametrize(
    "split", [urllib.parse.urlsplit, urllib.parse.urlparse, urllib.parse.urldefrag], ids=lambda f: f.__name__
)
def test_a_parsed_url_is_shown_whole_without_secrets(split: Any) -> None:
    url = "https://ann:hunter2@shop.com/a?token=abc&b=1"

    for value in (split(url), split(url.encode())):
        assert shown(value) == "https://ann:<redacted>@shop.com/a?token=<redacted>&b=1"


def test_a_secret_is_left_out_of_all_arguments() -> None:
    arguments = {
        "password": "hunter2",
        "headers": {"Authorization": "Bearer abcdef"},
        "note": "ann/hunter2 abcdef",
        "raw": b"x hunter2",
        "url": "https://shop.com/?q=hunter2&token=abc",
        "hunter2": 1,
    }

    text = call_label("m:f", argument_trees(arguments, REDACTOR), width=1_000)

    assert "abcdef" not in text
    assert text.startswith(
        "m:f(password=<redacted>, headers={'Authorization': <redacted>}, note='ann/<redacted> <redacted>', "
        "raw=b'x <redacted>', url='https://shop.com/?q=<redacted>&token=<redacted>'"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (list(range(100)), "[0, 1, ... 98 more]"),
        (tuple(range(100)), "(0, 1, ... 98 more)"),
        (set(range(100)), "{0, 1, ... 98 more}"),
        ({str(n): n for n in range(100)}, "{'0': 0, '1': 1, ... 98 more}"),
        ({n: n for n in range(100)}, "{0: 0, 1: 1, ... 98 more}"),
        (types.SimpleNamespace(a=1, b=2, c=3), "SimpleNamespace(a=1, b=2, ... 1 more)"),
        ({("a", 1), ("b", 2), ("c", 3)}, "{... 3 more}"),
    ],
)
def test_large_containers_are_cut_and_still_differ(value: object, text: str) -> None:
    description = tree_of(value, REDACTOR, budget=Budget(characters=500, items=2, depth=3, text=100))

    assert line(description) == text
    assert re.search(r"#[0-9a-f]{8}", line(description, digests=True))


def test_deep_values_are_cut_and_still_differ() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert shown(deep) == f"{'[' * 12}<list of 1>{']' * 12}"
    assert shown({"a": [Rate()]}, budget=Budget(200, 10, 2, 50)) == "{'a': [<Rate>]}"


def test_a_value_inside_itself_is_marked_as_a_cycle() -> None:
    cycle: list[object] = [1]
    cycle.append(cycle)
    shared = [1]

    assert shown(cycle) == "[1, <cycle>]"
    assert shown([shared, shared]) == "[[1], [1]]"


def test_a_description_stays_near_its_budget() -> None:
    large = {"rows": [{"text": "x" * 1_000, "n": n} for n in range(1_000)], "base": "EUR", "n": 3}

    description = tree_of(large, REDACTOR)

    assert len(json.dumps(description)) < 25_000
    assert description["base"] == "EUR"
    assert description["n"] == 3
    assert description["rows"]["length"] == 1_000
    assert description["rows"]["$list"][0]["text"] == "x" * 1_000


def test_paths_in_known_folders_are_relative(tmp_path: pathlib.Path) -> None:
    places = Places(str(tmp_path))

    assert shown(tmp_path / "a" / "b.csv", places=places) == "<rootdir>/a/b.csv"
    assert shown(tmp_path, places=places) == "<rootdir>"
    assert shown(pathlib.Path(f"{tmp_path}x"), places=places) == f"{tmp_path}x"
    assert shown(str(tmp_path), places=places) == repr(str(tmp_path))


# Libraries


def test_numpy_values_are_shown_by_type_and_shape() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")

    assert shown(numpy.zeros((1797, 64))) == "<ndarray float64 1797x64>"
    assert shown(numpy.array([1, 2])) == "<ndarray int64 2 [1, 2]>"
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
    assert shown(pandas.DataFrame({f"c{n}": [n] for n in range(9)})) == "<DataFrame 1x9>"
    assert shown(pandas.Series([1.0, 2.0])) == "<Series float64 2>"
    assert shown(pandas.Timestamp("2024-05-01")) == "2024-05-01 00:00:00"
    assert shown(pandas.NaT) == "NaT"
    assert shown(polars.DataFrame(columns)) == "<DataFrame 2x2: day, price>"
    assert shown(polars.Series([1, 2])) == "<Series Int64 2>"
    assert shown(pyarrow.table(columns)) == "<Table 2x2>"
    assert shown(pyarrow.array([1, 2])) == "<Int64Array int64 2>"


def test_a_value_with_a_failing_length_is_shown_by_its_type() -> None:
    """A single rotation of scipy has no length, although its class defines one."""
    spatial = pytest.importorskip("scipy.spatial.transform", reason="scipy is not installed")

    assert shown(spatial.Rotation.from_quat([0, 0, 0, 1])) == "<Rotation>"


def test_attrs_and_pydantic_models_show_their_fields() -> None:
    attrs = pytest.importorskip("attrs", reason="attrs is not installed")
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    plain = attrs.make_class("Plain", ["a", "token"])
    model = pydantic.create_model("Model", a=(int, ...), __config__={"extra": "allow"})

    assert shown(plain(1, "abc")) == "Plain(a=1, token=<redacted>)"
    assert shown(model(a=1, b="x")) == "Model(a=1, b='x')"


# Labels


def test_a_call_is_shown_as_python_writes_it() -> None:
    described = argument_trees(
        {"base": "EUR", "day": datetime.date(2024, 5, 1), "*rest": (1, "a"), "**extra": {"x": 2}}, REDACTOR
    )

    assert call_label("shop.api:fetch_rates", described) == (
        "shop.api:fetch_rates(base='EUR', day=2024-05-01, 1, 'a', x=2)"
    )
    assert call_label("shop.api:ping", {}) == "shop.api:ping()"
    assert call_label("shop.api:ping", None) == "shop.api:ping(...)"


def test_a_long_call_is_cut() -> None:
    """Short arguments stay whole, long ones share the room, and the last ones are left out."""
    few = argument_trees({"base": "EUR", "prompt": "x" * 300, "text": "y" * 300}, REDACTOR)
    many = argument_trees({f"argument{n}": n for n in range(50)}, REDACTOR)

    assert call_label("m:f", few) == f"m:f(base='EUR', prompt='{'x' * 29}..., text='{'y' * 31}...)"
    assert call_label("m:f", many) == (
        "m:f(argument0=0, argument1=1, argument2=2, argument3=3, argument4=4, argument5=5, "
        "argument6=6, argument7=7, argument...)"
    )
    assert len(call_label("m:f", few)) <= 120
