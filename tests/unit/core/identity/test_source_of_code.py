"""Functions and classes count by their normalised source, defaults and closures."""

from __future__ import annotations

import ast
import functools
import gc
import importlib
import itertools
import json
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from values import things as k

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint
from pytest_mimic._core.identity.source import (
    digest_of_syntax,
    source_fingerprint,
    syntax_tree_of,
)
from pytest_mimic._core.types.reductions import Unstable

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

    assert source_fingerprint(two) == source_fingerprint(one)
    assert fingerprint(two) == fingerprint(one)


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER)
def test_every_change_of_behaviour_counts(source, old, new):
    assert old in BASE
    one, two = source(BASE), source(BASE.replace(old, new))

    assert source_fingerprint(two) != source_fingerprint(one)
    assert fingerprint(two) != fingerprint(one)


LAYOUTS = {
    "one line": "def made(): return 1; return 2\nmade.x = 3\n",
    "at the end of the file": "def made():\n    return 1",
    "a closing bracket at the margin": "def made(\n    a=1,\n):\n    return [\n a\n]\n",
    "a comment at the margin": "def made():\n    a = 1\n# and\n\n    return a\n",
    "a text at the margin": 'def made():\n    a = """\nb\n"""\n    return a\n',
    "brackets at the margin": "def made():\n    a = (1 +\n2)\n    return a\n",
    "a line that goes on": "def made():\n    a = 1 \\\n+ 2\n    return a\n",
    "a line that goes on at the margin": "def made():\n    a = 1\n\\\n    return a\n",
    "a remark after it": "def made():\n    return 1\n\n# the end\n",
    "decorators": "from functools import cache\n@cache\n@cache\ndef made():\n    return 1\n",
    "a long decorator": "from functools import lru_cache\n@lru_cache(\n    maxsize=1,\n    typed=True,\n)\ndef made():\n    return 1\n",
    "in a block": "if 1:\n\tasync  def made():\n\t\treturn 1\n\tmade.x = 1\nelse:\n\tmade = 1\n",
    "a letter of two ways to write": "def ﬁt():\n    return 1\nmade = ﬁt\n",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_the_whole_function_counts_however_it_is_laid_out(source, text):
    definitions = [
        one
        for one in ast.walk(ast.parse(text))
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert source_fingerprint(source(text)) == digest_of_syntax(definitions[0])


def test_the_source_is_that_of_the_innermost_function():
    expected = source_fingerprint(k.add)

    assert expected is not None
    assert source_fingerprint(k.wrapping) == expected
    assert source_fingerprint(functools.partial(k.add, 1)) == expected
    assert source_fingerprint(functools.lru_cache(k.add)) == expected
    assert source_fingerprint(k.cached) == source_fingerprint(k.cached.__wrapped__)
    assert source_fingerprint(k.Service("a").call) == source_fingerprint(k.Service.call)
    assert source_fingerprint(k.Service.make) == source_fingerprint(
        k.Service.__dict__["make"]
    )
    assert source_fingerprint(k.Service.title) == source_fingerprint(
        k.Service.title.fget
    )
    assert source_fingerprint(k.Service) not in (None, expected)


@pytest.mark.parametrize(
    "function", [len, "a".upper, json.JSONDecoder.decode.__get__, int, 5]
)
def test_builtins_have_no_source(function):
    assert source_fingerprint(function) is None


def test_a_mimicked_function_counts_as_the_original():
    def wrapper(*args, **kwargs):
        """A wrapper like that of a mimicked target."""

    for original in (k.add, len, k.cached):
        wrapper.__mimic_original__ = original
        assert fingerprint([wrapper]) == fingerprint([original])
        assert source_fingerprint(wrapper) == source_fingerprint(original)

    wrapper.__mimic_original__ = 5
    assert fingerprint(wrapper) != fingerprint(5)


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
    one = source(CLASSES)
    commented = source(CLASSES.replace("# as it is", ""))
    changed = source(CLASSES.replace("rate = 1", "rate = 2"))

    assert fingerprint(one) == fingerprint(commented) != fingerprint(changed)
    assert fingerprint(one()) == fingerprint(changed())


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
    found = [
        (source_fingerprint(made), fingerprint(made))
        for made in map(source, (text, f"# a remark\n{text}", text.replace("1", "2")))
    ]

    assert found[0] == found[1]
    assert None not in (found[0][0], found[2][0])
    assert found[0][0] != found[2][0]
    assert found[0][1] != found[2][1]


def test_a_function_with_the_name_of_a_class_does_not_count(source):
    text = "class made:\n    rate = 1\n"
    expected = source_fingerprint(source(text))

    assert source_fingerprint(source("def made():\n    pass\n" + text)) == expected


@pytest.mark.parametrize("text", ["this is no python\n", "nor is\0this\n"])
def test_a_function_without_readable_source_counts_by_name(text, source, tmp_path):
    made = source("def made():\n    return 1\n")
    file = next(tmp_path.glob("*/written.py"))
    known = fingerprint(made)

    file.write_text(text, encoding="utf-8")
    assert source_fingerprint(made) is None
    file.unlink()
    assert source_fingerprint(made) is None

    assert fingerprint(made) != known
    assert CallIdentity("a:f", ("f",)).key((made,))


def test_an_object_with_every_attribute_has_no_source():
    asked = []

    class Remote:
        def __getattr__(self, name):
            asked.append(name)
            return Remote()

        def __call__(self):
            raise RuntimeError

    assert source_fingerprint(Remote()) is None
    assert "__mimic_original__" not in asked


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
        assert source_fingerprint(made) is not None


def test_a_lambda_beside_another_one_is_refused():
    pair = [lambda x: x + 1, lambda x: x + 2]

    with pytest.raises(Unstable, match="neither source") as caught:
        fingerprint(pair[0])

    assert (
        caught.value.remedy == "or give it a line of its own: no other lambda beside it"
    )


def test_threads_parse_sources_at_the_same_time():
    """Before Python 3.13, one thread may end the parsing of another by an error."""
    source = "x = [a.b(c, d=1) for e in f]\n" * 60
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()

    def let_others_run(*_):
        sum(range(50))

    gc.callbacks.append(let_others_run)
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            modules = list(pool.map(syntax_tree_of, [source] * 200))
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(let_others_run)

    assert {len(module.body) for module in modules} == {60}
