"""What stays readable JSON as an outcome, and what is a pickle: making it from JSON would run code of its class."""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import decimal
import enum
import functools
import http
import json
import subprocess
import threading
import urllib.parse
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Generic, NamedTuple, TypeVar

import pytest
from support.face import loaded, stored, there_and_back

from values.sameness import shown

attr = pytest.importorskip("attr")
pydantic = pytest.importorskip("pydantic")
requests = pytest.importorskip("requests")
T = TypeVar("T")


@dataclass(frozen=True)
class Point:
    x: Any
    y: Any = ()


@attr.frozen
class Place:
    x: Any


class Pair(NamedTuple):
    a: Any
    b: Any = None


class Color(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]


class Names(pydantic.RootModel[list[str]]):
    pass


Page[int]  # found under its own name, as one in an annotation is


class Text(str):
    __slots__ = ()


class Rows(list[Any]):
    pass


def error_of(function, *args, **named):
    try:
        function(*args, **named)
    except Exception as error:
        return error
    raise AssertionError("it has raised nothing")


def chat():
    types = pytest.importorskip("openai.types.chat")
    message = {"content": "hi", "role": "assistant"}
    choice = {"finish_reason": "stop", "index": 0, "message": message}
    return types.ChatCompletion.model_validate(
        {
            "id": "1",
            "choices": [choice],
            "created": 1,
            "model": "m",
            "object": "chat.completion",
        }
    )


def rows_of_pandas():
    pd = pytest.importorskip("pandas")
    days = pd.to_datetime(["2026-01-02", None])
    counts = pd.Series([1, 2], days[:1].repeat(2)).groupby(level=0).sum()
    return [pd.NA, counts.to_dict(), *pd.DataFrame({"day": days}).to_dict("records")]


def counts_of_numpy():
    np = pytest.importorskip("numpy")
    names, counts = np.unique(["a", "b", "a"], return_counts=True)
    return [dict(zip(names, counts)), set(counts)]


READABLE = {
    "answer of a language model": chat,
    "generic model": lambda: Page[int](items=[1]),
    "model of a root": lambda: Names(["a"]),
    "exception of a library": lambda: requests.HTTPError("404"),
    "JSONDecodeError": lambda: error_of(json.loads, "{"),
    "FileNotFoundError": lambda: error_of(Path("nowhere").read_text),
    "CalledProcessError": lambda: subprocess.CalledProcessError(1, "a", "out"),
    "UnicodeDecodeError": lambda: error_of(b"a\xff".decode),
    "SyntaxError": lambda: error_of(compile, "a b", "x.py", "exec"),
    "ParseResult": lambda: urllib.parse.urlparse("http://a/b?c=d"),
    "CompletedProcess": lambda: subprocess.CompletedProcess(["a"], 0, "out"),
    "Namespace": lambda: argparse.Namespace(a=1),
    "UserDict": lambda: collections.UserDict(a=1),
    "DecimalTuple": lambda: decimal.Decimal("1.5").as_tuple(),
    "HTTPStatus": lambda: [http.HTTPStatus.NOT_FOUND, http.HTTPStatus.OK],
    "value types as keys": lambda: {dt.timedelta(1): 1, decimal.Decimal(2): Path("a")},
    "builtins with attributes": lambda: [Text("a"), Rows([1])],
    "builtin types": lambda: [int, dict, OSError],
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "deque of a length": lambda: collections.deque([1, (2,)], 3),
    "rows of pandas": rows_of_pandas,
    "numbers of numpy as keys": counts_of_numpy,
}


@pytest.mark.parametrize("make", READABLE.values(), ids=READABLE)
def test_an_ordinary_outcome_is_readable(make):
    value = make()

    tree, objects = stored(value)
    again = loaded(tree, objects)

    assert "$pickle" not in json.dumps(tree)
    assert objects == {}
    assert type(again) is type(value)
    assert shown(again) == shown(value)
    assert str(again) == str(value)


class Finalized:
    def __init__(self):
        self.x = 1

    def __del__(self):
        pass


class Delegating:
    def __init__(self):
        self.x = 1

    def __getattr__(self, name):
        raise AttributeError(name)


class Meta(type):
    def __getattribute__(cls, name):
        return super().__getattribute__(name)


class OfMeta(metaclass=Meta):
    def __init__(self):
        self.x = 1


class Shadowing:
    def close(self):
        raise AssertionError

    def __init__(self):
        self.close = 1


class Hashed(str):
    __slots__ = ()

    def __hash__(self):
        return 1


class Day(dt.date):
    pass


class Folder(PurePosixPath):
    pass


class Own(enum.Flag):
    A = 1
    B = 2

    @classmethod
    def _missing_(cls, value):
        return super()._missing_(value)


@dataclass
class Cached:
    x: int

    @functools.cached_property
    def twice(self):
        return 2 * self.x


def cached():
    thing = Cached(1)
    assert thing.twice == 2
    return thing


PICKLED = {
    "finalizer": Finalized,
    "__getattr__": Delegating,
    "metaclass": OfMeta,
    "attribute over a method": Shadowing,
    "attribute over a cached property": cached,
    "key with a hash of its own": lambda: {Hashed("a"): 1},
    "object in a set": lambda: {Hashed("b")},
    "key that holds one": lambda: {Point(Hashed("a")): 1},
    "subclass of a value type": lambda: [Day(2026, 1, 2), Folder("a")],
    "flags that a class makes": lambda: Own.A | Own.B,
    "function": lambda: json.loads,
    "class": lambda: Point,
    "factory of a user": lambda: collections.defaultdict(Point),
    "class of Python in no table": lambda: threading.local,
}


@pytest.mark.parametrize("make", PICKLED.values(), ids=PICKLED)
def test_what_could_run_code_of_its_class_is_a_pickle(make):
    value = make()

    tree, objects = stored(value)

    assert "$pickle" in json.dumps(tree)
    assert len(objects) == 1
    assert type(there_and_back(value)) is type(value)
