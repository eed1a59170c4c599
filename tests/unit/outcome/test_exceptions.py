"""A recorded exception is raised again as it was: type, arguments, attributes, notes, cause and context."""

from __future__ import annotations

import asyncio
import configparser
import dataclasses
import json
import os
import subprocess
import sys
import threading
import urllib.error

import pytest

from pytest_mimic._outcome import Outcome, exceptions
from pytest_mimic._outcome.raising import raise_again
from pytest_mimic._vault import MemoryStore, Recording, Vault

NAME = "calls/shop/f/00.json"


def replayed(error: BaseException, *, outer: BaseException | None = None, readable: bool | None = None):
    """The exception as the vault gives it back."""
    store = MemoryStore()
    vault = Vault(store)
    stored = vault.stored(Outcome.of_exception(error, outer=outer), 0.5)
    vault.write(NAME, Recording("shop:f", None, None, None, "2026-11-02", None, [stored]))
    again = Vault(store).read(NAME).outcomes[0]
    if readable is not None:
        assert ("pickle" not in again.entry) == readable
    assert again.kind == "raised"
    return again.load().exception


class Refused(Exception):
    """Its __init__ does not fit its args."""

    def __init__(self, code, *, retry):
        super().__init__(f"refused with {code}")
        self.code = code
        self.retry = retry


class Silent(Exception):
    """Never calls the base's __init__."""

    def __init__(self, code, detail):
        self.code = code


class Slotted(Exception):
    __slots__ = ("__reason", "status")

    def explain(self, reason):
        self.__reason = reason

    def reason(self):
        return self.__reason


class Reduced(Exception):
    """Leaves out, when it is pickled, what cannot be."""

    def __init__(self, pool, message):
        self.pool = pool
        super().__init__(f"{pool}: {message}")

    def __reduce__(self):
        return type(self), (None, None)


class Unread(UnicodeDecodeError):
    """Its argument is not those of its builtin base."""

    def __init__(self, path):
        self.path = path


class Listed(Exception):
    """Says how it is pickled; its argument is a list."""

    def __reduce__(self):
        return type(self), (list(self.args[0]),)


class Collected(Exception):
    """Says how it is pickled, with items that are added one by one."""

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
    """Its argument is no value."""

    def __reduce__(self):
        return type(self), ("gone",)


class Unique(Exception):
    """There is one, and pickle finds it by its name."""

    def __reduce__(self):
        return "ONE"


ONE = Unique("the one")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Lets nobody set its attributes, Python's own among them."""

    code: int


class DiskError(OSError):
    def __init__(self, path):
        super().__init__(28, "no space", path)


def raised(action):
    """What the action raises."""
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueError("a", 1),
        lambda: KeyError("missing"),
        lambda: StopIteration(5),
        lambda: ZeroDivisionError(),
        lambda: raised(lambda: os.stat("/nowhere/x")),
        lambda: raised(lambda: json.loads("{")),
        lambda: raised(lambda: b"\xff".decode()),
        lambda: raised(lambda: __import__("nowhere_at_all")),
        lambda: raised(lambda: compile("x = = 1", "f.py", "exec")),
        lambda: raised(lambda: [].nothing),
        lambda: raised(lambda: int("x")),
        lambda: subprocess.CalledProcessError(3, ["ls"], b"out", "err"),
        lambda: urllib.error.HTTPError("http://x", 404, "not found", {}, None),
        lambda: configparser.NoOptionError("option", "section"),
        lambda: Refused(503, retry=True),
        lambda: Silent(1, "x"),
        lambda: DiskError("/dev/full"),
        lambda: Unread("/etc/passwd"),
        lambda: Listed([1, (2,)]),
        lambda: collected(1, (2,)),
        lambda: BlockingIOError(11, "again", 5),
        lambda: asyncio.IncompleteReadError(b"ab", 4),
        lambda: asyncio.TimeoutError("slow"),
        lambda: ConnectionResetError(104, "reset"),
    ],
)
def test_type_arguments_attributes_and_text_come_back(make):
    """Whatever the class's own __init__ wants."""
    error = make()

    again = replayed(error)

    assert type(again) is type(error)
    assert again.args == error.args
    assert str(again) == str(error)
    assert vars(again).keys() == vars(error).keys()
    for field in (
        "filename",
        "errno",
        "strerror",
        "start",
        "reason",
        "name",
        "path",
        "lineno",
        "value",
        "doc",
    ):
        assert getattr(again, field, None) == getattr(error, field, None)
    assert again.__traceback__ is None


@pytest.mark.parametrize("library", ["httpx", "requests", "pydantic", "sqlalchemy", "aiohttp", "urllib3"])
def test_errors_of_well_known_libraries_come_back(library):
    """Their classes have all kinds of signatures."""
    pytest.importorskip(library)

    error = {
        "httpx": _httpx,
        "requests": _requests,
        "pydantic": _pydantic,
        "sqlalchemy": _sqlalchemy,
        "aiohttp": _aiohttp,
        "urllib3": _urllib3,
    }[library]()
    again = replayed(error)

    assert type(again) is type(error)
    assert str(again) == str(error)


