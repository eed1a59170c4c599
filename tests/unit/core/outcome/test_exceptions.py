"""A recorded exception is raised again as it was: type, arguments, attributes, notes and cause."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error

import pytest

from pytest_mimic._core.outcome import exceptions
from pytest_mimic._core.outcome.outcome import Raised, Value
from pytest_mimic._core.vault import Vault
from unit.memory_store import NAME, MemoryStore, recorded

# : A value for each form of an outcome. The class of the last one defines how it is
# pickled.
FORMS = pytest.mark.parametrize(
    "extra", [1, (1, 2), time.gmtime(0)], ids=["plain", "tagged", "pickled"]
)


def replayed(error: BaseException, *, readable: bool | None = None):
    """Return the exception as the vault returns it."""
    again = Vault(recorded(Raised(error))).read(NAME).outcomes[0]
    if readable is not None:
        assert ("pickle" not in again.entry) == readable
    assert again.kind == "raised"
    return again.load().error


class Refused(Exception):
    """An exception whose `__init__` does not fit its `args`."""

    def __init__(self, code, *, retry):
        super().__init__(f"refused with {code}")
        self.code = code
        self.retry = retry


class Silent(Exception):
    """An exception that never calls the base's `__init__`."""

    def __init__(self, code, detail):
        self.code = code


class Unread(UnicodeDecodeError):
    """An exception with another argument than its builtin base."""

    def __init__(self, path):
        self.path = path


class Listed(Exception):
    """An exception with a `__reduce__` and a list as its argument."""

    def __reduce__(self):
        return type(self), (list(self.args[0]),)


class Collected(Exception):
    """An exception with a `__reduce__` whose items are added one by one."""

    def __init__(self):
        self.items = []

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __reduce__(self):
        return type(self), (), None, iter(self.items)


def collected(*items):
    made = Collected()
    made.extend(items)
    return made


class Handle(Exception):
    """An exception whose argument cannot be pickled."""

    def __reduce__(self):
        return type(self), ("gone",)


class Unique(Exception):
    """A singleton that pickle finds by its name."""

    def __reduce__(self):
        return "ONE"


ONE = Unique("the one")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """An exception whose attributes cannot be set, not even those of Python."""

    code: int


class DiskError(OSError):
    def __init__(self, path):
        super().__init__(28, "no space", path)


def raised(action):
    """Return the exception that the action raises."""
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueError("a", 1),
        lambda: StopIteration(5),
        lambda: raised(lambda: os.stat("/nowhere/x")),
        lambda: raised(lambda: json.loads("{")),
        lambda: raised(lambda: b"\xff".decode()),
        lambda: raised(lambda: __import__("nowhere_at_all")),
        lambda: raised(lambda: compile("x = = 1", "f.py", "exec")),
        lambda: raised(lambda: [].nothing),
        lambda: subprocess.CalledProcessError(3, ["ls"], b"out", "err"),
        pytest.param(
            lambda: urllib.error.HTTPError("http://x", 404, "not found", {}, None),
            # A trial copy is not closed: see the limits.
            marks=pytest.mark.filterwarnings(
                "ignore:Implicitly cleaning up <HTTPError:ResourceWarning"
            ),
        ),
        lambda: Refused(503, retry=True),
        lambda: Silent(1, "x"),
        lambda: DiskError("/dev/full"),
        lambda: Unread("/etc/passwd"),
        lambda: Listed([1, (2,)]),
        lambda: collected(1, (2,)),
        lambda: BlockingIOError(11, "again", 5),
    ],
)
def test_type_arguments_attributes_and_text_are_kept(make):
    error = make()

    again = replayed(error)

    assert type(again) is type(error)
    assert again.args == error.args
    assert str(again) == str(error)
    assert vars(again).keys() == vars(error).keys()
    for (
        field
    ) in "filename errno strerror start reason name path lineno value doc".split():
        assert getattr(again, field, None) == getattr(error, field, None)
    for one in (error, again):  # an HTTPError is an open file
        getattr(one, "close", bool)()
    assert again.__traceback__ is None


def _of_httpx(httpx):
    request = httpx.Request("GET", "http://shop.com/rates")
    httpx.Response(503, request=request, json={"a": 1}).raise_for_status()


def _of_sqlalchemy(sqlalchemy):
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("nonsense"))
    finally:
        engine.dispose()


def _of_aiohttp(aiohttp):
    raise aiohttp.ServerDisconnectedError("gone")


