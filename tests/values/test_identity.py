"""A table of values of all known types: equal ones have one identity, different ones have different identities."""

from __future__ import annotations

import array  # noqa: F401 - the expressions of the table are evaluated here
import collections
import copy
import datetime
import decimal
import fractions  # noqa: F401
import functools  # noqa: F401
import http  # noqa: F401
import io
import ipaddress  # noqa: F401
import math  # noqa: F401
import operator  # noqa: F401
import os
import pathlib  # noqa: F401
import pickle
import posixpath  # noqa: F401
import random  # noqa: F401
import re  # noqa: F401
import types
import typing
import uuid  # noqa: F401
import zoneinfo
from contextlib import suppress

import pytest
from support.face import fingerprint

from values import things as k
from values.told_apart import told_apart

NAN = float("nan")
UTC = datetime.timezone.utc
DAY = datetime.date(2024, 5, 1)
NOON = datetime.datetime(2024, 10, 27, 2, 30)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def at(stream, place):
    stream.seek(place)
    return stream


def moved(ordered):
    ordered.move_to_end("b")
    return ordered


def touched(value):
    assert value.costly
    return value


def made(expression):
    return eval(expression, globals())


def inside(one, other):
    """Return both values inside containers."""
    return [one, {"a": (other, 1)}]


