"""What a pickle imports and calls is read from its opcodes, and compared with the lists of its recording."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pickle
import random
import subprocess
import zoneinfo
from array import array
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pydantic
import pytest
from support.forged import body as outcome
from support.forged import call, load, named, plain, recorded, with_state

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.outcome.pickling import dump
from pytest_mimic._core.outcome.scan import called_code, scan, unlisted

ME = __name__


@dataclass
class User:
    name: str


class Color(enum.Enum):
    RED = 1


class Model(pydantic.BaseModel):
    n: int = 1


class Meta(type):
    pass


class Calling:
    def __reduce__(self):
        return made, ("x",)


def made(_name: str) -> Calling:
    return Calling()


DATA = {
    "objects": [User("Ann"), Model(), Color.RED, KeyError("k")],
    "standard library": [
        decimal.Decimal(1),
        dt.datetime(2026, 11, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
        array("d", [1.0]),
    ],
    "containers": [
        Counter("ab"),
        defaultdict(list),
        deque([1]),
        partial(int, "1"),
        random.Random(1),
    ],
    "arrays": [
        np.zeros((2, 2)),
        np.array(["a"], object),
        np.ma.array([1], mask=[1]),
        np.rec.array([(1, "a")], names="n,s"),
        np.random.default_rng(1),
    ],
    "frame": pd.DataFrame(
        {
            "a": [1],
            "b": ["x"],
            "c": pd.Categorical(["q"]),
            "d": pd.to_datetime(["2026"]),
        }
    ),
    "index": [
        pd.period_range("2026", periods=1),
        pd.interval_range(0, 1),
        pd.MultiIndex.from_tuples([(1, 2)]),
    ],
    "table": pa.table({"a": [1], "s": ["x"], "t": pa.array([[1]])}),
}


@pytest.mark.parametrize("value", DATA.values(), ids=DATA)
def test_outcomes_of_data_list_no_code(value):
    assert dump([value, slice(1)]).code == []


CODE = {
    f"{ME}:made": Calling(),
    "builtins:getattr": [1].append,
    "builtins:len": len,
    f"{ME}:made ": [made, slice(1)],
}


@pytest.mark.parametrize(("name", "value"), CODE.items(), ids=CODE)
def test_what_is_called_and_functions_are_code(name, value):
    assert dump(value).code == [name.strip()]


@pytest.mark.parametrize(
    "name", ["os:system", "builtins:eval", "builtins:getattr", "subprocess:run"]
)
def test_a_function_that_is_listed_as_data_is_refused(name):
    stream = outcome(call(name, "1"))

    with pytest.raises(
        CorruptRecordingError,
        match=f"it imports {name}, which its recording does not list\\)",
    ):
        load(recorded(stream, []))
    with pytest.raises(
        CorruptRecordingError, match="which its recording does not list as code"
    ):
        load(recorded(stream, [name]))


def test_a_class_that_is_called_is_code_for_the_scan():
    scanned = scan(outcome(call("subprocess:Popen", ["true"])), count=1)

    assert scanned.names == called_code(scanned) == {"subprocess:Popen"}
    assert unlisted(scanned, ["subprocess:Popen"], []).endswith("does not list as code")
    assert unlisted(scanned, [], ["subprocess:Popen"]) == ""
    assert subprocess.Popen


POPEN = named("subprocess:Popen")
CALLED_BY_BUILDERS = [
    call(
        "builtins:list",
        call("builtins:iter", call("functools:partial", POPEN, ["true"]), None),
    ),
    call("copyreg:_reconstructor", POPEN, POPEN, ["true"]),
    call("numpy.random._pickle:__generator_ctor", ["true"], POPEN),
    call(
        "json.decoder:JSONDecodeError",
        "m",
        with_state(call("types:SimpleNamespace"), {"count": POPEN}),
        1,
    ),
    call("builtins:list", named("builtins:map") + plain((POPEN, [1])) + pickle.NEWOBJ),
    call("collections:defaultdict", POPEN),
    plain([POPEN + pickle.MEMOIZE + pickle.POP + b"h\x00"]),
]


@pytest.mark.parametrize(
    "thing", CALLED_BY_BUILDERS, ids=range(len(CALLED_BY_BUILDERS))
)
def test_a_class_that_another_may_call_is_code(thing):
    """As a value, or given to a builder that does not make it bare."""
    assert "subprocess:Popen" in called_code(scan(outcome(thing), count=1))


def test_metaclasses_are_code():
    """Each class that one makes may run anything."""
    stream = outcome(named(f"{ME}:Meta") + plain(("X", (), {})) + pickle.NEWOBJ)

    with pytest.raises(CorruptRecordingError, match="does not list as code"):
        load(recorded(stream, [f"{ME}:Meta"]))


def test_a_state_is_data():
    bare = named(f"{ME}:User") + plain(()) + pickle.NEWOBJ

    scanned = scan(outcome(with_state(bare, {"name": "Ann"})), count=1)

    assert called_code(scanned) == set()
    assert load(
        recorded(outcome(with_state(bare, {"name": "Ann"})), [f"{ME}:User"])
    ) == User("Ann")


@pytest.mark.parametrize(
    "stream",
    [
        pickle.PROTO
        + b"\x05"
        + plain("os")
        + pickle.BINPUT
        + b"\0"
        + b"N"
        + pickle.STACK_GLOBAL
        + b".",
        pickle.EXT1 + b"\x07.",
        call("functools:partial", 1) + plain(()) + pickle.REDUCE + b".",
        b"R.",
        with_state(POPEN, (None, {"__init__": 1})) + b".",
    ],
    ids=[
        "a name that is made",
        "a number of copyreg's",
        "a call of what a builder made",
        "an empty stack",
        "a state for a class",
    ],
)
def test_a_pickle_whose_imports_are_not_to_be_read_is_refused(stream):
    with pytest.raises((ValueError, LookupError)):
        scan(stream, count=1)