def _httpx():
    import httpx

    request = httpx.Request("GET", "http://shop.com/rates")
    return raised(httpx.Response(503, request=request, json={"a": 1}).raise_for_status)


def _requests():
    import requests

    error = raised(lambda: requests.get("http://127.0.0.1:1/", timeout=1))
    assert error.__context__ is not None
    return error


def _pydantic():
    import pydantic

    class Model(pydantic.BaseModel):
        a: int

    return raised(lambda: Model(a="x"))


def _sqlalchemy():
    import sqlalchemy

    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        error = raised(lambda: connection.execute(sqlalchemy.text("nonsense")))
    engine.dispose()
    return error


def _aiohttp():
    import aiohttp

    return aiohttp.ServerDisconnectedError("gone")


def _urllib3():
    import urllib3

    pool = urllib3.PoolManager(retries=False)
    return raised(lambda: pool.request("GET", "http://127.0.0.1:1/"))


def test_a_plain_exception_is_readable():
    """Its class by name, its parts as JSON."""
    vault = Vault(MemoryStore())
    error = Refused(503, retry=True)
    if sys.version_info >= (3, 11):
        error.add_note("while paying")

    text = vault.stored(Outcome.of_exception(error), 0.1).encoded.text

    assert json.loads(text)["raised"] == {
        "type": f"{__name__}:Refused",
        "args": ["refused with 503"],
        "attributes": {"code": 503, "retry": True},
        **({"notes": ["while paying"]} if sys.version_info >= (3, 11) else {}),
    }


def test_an_exception_that_is_pickled_by_name_is_that_very_one():
    """In a value, as one that a function gives back to say that there was nothing."""
    stored = Vault(MemoryStore()).stored(Outcome.of_value([1, ONE]), 0.5)

    assert stored.load().value[1] is ONE


def test_what_is_no_exception_class_is_not_made_one():
    """The class of a recorded exception is a name, which may have come to mean something else."""
    for other in (os.system, int, None):
        with pytest.raises(TypeError, match="is not an exception class"):
            exceptions.make(other, ())


def test_what_a_class_says_of_its_pickling_holds():
    """Items that are added one by one; an argument that it leaves out as nothing could keep it."""
    assert replayed(collected(1, (2,))).items == [1, (2,)]
    assert replayed(Handle(threading.Lock())).args == ("gone",)


def test_an_exception_with_other_arguments_than_its_builtin_base_is_readable():
    """No class of its own decides that."""
    again = replayed(Unread("/etc/passwd"), readable=True)

    assert (again.path, again.args) == ("/etc/passwd", ("/etc/passwd",))


