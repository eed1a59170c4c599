"""Objects of classes that extend a builtin's, the standard library's or a library's: nothing of them is lost in a copy."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import functools
import io
import ipaddress
import pathlib
import random
import types
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest

from pytest_mimic import UnstorableOutcomeError
from pytest_mimic._core.outcome.outcome import NotExactError
from pytest_mimic._core.outcome.pickling import reduced
from unit.core.outcome.stored import load
from unit.memory_store import recorded

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
requests = pytest.importorskip("requests")


def extending(base: type, **parts: Any) -> type:
    """Return a class of this module that extends another one."""
    name = f"My{base.__name__}{len(parts)}"
    globals()[name] = type(name, (base,), {"__module__": __name__, **parts})
    return globals()[name]


class Keeping(np.ndarray):
    def __reduce__(self):
        make, arguments, state = super().__reduce__()
        return make, arguments, (state, self.extra)

    def __setstate__(self, state):
        super().__setstate__(state[0])
        self.extra = state[1]


class Dropping:
    """A class of the project's, which decides what is kept of the objects of those that extend it."""

    def __init__(self):
        self.connection = object()

    def __getstate__(self):
        return {"extra": self.extra}


class Slots(list):
    __slots__ = ("extra",)


class Number(decimal.Decimal):
    __slots__ = ("extra",)


class Client(Dropping):
    pass


class Table(np.ndarray):
    def __array_finalize__(self, _):
        self.weights, self.missing = np.array([1, 2]), float("nan")


class Timed(requests.Session):
    def __init__(self):
        super().__init__()
        self.elapsed = 3


class Registered:
    """An object of a library, which a pickle finds by its name."""

    known: dict[str, Any] = {}

    def __init__(self, name):
        self.name, self.parts = name, [1]
        self.known[name] = self

    def __reduce__(self):
        return registered, (self.name,)


Registered.__module__ = "numpy.base"


def registered(name: str) -> Any:
    return Registered.known[name]


class WithParts(Registered):
    def __init__(self, name):
        super().__init__(name)
        self.parts = ["extra"]


KEPT = {
    "OrderedDict": (extending(collections.OrderedDict), {"a": 1}),
    "deque": (extending(collections.deque), [1], 3),
    "UserDict": (extending(collections.UserDict), {"a": 1}),
    "BytesIO": (extending(io.BytesIO), b"a"),
    "array": (extending(array.array), "i", [1]),
    "namespace": (extending(types.SimpleNamespace),),
    "partial": (extending(functools.partial), int, "1"),
    **{
        type(value).__name__: (extending(type(value)), value)
        for value in (
            3,
            1.5,
            1j,
            "a",
            b"a",
            (1,),
            [1],
            {"a": 1},
            {1},
            frozenset([1]),
            bytearray(b"a"),
        )
    },
    "error": (extending(ValueError), "a"),
    "OSError": (extending(OSError), 2, "x", "f"),
    "slot of a list": (Slots, [1]),
    "frame with metadata": (extending(pd.DataFrame, _metadata=["extra"]), {"a": [1]}),
    "array that reduces itself": (Keeping, 2),
    "own base": (Client,),
}
REFUSED = {
    "datetime": (extending(datetime.datetime), 2024, 1, 1),
    "date": (extending(datetime.date), 2024, 1, 1),
    "time": (extending(datetime.time), 1),
    "timedelta": (extending(datetime.timedelta), 1),
    "Decimal": (extending(decimal.Decimal), "1.5"),
    "Fraction": (extending(fractions.Fraction), 1, 3),
    "Counter": (extending(collections.Counter), "aab"),
    "defaultdict": (extending(collections.defaultdict), list),
    "Path": (extending(pathlib.PurePosixPath), "a"),
    "address": (extending(ipaddress.IPv4Address), "10.0.0.1"),
    "slot of a number": (Number, "1"),
    "ndarray": (extending(np.ndarray), 2),
    "array with a default": (extending(np.ndarray, extra=None), 2),
    "MaskedArray": (extending(np.ma.MaskedArray), [1, 2]),
    "float64": (extending(np.float64), 1.5),
    "RandomState": (extending(np.random.RandomState), 1),
    "Random": (extending(random.Random), 1),
    "DataFrame": (extending(pd.DataFrame), {"a": [1]}),
    "Series": (extending(pd.Series), [1]),
    "Session": (extending(requests.Session),),
    "by name": (extending(Registered), "field"),
}
# The reduction of a number begins with a dtype, which is equal to the class. A Session
# sets `elapsed`, of responses.
LOOKS_KEPT = {
    "number": (extending(np.float64, ok=True), 1.5),
    "Session": (Timed,),
    "by name": (WithParts, "field"),
}
# A class that adds nothing to the library's is stored, whatever the library makes anew
# or leaves out.
UNCHANGED = {
    "HTTPAdapter": (extending(requests.adapters.HTTPAdapter, ok=True),),
    "array with arrays": (Table, 2),
    "by name": (extending(Registered), "field"),
}
LOSES = "decides how it is pickled, and (leaves out .*(extra|elapsed|parts)|makes an? )"


