"""Functions and classes count by name and normalised source, with defaults, closures and what they are bound to."""

from __future__ import annotations

import copyreg
import importlib
import itertools
import posixpath
import random
import re
import shlex
import sys
import textwrap
import types
import warnings
from unittest.mock import MagicMock, Mock, PropertyMock

import pytest
from support.face import fingerprint

from values import things as k
from values.told_apart import told_apart

_numbers = itertools.count()

BASE = '''
import functools

def deco(times=1):
    def around(function):
        @functools.wraps(function)
        def wrapper(*args):
            return [function(*args)] * times
        return wrapper
    return around

def made(rows, *, limit=10):
    """Sums rows."""
    total = 0  # so far
    for row in rows:
        if row > limit:
            total += row
    return f"{total:>{limit}} {rows!r}" "!"
'''


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Import a text as a module, always under one name, and return its `made`."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(text, name="made"):
        folder = tmp_path / str(next(_numbers))
        folder.mkdir()
        (folder / "written.py").write_text(textwrap.dedent(text), encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        sys.modules.pop("written", None)
        importlib.invalidate_caches()
        return getattr(importlib.import_module("written"), name)

    yield load
    sys.modules.pop("written", None)


SAME = {
    "comment": ("total = 0  # so far", "total = 0"),
    "docstring": ('"""Sums rows."""', '"""Something\n    else."""'),
    "no docstring": ('    """Sums rows."""\n', ""),
    "blank lines": ("    total = 0", "\n\n    total = (\n        0\n    )\n"),
    "place in the file": ("import functools", "import functools\n\nOTHER = 1\n"),
    "quotes": ('"!"', "'!'"),
    "parts of a string": ('" "!"', '" "" "!"'),
    "parts of a string with values": (
        '{limit}} {rows!r}" "!"',
        '{limit}}" " " f"{rows!r}!"',
    ),
    "layout": ("for row in rows:", "for row in (rows):"),
    "pass": ("total = 0", "total = 0; pass"),
    "number": ("total = 0", "total = 0x0"),
}

OTHER = {
    "constant": ("total = 0", "total = 1"),
    "type of a constant": ("total = 0", "total = 0.0"),
    "operator": ("row > limit", "row >= limit"),
    "name": ("total += row", "total += rows"),
    "default": ("limit=10", "limit=11"),
    "format": (":>{limit}}", ":<{limit}}"),
    "conversion": ("{rows!r}", "{rows!s}"),
    "indentation": ("    return f", "        return f"),
    "text": ('"!"', '"?"'),
    "another line": ("total = 0", "total = 0; rows = list(rows)"),
    "decorator": ("def made", "@deco(times=1)\ndef made"),
    "annotation": ("def made(rows,", "def made(rows: list,"),
    "async": ("def made", "async def made"),
    "parameter": ("(rows, *,", "(rows, more=None, *,"),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_comments_docstrings_and_layout_do_not_count(source, old, new):
    assert old in BASE
    one, two = source(BASE), source(BASE.replace(old, new))

    assert fingerprint(two) == fingerprint(one)


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER)
def test_every_change_of_behaviour_counts(source, old, new):
    assert old in BASE
    one, two = source(BASE), source(BASE.replace(old, new))

    assert fingerprint(two) != fingerprint(one)


# A function in each layout, and a change at its end.
LAYOUTS = {
    "one line": ("def made(): return 1; return 2\nmade.x = 3\n", "return 2"),
    "at the end of the file": ("def made():\n    return 1", "return 1"),
    "a closing bracket at the margin": ("def made(\n    a=1,\n):\n    return [\n a\n]\n", " a\n]"),
    "a comment at the margin": ("def made():\n    a = 1\n# and\n\n    return a\n", "return a"),
    "a text at the margin": ('def made():\n    a = """\nb\n"""\n    return a\n', "return a"),
    "brackets at the margin": ("def made():\n    a = (1 +\n2)\n    return a\n", "2)"),
    "a line that goes on": ("def made():\n    a = 1 \\\n+ 2\n    return a\n", "+ 2"),
    "a line that goes on at the margin": ("def made():\n    a = 1\n\\\n    return a\n", "return a"),
    "decorators": ("from functools import cache\n@cache\n@cache\ndef made():\n    return 1\n", "return 1"),
    "a long decorator": ("from functools import lru_cache\n@lru_cache(\n    maxsize=1,\n    typed=True,\n)\ndef made():\n    return 1\n", "return 1"),
    "in a block": ("if 1:\n\tasync  def made():\n\t\treturn 1\n\tmade.x = 1\nelse:\n\tmade = 1\n", "return 1"),
    "a letter of two ways to write": ("def \ufb01t():\n    return 1\nmade = \ufb01t\n", "return 1"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "part"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_whole_function_counts_however_it_is_laid_out(source, text, part):
    assert part in text
    changed = text.replace(part, re.sub(r"\ba\b|\d", "7", part))
    one, other, commented = (
        source(text),
        source(changed),
        source(f"# and\n\n{text}\n# end\n"),
    )

    assert fingerprint(one) == fingerprint(commented) != fingerprint(other)


CLASSES = '''
import contextlib

class made:
    """Doc."""
    rate = 1
    def call(self):
        return self.rate  # as it is

def scope(fast):
    if fast:
        class made:
            def call(self):
                return 1
    else:
        class made:
            def call(self):
                return 2
    return made

def decorated(fast):
    if fast:
        class made:
            @contextlib.contextmanager
            def call(self):
                yield 3
    else:
        class made:
            @contextlib.contextmanager
            def call(self):
                yield 4
    return made

fast = scope(True)
slow = scope(False)
quiet = decorated(True)
loud = decorated(False)

class Outer:
    class made:
        pass

inner = Outer.made
'''


def test_classes_count_by_their_source(source):
    changed = CLASSES.replace("rate = 1", "rate = 2")

    one = fingerprint(source(CLASSES))
    commented = fingerprint(source(CLASSES.replace("# as it is", "")))
    other = fingerprint(source(changed))

    assert one == commented != other


def test_an_object_counts_without_the_source_of_its_class(source):
    one = fingerprint(source(CLASSES)())
    changed = fingerprint(source(CLASSES.replace("rate = 1", "rate = 2"))())

    assert one == changed


DECORATED = {
    "dataclass": """
import dataclasses
@dataclasses.dataclass
class made:
    rate: int = 1
""",
    "frozen dataclass": """
import dataclasses
@dataclasses.dataclass(frozen=True, slots=True)
class made:
    rate: int = 1
""",
    "attrs": """
attr = __import__("pytest").importorskip("attr")
@attr.s(auto_attribs=True)
class made:
    rate: int = 1
""",
    "decorated method": """
import contextlib
class made:
    @contextlib.contextmanager
    def opened(self):
        rate = 1
        yield rate
""",
    "local class with a decorated method": """
import contextlib
def scope():
    class made:
        @contextlib.contextmanager
        def opened(self):
            rate = 1
            yield rate
    return made
made = scope()
""",
}


@pytest.mark.parametrize("text", DECORATED.values(), ids=DECORATED)
def test_decorated_classes_count_by_their_source(source, text):
    texts = [text, f"# a remark\n{text}", text.replace("1", "2")]

    # Each module takes the place of the one before, where Python looks for its classes.
    one, commented, other = [fingerprint(source(each)) for each in texts]

    assert one == commented != other


@pytest.mark.parametrize("text", ["this is no python\n", "nor is\0this\n"])
def test_a_function_without_readable_source_is_told_apart(text, source, tmp_path):
    made = source("def made():\n    return 1\n")
    file = next(tmp_path.glob("*/written.py"))
    known = fingerprint(made)

    file.write_text(text, encoding="utf-8")

    told_apart(made, made, [len])
    assert fingerprint(k.add) != known


def test_warnings_of_the_compiler_change_nothing(source):
    """The import has shown them.

    Python warns of the escape up to 3.11 as deprecated, and then of the syntax.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = source(r"""
            def made(text):
                return text == "\d"
            """)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fingerprint(made) != fingerprint(k.add)


def test_a_lambda_beside_another_one_is_told_apart():
    pair = [lambda x: x + 1, lambda x: x + 2]

    told_apart(pair[0], pair[0], [pair[1]])


def test_a_class_made_under_the_name_of_another_one_does_not_count_as_that():
    made = type("Bare", (), {"price": 1, "__module__": k.__name__})
    other = type("Bare", (), {"price": 2, "__module__": k.__name__})
    reloaded = {"__name__": k.__name__}
    exec("class Bare:\n    pass", reloaded)
    again = reloaded["Bare"]

    told_apart(made, made, [other, k.Bare])
    told_apart(made(), made(), [other(), k.Bare()])
    assert fingerprint(again) == fingerprint(k.Bare)
    assert fingerprint(again()) == fingerprint(k.Bare())


class Undefined(type):
    """A metaclass whose classes are made again from their name and a fact."""


class Applied:
    def __init__(self, part):
        self.part = part


def undefined(name, fact=None):
    return Undefined(name, (Applied,), {"fact": fact, "__module__": None})


def reduce_undefined(cls):
    return undefined, (cls.__name__, cls.fact)


def test_a_class_that_its_metaclass_makes_again_counts_by_what_it_is_made_from(
    monkeypatch,
):
    monkeypatch.setitem(copyreg.dispatch_table, Undefined, reduce_undefined)

    classes = [undefined("f"), undefined("g"), undefined("f", "positive")]
    values = [*classes, *(cls(1) for cls in classes), classes[0](2)]

    assert len(set(map(fingerprint, values))) == 7
    assert fingerprint(undefined("f")) == fingerprint(classes[0])
    assert fingerprint(undefined("f")(1)) == fingerprint(classes[0](1))


def test_the_shared_generator_of_random_counts_by_name():
    functions = [random.random, random.choice, random.Random(1).random]
    before = list(map(fingerprint, functions))

    random.random()

    assert list(map(fingerprint, functions)) == before
    assert len(set(before)) == 3
    assert fingerprint(random.Random(1).choice) != fingerprint(random.Random(2).choice)


def test_methods_in_c_count_with_their_object():
    values = [re.compile("a").match, re.compile("b").match, re.compile("a").search]

    assert len(set(map(fingerprint, values))) == 3
    assert fingerprint(re.compile("a").match) == fingerprint(values[0])


class Wallet:
    def __init__(self, coins):
        self.coins = coins

    def spend(self):
        self.coins -= 1


spend = Wallet(3).spend


def test_methods_offered_as_functions_count_with_their_object():
    before = fingerprint(spend)

    spend()

    assert fingerprint(spend) != before


def test_a_decorator_with_a_registry_counts_with_what_it_closes_over():
    one, other = (k.registered(factor)(k.add) for factor in (1, 2))

    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize("make", k.LOCAL_CLASSES, ids=lambda make: make.__name__)
def test_a_local_class_counts_with_the_values_that_its_members_hold(make):
    one, again, other = (fingerprint(make(value)) for value in (1, 1, 2))

    assert one == again != other


def test_a_function_bound_by_hand_counts_with_its_object():
    functions = [shlex.join, posixpath.join, len]
    methods = [
        types.MethodType(function, value)
        for function in functions
        for value in ("a", "b")
    ]

    assert len(set(map(fingerprint, methods))) == 6


def test_functions_that_wrap_each_other_are_identified():
    """An undone patch may leave a chain of `__wrapped__` that leads into itself."""

    def made(number):
        def method(self):
            return number

        def other(self):
            return number

        method.__wrapped__, other.__wrapped__ = other, method

        class Made:
            of_first = method
            of_second = staticmethod(other)

        return Made

    assert fingerprint(made(1)) == fingerprint(made(1))
    assert fingerprint(made(1)) != fingerprint(made(2))


def test_attributes_of_a_local_class_are_identified_without_their_code():
    mock = MagicMock()
    like_a_property = MagicMock(spec=property)

    class Local:
        client = mock
        setting = like_a_property

    fingerprint(Local)

    for held in (mock, like_a_property):
        assert not held.mock_calls
        assert held._mock_children.keys().isdisjoint({"fget", "fset", "fdel", "func"})


def mock_with(value):
    mock = Mock()
    type(mock).user = PropertyMock(return_value=value)
    return mock


def test_a_property_of_a_mock_counts():
    assert fingerprint(mock_with("ann")) == fingerprint(mock_with("ann"))
    assert fingerprint(mock_with("ann")) != fingerprint(mock_with("bob"))
    assert fingerprint(mock_with("ann")) != fingerprint(Mock())
