"""The names that a pickle may import without listing them as code."""

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
import platform
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

from pytest_mimic._core.outcome import container, pickles
from pytest_mimic._core.outcome import unpickling as loading
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.vault import Recording, Vault
from pytest_mimic.errors import MimicError
from unit.memory_store import MemoryStore

NAME = "calls/shop/f/00.json"


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


SETTINGS = {"debug": False}
NAMES = ["Oslo"]
USER = User()

VALUES = [
    datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc),
    datetime.timedelta(1),
    decimal.Decimal(1),
    decimal.Context(),
    fractions.Fraction(1, 2),
    uuid.UUID(int=1),
    pathlib.PurePosixPath("x"),
    re.compile("x"),
    array.array("i", [1]),
    ipaddress.ip_network("10.0.0.0/8"),
    functools.partial(Point),
    iter([1]),
    iter({1: 2}),
    enumerate([1]),
    map(int, [1]),
    reversed([1]),
    operator.itemgetter(1),
    random.Random(1),
    statistics.NormalDist(),
    string.Template("x"),
    ast.parse("x = 1"),
    email.message.EmailMessage(),
    email.message_from_string("A: b\n\nc", policy=email.policy.default),
    http.HTTPStatus.OK,
    http.cookies.SimpleCookie("a=b"),
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
    platform.uname(),
    inspect.signature(lambda x: 1),
    typing.List[int],  # noqa: UP006
    typing.Optional[int],  # noqa: UP045
    typing.Callable[[int], str],
    typing.Literal[1],
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
    (..., NotImplemented, type(None)),
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
    pickled = pickles.dump(value)

    assert [name for name in pickled.code if name != "builtins:getattr"] == []  # with which 3.11 names flags


CODE = """
    _pytest.monkeypatch:resolve _pytest.monkeypatch:derive_importpath _pytest.monkeypatch:MonkeyPatch
    _pytest.monkeypatch:MonkeyPatch.setattr _pytest.pathlib:import_path pytest:main pluggy:HookimplMarker
    logging.config:dictConfig logging:FileHandler urllib.request:urlopen urllib.request:OpenerDirector
    http.client:HTTPConnection site:addsitedir copyreg:pickle io:FileIO io:open argparse:FileType
    uuid:_get_command_stdout zipfile:ZipFile tempfile:TemporaryDirectory
    pickle:loads runpy:run_path subprocess:Popen os:system os:environ sys:modules os.path:join builtins:print
    builtins:eval builtins:getattr functools:reduce operator:attrgetter types:FunctionType json:dumps
    json:codecs.open pathlib:Path.write_text cloudpickle:loads filelock:FileLock
    pytest_mimic._core.outcome.allow_list:resolve pytest_mimic._core.outcome.unpickling:load_all
    tests_of_code:SETTINGS tests_of_code:NAMES tests_of_code:os
""".split()


@pytest.fixture
def here(monkeypatch):
    """Import this module under a name that a pickle can import."""
    monkeypatch.setitem(sys.modules, "tests_of_code", sys.modules[__name__])


@pytest.mark.promise("code stored by value is listed as code")
@pytest.mark.parametrize("name", CODE)
def test_names_that_do_more_than_make_values_are_code(here, name):
    with pytest.raises(
        loading.RefusedError, match=f"imports {re.escape(name)}, which .* does not list as code"
    ):
        loading.Admission([name], []).find(*name.split(":"))

    loading.Admission([], [name]).find(*name.split(":"))


@pytest.mark.parametrize("function", [json.dumps, math.sin, os.path.join, print, time.sleep])
def test_stdlib_functions_are_code_for_any_python_version(function):
    store, _, entry = recorded(function)

    assert entry["code"] == [f"{function.__module__}:{function.__qualname__}"]
    assert "python" not in entry
    assert Vault(store).read(NAME).outcomes[0].load().value is function


def recorded(value):
    store = MemoryStore()
    vault = Vault(store)
    stored = vault.stored(Outcome.of_value(value), 0.5)
    vault.write(NAME, Recording("shop:f", None, None, None, "2026-11-02", None, [stored]))
    return store, vault, json.loads(store.read(NAME))["outcomes"][0]