def made(cls: type, *arguments: object, extra: bool = True) -> Any:
    """Make an object, with an attribute that its class does not know."""
    thing = cls(*arguments)
    if extra:
        object.__setattr__(thing, "extra", ["kept"])
    return thing


@pytest.mark.parametrize("parts", KEPT.values(), ids=KEPT)
def test_what_an_object_has_beside_its_value_is_replayed(parts: Any) -> None:
    copy = load(recorded(made(*parts)))

    assert type(copy) is parts[0]
    assert copy.extra == ["kept"]


@pytest.mark.parametrize("parts", REFUSED.values(), ids=REFUSED)
def test_what_a_class_would_lose_is_refused(parts: Any) -> None:
    """Its way to be pickled is a library's, which knows nothing of a class that extends its own."""
    with pytest.raises(UnstorableOutcomeError, match=LOSES):
        recorded(made(*parts))


@pytest.mark.parametrize("parts", LOOKS_KEPT.values(), ids=LOOKS_KEPT)
def test_what_looks_kept_and_would_be_lost_is_refused(parts: Any) -> None:
    with pytest.raises(UnstorableOutcomeError, match=LOSES):
        recorded(made(*parts, extra=False))


@pytest.mark.parametrize("parts", UNCHANGED.values(), ids=UNCHANGED)
def test_what_a_library_leaves_out_of_its_own_is_no_loss(parts: Any) -> None:
    assert type(load(recorded(made(*parts, extra=False)))) is parts[0]


class Distribution:
    def __new__(cls, width=1):
        return super().__new__(Standard if width == 1 else cls)

    def __init__(self, width=1):
        # An array, so that the outcome is a pickle.
        self.width, self.steps = width, np.arange(3)


class Standard(Distribution):
    pass


def test_what_its_class_would_make_another_class_of_is_refused() -> None:
    """Loading a pickle calls `__new__` without the arguments that chose the class."""
    assert type(load(recorded(Distribution(1)))) is Standard

    with pytest.raises(
        UnstorableOutcomeError, match="__new__ makes a Standard of its pickle"
    ):
        recorded([np.arange(3), Distribution(2)])


def test_a_class_made_for_each_object_is_no_other_class() -> None:
    """The sentinels of a mock cannot be stored, and the mock would be the same class."""
    with pytest.raises(UnstorableOutcomeError, match=r"result\._mock_return_value"):
        recorded(Mock(rates=np.arange(3)))


def test_a_state_that_an_object_shares_is_left_alone() -> None:
    """A library's `__setstate__` may take the state for its own, and change it."""

    class Base:
        def __getstate__(self):
            return self.__dict__

        def __setstate__(self, state):
            self.__dict__ = state
            self.lock = "made anew"

    Base.__module__ = "numpy.base"
    client = type("Client", (Base,), {})()
    client.lock = "held"

    with suppress(NotExactError):
        reduced(client)

    assert client.lock == "held"