# By name of a row: an expression, equal ones, and different ones.
ROWS = {
    "int": ("1", ["int('1')"], ["True", "1.0", "'1'", "b'1'", "2", "1j", "-1"]),
    "large int": ("2**70", ["2**69 * 2"], ["2**70 + 1", "-2**70", "2.0**70"]),
    "bool": ("True", ["not False"], ["False", "1", "None"]),
    "None": ("None", [], ["0", "''", "'None'", "()", "..."]),
    "float": ("0.1", ["1 / 10"], ["0.1 + 1e-17 + 1e-16", "1", "'0.1'"]),
    "zero": ("0.0", ["1.0 - 1.0"], ["-0.0", "0", "False"]),
    "nan": ("NAN", ["-NAN", "math.inf - math.inf"], ["math.inf", "'nan'", "None"]),
    "complex": ("1 + 2j", ["complex(1, 2)"], ["1 - 2j", "complex(1, -0.0)", "(1.0, 2.0)"]),
    "str": ("'añ😀'", ["''.join(['añ', '😀'])"], ["'añ'", "'añ😀'.encode()", "'AÑ😀'"]),
    "lone surrogate": ("'\\ud83d\\ude00'", [], ["'😀'", "'\\ud83d'"]),
    "bytes": ("b'ab'", ["bytes([97, 98])"], ["'ab'", "bytearray(b'ab')", "b'abc'"]),
    "bytearray": ("bytearray(b'ab')", [], ["bytearray(b'ac')", "bytearray()"]),
    "array": ("array.array('i', [1, 2])", [], ["array.array('d', [1, 2])", "array.array('i', [1])", "[1, 2]"]),
    "list": ("[1, 'a']", ["list((1, 'a'))"], ["(1, 'a')", "['a', 1]", "[1, 'a', None]", "[[1, 'a']]", "{1, 'a'}"]),
    "strings with their separator": ("['a\\0', 'b']", [], ["['a', '\\0b']", "['a\\0b']", "['a', 'b']"]),
    "bytes side by side": ("[b'a', b'bc']", [], ["[b'ab', b'c']", "[b'abc']"]),
    "nested list": ("[[1], [2, 3]]", ["[list([1]), [2, 3]]"], ["[[1, 2], [3]]", "[[1], (2, 3)]", "[[1], [2], [3]]"]),
    "empty list": ("[]", ["list()"], ["()", "{}", "set()", "frozenset()", "''", "[[]]", "None"]),
    "tuple": ("(1,)", ["tuple([1])"], ["[1]", "1", "(1, 1)", "k.Pair(1, 1)"]),
    "dict": (
        "{'a': 1, 'b': 2}",
        ["{'b': 2, 'a': 1}", "dict(a=1, b=2)"],
        ["{'a': 2, 'b': 1}", "{'a': 1}", "[('a', 1), ('b', 2)]", "{'a': 1, 'b': 2.0}", "[['a', 'b'], [1, 2]]"],
    ),
    "dict of floats": ("{'a': NAN, 'b': 1.5}", ["{'b': 1.5, 'a': -NAN}"], ["{'a': 1.5, 'b': NAN}"]),
    "dict with ints": ("{1: 'a', 2: 'b'}", ["{2: 'b', 1: 'a'}"], ["{'1': 'a', 2: 'b'}", "{1.0: 'a', 2: 'b'}", "{True: 'a', 2: 'b'}"]),
    "dict with tuples": ("{(1, 'a'): 1, (2, 'b'): 2}", ["{(2, 'b'): 2, (1, 'a'): 1}"], ["{(1, 'a'): 2, (2, 'b'): 1}", "{(1, 'a', 1): 1, (2, 'b'): 2}"]),
    "dict with dates": ("{DAY: 1, DAY.replace(day=2): 2}", ["{DAY.replace(day=2): 2, DAY: 1}"], ["{DAY: 2, DAY.replace(day=2): 1}"]),
    "dict with objects": (
        "{k.FrozenPoint(1): 1, k.Color.RED: 2, (1, (2,)): 3}",
        ["{(1, (2,)): 3, k.Color.RED: 2, k.FrozenPoint(1): 1}"],
        ["{k.FrozenPoint(2): 1, k.Color.RED: 2, (1, (2,)): 3}"],
    ),
    "dict with two NaNs": ("{float('nan'): 1, float('nan'): 2}", ["{float('nan'): 2, float('nan'): 1}"], ["{float('nan'): 1, 1.0: 2}"]),
    "rows": (
        "[{'a': n, 'b': str(n)} for n in range(9)]",
        ["[{'b': str(n), 'a': n} for n in range(9)]", "[dict([('a', n), ('b', str(n))][:: n % 2 or -1]) for n in range(9)]"],
        ["[{'a': n, 'b': n} for n in range(9)]", "[{'a': n, 'c': str(n)} for n in range(9)]"],
    ),
    "rows of two shapes": (
        "[{'a': n, 'b': n} if n % 2 else {'c': n} for n in range(40)]",
        ["[{'b': n, 'a': n} if n % 2 else {'c': n} for n in range(40)]"],
        ["[{'a': n, 'b': n} if n % 3 else {'c': n} for n in range(40)]"],
    ),
    "rows of one size": (
        "[{'a': n, 'b': 1} for n in range(9)] + [{'a': 1, 'c': 1}, {'a': 2, 'b': 1}]",
        ["[{'b': 1, 'a': n} for n in range(9)] + [{'c': 1, 'a': 1}, {'a': 2, 'b': 1}]"],
        ["[{'a': n, 'b': 1} for n in range(9)] + [{'a': 1, 'b': 1}, {'a': 2, 'b': 1}]"],
    ),
    "rows of their own shapes": (
        "[{f'k{n}': n, 'x': n} for n in range(9)]",
        ["[{'x': n, f'k{n}': n} for n in range(9)]"],
        ["[{f'k{n}': n, 'y': n} for n in range(9)]", "[{f'k{n + 1}': n, 'x': n} for n in range(9)]"],
    ),
    "rows with other keys": ("[{1: n, 'a': n} for n in range(9)]", ["[{'a': n, 1: n} for n in range(9)]"], ["[{True: n, 'a': n} for n in range(9)]"]),
    "rows, some empty": ("[{}, {}, {'a': 1}]", [], ["[{}, {'a': 1}, {}]", "[{}, {}]", "[{}] * 20"]),
    "set": ("{'a', 'b', 'c'}", ["set('cba')"], ["frozenset('abc')", "{'a', 'b'}", "['a', 'b', 'c']"]),
    "set of ints": ("{3, 1, 2**80}", ["{2**80, 1, 3}"], ["{3, 1}", "{3.0, 1, 2**80}"]),
    "set of all sorts": ("{1, 'a', None, (1, 2), 2.5, frozenset({1})}", ["{frozenset({1}), 2.5, (1, 2), None, 'a', 1}"], ["{1, 'a', None, (1, 3), 2.5, frozenset({1})}"]),
    "sets": ("[{1}, {2, 3}]", ["[{1}, {3, 2}]"], ["[{1, 2}, {3}]"]),
    "mixed list": ("[1, 'a', None, 2.5, [1], {'a': 1}]", [], ["['a', 1, None, 2.5, [1], {'a': 1}]", "[1, 'a', None, 2.5, {'a': 1}, [1]]"]),
    "long list": ("list(range(100))", ["[*range(100)]"], ["tuple(range(100))", "list(range(101))", "[float(n) for n in range(100)]", "[*range(99), True]"]),
    "long floats": ("[0.5] * 99 + [NAN]", ["[0.5] * 99 + [-NAN]"], ["[0.5] * 100"]),
    "long mixed": ("[1, None, NAN] * 50", ["[1, None, -NAN] * 50"], ["[1, NAN, None] * 50"]),
    "range": ("range(0, 5, 2)", [], ["range(0, 7, 2)", "[0, 2, 4]", "range(5)"]),
    "slice": ("slice(1, None)", [], ["slice(None, 1)", "slice(1, None, 1)", "(1, None, None)"]),
    "Ellipsis": ("...", ["Ellipsis"], ["NotImplemented", "None"]),
    "mapping proxy": ("types.MappingProxyType({'a': 1, 'b': 2})", ["types.MappingProxyType({'b': 2, 'a': 1})"], ["{'a': 1, 'b': 2}", "types.MappingProxyType({'a': 1})"]),
    "OrderedDict": ("collections.OrderedDict(a=1, b=2)", ["moved(collections.OrderedDict(b=2, a=1))"], ["collections.OrderedDict(b=2, a=1)", "{'a': 1, 'b': 2}", "[('a', 1), ('b', 2)]"]),
    "rows, one of them longer": ("[{'a': 1}] * 5 + [{'a': 1, 'b': 2}] + [{'a': 1}] * 4", [], ["[{'a': 1}] * 10", "[{'a': 1}] * 5 + [{'a': 1, 'b': 3}] + [{'a': 1}] * 4", "[{'a': 1}] * 4 + [{'a': 1, 'b': 2}] + [{'a': 1}] * 5"]),
    "nested OrderedDict": ("{'x': [collections.OrderedDict(a=1, b=2)] * 20}", [], ["{'x': [collections.OrderedDict(b=2, a=1)] * 20}"]),
    "defaultdict": ("collections.defaultdict(list, a=1, b=2)", ["collections.defaultdict(list, b=2, a=1)"], ["collections.defaultdict(None, a=1, b=2)", "{'a': 1, 'b': 2}"]),
    "Counter": ("collections.Counter('abb')", ["collections.Counter('bab')"], ["{'a': 1, 'b': 2}", "collections.Counter('ab')"]),
    "ChainMap": ("collections.ChainMap({'a': 1}, {'b': 2})", [], ["collections.ChainMap({'b': 2}, {'a': 1})", "collections.ChainMap({'a': 1, 'b': 2})"]),
    "UserDict": ("collections.UserDict(a=1)", [], ["collections.UserDict(a=2)", "collections.UserList([1])", "collections.UserString('a')"]),
    "deque": ("collections.deque([1, 2])", ["collections.deque((1, 2))"], ["collections.deque([2, 1])", "collections.deque([1, 2], 5)", "[1, 2]"]),
    "namedtuple": ("k.Pair(1, 2)", ["k.Pair(right=2, left=1)"], ["k.Named(1, 2)", "k.Pair(2, 1)", "(1, 2)"]),
    "date": ("DAY", ["datetime.date.fromisoformat('2024-05-01')"], ["DAY.replace(day=2)", "datetime.datetime(2024, 5, 1)", "'2024-05-01'"]),
    "datetime": ("NOON", ["datetime.datetime.fromisoformat('2024-10-27T02:30')"], ["NOON.replace(fold=1)", "NOON.replace(tzinfo=UTC)", "NOON.replace(microsecond=1)"]),
    "aware datetime": ("NOON.replace(tzinfo=BERLIN)", ["NOON.replace(tzinfo=zoneinfo.ZoneInfo.no_cache('Europe/Berlin'))"], ["NOON.replace(tzinfo=UTC)", "NOON.replace(tzinfo=BERLIN, fold=1)", "NOON.replace(tzinfo=zoneinfo.ZoneInfo('Europe/Paris'))"]),
    "time": ("datetime.time(1, 2)", [], ["datetime.time(1, 2, tzinfo=UTC)", "datetime.time(1, 2, fold=1)", "datetime.timedelta(hours=1, minutes=2)"]),
    "timedelta": ("datetime.timedelta(hours=24)", ["datetime.timedelta(days=1)"], ["datetime.timedelta(days=-1)", "86400"]),
    "timezone": ("UTC", ["datetime.timezone(datetime.timedelta(0))"], ["datetime.timezone(datetime.timedelta(hours=1))", "datetime.timezone(datetime.timedelta(0), 'Z')", "zoneinfo.ZoneInfo('UTC')"]),
    "Decimal": ("decimal.Decimal('1.0')", ["decimal.Decimal(10).scaleb(-1)"], ["decimal.Decimal('1.00')", "decimal.Decimal(1)", "decimal.Decimal('-1.0')", "1.0"]),
    "Decimal zero": ("decimal.Decimal('0')", [], ["decimal.Decimal('-0')", "decimal.Decimal('0E1')", "0"]),
    "Decimal NaN": ("decimal.Decimal('NaN')", ["decimal.Decimal('nan')"], ["decimal.Decimal('sNaN')", "decimal.Decimal('-NaN')", "decimal.Decimal('NaN1')", "decimal.Decimal('Inf')"]),
    "Fraction": ("fractions.Fraction(2, 4)", ["fractions.Fraction(1, 2)"], ["fractions.Fraction(1, 3)", "0.5"]),
    "UUID": ("uuid.UUID(int=5)", ["uuid.UUID('00000000-0000-0000-0000-000000000005')"], ["uuid.UUID(int=6)", "5"]),
    "Path": ("pathlib.Path('a/b')", ["pathlib.Path('a') / 'b'", "pathlib.Path('a//b/')"], ["pathlib.Path('a/c')", "'a/b'", "pathlib.PurePosixPath('a/b')", "pathlib.PureWindowsPath('a/b')"]),
    "Enum": ("k.Color.RED", ["k.Color(1)"], ["k.Color.BLUE", "1", "k.Level.LOW", "'RED'"]),
    "IntEnum": ("k.Level.HIGH", ["k.Level(2)"], ["2", "k.Color.BLUE"]),
    "Flag": ("k.Access.READ | k.Access.WRITE", ["k.Access(3)"], ["k.Access.READ", "3", "k.Access(0)"]),
    "pattern": ("re.compile('a+')", ["re.compile('a' + '+')"], ["re.compile('a+', re.I)", "re.compile(b'a+')", "'a+'"]),
    "SimpleNamespace": ("types.SimpleNamespace(a=1, b=2)", ["types.SimpleNamespace(b=2, a=1)"], ["types.SimpleNamespace(a=1)", "{'a': 1, 'b': 2}"]),
    "exception": ("ValueError('a')", [], ["ValueError('b')", "TypeError('a')", "ValueError('a', 1)", "k.MyError('a')", "k.noted(ValueError('a'), 'n')", "k.caused(ValueError('a'), KeyError(1))"]),
    "OSError": ("FileNotFoundError(2, 'gone', 'a')", [], ["FileNotFoundError(2, 'gone', 'b')", "PermissionError(2, 'gone', 'a')"]),
    "ImportError": ("ImportError('x', name='a')", [], ["ImportError('x', name='b')", "ImportError('x', name='a', path='p')"]),
    "exception with attributes": ("k.with_attribute(k.MyError(1), more=1)", [], ["k.with_attribute(k.MyError(1), more=2)", "k.MyError(1)"]),
    "BytesIO": ("io.BytesIO(b'abc')", [], ["at(io.BytesIO(b'abc'), 1)", "io.BytesIO(b'abd')", "io.StringIO('abc')"]),
    "StringIO": ("io.StringIO('abc')", [], ["at(io.StringIO('abc'), 1)", "io.StringIO('abd')"]),
    "IPv4": ("ipaddress.ip_address('10.0.0.1')", ["ipaddress.ip_address(10 << 24 | 1)"], ["ipaddress.ip_address('10.0.0.2')", "ipaddress.ip_interface('10.0.0.1')", "ipaddress.ip_network('10.0.0.1')"]),
    "IPv6": ("ipaddress.ip_address('::1')", ["ipaddress.ip_address('0::1')"], ["ipaddress.ip_address('::1%eth0')", "ipaddress.ip_address('0.0.0.1')", "ipaddress.ip_address('::ffff:1.2.3.4')"]),
    "networks": ("ipaddress.ip_network('10.0.0.0/8')", [], ["ipaddress.ip_network('10.0.0.0/9')", "ipaddress.ip_network('::/8')", "ipaddress.ip_interface('10.0.0.0/8')", "ipaddress.ip_interface('::1/8')"]),
    "generic alias": ("list[int]", ["list[int]"], ["list[str]", "list", "tuple[int]", "typing.List[int]"]),
    "union": ("int | str", ["str | int", "typing.Union[int, str]"], ["int | None", "int | str | None"]),
    "annotated": ("typing.Annotated[int, 1]", [], ["typing.Annotated[int, 2]", "typing.Literal[1]", "typing.Literal[True]", "int", "typing.Callable", "typing.Tuple"]),
    "typing": ("typing.Dict[str, int]", [], ["typing.Dict", "dict[str, int]", "typing.Any", "typing.ClassVar", "typing.Callable[[int], str]"]),
    "struct_time": ("__import__('time').gmtime(0)", [], ["__import__('time').gmtime(1)", "tuple(__import__('time').gmtime(0))", "__import__('time').struct_time(tuple(__import__('time').gmtime(0)))"]),
    "random": ("random.Random(1)", [], ["random.Random(2)"]),
    "getters": ("operator.itemgetter(1)", [], ["operator.itemgetter(2)", "operator.attrgetter('a')", "operator.itemgetter(1, 2)"]),
    # subclasses of builtins
    "int subclass": ("k.MyInt(1)", [], ["1", "k.MyInt(2)", "k.with_attribute(k.MyInt(1), a=1)"]),
    "float subclass": ("k.MyFloat(1)", [], ["1.0", "k.MyFloat(2)", "k.MyInt(1)"]),
    "str subclass": ("k.MyStr('a')", [], ["'a'", "k.MyStr('b')"]),
    "bytes subclass": ("k.MyBytes(b'a')", [], ["b'a'", "k.MyBytes(b'b')"]),
    "list subclass": ("k.MyList([1])", [], ["[1]", "k.MyList([2])", "k.with_attribute(k.MyList([1]), a=1)", "k.MyTuple([1])"]),
    "dict subclass": ("k.MyDict(a=1, b=2)", ["k.MyDict(b=2, a=1)"], ["dict(a=1, b=2)", "k.with_attribute(k.MyDict(a=1, b=2), a=1)"]),
    "set subclasses": ("k.MySet('ab')", ["k.MySet('ba')"], ["set('ab')", "k.MyFrozenSet('ab')"]),
    "ordered subclass": ("k.MyOrdered(a=1, b=2)", ["moved(k.MyOrdered(b=2, a=1))"], ["k.MyOrdered(b=2, a=1)", "collections.OrderedDict(a=1, b=2)"]),
    "deque subclass": ("k.MyDeque([1])", [], ["collections.deque([1])", "k.MyDeque([1], 3)", "k.with_attribute(k.MyDeque([1]), a=1)"]),
    # objects
    "object": ("k.Plain(a=1, b=2)", ["k.Plain(b=2, a=1)"], ["k.Plain(a=1)", "k.Other(a=1, b=2)", "{'a': 1, 'b': 2}"]),
    "object without attributes": ("k.Bare()", [], ["k.Plain()", "k.Bare", "{}"]),
    "slots": ("k.Slotted(1, 2)", [], ["k.Slotted(1)", "k.Slotted(2, 1)", "k.Slotted(1, 2, 3)", "k.SlottedWithDict(1, 2)"]),
    "slots and dict": ("k.with_attribute(k.SlottedWithDict(1), a=1)", [], ["k.SlottedWithDict(1)", "k.with_attribute(k.SlottedWithDict(1), a=2)"]),
    "dataclass": ("k.Point(1, [2])", ["k.Point(y=[2], x=1)"], ["k.Point(1, (2,))", "k.FrozenPoint(1, [2])", "k.SlottedPoint(1, [2])"]),
    "slotted dataclass": ("k.SlottedPoint(1, [2])", [], ["k.SlottedPoint(1)"]),
    "cached property": ("k.WithCached(a=1)", ["touched(k.WithCached(a=1))"], ["k.WithCached(a=2)"]),
    "own state": ("k.WithState(1)", ["k.WithState(1, object())"], ["k.WithState(2)"]),
    "no place for attributes": ("k.Flyweight()", ["k.Flyweight()"], ["k.Flyweight", "k.Bare()", "object"]),
    "constants": ("k.ON", [], ["k.OFF", "k.Constant('OTHER')", "'values.things:ON'"]),
    "own reduce": ("k.WithReduce(1)", ["k.WithReduce(1)"], ["k.WithReduce(2)"]),
    "own reduce with items": ("k.WithItems([1])", [], ["k.WithItems([2])"]),
    "own identity": ("k.WithIdentity('a')", ["k.WithIdentity('a', object())"], ["k.WithIdentity('b')", "k.InheritedIdentity('a')", "'a'"]),
    "list of objects": ("[k.Point(n) for n in range(20)]", [], ["[k.Point(n) for n in range(19)] + [k.FrozenPoint(19)]", "[k.Point(0)] * 20"]),
    # functions, classes, modules
    "function": ("k.add", ["k.add"], ["k.add_other", "k.wrapping", "k.Service.help"]),
    "closure": ("k.adder(1)", ["k.adder(1)"], ["k.adder(2)", "k.adder([1])"]),
    "recursive closure": ("k.counter(1)", ["k.counter(1)"], ["k.counter(2)"]),
    "empty cell": ("k.empty_cell()", ["k.empty_cell()"], ["k.adder(...)"]),
    "builtin": ("len", [], ["abs", "math.sqrt", "'a'.upper", "'b'.upper", "str.upper", "int.__add__", "(1).__add__"]),
    "standard library": ("functools.reduce", [], ["__import__('json').dumps", "__import__('json').loads", "pathlib.Path", "type(None)", "types.FunctionType"]),
    "bound method": ("k.Service('a').call", ["k.Service('a').call"], ["k.Service('b').call", "k.Service.call", "k.Service.make"]),
    "bound method of the standard library": ("pathlib.Path('/a').exists", ["pathlib.Path('/a').exists"], ["pathlib.Path('/b').exists", "pathlib.Path('/a').is_dir", "pathlib.Path.home", "pathlib.Path.cwd", "super(collections.Counter, collections.Counter()).update", "collections.Counter().update"]),
    "os.path": ("posixpath.normpath", [], ["posixpath.abspath", "posixpath.join"]),
    "partial": ("functools.partial(k.add, 1, c=2)", [], ["functools.partial(k.add, 2, c=2)", "functools.partial(k.add, 1)", "functools.partial(k.add_other, 1, c=2)"]),
    "lru_cache": ("k.cached", [], ["k.cached.__wrapped__", "functools.lru_cache(maxsize=4)(k.cached.__wrapped__)"]),
    "class": ("k.Point", [], ["k.FrozenPoint", "k.Pair", "k.Color", "int", "k.Point(1)"]),
    "module": ("math", [], ["re", "k", "'math'"]),
    "status": ("http.HTTPStatus(422)", ["http.HTTPStatus['UNPROCESSABLE_ENTITY']"], ["http.HTTPStatus(423)", "422"]),
    "open": ("open", ["io.open"], ["io.open_code", "io.BytesIO"]),
    # what an instance, a named tuple and a function carry beside their names
    "instance of a local class": ("k.priced(1)()", ["k.priced(1)()"], ["k.priced(2)()", "k.priced(1)", "k.priced(2)"]),
    "instance of a local class with attributes": ("k.with_attribute(k.priced(1)(), a=1)", [], ["k.with_attribute(k.priced(2)(), a=1)", "k.with_attribute(k.priced(1)(), a=2)"]),
    "attributes of a local class": ("k.labelled('a')()", ["k.labelled('a')()"], ["k.labelled('b')()", "k.labelled(['a'])()", "k.labelled(['b'])()"]),
    "base that is a local class": ("k.derived('a')()", [], ["k.derived('b')()", "k.derived('b')"]),
    "local class with properties": ("k.with_properties(1)()", [], ["k.with_properties(2)()"]),
    "local subclass of int": ("k.counted(1)(5)", [], ["k.counted(2)(5)", "k.counted(1)(6)"]),
    "named tuples of one name": ("k.pair_of('left', 'right')", ["k.pair_of('left', 'right')"], ["k.pair_of('right', 'left')"]),
    "function with attributes": ("k.with_attribute(k.adder(1), mode='fast')", [], ["k.with_attribute(k.adder(1), mode='slow')", "k.with_attribute(k.adder(1), modes='fast')"]),
    "local class with a date": ("k.labelled(datetime.date(2024, 1, 1))()", ["k.labelled(datetime.date(2024, 1, 1))()"], ["k.labelled(datetime.date(2024, 1, 2))()", "k.labelled(decimal.Decimal(1))()", "k.labelled(decimal.Decimal(2))()"]),
    "class made by type()": ("type('Made', (), {'a': 1})()", ["type('Made', (), {'a': 1})()"], ["type('Made', (), {'a': 2})()", "type('Made', (), {'b': 1})()", "type('Made', (), {})()", "type('Made', (), {'a': decimal.Decimal(1)})()"]),
}  # fmt: skip