def name_of(thing: str) -> bytes:
    return b"c" + f"tests_of_code\n{thing}\n".encode()


STATE = b"N}\x8c\x01nK\x02s\x86b"  # (None, {"n": 2}), then BUILD
CHANGES = {
    "class": name_of("User") + STATE,
    "called class": b"cbuiltins\ntype\n" + name_of("User") + b")\x81\x85R" + STATE,
    "object": name_of("USER") + b"}\x8c\x01nK\x02sb",
    "item": name_of("SETTINGS") + b"\x8c\x05debugI01\ns",
    "items": name_of("SETTINGS") + b"(\x8c\x05debugI01\nu",
    "append": name_of("NAMES") + b"K\x01a",
    "appends": name_of("NAMES") + b"(K\x01e",
    "exception": b"cpytest_mimic._core.outcome.exceptions\nrestore\n"
    + name_of("USER")
    + b"}\x8c\nattributes}\x8c\x01nK\x02ss\x86R",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_pickle_cannot_change_its_imports(here, change):
    store, _, entry = recorded(Point)
    stream = b"\x80\x05}\x8c\x05value(" + CHANGES[change] + b"ls."
    packer = container.Packer(
        pickles.Pickled([stream], [], imports=[], code=[], by_value=False, has_custom_identity=False)
    )
    store.write(entry["pickle"], b"".join(packer.pieces()))
    facts = json.loads(store.read(NAME))
    names = [f"tests_of_code:{thing}" for thing in ("User", "USER", "SETTINGS", "NAMES")]
    entry.update(
        checksum=packer.checksum,
        imports=[*names, "builtins:type", "pytest_mimic._core.outcome.exceptions:restore"],
    )
    store.write(NAME, json.dumps({**facts, "outcomes": [entry]}).encode())

    with pytest.raises(MimicError, match=r"changes a class or an object|is not an exception"):
        Vault(store).read(NAME).outcomes[0].load()
    assert (User.n, vars(USER), SETTINGS, NAMES) == (1, {}, {"debug": False}, ["Oslo"])


def changing_user(*first: bytes) -> tuple[bytes, str]:
    """Return a file with these pickles and one that changes a class it imports, and its checksum."""
    stream = b"".join([*first, b"\x80\x05}\x8c\x05value", name_of("User"), STATE, b"s."])
    packer = container.Packer(
        pickles.Pickled([stream], [], imports=[], code=[], by_value=False, has_custom_identity=False)
    )
    return b"".join(packer.pieces()), packer.checksum


def test_every_pickle_of_a_file_is_checked(here, monkeypatch):
    monkeypatch.setattr(User, "n", User.n)
    store, _, entry = recorded(Point)
    data, checksum = changing_user(b"\x80\x05}\x8c\x05valueNs.")
    store.write(entry["pickle"], data)
    facts = json.loads(store.read(NAME))
    entry.update(checksum=checksum, imports=["tests_of_code:User"])
    store.write(NAME, json.dumps({**facts, "outcomes": [entry]}).encode())
    store.write(f"{NAME}2", json.dumps({**facts, "outcomes": [{**entry, "count": 2}]}).encode())
    vault = Vault(store)
    vault.read(NAME).outcomes[0].load()

    with pytest.raises(MimicError, match="changes a class or an object"):
        vault.read(f"{NAME}2").outcomes[0].load()

    assert User.n == 1


def test_recording_does_not_run_the_existing_pickle(here, monkeypatch):
    monkeypatch.setattr(User, "n", User.n)
    monkeypatch.setattr(User, "__module__", "tests_of_code")
    value = User()
    store, vault, entry = recorded(value)
    store.write(entry["pickle"], changing_user()[0])
    stored = vault.stored(Outcome.of_value(value), 0.5)

    vault.write("calls/shop/f/11.json", Recording("shop:f", None, None, None, "2026", None, [stored]))

    assert User.n == 1
    assert type(vault.read("calls/shop/f/11.json").outcomes[0].load().value) is User
