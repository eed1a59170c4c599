"""Values without an identity are refused by an error that names the part; what may have one is the same each time."""

from __future__ import annotations

import ast
import asyncio
import collections
import concurrent.futures
import contextvars
import ctypes
import io
import itertools
import mmap
import multiprocessing
import queue
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
import types
import weakref
import zoneinfo
from contextlib import closing

import pytest
from support.face import fingerprint

from pytest_mimic import UnstableIdentityError
from values.things import Bare, Plain
from values.told_apart import told_apart

HELD = Bare()


class Named(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_wchar_p))


class WithoutState:
    def __getstate__(self):
        raise TypeError("no state")


class Sealed:
    def __reduce__(self):
        raise RuntimeError("sealed")


class WithoutReduce:
    def __reduce__(self):
        raise NotImplementedError


async def coroutine():
    """A coroutine that is never awaited."""


async def async_generator():
    yield 1


def made_at_run_time(source):
    space = {}
    exec(source, space)
    return space["made"]


def raised():
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__


def closed(stream):
    stream.close()
    return stream


# How a value is made, and a word for it in the error.
REFUSED = {
    "object": (object, r"object"),
    "lock": (threading.Lock, "lock"),
    "reentrant lock": (threading.RLock, "lock"),
    "event": (threading.Event, "lock"),
    "queue": (queue.Queue, "lock"),
    "thread": (threading.Thread, "thread|lock"),
    "thread-local": (threading.local, "local"),
    "generator": (lambda: (n for n in "a"), "generator"),
    "async generator": (async_generator, "async.generator"),
    "weak reference": (lambda: weakref.ref(HELD), "weak"),
    "weak proxy": (lambda: weakref.proxy(HELD), "weak"),
    "context variable": (lambda: contextvars.ContextVar("x"), "ContextVar"),
    "context": (contextvars.copy_context, "Context"),
    "traceback": (raised, "traceback"),
    "code": (lambda: coroutine.__code__, "code"),
    "frame": (sys._getframe, "frame"),
    "SSL context": (lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "SSLContext"),
    "memory map": (lambda: mmap.mmap(-1, 1), "mmap"),
    "executor": (lambda: concurrent.futures.ThreadPoolExecutor(1), "executor|lock|queue"),
    "future": (concurrent.futures.Future, "future|lock"),
    "function made at run time": (lambda: made_at_run_time("def made(): pass"), "function"),
    "class made at run time": (lambda: made_at_run_time("class made: pass"), "class"),
    "without state": (WithoutState, "WithoutState"),
    "sealed": (Sealed, "Sealed"),
    "lock between processes": (multiprocessing.Lock, "Lock"),
    "full queue between processes": (multiprocessing.Queue, "Queue|Lock"),
    "without reduce": (WithoutReduce, "WithoutReduce"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "word"), REFUSED.values(), ids=REFUSED)
def test_values_without_an_identity_are_refused_and_named(make, word):
    value = make()

    with pytest.raises(UnstableIdentityError, match=f"(?i){word}"):
        fingerprint(value)
    with pytest.raises(UnstableIdentityError, match=r"wrapped.*1") as caught:
        fingerprint({"wrapped": [0, value]})
    with pytest.raises(UnstableIdentityError, match=r"value\.part"):
        fingerprint(Plain(part=value))

    assert len(str(caught.value).splitlines()) >= 3


def test_a_coroutine_is_refused():
    made = coroutine()
    with pytest.raises(UnstableIdentityError, match="coroutine"):
        fingerprint(made)
    made.close()


def test_running_things_are_refused():
    loop = asyncio.new_event_loop()
    task = loop.create_task(coroutine())

    for value in (loop, loop.create_future(), task):
        with pytest.raises(UnstableIdentityError, match="part"):
            fingerprint({"part": value})

    loop.run_until_complete(task)
    loop.close()
    with (
        subprocess.Popen([sys.executable, "-c", ""]) as process,
        pytest.raises(UnstableIdentityError, match="value"),
    ):
        fingerprint(process)