def test_slots_come_back():
    """They stand in no __dict__."""
    error = Slotted("x")
    error.status = 503
    error.explain("busy")

    assert (replayed(error).status, replayed(error).reason()) == (503, "busy")


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (OSError("disk"), "errno", 28),
        (BlockingIOError(11, "busy"), "characters_written", 7),
        (ImportError("gone"), "msg", "moved"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "reason", "worse"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_was_set_after_an_exception_was_made_comes_back(error, name, value):
    """Though neither its arguments nor its __dict__ tell it."""
    setattr(error, name, value)

    again = replayed(error)

    assert getattr(again, name) == value
    assert str(again) == str(error)
    assert again.args == error.args


@pytest.mark.parametrize("extra", [1, (1, 2)], ids=["readable", "pickled"])
def test_cause_context_and_notes_come_back(extra):
    """And whether the context is shown."""
    try:
        try:
            raise KeyError(extra)
        except KeyError as inner:
            error = Refused(1, retry=extra)
            error.__notes__ = ["first", "second"]
            raise error from inner
    except Refused as caught:
        again = replayed(caught, readable=extra == 1)

    assert again.__notes__ == ["first", "second"]
    assert (type(again.__cause__), again.__cause__.args) == (KeyError, (extra,))
    assert again.__context__ is again.__cause__
    assert again.__suppress_context__


@pytest.mark.parametrize("extra", [1, (1, 2)], ids=["readable", "pickled"])
def test_a_context_without_a_cause_comes_back_as_context(extra):
    """`raise ... from None` hides it, and still has it."""
    try:
        try:
            raise KeyError(extra)
        except KeyError:
            raise ValueError(extra) from None
    except ValueError as caught:
        again = replayed(caught)

    assert again.__cause__ is None
    assert (type(again.__context__), again.__suppress_context__) == (KeyError, True)


def test_what_the_caller_was_handling_is_no_part_of_it():
    """And is there again afterwards, for the recording run's own traceback."""
    outer = RuntimeError("the caller's own")
    try:
        try:
            raise outer
        except RuntimeError:
            try:
                {}["inner"]
            except KeyError:
                raise ValueError("call's") from None
    except ValueError as caught:
        error = caught

    again = replayed(error, outer=outer)

    assert type(again.__context__) is KeyError
    assert again.__context__.__context__ is None
    assert error.__context__.__context__ is outer
    assert error.__suppress_context__


def test_a_context_that_cannot_be_stored_is_left_out():
    """It is no part of the outcome; a cause is."""
    generator = (x for x in ())
    try:
        try:
            raise KeyError(generator)
        except KeyError:
            raise ValueError("call's")  # noqa: B904
    except ValueError as caught:
        error = caught

    again = replayed(error)

    assert (again.args, again.__context__) == (("call's",), None)
    assert error.__context__.args == (generator,)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups are builtin from 3.11 on")
@pytest.mark.parametrize("extra", [1, (1, 2)], ids=["readable", "pickled"])
def test_groups_come_back_with_their_members(extra):
    """Nested ones too."""
    group = ExceptionGroup("all", [ValueError(extra), ExceptionGroup("inner", [Refused(2, retry=extra)])])  # noqa: F821

    again = replayed(group, readable=extra == 1)

    assert again.message == "all"
    assert again.exceptions[0].args == (extra,)
    assert again.exceptions[1].exceptions[0].retry == extra


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups are builtin from 3.11 on")
@pytest.mark.parametrize("members", [[ValueError(1)], (ValueError(1),)], ids=["list", "tuple"])
def test_a_group_keeps_the_sequence_that_its_members_were_given_in(members):
    """It stands in its arguments, and verifying compares these."""
    again = replayed(ExceptionGroup("all", members), readable=type(members) is list)  # noqa: F821

    assert type(again.args[1]) is type(members)
    assert again.exceptions[0].args == (1,)


def test_an_exception_that_is_frozen_comes_back():
    """With its attributes, and the cause and context that the class would let nobody set."""
    outer = RuntimeError("the caller's own")
    try:
        try:
            raise outer
        except RuntimeError:
            try:
                {}["inner"]
            except KeyError as cause:
                raise Frozen(503) from cause
    except Frozen as caught:
        error = caught

    again = replayed(error, outer=outer, readable=True)

    assert again == Frozen(503)
    assert again.args == (503,)
    assert type(again.__cause__) is KeyError
    assert again.__cause__.__context__ is None
    assert error.__cause__.__context__ is outer


def test_a_frozen_exception_is_raised_again_with_what_it_had_handled():
    """Behind it comes what the caller of the replay is handling."""
    error, handled = Frozen(503), RuntimeError("the caller's own")
    recorded = Frozen(500)
    object.__setattr__(error, "__context__", recorded)

    try:
        raise handled
    except RuntimeError:
        with pytest.raises(Frozen, match="503") as caught:
            raise_again(error)

    assert caught.value.__context__ is recorded
    assert recorded.__context__ is handled


def test_a_stop_iteration_with_an_array_comes_back():
    """Arrays have no truth value, whether they are equal or not."""
    numpy = pytest.importorskip("numpy")
    error = StopIteration(numpy.array([1, 2]))
    error.value = numpy.array([3, 4])

    again = replayed(error)

    assert again.args[0].tolist() == [1, 2]
    assert again.value.tolist() == [3, 4]


def test_cycles_of_contexts_end():
    """They can be made by hand."""
    one, two = ValueError(1), KeyError((2,))
    one.__context__, two.__context__ = two, one

    again = replayed(one)

    assert again.__context__.args == ((2,),)
    assert replayed(ValueError(1)).__context__ is None


def test_a_local_class_is_stored_by_value():
    """Its name leads nowhere."""

    class Local(Exception):
        def __init__(self, a, b):
            super().__init__(a)
            self.b = b

    again = replayed(Local(1, 2), readable=False)

    assert (type(again).__name__, again.args, again.b) == ("Local", (1,), 2)


def test_exceptions_inside_values_come_back_with_their_causes():
    """As from `gather(return_exceptions=True)`."""
    error = Refused(1, retry=False)
    error.__cause__ = DiskError("/x")
    vault = Vault(MemoryStore())

    value = vault.stored(Outcome.of_value([error, error]), 0.1).load().value

    assert value[0] is value[1]
    assert (value[0].code, value[0].__cause__.filename) == (1, "/x")


def test_a_class_that_reduces_itself_does_so_where_its_parts_cannot_be_kept():
    """As urllib3's, which hold a pool."""
    error = Reduced((x for x in ()), "full")

    again = replayed(error)

    assert type(again) is Reduced
    assert (again.pool, str(again)) == (None, str(error))
    assert replayed(Reduced("pool", "full")).args == ("pool: full",)


def test_a_stream_ends_with_its_exception():
    """Items first."""
    vault = Vault(MemoryStore())
    for item in (1, (1,)):
        stored = vault.stored(Outcome.of_stream([item], Outcome.of_exception(Refused(1, retry=True))), 0.1)

        loaded = stored.load()

        assert loaded.items == [item]
        assert (loaded.end.kind, loaded.end.exception.code) == ("raised", 1)