# These cannot be pickled, and the contract names none of them: they may be refused.
MAY_BE_REFUSED = ("mapping proxy", "empty cell")
OPENED = {name: row for name, row in ROWS.items() if name not in MAY_BE_REFUSED}


@pytest.mark.parametrize(
    ("expression", "equal", "different"), OPENED.values(), ids=OPENED
)
def test_identities_are_equal_if_and_only_if_values_are(expression, equal, different):
    """Inside containers, too, and for the copies that Python can make."""
    value = made(expression)
    expected, within = fingerprint(value), fingerprint(inside(value, made(expression)))

    assert [fingerprint(made(other)) for other in equal] == [expected] * len(equal)
    assert [fingerprint(inside(made(other), made(other))) for other in equal] == [
        within
    ] * len(equal)
    others = [fingerprint(made(other)) for other in different]
    assert len({expected, *others}) == len(others) + 1
    for other in different:
        assert (
            fingerprint(inside(made(other), value))
            != within
            != fingerprint(inside(value, made(other)))
        )
    for make in (
        copy.copy,
        copy.deepcopy,
        lambda value: pickle.loads(pickle.dumps(value)),
    ):
        with suppress(TypeError, AttributeError, ValueError, pickle.PicklingError):
            assert fingerprint(make(value)) == expected


