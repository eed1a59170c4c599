"""The values whose pickles list no code, those that list some, and functions by their names."""

from __future__ import annotations

import argparse
import array
import ast
import calendar
import collections
import csv
import dataclasses
import datetime
import decimal
import email.message
import email.policy
import enum
import fractions
import functools
import http.cookiejar
import http.cookies
import inspect
import io
import ipaddress
import json
import logging
import math
import operator
import os
import pathlib
import random
import re
import signal
import statistics
import string
import subprocess
import sys
import textwrap
import time
import traceback
import types
import typing
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.dom.minidom
import xml.etree.ElementTree
import zipfile

import pytest

from pytest_mimic._core.outcome import pickles
from pytest_mimic._core.outcome.pickled_code import code_in
from pytest_mimic._core.outcome.uses import Use
from pytest_mimic._core.vault import Vault
from unit.memory_store import NAME, recorded


class User:
    n = 1

    def __getstate__(self):  # so that it is pickled
        return None


class Color(enum.Flag):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: int = 1


VALUES = [
    datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc),
    datetime.timedelta(1),
    decimal.Decimal(1),
    fractions.Fraction(1, 2),
    uuid.UUID(int=1),
    pathlib.PurePosixPath("x"),
    re.compile("x"),
    array.array("i", [1]),
    ipaddress.ip_network("10.0.0.0/8"),
    functools.partial(Point),
    iter([1]),
    iter({1: 2}),
    reversed([1]),
    random.Random(1),
    string.Template("x"),
    # From Python 3.13 on, nodes are given a state that a method of theirs reads.
    *([ast.parse("x = 1")] if sys.version_info < (3, 13) else []),
    email.message.EmailMessage(),
    email.message_from_string("A: b\n\nc", policy=email.policy.default),
    http.HTTPStatus.OK,
    http.cookiejar.DefaultCookiePolicy(),
    urllib.parse.urlparse("http://host"),
    urllib.error.URLError("x"),
    urllib.request.Request("http://host"),
    json.JSONEncoder(),
    json.JSONDecodeError("a", "b", 1),
    calendar.TextCalendar(),
    time.localtime(0),
    os.stat("."),
    os.terminal_size((1, 2)),
    list[int],
    textwrap.TextWrapper(),
    xml.etree.ElementTree.fromstring("<a b='1'>c</a>"),
    xml.dom.minidom.parseString("<a/>"),
    traceback.FrameSummary("a", 1, "b"),
    logging.LogRecord("a", 1, "p", 1, "m", (), None),
    argparse.Namespace(a=1),
    collections.Counter("a"),
    collections.defaultdict(int),
    collections.deque([1], 2),
    collections.OrderedDict(a=1),
    collections.ChainMap({}),
    subprocess.CompletedProcess([], 0),
    subprocess.CalledProcessError(1, []),
    csv.excel(),
    types.SimpleNamespace(a=1),
    io.BytesIO(b"1"),
    io.StringIO("1"),
    slice(1),
    complex(1),
    bytearray(b"1"),
    (..., NotImplemented),
    zipfile.ZipInfo("a"),
    signal.SIGINT,
    Color.RED | Color.BLUE,
    Point(),
    User,
    UnicodeDecodeError("utf-8", b"x", 0, 1, "r"),
]


@pytest.mark.parametrize(
    "value", VALUES, ids=[f"{n}-{type(value).__name__}" for n, value in enumerate(VALUES)]
)
def test_values_import_no_code(value):
    assert pickles.dump(value).code == []


# What is called for each of them is no builder of a plain value, or runs a method that nobody has vouched for.
CALLING = {
    "builtins:map": map(int, [1]),
    "builtins:enumerate": enumerate([1]),
    "operator:attrgetter": operator.attrgetter("upper"),
    "decimal:Context": decimal.Context(),
    "statistics:NormalDist": statistics.NormalDist(),
    "http.cookies:SimpleCookie": http.cookies.SimpleCookie("a=b"),
    "inspect:Signature": inspect.signature(lambda x: 1),
    "_operator:getitem": typing.Callable[[int], str],
    "builtins:getattr": "abc".upper,
    "builtins:type": [type],
}


@pytest.mark.parametrize(("name", "value"), CALLING.items(), ids=CALLING)
def test_what_is_called_to_make_other_values_is_code(name, value):
    assert name in pickles.dump(value).code


FUNCTIONS = """
    _pytest.monkeypatch:resolve _pytest.pathlib:import_path pytest:main logging.config:dictConfig
    urllib.request:urlopen site:addsitedir copyreg:pickle io:open uuid:_get_command_stdout pickle:loads
    os:system os:environ sys:modules os.path:join builtins:print builtins:eval functools:reduce json:dumps
    json:codecs.open pathlib:Path.write_text cloudpickle:loads numpy:sin tests_of_code:os
""".split()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_are_not_the_projects_are_code(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "tests_of_code", sys.modules[__name__])

    assert code_in([Use(name)]) == {name}


@pytest.mark.parametrize("function", [json.dumps, math.sin, os.path.join, print, time.sleep])
def test_stdlib_functions_are_code_for_any_python_version(function):
    store = recorded(function)

    [entry] = json.loads(store.read(NAME))["outcomes"]
    assert entry["code"] == [f"{function.__module__}:{function.__qualname__}"]
    assert "python" not in entry
    assert Vault(store).read(NAME).outcomes[0].load().value is function
