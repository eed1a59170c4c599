"""Outcomes as they were recorded and as they are now, for the runs of `test_verifying.py`."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import math
import types
from typing import Any, NamedTuple

NAN = math.nan


class Case(NamedTuple):
    """What a call gave and gives, the options of its line, and what a drift must say.

    Attributes:
        recorded: The outcome while recording; an exception is raised.
        now: The outcome while verifying.
        options: Of the line.
        says: None: they are equal. Else texts of the report.
    """

    recorded: Any
    now: Any
    options: dict[str, Any]
    says: tuple[str, ...] | None


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Rate:
    base: str
    value: object = 1.5


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, **parts: object) -> None:
        for name, part in parts.items():
            setattr(self, name, part)


class Failure(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Stream(list):  # type: ignore[type-arg]
    """Items that a call yields, the last one an exception that it raises."""


def caused(cause: BaseException) -> ValueError:
    error = ValueError("x")
    error.__cause__ = cause
    return error


def noted(note: str) -> ValueError:
    error = ValueError("x")
    error.__notes__ = [note]  # type: ignore[attr-defined]  # add_note is new in 3.11
    return error


def at(place: int) -> io.BytesIO:
    stream = io.BytesIO(b"ab")
    stream.seek(place)
    return stream


NIGHT = datetime.datetime(2024, 10, 27, 2, 30)
EQUAL = {
    "nan": (NAN, float("nan")),
    "nan inside": ({"a": [NAN]}, {"a": [float("nan")]}),
    "order of a dict": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "dataclass": (Rate("EUR"), Rate("EUR")),
    "slots": (Slotted(a=1), Slotted(a=1)),
    "key": ({Point(1, 2): 1}, {Point(1, 2): 1}),
    "set": ({"a", "b", "c"}, set("cba")),
    "exception": (Failure("a", 1), Failure("a", 1)),
    "stream": (Stream([1, {"a": 2}]), Stream([1, {"a": 2}])),
}
DIFFERENT = {
    "int and bool": (1, True, ("1", "True")),
    "int and float": (1, 1.0, ("1.0",)),
    "sign of zero": (0.0, -0.0, ("-0.0",)),
    "nan": (1.0, NAN, ("1.0", "nan")),
    "digits of a decimal": (decimal.Decimal("1.5"), decimal.Decimal("1.50"), ("1.5", "1.50")),
    "decimal and int": (decimal.Decimal(1), 1, ()),
    "long numbers": ([10**5000], [10**5000 + 1], ()),
    "bytes": (b"ab", b"ac", ("ab", "ac")),
    "enum": (Color.RED, Color.BLUE, ("RED", "BLUE")),
    "parts of a mapping": (
        {"rates": {"USD": 1.0712, "HRK": 7.5}},
        {"rates": {"USD": 1.0698, "NEW": 3}},
        ("rates.USD", "1.0712", "1.0698", "HRK", "NEW"),
    ),
    "key with blanks": ({"two words": 1}, {"two words": 2}, ("two words",)),
    "type of a key": ({1: "a"}, {True: "a"}, ()),
    "tuple and list": ([1, (1,)], [1, [1]], ("[1]",)),
    "item that is gone": ([1, 2, 3], [1, 3], ("2",)),
    "item that is new": ([1, 3], [0, 1, 3], ("0",)),
    "nothing any more": ([*range(9)], [], ("9",)),
    "members": ({1, "a"}, {1, "b"}, ("'a'", "'b'")),
    "frozen set and set": (frozenset({1}), {1}, ()),
    "part of an object": (Rate("EUR", [1]), Rate("EUR", [2]), ("value",)),
    "class": (Rate("EUR"), Point(1, 2), ("Rate", "Point")),
    "slots": (Slotted(a=1), Slotted(b=1), ()),
    "counter": (collections.Counter("aab"), collections.Counter("ab"), ("2",)),
    "factory": (collections.defaultdict(int, a=1), collections.defaultdict(float, a=1), ()),
    "order of an OrderedDict": (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1), ()),
    "namespace": (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), ("a",)),
    "bytes in memory": (io.BytesIO(b"a"), io.BytesIO(b"b"), ()),
    "position": ([at(0)], [at(1)], ()),
    "date": (datetime.date(2024, 4, 30), datetime.date(2024, 5, 1), ("2024-04-30", "2024-05-01")),
    "partial": (functools.partial(max, 1), functools.partial(max, 2), ()),
    "function": (len, max, ("len", "max")),
    "length of a deque": (collections.deque([1], 1), collections.deque([1], 2), ()),
    "hour that is there twice": (NIGHT, NIGHT.replace(fold=1), ()),
    "zone": (NIGHT.replace(tzinfo=datetime.timezone.utc), NIGHT, ()),
    "long texts": ("x " * 4500 + "old " + "x " * 4500, "x " * 4500 + "new " + "x " * 4500, ("old", "new")),
    "argument of an exception": (ValueError("a"), ValueError("b"), ("'a'", "'b'")),
    "class of an exception": (ValueError("a"), KeyError("a"), ("ValueError", "KeyError")),
    "attribute of an exception": (Failure("a", 1), Failure("a", 2), ("code", "1", "2")),
    "file of an exception": (OSError(2, "no", "a"), OSError(2, "no", "b"), ("filename",)),
    "cause": (caused(KeyError("a")), caused(KeyError("b")), ("cause",)),
    "cause that is gone": (caused(KeyError("a")), ValueError("x"), ("cause",)),
    "notes": (noted("a"), noted("b"), ("notes",)),
    "exception instead of a value": ({"a": 1}, ValueError("no"), ("ValueError",)),
    "value instead of an exception": (ValueError("no"), {"a": 1}, ("ValueError",)),
    "item of a stream": (Stream([1, 2]), Stream([1, 3]), ("2", "3")),
    "stream that ends early": (Stream([1, 2]), Stream([1]), ("2",)),
    "end of a stream": (Stream([1, ValueError("a")]), Stream([1, ValueError("b")]), ("'a'", "'b'")),
    "stream that fails": (Stream([1]), Stream([1, ValueError("no")]), ("ValueError",)),
}  # fmt: skip
WITHIN = {
    "absolute": (1.0, 1.05, {"atol": 0.1}),
    "relative": (100.0, 101.0, {"rtol": 0.01}),
    "both": (100.0, 102.0, {"rtol": 0.01, "atol": 1}),
    "ints": (100, 101, {"atol": 1}),
    "zeros": (0.0, -0.0, {"atol": 1e-9}),
    "nan": (NAN, NAN, {"atol": 1}),
    "infinity": (math.inf, math.inf, {"rtol": 1}),
    "complex": (1 + 1j, 1 + 1.05j, {"atol": 0.1}),
    "decimal": (decimal.Decimal("1.10"), decimal.Decimal("1.2"), {"atol": 0.1}),
    "fraction": (fractions.Fraction(1, 2), fractions.Fraction(3, 5), {"atol": 0.11}),
    "inside": ({"a": [1.0]}, {"a": [1.0 + 1e-12]}, {"rtol": 1e-9}),
    "in an object": (Rate("EUR", 1.0), Rate("EUR", 1.0 + 1e-12), {"rtol": 1e-9}),
}
BEYOND = {
    "absolute": (1.0, 1.2, {"atol": 0.1}),
    "infinity and a number": (math.inf, 5.0, {"rtol": 1.0}),
    "number and infinity": (5.0, math.inf, {"rtol": 1.0, "atol": 5.0}),
    "nan": (5.0, NAN, {"atol": 10.0}),
    "booleans": (True, False, {"atol": 1.0}),
    "types": (1, 1.0, {"atol": 1.0}),
    "signalling nan": (decimal.Decimal("sNaN"), decimal.Decimal(1), {"atol": 1.0}),
    "long numbers": (10**400, 10**401, {"rtol": 0.1}),
    "texts": ("1.0", "1.1", {"atol": 1.0}),
    "position beside": (
        {"n": 1.0, "file": at(0)},
        {"n": 1.1, "file": at(1)},
        {"rtol": 0.5},
    ),
}
VOLATILE = {
    "key": ({"headers": {"date": 1}, "n": 1}, {"headers": {}, "n": 1}, "headers.date"),
    "each row": ({"rows": [{"id": 1}, {"id": 2}]}, {"rows": [{"id": 3}, {"id": 4}]}, "rows.*.id"),
    "attribute": (Rate("EUR", 1), Rate("EUR", 2), "value"),
    "number as a key": ({1: "a"}, {1: "b"}, "1"),
    "all": ({"a": 1, "b": 2}, {"a": 2, "b": 3}, "*"),
    "several": ({"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 3, "c": 3}, "a,b"),
}  # fmt: skip
NOT_VOLATILE = {
    "other key": ({"headers": {"date": 1}, "n": 1}, {"headers": {}, "n": 2}, "headers.date"),
    "other row": ({"rows": [{"id": 1, "n": 1}]}, {"rows": [{"id": 3, "n": 2}]}, "rows.*.id"),
    "position beside": ({"n": 1, "file": at(0)}, {"n": 2, "file": at(1)}, "n"),
}  # fmt: skip
SAME_SHAPE = {
    "values": ({"a": 1, "b": ["x"]}, {"a": 2, "b": []}),
    "rows": (
        [{"kind": "a", "n": 1}, {"kind": "b", "n": 2}],
        [{"kind": "b", "n": 3}],
    ),
    "tuples": ((1, "a"), (2, "b")),
    "objects": (Rate("EUR", 1.5), Rate("USD", 2.5)),
    "sets": ({1, 2}, {3}),
    "members": (Color.RED, Color.BLUE),
}
OTHER_SHAPE = {
    "type": (1, 1.0),
    "length of a tuple": ((1, 2), (1, 2, 3)),
    "keys": ({"a": 1}, {"b": 1}),
    "type of an item": ([1], ["a", "b", "c"]),
    "type of a member": ({1}, {"a"}),
    "inside": ([[1], [2]], [["a"], ["b"]]),
}
SECRET = "hunter2-of-ann"
SECRETS = {
    "value": ({"token": SECRET, "n": 1}, {"token": f"{SECRET}x", "n": 1}),
    "beside": ({"token": SECRET, "n": 1}, {"token": SECRET, "n": 2}),
    "inside": ({"credentials": {"a": SECRET}}, {"credentials": {"a": f"{SECRET}x"}}),
}


def _cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    for name, (one, other) in EQUAL.items():
        found[f"equal: {name}"] = Case(one, other, {}, None)
    for name, (one, other, says) in DIFFERENT.items():
        found[f"different: {name}"] = Case(one, other, {}, says)
    for name, (one, other, options) in WITHIN.items():
        found[f"within: {name}"] = Case(one, other, options, None)
    for name, (one, other, options) in BEYOND.items():
        found[f"beyond: {name}"] = Case(one, other, options, ())
    for name, (one, other, path) in VOLATILE.items():
        found[f"volatile: {name}"] = Case(one, other, {"volatile": path}, None)
    for name, (one, other, path) in NOT_VOLATILE.items():
        found[f"beside volatile: {name}"] = Case(one, other, {"volatile": path}, ())
    for name, (one, other) in SAME_SHAPE.items():
        found[f"same shape: {name}"] = Case(one, other, {"compare": "shape"}, None)
    for name, (one, other) in OTHER_SHAPE.items():
        found[f"other shape: {name}"] = Case(one, other, {"compare": "shape"}, ())
    for name, (one, other) in SECRETS.items():
        found[f"secret: {name}"] = Case(one, other, {}, ())
    return found


CASES = _cases()
