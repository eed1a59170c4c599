"""A recorded exception is raised again as it was: type, arguments, attributes, notes and cause; or it is refused."""

from __future__ import annotations

import dataclasses
import gc
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error

import pytest
from support.face import there_and_back

from pytest_mimic import UnstorableOutcomeError

#: A value that is JSON, one that needs a tag, and one whose class defines how it is pickled.
EXTRAS = pytest.mark.parametrize(
    "extra", [1, (1, 2), time.gmtime(0)], ids=["plain", "tagged", "pickled"]
)
FIELDS = "filename filename2 errno strerror start end reason name path lineno value doc".split()


def facts(error):
    """Return what a handler can see of an exception."""
    return (
        type(error),
        error.args,
        str(error),
        {
            name: part for name, part in vars(error).items() if name != "__notes__"
        }.keys(),
        {name: getattr(error, name, None) for name in FIELDS},
        getattr(error, "__notes__", None),
    )


def replayed(error):
    """Return the exception as a replay raises it, which must show the same."""
    again = there_and_back(error)
    assert facts(again) == facts(error)
    return again


def replayed_or_refused(error):
    """Return the same; None: it is refused."""
    try:
        again = there_and_back(error)
    except UnstorableOutcomeError:
        return None
    assert facts(again) == facts(error)
    return again


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


ERRORS = {
    "arguments": lambda: ValueError("a", 1),
    "stop": lambda: StopIteration(5),
    "file": lambda: raised(lambda: os.stat("/nowhere/x")),
    "json": lambda: raised(lambda: json.loads("{")),
    "decoding": lambda: raised(lambda: b"\xff".decode()),
    "import": lambda: raised(lambda: __import__("nowhere_at_all")),
    "syntax": lambda: raised(lambda: compile("x = = 1", "f.py", "exec")),
    "attribute": lambda: raised(lambda: [].nothing),
    "process": lambda: subprocess.CalledProcessError(3, ["ls"], b"out", "err"),
    "other arguments than attributes": lambda: Refused(503, retry=True),
    "no call of the base": lambda: Silent(1, "x"),
    "OSError": lambda: DiskError("/dev/full"),
    "blocking": lambda: BlockingIOError(11, "again", 5),
    "frozen": lambda: Frozen(503),
}


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_type_arguments_attributes_and_text_are_kept(make):
    again = replayed(make())

    assert again.__traceback__ is None


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
    """An exception whose argument cannot be pickled, and which replaces it."""

    def __reduce__(self):
        return type(self), ("gone",)


class Failed(Exception):
    """An exception with a result that has no copy, and what it says in its place."""

    def __init__(self, text, result):
        super().__init__(text)
        self._result = result

    @property
    def code(self):
        return self._result["code"] if isinstance(self._result, dict) else 23505

    def __reduce__(self):
        class_, arguments, attributes = super().__reduce__()
        attributes["_result"] = {"code": self.code}
        return class_, arguments, attributes


def with_later_field(error, name, value):
    setattr(error, name, value)
    return error


EITHER = {
    "fields of a base that were never set": lambda: Unread("/etc/passwd"),
    "own reduction": lambda: Listed([1, (2,)]),
    "items added one by one": lambda: collected(1, (2,)),
    "http": lambda: urllib.error.HTTPError("http://x", 404, "not found", {}, None),
    "number set later": lambda: with_later_field(OSError("disk"), "errno", 28),
    "characters set later": lambda: with_later_field(BlockingIOError(11, "busy"), "characters_written", 7),
    "message set later": lambda: with_later_field(ImportError("gone"), "msg", "moved"),
    "reason set later": lambda: with_later_field(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "reason", "worse"),
}  # fmt: skip