NOWHERE = "http://127.0.0.1:1/"
FAILING = {
    "httpx": _of_httpx,
    "requests": lambda requests: requests.get(NOWHERE, timeout=1),
    "pydantic": lambda pydantic: pydantic.create_model("Model", a=(int, ...))(a="x"),
    "sqlalchemy": _of_sqlalchemy,
    "aiohttp": _of_aiohttp,
    "urllib3": lambda urllib3: urllib3.PoolManager(retries=False).request(
        "GET", NOWHERE
    ),
}


@pytest.mark.parametrize("library", FAILING)
def test_exceptions_of_well_known_libraries_are_kept(library):
    module = pytest.importorskip(library)
    error = raised(lambda: FAILING[library](module))

    again = replayed(error)

    assert type(again) is type(error)
    assert str(again) == str(error)


def test_an_exception_pickled_by_name_is_the_same_object():
    stored = Vault(MemoryStore()).writer.encoded(Value([1, ONE]), 0.5)

    assert stored.load().value[1] is ONE


def test_a_class_that_is_not_an_exception_is_not_instantiated():
    for other in (os.system, int, None):
        with pytest.raises(TypeError, match="is not an exception class"):
            exceptions.make(other, ())


def test_a_reduction_by_the_class_is_used():
    assert replayed(Handle(threading.Lock())).args == ("gone",)


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (OSError("disk"), "errno", 28),
        (BlockingIOError(11, "busy"), "characters_written", 7),
        (ImportError("gone"), "msg", "moved"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "reason", "worse"),
    ],
    ids=lambda value: (
        type(value).__name__ if isinstance(value, Exception) else str(value)
    ),
)
def test_fields_that_were_set_later_are_kept(error, name, value):
    setattr(error, name, value)

    again = replayed(error)

    assert getattr(again, name) == value
    assert str(again) == str(error)
    assert again.args == error.args


@FORMS
def test_cause_and_notes_are_kept(extra):
    try:
        try:
            raise KeyError(extra)
        except KeyError as inner:
            error = Refused(1, retry=extra)
            error.__notes__ = ["first", "second"]
            raise error from inner
    except Refused as caught:
        again = replayed(caught, readable=type(extra) in (int, tuple))

    assert again.__notes__ == ["first", "second"]
    assert (type(again.__cause__), again.__cause__.args) == (KeyError, (extra,))
    assert (again.__context__, again.__suppress_context__) == (None, True)


def test_a_context_is_left_out():
    """The exception that was being handled when this one was raised came along by chance."""
    try:
        try:
            raise KeyError(threading.Lock())
        except KeyError:
            raise ValueError("call's") from None
    except ValueError as caught:
        again = replayed(caught, readable=True)

    assert (again.args, again.__context__, again.__suppress_context__) == (
        ("call's",),
        None,
        True,
    )


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="exception groups are builtin from 3.11 on"
)
@FORMS
def test_groups_are_kept_with_their_members(extra):
    inner = ExceptionGroup("inner", (Refused(2, retry=extra),))  # noqa: F821

    again = replayed(
        ExceptionGroup("all", [ValueError(extra), inner]),  # noqa: F821
        readable=type(extra) in (int, tuple),
    )

    assert again.message == "all"
    assert again.exceptions[0].args == (extra,)
    assert again.exceptions[1].exceptions[0].retry == extra
    assert [type(one.args[1]) for one in (again, again.exceptions[1])] == [list, tuple]


def test_a_frozen_exception_is_kept_and_raised():
    error = Frozen(503)
    object.__setattr__(error, "__cause__", KeyError("inner"))

    again = replayed(error, readable=True)

    assert (again, again.args, type(again.__cause__)) == (Frozen(503), (503,), KeyError)
    with pytest.raises(Frozen, match="503"):
        raise again


def test_a_stop_iteration_with_an_array_is_kept():
    numpy = pytest.importorskip("numpy")
    error = StopIteration(numpy.array([1, 2]))
    error.value = numpy.array([3, 4])

    again = replayed(error)

    assert again.args[0].tolist() == [1, 2]
    assert again.value.tolist() == [3, 4]


def test_cycles_of_causes_end():
    one, two = ValueError(1), KeyError((2,))
    one.__cause__, two.__cause__ = two, one

    again = replayed(one)

    assert again.__cause__.args == ((2,),)
    assert again.__cause__.__cause__ is again
