"""Values of all kinds that hypothesis makes."""

from __future__ import annotations

import datetime as dt
import enum
import math
import pathlib
import re
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from types import SimpleNamespace

from hypothesis import strategies as st

from values.things import Color, Pair, Plain, Point, Slotted

ZONES = [
    dt.timezone.utc,
    dt.timezone(dt.timedelta(hours=-3, seconds=7)),
    zoneinfo.ZoneInfo("Europe/Berlin"),
]


class Access(enum.IntEnum):
    READ = 4


def moved(pairs):
    """Return an ordered mapping whose first key was moved to the end."""
    made = OrderedDict(pairs)
    if made:
        made.move_to_end(next(iter(made)))
    return made


def in_zone(moment, zone, fold):
    return moment.replace(tzinfo=zone, fold=fold)


names = st.sampled_from(
    ["$date", "$$other", "$", "$ref", "$anchor", "value", "$set", "$x:Y", "name"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
numbers = st.one_of(
    st.integers() | st.sampled_from([2**64, -(10**30)]),
    st.floats(allow_nan=False) | st.sampled_from([-0.0, 5e-324]),
    st.complex_numbers(allow_nan=False) | st.just(complex(-0.0, -0.0)),
    st.decimals(allow_nan=False) | st.sampled_from([Decimal("-0"), Decimal("1E+5")]),
    st.fractions(),
)
texts = st.one_of(
    names,
    st.sampled_from(["\u2028", "a\0b", "\r\n", "2026-11-02"]),
    st.binary(max_size=8),
    st.just(b"a\nb\r\nc\x0bd\n"),
)
zones = st.none() | st.sampled_from(ZONES)
folds = st.integers(0, 1)
times = st.one_of(
    st.dates(),
    st.builds(in_zone, st.datetimes(), zones, folds),
    st.builds(in_zone, st.times(), zones, folds),
    st.timedeltas() | st.sampled_from([dt.timedelta.max, dt.timedelta.min]),
    st.sampled_from(ZONES),
)
others = st.sampled_from(
    [
        uuid.UUID(int=0),
        range(5, -3, -2),
        re.compile("a+", re.I | re.X),
        re.compile(b"\xff\n"),
        pathlib.PurePosixPath("a/../b"),
        pathlib.PureWindowsPath("C:/x"),
        Color.RED,
        Access.READ,
    ]
)
hashable = st.recursive(
    st.none() | st.booleans() | numbers | texts | times | others,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4),
    max_leaves=5,
)
# They are equal to nothing, or have no hash.
odd_numbers = st.sampled_from(
    [math.nan, complex(math.nan, math.inf), Decimal("sNaN12"), Decimal("-NaN")]
)


def containers(inner):
    named = st.dictionaries(names, inner, max_size=5)
    pairs = st.lists(st.tuples(hashable, inner), max_size=4)
    counts = st.dictionaries(hashable, st.integers(-3, 3), max_size=4)
    rows = st.fixed_dictionaries({"a": inner, "b": inner}, optional={"c": inner})
    return st.one_of(
        st.lists(inner, max_size=12),
        st.lists(rows, max_size=12),
        st.tuples(inner, inner),
        st.builds(deque, st.lists(inner, max_size=4), st.sampled_from([None, 2])),
        named,
        st.dictionaries(hashable, inner, max_size=5),
        st.builds(moved, pairs),
        st.builds(defaultdict, st.sampled_from([None, list]), pairs),
        st.builds(Counter, counts),
        st.builds(lambda parts: SimpleNamespace(**parts), named),
        st.builds(Pair, inner, inner),
        st.builds(Point, inner, inner),
        st.builds(Slotted, inner, inner),
        st.builds(lambda a, b: Plain(a=a, b=b), inner, inner),
        st.sets(hashable, max_size=5),
    )


values = st.recursive(
    hashable | odd_numbers | st.binary(max_size=4).map(bytearray),
    containers,
    max_leaves=25,
)
