"""The outcomes of common libraries, and of a project's own classes: which list code, and which names."""

from __future__ import annotations

import datetime
import enum
import io
import random
from decimal import Decimal
from typing import NamedTuple

import attrs
import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pyarrow as pa
import pydantic
import pytest
import scipy.sparse

from pytest_mimic._core.outcome import pickles


@attrs.define
class Slotted:
    n: int = 1


@attrs.define(frozen=True, slots=False)
class Frozen:
    n: int = 1


class Model(pydantic.BaseModel):
    n: int = 1


class Row(NamedTuple):
    a: int


class Flags(enum.Flag):
    A = 1
    B = 2


class Keyed:
    def __init__(self, n: int) -> None:
        self.n = n

    def __hash__(self) -> int:
        return self.n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and other.n == self.n


class Restored:
    def __setstate__(self, state: object) -> None:
        self.state = state


class Rows(list):  # type: ignore[type-arg]
    pass


class Report(pd.DataFrame):
    pass


class Money(Decimal):
    pass


class Reduced:
    def __reduce__(self) -> object:
        return Reduced, (), {"n": 1}


class Called:
    def __init__(self, n: int) -> None:
        pass

    def __reduce__(self) -> object:
        return Called, (1,)


def opened(kind: str, **options: object) -> PIL.Image.Image:
    file = io.BytesIO()
    PIL.Image.new("L", (2, 2)).save(file, kind, **options)
    picture = PIL.Image.open(file)
    picture.load()
    return picture


MOMENTS = pd.date_range("2020", periods=3, tz="Europe/Oslo")
PICTURE = PIL.Image.new("P", (2, 2))
ME = __name__

PLAIN = {
    "numpy array": np.arange(3.0),
    "numpy objects": np.array([Keyed(1), "a"], object),
    "numpy records": np.zeros(2, "i4,f8"),
    "numpy moments": np.array(["2020"], "M8[D]"),
    "numpy records with attributes": np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    "numpy masked": np.ma.array([1, 2], mask=[0, 1]),
    "numpy scalar": np.float64(1),
    "pandas frame": pd.DataFrame({"n": [1], "text": ["x"], "at": pd.to_datetime(["2020"]), "kind": pd.Categorical(["u"])}),
    "pandas series": pd.Series([1.5, None], name="x"),
    "pandas objects": pd.Series([Keyed(1), None]),
    "pandas subclass": Report({"a": [1]}),
    "pandas moments": [MOMENTS, MOMENTS[0], pd.Timedelta(1), pd.Period("2020"), pd.NaT, pd.NA],
    "pandas indexes": [pd.MultiIndex.from_tuples([(1, "a")]), pd.interval_range(0, 2), pd.period_range("2020", periods=2)],
    "pandas arrays": [pd.array([1, None], dtype="Int64"), pd.array([True, None]), pd.arrays.SparseArray([0, 1])],
    "pandas offsets": [pd.offsets.BMonthEnd(), pd.offsets.Easter(), pd.date_range("2020", periods=2, freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-01"]))],
    "polars": [pl.DataFrame({"a": [1], "b": ["x"]}), pl.Series([1.5]), pl.Int64()],
    "pyarrow": [pa.table({"a": [1], "b": ["x"]}), pa.array([1]), pa.schema([("a", pa.int64())])],
    "pyarrow types": [pa.array(["a"]).dictionary_encode(), pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())), pa.array([b"ab"], pa.binary(2)), pa.scalar(1)],
    "scipy": [scipy.sparse.csr_matrix([[1]]), scipy.sparse.coo_array([[1]])],
    "PIL": [PIL.Image.new("RGB", (2, 2)), PICTURE],
    "PIL, from files": [opened("PNG"), opened("GIF"), opened("JPEG", dpi=(72, 72)), opened("TIFF", dpi=(72, 72))],
    "pydantic": [Model(), Model],
    "pydantic URLs": [pydantic.TypeAdapter(kind).validate_python(f"postgres://a.test/{kind.__name__}") for kind in (pydantic.AnyUrl, pydantic.PostgresDsn)],
    "attrs": [Slotted(), Frozen()],
    "own": [Row(1), Flags.A, Flags.A | Flags.B, Keyed(1), Restored(), Rows([1]), ValueError("x")],
    "own keys": {Keyed(1): {Keyed(2)}},
    "own reduce without arguments": Reduced(),
}  # fmt: skip

# With the reason: what a call does is not known.
CODE = {
    "own reduce with arguments": (Called(1), [f"{ME}:Called"]),
    "own class of numbers, called with a text": (Money("1.5"), [f"{ME}:Money"]),
    "a function of a library": ({"f": np.log}, ["numpy:log"]),
    "a bound method, fetched by its name": ("a".upper, ["builtins:getattr"]),
    "a plan of polars, which may hold functions": (pl.col("a"), ["polars.expr.expr:Expr"]),
    "a state method of the standard library": (random.SystemRandom, []),
    "a type hint, made by its class": (dict[str, int], []),
}  # fmt: skip


@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_outcomes_of_data_list_no_code(value):
    assert pickles.dump(value).code == []


@pytest.mark.parametrize(("value", "code"), CODE.values(), ids=CODE)
def test_outcomes_that_are_made_by_calls_list_these(value, code):
    assert pickles.dump(value).code == code


def test_a_moment_with_an_own_zone_lists_no_code():
    """It is kept, and none of its methods runs."""
    assert pickles.dump(datetime.datetime(2020, 1, 1, tzinfo=Zone())).code == []


class Zone(datetime.tzinfo):
    def utcoffset(self, _: object) -> datetime.timedelta:
        return datetime.timedelta(0)

    def __reduce__(self) -> object:
        return Zone, ()