@pytest.mark.parametrize("name", MAY_BE_REFUSED)
def test_values_that_cannot_be_pickled_are_told_apart_or_refused(name):
    expression, _, different = ROWS[name]

    told_apart(made(expression), made(expression), map(made, different))


@pytest.mark.must
def test_all_values_of_the_table_differ():
    assert len({fingerprint(made(row[0])) for row in OPENED.values()}) == len(OPENED)


def test_the_slots_of_an_exception_count():
    errors = [k.SlottedError("a"), k.SlottedError("a"), k.SlottedError("a")]
    errors[0].more, errors[1].more = 1, 2

    assert len({fingerprint(error) for error in errors}) == 3


def later(error, **fields):
    """Return an exception whose fields a program has set after it was made."""
    for name, part in fields.items():
        setattr(error, name, part)
    return error


ALIKE = {
    "newlines of a stream": [
        io.StringIO("a\rb", newline=newline) for newline in ("\n", "", None, "\r\n")
    ],
    "mapping behind a proxy": [
        types.MappingProxyType(mapping)
        for mapping in (
            {"a": 1},
            collections.defaultdict(int, a=1),
            collections.Counter(a=1),
            collections.ChainMap({"a": 1}),
            k.with_attribute(collections.UserDict(a=1), unit="m"),
        )
    ],
    "fields beside the items": [
        os.stat_result([*range(10), *times]) for times in ((1, 2, 3), (1.5, 2, 3))
    ],
    "name of a missing attribute": [
        AttributeError("missing"),
        AttributeError("missing", name="a"),
        AttributeError("missing", name="b"),
    ],
    "missing name": [NameError("missing", name=name) for name in ("a", "b")],
    "file of a syntax error": [
        SyntaxError("wrong", ("a.py", 1, 2, "text")),
        later(SyntaxError("wrong", ("a.py", 1, 2, "text")), filename="b.py"),
        later(SyntaxError("wrong", ("a.py", 1, 2, "text")), lineno=3),
    ],
    "characters of a write that blocks": [
        BlockingIOError(11, "busy"),
        later(BlockingIOError(11, "busy"), characters_written=7),
        later(BlockingIOError(11, "busy"), errno=12),
    ],
    "reason of a text that cannot be read": [
        UnicodeDecodeError("utf-8", b"a", 0, 1, "wrong"),
        later(UnicodeDecodeError("utf-8", b"a", 0, 1, "wrong"), reason="right"),
    ],
}