def test_open_things_are_refused(tmp_path):
    path = tmp_path / "file"
    with (
        path.open("w") as text,
        path.open("rb") as data,
        path.open("rb", buffering=0) as raw,
    ):
        for file in (text, data, raw):
            with pytest.raises(UnstableIdentityError, match="file"):
                fingerprint({"part": file})
    with (
        socket.socket() as channel,
        pytest.raises(UnstableIdentityError, match="socket"),
    ):
        fingerprint(channel)
    with closing(sqlite3.connect(":memory:")) as connection:
        for one in (connection, connection.cursor()):
            with pytest.raises(UnstableIdentityError, match=r"(?i)connection|cursor"):
                fingerprint(one)


def zone_of_bytes():
    """Return a zone that was read from a file in memory, without a name."""
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    data = b"TZif" + bytes(16) + counts + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(data))


# What may have an identity, if that is the same for another one and for another process.
EITHER = {
    "memory of objects": lambda: memoryview((ctypes.py_object * 2)("a", "b"))[::2],
    "memory of pointers": lambda: memoryview((ctypes.c_char_p * 1)(b"a")),
    "memory of a structure": lambda: memoryview((Named * 1)()),
    "iterator": lambda: iter([1]),
    "map": lambda: map(str, [1]),
    "itertools": itertools.count,
    "weak mapping": lambda: weakref.WeakValueDictionary(a=HELD),
    "closure cell": types.CellType,
    "spooled file": lambda: closed(tempfile.SpooledTemporaryFile()),  # noqa: SIM115
    "asyncio lock": asyncio.Lock,
    "closed buffer": lambda: closed(io.BytesIO()),
    "object of a class without a module": lambda: type("Lost", (), {"__module__": None})(),
    "class without a module": lambda: type("Lost", (), {"__module__": None}),
    "syntax tree": lambda: ast.parse("x = 1"),
    "queue between processes": multiprocessing.SimpleQueue,
    "C object": lambda: collections.deque([1]).__iter__(),
    "frame of a traceback": lambda: traceback.extract_stack()[:1],
    "zone without a key": zone_of_bytes,
}  # fmt: skip


@pytest.mark.parametrize("make", EITHER.values(), ids=EITHER)
def test_an_odd_value_is_refused_or_the_same_each_time(make):
    told_apart(make(), make(), ())


def test_what_reads_files_outside_of_python_is_told_apart_or_refused(tmp_path):
    """Its plan names the file; the content is read when the plan runs."""
    polars = pytest.importorskip("polars")
    dataset = pytest.importorskip("pyarrow.dataset").dataset
    prices = tmp_path / "prices.csv"
    prices.write_text("price\n1\n")

    with pytest.raises(UnstableIdentityError, match="LazyFrame"):
        fingerprint([polars.scan_csv(prices)])
    with pytest.raises(UnstableIdentityError, match="dataset"):
        fingerprint(dataset(prices, format="csv"))


def test_a_lazy_frame_counts_by_its_plan_and_its_data():
    polars = pytest.importorskip("polars")
    column = polars.col("price")
    frame = polars.DataFrame({"price": [1, 2]})

    told_apart(
        frame.lazy().filter(column > 1),
        frame.lazy().filter(column > 1),
        [frame.lazy().filter(column > 2), (frame + 1).lazy().filter(column > 1)],
    )


def test_a_variable_of_a_local_class_is_named():
    held = [threading.Lock()]

    class Fake:
        def call(self):
            return held

    with pytest.raises(UnstableIdentityError, match="held"):
        fingerprint({"client": Fake()})


def test_an_object_that_stands_for_a_function_is_refused():
    with pytest.raises(UnstableIdentityError, match="a staticmethod object without"):
        fingerprint({"call": staticmethod(ast.Pass())})


def test_a_very_long_path_is_told_by_its_beginning():
    deep = []
    for _ in range(151):
        deep = [deep]

    with pytest.raises(UnstableIdentityError) as caught:
        fingerprint(deep)

    assert f"value{'[0]' * 19}: nested deeper than 150 levels" in str(caught.value)
