"""Values without a stable identity are refused and named."""

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
from kinds_of_things import Bare, Plain

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint
from pytest_mimic._core.identity.without_identity import error_of_unstable
from pytest_mimic._core.types.reductions import Unstable

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


MEMORY = "a memoryview of objects, pointers or long doubles"
CASES = {
    "memory of objects": (
        lambda: memoryview((ctypes.py_object * 2)("a", "b"))[::2],
        MEMORY,
    ),
    "memory of pointers": (lambda: memoryview((ctypes.c_char_p * 1)(b"a")), MEMORY),
    "memory of a structure": (lambda: memoryview((Named * 1)()), MEMORY),
    "object": (object, r"a bare object\(\)"),
    "lock": (threading.Lock, "a thread lock"),
    "reentrant lock": (threading.RLock, "a thread lock"),
    "event": (threading.Event, "a thread lock"),
    "queue": (queue.Queue, "a thread lock"),
    "thread": (threading.Thread, "a thread"),
    "thread-local": (threading.local, "a thread-local object"),
    "generator": (lambda: (n for n in "a"), "a generator"),
    "async generator": (async_generator, "an async generator"),
    "iterator": (lambda: iter([1]), "list_iterator"),
    "map": (lambda: map(str, [1]), "builtins.map"),
    "itertools": (itertools.count, "itertools.count"),
    "weak reference": (lambda: weakref.ref(HELD), "a weak reference"),
    "weak proxy": (lambda: weakref.proxy(HELD), "a weak reference"),
    "weak mapping": (lambda: weakref.WeakValueDictionary(a=HELD), "a weak reference"),
    "context variable": (
        lambda: contextvars.ContextVar("x"),
        "_contextvars.ContextVar",
    ),
    "context": (contextvars.copy_context, "_contextvars.Context"),
    "closure cell": (types.CellType, "builtins.cell"),
    "traceback": (raised, "a traceback"),
    "code": (lambda: coroutine.__code__, "builtins.code"),
    "frame": (sys._getframe, "builtins.frame"),
    "spooled file": (lambda: closed(tempfile.SpooledTemporaryFile()), "an open file"),  # noqa: SIM115
    "SSL context": (lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "ssl.SSLContext"),
    "memory map": (lambda: mmap.mmap(-1, 1), "mmap.mmap"),
    "executor": (lambda: concurrent.futures.ThreadPoolExecutor(1), "an executor"),
    "future": (concurrent.futures.Future, "a future"),
    "asyncio lock": (asyncio.Lock, "an asyncio lock or queue"),
    "closed buffer": (lambda: closed(io.BytesIO()), "a closed in-memory file"),
    "function made at run time": (
        lambda: made_at_run_time("def made(): pass"),
        "a function with neither source nor an importable name",
    ),
    "class made at run time": (
        lambda: made_at_run_time("class made: pass"),
        "a class with neither source nor an importable name",
    ),
    "object of a class without a module": (
        lambda: type("Lost", (), {"__module__": None})(),
        "an object of Lost, a class without a module",
    ),
    "class without a module": (
        lambda: type("Lost", (), {"__module__": None}),
        "a class with neither source nor an importable name",
    ),
    "syntax tree": (lambda: ast.parse("x = 1"), "a syntax tree"),
    "frame of a traceback": (
        lambda: traceback.extract_stack()[:1],
        "a stack frame of a traceback",
    ),
    "without state": (WithoutState, "an object of .*WithoutState"),
    "sealed": (Sealed, "an object of .*Sealed"),
    "lock between processes": (
        multiprocessing.Lock,
        "multiprocessing.synchronize.Lock",
    ),
    "full queue between processes": (
        multiprocessing.Queue,
        "multiprocessing.queues.Queue",
    ),
    "queue between processes": (
        multiprocessing.SimpleQueue,
        "an object of multiprocessing.queues.SimpleQueue",
    ),
    "without reduce": (WithoutReduce, "an object of .*WithoutReduce"),
    "C object": (lambda: collections.deque([1]).__iter__(), "deque_iterator"),
}


@pytest.mark.parametrize(("make", "what"), CASES.values(), ids=CASES)
def test_unstable_values_are_refused_and_named(make, what):
    value = make()

    with pytest.raises(Unstable, match=rf"value.* has no stable identity: .*{what}$"):
        fingerprint(value)
    with pytest.raises(Unstable, match=r"value\['a'\]\[1\]"):
        fingerprint({"a": [0, value]})
    with pytest.raises(Unstable, match=r"value\.part"):
        fingerprint(Plain(part=value))


@pytest.mark.parametrize("name", ["function", "class"])
def test_what_does_something_is_not_to_be_left_out(name):
    """Calls that get different functions would become one."""
    made: dict = {"__name__": "made"}
    exec("class Rule: pass\nrule = lambda row: row > 1", made)
    value = {"function": made["rule"], "class": made["Rule"]}[name]
    with pytest.raises(Unstable) as caught:
        fingerprint(value)

    error = error_of_unstable(caught.value, target="shop:keep")

    remedy = "define it at the top of a module, with a name of its own"
    assert str(error).splitlines()[2].strip() == remedy
    assert "ignore=" not in str(error)


