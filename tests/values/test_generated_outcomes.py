"""Generated values of all kinds: a copy has the same types, values, order and sharing, and is fresh each time."""

from __future__ import annotations

import datetime as dt
import enum
import math
import pathlib
import re
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.face import there_and_back

from values.sameness import shown


class Text(str):
    """A text of a class of its own."""


class Color(enum.Enum):
    RED = 1
    BLUE = ("b", 2)


class Access(enum.IntEnum):
    READ = 4


@dataclass
class Order:
    first: object
    second: object = None


class Slotted:
    __slots__ = ("first", "second")


class Plain:
    pass


class Pair(NamedTuple):
    first: object
    second: object


# Recipes: a kind and its parts, from which a value is built as often as a test needs
# it.


def scalars(*strategies):
    return st.one_of(*strategies).map(lambda value: ("scalar", value))


ZONES = [
    dt.timezone.utc,
    dt.timezone(dt.timedelta(hours=-3, seconds=7)),
    zoneinfo.ZoneInfo("Europe/Berlin"),
]
zones = st.none() | st.sampled_from(ZONES)
folds = st.integers(0, 1)
keys = st.sampled_from(
    ["$date", "$$other", "$", "$ref", "$anchor", "value", "$set", "$x:Y", "name"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
hashable_scalars = scalars(
    st.none() | st.booleans(),
    st.integers() | st.sampled_from([2**64, -(10**30), 10**4299]),
    st.floats(allow_nan=False)
    | st.sampled_from([-0.0, math.inf, -math.inf, math.nan, 5e-324]),
    st.complex_numbers(allow_nan=False)
    | st.sampled_from([complex(-0.0, -0.0), complex(math.nan, math.inf)]),
    keys | st.sampled_from(["\u2028", "a\0b", "\r\n", "2026-11-02"]),
    st.binary(max_size=8)
    | keys.map(str.encode)
    | st.sampled_from([b"a\nb\r\nc\x0bd\n", bytes(range(256)) * 5]),
    st.decimals()
    | st.sampled_from(
        list(map(Decimal, "-0 1.10 1E+5 -Infinity sNaN12 -NaN 0E-999999".split()))
    ),
    st.fractions(),
    st.dates(),
    st.builds(
        lambda at, fold: at.replace(fold=fold), st.datetimes(timezones=zones), folds
    ),
    st.builds(
        lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
        st.times(),
        zones,
        folds,
    ),
    st.timedeltas()
    | st.sampled_from(
        [-dt.timedelta(microseconds=1), dt.timedelta.max, dt.timedelta.min]
    ),
    st.sampled_from(ZONES),
    st.uuids() | st.just(uuid.UUID(int=0)),
    st.sampled_from([range(0), range(5, -3, -2), range(0, 2**70, 3)]),
    st.sampled_from(
        [re.compile("a+", re.I | re.X), re.compile(b"\xff\n"), re.compile("(?i)x")]
    ),
    st.sampled_from(
        [
            pathlib.PurePosixPath("a/../b"),
            pathlib.PureWindowsPath("C:/x"),
            pathlib.Path("/etc"),
        ]
    ),
    st.sampled_from([Color.RED, Color.BLUE, Access.READ]),
    st.just(frozenset()),
) | st.tuples(
    st.just("power"), st.sampled_from([5_000, 20_000])
)  # too long for a message of hypothesis
hashable = st.recursive(
    # A signalling NaN has no hash.
    hashable_scalars.filter(
        lambda one: not (type(one[1]) is Decimal and one[1].is_snan())
    ),
    lambda inner: st.tuples(
        st.sampled_from(["tuple", "frozenset"]), st.lists(inner, max_size=4)
    ),
    max_leaves=4,
)


def containers(inner):
    many = st.lists(inner, max_size=4)
    named = st.lists(
        st.tuples(keys.map(lambda key: ("scalar", key)), inner), max_size=4
    )
    mixed = st.lists(st.tuples(hashable, inner), max_size=4)
    return st.one_of(
        st.tuples(st.sampled_from(["list", "tuple", "deque", "short deque"]), many),
        st.tuples(st.sampled_from(["dict", "namespace", "moved"]), named),
        st.tuples(
            st.sampled_from(["dict", "moved", "defaultdict", "plain defaultdict"]),
            mixed,
        ),
        st.tuples(
            st.sampled_from(["order", "slotted", "plain", "pair"]),
            st.tuples(inner, inner),
        ),
        st.tuples(
            st.sampled_from(["set", "frozenset"]), st.lists(hashable, max_size=5)
        ),
        st.tuples(
            st.just("counter"),
            st.lists(st.tuples(hashable, scalars(st.integers(-3, 3))), max_size=4),
        ),
    )


again = st.tuples(st.just("again"), st.integers(0, 5))
recipes = st.recursive(
    hashable_scalars | scalars(st.binary(max_size=4).map(bytearray)) | again,
    containers,
    max_leaves=25,
)


def built(recipe, *, turned=False, made=None):
    """Return the value of a recipe.

    With `turned`, the members of its sets are put in in the reverse order.
    """
    made = [] if made is None else made
    kind, parts = recipe

    def of(part):
        return built(part, turned=turned, made=made)

    def started(value):
        made.append(value)
        return value

    if kind == "scalar":
        return started(bytearray(parts)) if type(parts) is bytearray else parts
    if kind == "power":
        return -(7**parts)
    if kind == "again":
        return made[parts % len(made)] if made else None
    if kind in ("set", "frozenset"):
        # Neither two NaNs, which a pickle keeps, nor 1 and True, of which a set keeps
        # the first.
        members = list(
            dict.fromkeys({repr(shown(one)): one for one in map(of, parts)}.values())
        )
        value = {"set": set, "frozenset": frozenset}[kind](
            reversed(members) if turned else members
        )
        return started(value) if kind == "set" else value
    if kind == "tuple":
        return tuple(map(of, parts))
    if kind == "list":
        value = started([])
        value.extend(map(of, parts))
        return value
    if kind == "pair":
        return Pair(*map(of, parts))
    if kind in ("order", "slotted", "plain"):
        cls = {"order": Order, "slotted": Slotted, "plain": Plain}[kind]
        value = started(cls.__new__(cls))
        value.first, value.second = map(of, parts)
        return value
    if kind in ("deque", "short deque"):
        value = started(deque(maxlen=2 if kind == "short deque" else None))
        value.extend(map(of, parts))
        return value
    if kind == "namespace":
        value = started(SimpleNamespace())
        value.__dict__.update((of(key), of(part)) for key, part in parts)
        return value
    empty = {
        "dict": dict,
        "counter": Counter,
        "moved": OrderedDict,
        "defaultdict": lambda: defaultdict(list),
        "plain defaultdict": defaultdict,
    }
    value = started(empty[kind]())
    for key, part in parts:
        value[of(key)] = of(part)
    if kind == "moved" and value:
        value.move_to_end(next(iter(value)))
    return value


generated = settings(suppress_health_check=list(HealthCheck))


@generated
@given(recipes, st.sampled_from([0, 3000]))
@example(
    (
        "list",
        [
            ("dict", [(("scalar", "$date"), ("again", 0))]),
            ("tuple", [("again", 1), ("again", 1)]),
        ],
    ),
    0,
)
def test_a_copy_is_equal_in_type_value_order_and_sharing(recipe, length):
    """Beside a short text, and beside a long one, which may be stored elsewhere."""
    value = [built(recipe), "x" * length]

    assert shown(there_and_back(value)) == shown(value)


@generated
@given(recipes, st.sampled_from(["\ud800", Text("a")]))
def test_a_part_that_no_json_has_changes_nothing_of_the_rest(recipe, odd):
    value = [built(recipe), odd]

    assert shown(there_and_back(value)) == shown(value)