@pytest.mark.parametrize("values", ALIKE.values(), ids=ALIKE)
def test_what_is_in_no_item_and_no_attribute_counts(values):
    first, *others = values

    told_apart(first, first, others)


def test_types_that_differ_by_version_share_an_identity():
    written, built = int | str, typing.Union[int, str]  # noqa: UP007
    other = typing.Optional[bytes]  # noqa: UP045

    assert fingerprint([written, other]) == fingerprint([built, other])
    assert fingerprint({written, other}) == fingerprint({built, other})
    assert fingerprint({written: 1, other: 2}) == fingerprint({built: 1, other: 2})
    assert fingerprint([written, other]) != fingerprint([other, written])


@pytest.mark.parametrize("capitals", [0, 1])
def test_a_decimal_counts_the_same_in_every_context(capitals):
    texts = "1E+5 1.50 1.5 -0 0 0E-9 sNaN12 NaN12 NaN -Infinity 100000".split()
    expected = [fingerprint(decimal.Decimal(text)) for text in texts]

    with decimal.localcontext() as context:
        context.capitals, context.prec = capitals, 2
        found = [fingerprint(decimal.Decimal(text)) for text in texts]

    assert found == expected
    assert len(set(found)) == len(texts)


def test_interning_does_not_count():
    fresh = "".join(["key", "_", "one"])

    assert fingerprint([{"key_one": 1, "k": ["key_one"] * 100}]) == fingerprint(
        [{fresh: 1, "k": [fresh] * 100}]
    )