def test_what_holds_data_is_left_out_only_if_no_outcome_depends_on_it():
    """Calls with other connections, frames grouped by other columns, rows or handles would become one."""
    polars = pytest.importorskip("polars")
    groups = polars.DataFrame({"a": [1]}).lazy().group_by("a")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT 1").fetchone()
        handle = ctypes.c_void_p(1)
        said = []
        for value in (groups, connection, row, handle, threading.Lock()):
            with pytest.raises(Unstable) as caught:
                fingerprint(value)
            error = error_of_unstable(caught.value, target="shop:report")
            said.append("or leave it out, if no outcome depends on it" in str(error))

    assert said == [True, True, True, True, False]


def test_a_coroutine_is_refused():
    made = coroutine()
    with pytest.raises(Unstable, match=r"a coroutine$"):
        fingerprint(made)
    made.close()


def test_running_things_are_refused():
    loop = asyncio.new_event_loop()
    future, task = loop.create_future(), loop.create_task(coroutine())

    for value, what in [
        (loop, "an event loop"),
        (future, "a future"),
        (task, "a task"),
    ]:
        with pytest.raises(Unstable, match=f"{what}$"):
            fingerprint({"part": value})

    loop.run_until_complete(task)
    loop.close()
    with (
        subprocess.Popen([sys.executable, "-c", ""]) as process,
        pytest.raises(Unstable, match=r"a process$"),
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
            with pytest.raises(Unstable, match=r"an open file$"):
                fingerprint({"file": file})
    with socket.socket() as channel, pytest.raises(Unstable, match=r"a socket$"):
        fingerprint(channel)
    connection = sqlite3.connect(":memory:")
    with pytest.raises(Unstable, match=r"a database connection$"):
        fingerprint(connection)
    with pytest.raises(Unstable, match=r"a database cursor$"):
        fingerprint(connection.cursor())
    connection.close()


def test_what_reads_files_outside_of_python_is_refused(tmp_path):
    polars = pytest.importorskip("polars")
    dataset = pytest.importorskip("pyarrow.dataset").dataset
    prices = tmp_path / "prices.csv"
    prices.write_text("price\n1\n")

    with pytest.raises(Unstable, match="a LazyFrame object, which reads files") as lazy:
        fingerprint([polars.scan_csv(prices)])
    with pytest.raises(Unstable, match="a FileSystemDataset object, which reads files"):
        fingerprint(dataset(prices, format="csv"))

    assert lazy.value.path == "value[0]"
    assert lazy.value.remedy == "pass its data: call collect() before the call"


def test_a_lazy_frame_counts_by_its_plan_and_its_data():
    polars = pytest.importorskip("polars")
    column = polars.col("price")
    frame = polars.DataFrame({"price": [1, 2]})

    lazy = fingerprint(frame.lazy().filter(column > 1))

    assert fingerprint(frame.lazy().filter(column > 1)) == lazy
    assert fingerprint(frame.lazy().filter(column > 2)) != lazy
    assert fingerprint((frame + 1).lazy().filter(column > 1)) != lazy


def test_a_zone_without_a_key_is_refused():
    data = next(iter(find_zone("UTC")))
    with pytest.raises(Unstable, match=r"a time zone without a key$"):
        fingerprint(zoneinfo.ZoneInfo.from_file(io.BytesIO(data)))


def find_zone(name):
    """Return the bytes of a time zone, from the system or the tzdata package."""
    for folder in zoneinfo.TZPATH:
        try:
            with open(f"{folder}/{name}", "rb") as file:
                yield file.read()
        except OSError:
            continue
    from importlib.resources import files

    yield files("tzdata.zoneinfo").joinpath(name).read_bytes()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            lambda sql, table: sql.select(table.c.a).where(table.c.a > 1), id="select"
        ),
        pytest.param(lambda sql, table: sql.insert(table).values(a=1), id="insert"),
        pytest.param(
            lambda sql, table: sql.text("select :a").bindparams(a=1), id="text"
        ),
        pytest.param(lambda sql, table: table.c.a == 1, id="expression"),
        pytest.param(lambda sql, table: table, id="table"),
    ],
)
def test_sqlalchemy_expressions_are_refused(make):
    sql = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    table = sql.Table("t", sql.MetaData(), sql.Column("a", sql.Integer))

    with pytest.raises(
        Unstable,
        match=r"^value\[1\] has no stable identity: SQL in objects of SQLAlchemy$",
    ):
        fingerprint(["query", make(sql, table)])


def test_a_variable_of_a_local_class_is_named():
    held = [threading.Lock()]

    class Fake:
        def call(self):
            return held

    with pytest.raises(Unstable) as caught:
        CallIdentity("shop:fetch", ("client",)).key((Fake(),))

    assert error_of_unstable(caught.value, "shop:fetch").path == "client['held'][0]"