# A trial copy of an HTTPError is not closed.
@pytest.mark.filterwarnings("ignore:Implicitly cleaning up <HTTPError:ResourceWarning")
@pytest.mark.parametrize("make", EITHER.values(), ids=EITHER)
def test_an_odd_exception_is_kept_as_it_is_or_refused(make):
    error = make()

    again = replayed_or_refused(error)

    for one in (error, again):  # an HTTPError is an open file
        getattr(one, "close", bool)()


def test_a_reduction_by_the_class_never_comes_back_as_if_nothing_was_lost():
    try:
        again = there_and_back(Handle(threading.Lock()))
    except UnstorableOutcomeError:
        return
    assert again.args == ("gone",)


def test_attributes_are_kept_as_the_class_gives_them():
    """As psycopg does with what its library in C holds."""
    result = threading.Lock()
    error = Failed("duplicate key", result)

    again = there_and_back(error)

    assert (again.args, again.code) == (("duplicate key",), 23505)
    assert error._result is result


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
def test_exceptions_of_well_known_libraries_are_kept_or_refused(library):
    module = pytest.importorskip(library)
    error = raised(lambda: FAILING[library](module))

    try:
        again = there_and_back(error)
    except UnstorableOutcomeError:
        return

    assert type(again) is type(error)
    assert str(again) == str(error)


class Answer:
    def __init__(self, history):
        self.history = history
        self.lock = threading.Lock()


def test_answers_that_know_all_before_them_are_soon_left_out():
    """Each redirection of requests has all former ones: as a tree they are endless."""
    answers = []
    for _ in range(40):
        answers.append(Answer([*answers]))
    error = ValueError("too many redirects")
    error.answer, error.status = answers[-1], 302

    again = there_and_back(error)

    assert again.status == 302
    assert again.answer.lock is not error.answer.lock


def test_the_open_answer_of_an_error_is_none():
    """Nothing can be read from it, and not an empty text either."""
    one, other = socket.socketpair()
    with one, other, http.client.HTTPResponse(one) as answer:
        error = urllib.error.HTTPError("http://x", 404, "not found", {"a": "b"}, answer)

        again = there_and_back(error)
        error.close()

    assert (again.code, again.reason, again.headers) == (404, "not found", {"a": "b"})
    assert again.fp is None
    del again
    gc.collect()  # without a warning


@EXTRAS
def test_cause_and_notes_are_kept(extra):
    try:
        try:
            raise KeyError(extra)
        except KeyError as inner:
            error = Refused(1, retry=extra)
            error.__notes__ = ["first", "second"]
            raise error from inner
    except Refused as caught:
        again = replayed(caught)

    assert again.__notes__ == ["first", "second"]
    assert again.retry == extra
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
        again = replayed(caught)

    assert (again.__context__, again.__suppress_context__) == (None, True)


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="exception groups are builtin from 3.11 on"
)
@EXTRAS
def test_groups_are_kept_with_their_members(extra):
    inner = ExceptionGroup("inner", (Refused(2, retry=extra),))  # noqa: F821

    again = there_and_back(
        ExceptionGroup("all", [ValueError(extra), inner])  # noqa: F821
    )

    assert again.message == "all"
    assert again.exceptions[0].args == (extra,)
    assert again.exceptions[1].exceptions[0].retry == extra


def test_a_frozen_exception_is_raised():
    error = Frozen(503)
    object.__setattr__(error, "__cause__", KeyError("inner"))

    again = replayed(error)

    assert type(again.__cause__) is KeyError
    with pytest.raises(Frozen, match="503"):
        raise again


def test_cycles_of_causes_end():
    one, two = ValueError(1), KeyError((2,))
    one.__cause__, two.__cause__ = two, one

    try:
        again = there_and_back(one)
    except UnstorableOutcomeError:
        return

    assert again.__cause__.args == ((2,),)
    assert again.__cause__.__cause__ is again


def test_an_exception_in_its_own_attribute_is_its_cause():
    inner = KeyError("k")
    error = Refused("no", retry=[inner])
    error.__cause__ = inner

    again = there_and_back(error)

    assert again.retry[0] is again.__cause__