# What is opened or written together with many others.
MANY = {
    "rows of texts and numbers": (
        "[(n, f'n{n}', n / 7) for n in range(300)]",
        "1dc95c7957dfa80cdbe41d18545f415d",
    ),
    "rows with a NaN": (
        "[(n, float('nan')) for n in range(30)]",
        "3de8d27bf2d088bb9cbc0c720ddc1ed2",
    ),
    "rows with a long int": (
        "[(n, 10**4096) for n in range(30)]",
        "950e431510f6fb828e42cb9159863079",
    ),
    "rows with a lone surrogate": (
        "[(n, '\\ud800') for n in range(30)]",
        "7624bb5d56fc56bc6091299560c9d571",
    ),
    "rows of several lengths": (
        "[(0,) * (n % 4) for n in range(30)]",
        "8c82624ce97fc7f220180c3a680c70e6",
    ),
    "lists beside a tuple": (
        "[[[n, 'x'] for n in range(30)], ()]",
        "201c1c4b610db74312dcd941bb15bc8b",
    ),
    "mappings beside a tuple": (
        "[[{'b': n, 'a': 'x'} for n in range(30)], ()]",
        "87baab732a605a10804a74ab23e8ee35",
    ),
    "keys that begin a tag, beside a tuple": (
        "[[{'$b': n} for n in range(30)], ()]",
        "e0429ea8b17866bae71cad116fcc54c6",
    ),
    "keys of two types, beside a tuple": (
        "[[{n % 2 or '1': n} for n in range(30)], ()]",
        "e574027a6bd73fb53f1e07b7dfc0abf3",
    ),
    "a set of texts": (
        "{f'word {n}!' for n in range(300)}",
        "2f39e657333e3ae6668cf8df295e066b",
    ),
    "a set of numbers": (
        "{n / 4 - 20 for n in range(300)}",
        "7b0a324da9cbe734f83a00e537a864ad",
    ),
    "keys that are numbers": (
        "{n: 'a' for n in range(30)}",
        "2865190fe0b662b7a32ee7f59738d223",
    ),
    "texts, some of them long": (
        "['a' * (n % 3 * 3000) for n in range(60)]",
        "d8a30888b1ace402b0bd4237413bd211",
    ),
    "mappings, one of them long": (
        "[{'b': n, 'a': 'é' * (n // 29 * 5000)} for n in range(30)]",
        "11387a7f158a5fadd006c2ebaf19a1bb",
    ),
    "a mapping with long parts": (
        "{f'k{n}': '\\x01' * (n * 100) for n in range(30)}",
        "3c64e784c8d13f2ee6f0c6de7780597b",
    ),
    "a key that begins a tag": (
        "[{'$a': n} for n in range(600)]",
        "520aea20ab208ec1594cb0b3d65096e0",
    ),
    "texts that begin a tag": ("['$a'] * 600", "202dcfa63b3c59ce91f854a4189de672"),
    "one text": ("'$a' * 3000", "00c92078c0d588f82e61a23d43f3b666"),
}


@pytest.mark.parametrize(("expression", "digest"), MANY.values(), ids=MANY)
def test_many_parts_have_the_identity_of_format_7(expression, digest):
    assert fingerprint(eval(expression)) == digest
