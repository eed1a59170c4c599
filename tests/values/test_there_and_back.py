"""Outcomes as a replay gives them: each comes back as it was, or is refused; none comes back different."""

from __future__ import annotations

import abc
import argparse
import array
import collections
import datetime as dt
import enum
import fractions
import functools
import io
import ipaddress
import math
import random
import re
import types
import uuid
from collections import UserDict, namedtuple
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import ClassVar, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import pytest
from support.face import there_and_back

from pytest_mimic.values.outcome import copies_of
from values.sameness import comes_back_or_is_refused, shown

attr = pytest.importorskip("attr")
pydantic = pytest.importorskip("pydantic")
BERLIN = ZoneInfo("Europe/Berlin")
T = TypeVar("T")
ran = []

VALUES = {
    "lone surrogate": "\ud800",
    "key with a lone surrogate": {"\udfff": 1},
    "ellipsis": Ellipsis,
    "not implemented": NotImplemented,
    "signalling nan": Decimal("sNaN12"),
    "minus zero": [-0.0, complex(-0.0, -0.0)],
    "nan": [math.nan, complex(math.nan, math.inf)],
    "path": [Path("a/b"), PurePosixPath("/c"), PureWindowsPath("C:\\d")],
    "pattern": [re.compile("a+", re.IGNORECASE), re.compile(b"\xff")],
    "fraction": fractions.Fraction(2, 6),
    "complex": 2 - 3j,
    "range": range(1, 9, 2),
    "deque": collections.deque([1, (2,)], 3),
    "ordered": collections.OrderedDict(b=1, a=2),
    "counter": collections.Counter("aab"),
    "default": collections.defaultdict(list, a=[1]),
    "namespace": types.SimpleNamespace(a=(1,)),
    "keys like tags": {"$date": "2024-01-01", "$$a": {"$set": 1}, "$ref": 2},
    "many": list(range(20_000)),
    "long text": "x" * 70_000,
    "many tuples": [(number,) for number in range(10_001)],
    "many bytes": b"\xff" * (1 << 20),
    "uuid made safely": uuid.UUID(int=1, is_safe=uuid.SafeUUID.safe),
    "function": math.sqrt,
    "class": Path,
    "null": None,
    "bool": True,
    "int": 2**80,
    "int of many digits": -(7**20_000),
    "float": 0.1,
    "infinity": -math.inf,
    "text": 'with "quotes" and \n lines',
    "bytes of text": b"plain text",
    "bytes": bytes(range(256)) * 5,
    "bytearray": bytearray(b"\x00"),
    "decimal": Decimal("1.10"),
    "decimal nan": Decimal("NaN"),
    "date": dt.date(2026, 11, 2),
    "naive time": dt.time(1, 2, 3, 4),
    "time with an offset": dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "time in a zone": dt.time(1, 2, tzinfo=BERLIN),
    "naive datetime": dt.datetime(2026, 11, 2, 10, 0, 0, 1),
    "datetime in UTC": dt.datetime(2026, 11, 2, tzinfo=dt.timezone.utc),
    "datetime in a zone": dt.datetime(2026, 7, 2, tzinfo=BERLIN),
    "second hour of a clock put back": dt.datetime(
        2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN
    ),
    "interval": dt.timedelta(days=-1, seconds=3, microseconds=5),
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "tuple": (1, (2, "3")),
    "list": [1, [None, b"\xff"]],
    "set": {1, 2},
    "frozenset": frozenset({"a"}),
    "mapping": {"a": {"b": Decimal(1)}},
    "mapping like a tag": {"$bytes": "no bytes"},
    "mapping by numbers": {1: "a", (2, 3): "b"},
    "address": ipaddress.ip_address("10.0.0.1"),
    "network": ipaddress.ip_network("fe80::/64"),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values_of_builtins_and_of_the_standard_library_come_back(value):
    again = there_and_back(value)

    assert shown(again) == shown(value)


class Loud:
    """Every way to make or change an object is noticed."""

    def __init__(self, *args):
        ran.append("init")
        self.args = args

    def __setattr__(self, name, value):
        ran.append("set")
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        return vars(self) == vars(other)


@dataclass
class User:
    name: str
    tags: list = field(default_factory=list)
    kind: str = field(default="person", init=False)
    number: int = field(init=False)
    count: ClassVar[int] = 0
    start: InitVar[int] = 1

    def __post_init__(self, start):
        ran.append("post_init")
        self.number = start

    @functools.cached_property
    def upper(self):
        return self.name.upper()


@dataclass(frozen=True)
class Frozen(Generic[T]):
    x: T


@dataclass(frozen=True, slots=True)
class Slots:
    x: object
    y: object = ()


@attr.define
class Attrs:
    x: int
    _hidden: int = 2

    @functools.cached_property
    def twice(self):
        return self.x * 2


class Plain:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)


class PlainSlots(abc.ABC):  # noqa: B024 - only its metaclass matters
    __slots__ = ("_PlainSlots__own", "__weakref__", "b", "c")

    def __init__(self):
        self.b, self.__own = 1, (2,)

    def __eq__(self, other):
        return (self.b, self.__own, hasattr(self, "c")) == (
            other.b,
            other.__own,
            hasattr(other, "c"),
        )


class Slot:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


class SlotAgain(Slot):
    __slots__ = ("a",)  # that of the base stays empty


class Pair(NamedTuple):
    a: object
    b: int = 2


class Triple(namedtuple("Base", "a b c")):
    def total(self):
        return self.a + self.b + self.c


class Model(pydantic.BaseModel):
    name: str = pydantic.Field(alias="Name", default="x")
    inner: Model | None = None
    _private: list = pydantic.PrivateAttr(default_factory=list)

    @pydantic.field_validator("name")
    @classmethod
    def check(cls, value):
        ran.append("validator")
        return value

    def model_post_init(self, context, /):
        super().model_post_init(context)
        ran.append("model_post_init")

    @functools.cached_property
    def upper(self):
        return self.name.upper()


class OpenModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow", frozen=True)
    x: int


class TypedExtra(OpenModel):
    """As Mistral's models are: the class has a field where others have a slot."""

    __pydantic_extra__: dict[str, int] = pydantic.Field(init=False)


class Refused(ValueError):
    __slots__ = ("slot",)

    def __init__(self, text, *, code):
        ran.append("init")
        super().__init__(text)
        self.code = code
        self.slot = code

    def __eq__(self, other):
        return (self.args, vars(self), self.slot) == (
            other.args,
            vars(other),
            other.slot,
        )


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - an alias
    BLUE = ("b", 2)


class Perm(enum.Flag):
    R = 1
    W = 2
    X = 4
    RW = 3
    READ = 1

    def __str__(self):
        raise AssertionError("not called")


class Number(enum.IntFlag):
    A = 1
    B = 2


def with_upper(thing):
    assert thing.upper
    return thing


def cyclic():
    thing = Plain(1)
    thing.x = [thing]
    return thing


def noted():
    error = Refused("no", code=(1,))
    error.__notes__ = ["first"]
    error.__cause__ = KeyError("k")
    return error


class Generated(pydantic.BaseModel, Generic[T]):
    x: T


OBJECTS = {
    "dataclass": lambda: User("Ann", [1]),
    "frozen": lambda: Frozen((1,)),
    "slots": lambda: Slots(1, (2,)),
    "attrs": lambda: Attrs(1),
    "plain": lambda: Plain(1),
    "empty": lambda: Loud.__new__(Loud),
    "loud": lambda: Loud(1),
    "plain slots": PlainSlots,
    "user dict": lambda: UserDict(a=1),
    "namespace": lambda: argparse.Namespace(a=(1,)),
    "named tuple": lambda: Pair(1),
    "collections.namedtuple": lambda: Triple(1, 2, 3),
    "model": lambda: Model(Name="Ann", inner=Model()),
    "empty model": Model,
    "open model": lambda: OpenModel(x=1, y=2),
    "typed extra": lambda: TypedExtra(x=1, y=2),
    "no typed extra": lambda: TypedExtra(x=1),
    "constructed": lambda: Model.model_construct(name=("not", "valid")),
    "generic model": lambda: Generated[int](x=1),
    "exception": noted,
    "enum": lambda: Color.RED,
    "alias": lambda: Color.CRIMSON,
    "keys": lambda: {Pair(1): {Color.RED}, Color.BLUE: Pair(2)},
    "flag": lambda: Perm.W,
    "flags": lambda: Perm.R | Perm.X,
    "named flags": lambda: Perm.RW,
    "no flag": lambda: Perm(0),
    "numbers of flags": lambda: Number(9),
    "shared and cyclic": lambda: [shared := Plain(1), Pair(shared), cyclic()],
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_objects_come_back_without_code_of_their_classes(make):
    value = make()
    ran.clear()

    again = there_and_back(value)

    assert ran == []
    assert shown(again) == shown(value)


def test_a_slot_that_a_class_declares_again_comes_back():
    assert there_and_back(SlotAgain(1)).a == 1


def test_a_named_tuple_is_made_by_the_names_of_its_fields():
    """Its class may have them in another order than the recorded one."""
    recorded = {"$values.test_there_and_back:Pair": {"b": 2, "a": 1}}

    assert copies_of(recorded, {})() == Pair(1, 2)


def test_the_private_attributes_of_a_model_come_back():
    value = Model(Name="Ann")
    value._private.append(3)

    again = there_and_back(value)

    assert again._private == [3]
    assert again.model_fields_set == {"name"}


def double(x):
    return 2 * x


def test_code_by_value_comes_back_ready_to_run():
    class Local:
        def __init__(self, x):
            self.x = x

    increment, local, known = there_and_back([lambda x: x + 1, Local(5), double])

    assert (increment(1), local.x, known) == (2, 5, double)


@pytest.mark.parametrize("part", [[1], {"a": 1}, {1}, bytearray(b"a")], ids=repr)
def test_a_part_that_may_change_stays_one_at_two_places(part):
    again = there_and_back([part, {"inner": part}])

    assert again == [part, {"inner": part}]
    assert again[0] is again[1]["inner"]


@pytest.mark.parametrize("first", [[], ()], ids=["mutable", "immutable"])
def test_parts_shared_exponentially_do_not_explode(first):
    value = first
    for _ in range(60):
        value = type(first)([value, value])

    again = comes_back_or_is_refused(value, shown=lambda value: None)

    for _ in range(60 if again is not None else 0):
        assert again[0] is again[1] or first == ()
        again = again[0]


def test_two_copies_share_nothing():
    value = {"rows": [[1], [2]], "by": {1: bytearray(b"a")}}

    one, other = there_and_back(value), there_and_back(value)
    one["rows"][0].append(3)
    one["by"][1].append(4)

    assert other == value == {"rows": [[1], [2]], "by": {1: bytearray(b"a")}}


@pytest.mark.parametrize(
    "shares", [(0, 0, 1), (0, 1, 1), (0, 1, 0), (0, 1, 2)], ids=str
)
def test_a_mutable_part_at_two_places_comes_back_as_one(shares):
    parts = [["a"], ["a"], ["a"]]
    value = [parts[place] for place in shares]

    again = there_and_back({"long": ["text"] * 500, "parts": value})["parts"]

    found = [again.index(next(one for one in again if one is part)) for part in again]
    identities = [[one is other for other in again] for one in again]
    assert found == [0, 0, 0]
    assert identities == [[one is other for other in value] for one in value]


# What comes back equal, or is refused: never different.


def extending(base, name, **parts):
    """Return a class of this module that extends another one."""
    made = type(name, (base,), {"__module__": __name__, **parts})
    globals()[name] = made
    return made


def with_extra(value):
    object.__setattr__(value, "extra", ["kept"])
    return value


class SlotOfList(list):
    __slots__ = ("extra",)


class SlotOfNumber(Decimal):
    __slots__ = ("extra",)


class Dropping:
    """A class that decides what is kept, and leaves out a connection."""

    def __init__(self):
        self.connection = "open"

    def __getstate__(self):
        return {"extra": self.extra}


class Tagged:
    """One whose own reduction leaves out what its constructor has a default for."""

    def __init__(self, name, tag=None):
        self.name, self.tag = name, tag

    def __reduce__(self):
        return Tagged, (self.name,)


class Lazy:
    """One that remembers its hash."""

    def __init__(self, name):
        self.name, self._hash = name, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.name)
        return self._hash

    def __eq__(self, other):
        return self.name == other.name


class Early:
    """One whose constructor takes the hash, which is another one in each process."""

    def __init__(self, name):
        self.name, self._hash = name, hash(name.lower())

    def __hash__(self):
        return self._hash


class Settings(dict):
    """As a Box of python-box 7: an inner dict becomes one with the options of the outer."""

    def __new__(cls, *_, **__):
        made = super().__new__(cls)
        made.options = {"frozen": False}
        return made

    def __init__(self, items=(), **options):
        self.options = options
        for key, part in dict(items).items():
            self[key] = part

    def __setitem__(self, key, part):
        if isinstance(part, dict):
            part = type(self)(part, **self.options)
        super().__setitem__(key, part)


class Wrapping(collections.OrderedDict):
    def __setitem__(self, key, part):
        super().__setitem__(key, [part])


class Shouting(dict):
    """One that gives other items than those inside."""

    def items(self):
        return [(key, part.upper()) for key, part in super().items()]


class Latest(list):
    def __iter__(self):
        return iter(self[-1:])


class Evens(set):
    __slots__ = ("unit",)

    def __iter__(self):
        return (item for item in super().__iter__() if item % 2 == 0)


class Distribution:
    def __new__(cls, width=1):
        return super().__new__(Standard if width == 1 else cls)

    def __init__(self, width=1):
        self.width, self.steps = width, (1, 2)


class Standard(Distribution):
    pass


class HasState:
    def __init__(self):
        self.seen = 1

    def __getstate__(self):
        return {"x": 1}

    def __setstate__(self, state):
        pass


@attr.frozen(cache_hash=True)
class Hashed:
    x: int


def hashed(value):
    hash(value)
    return value


def unnamed():
    thing = Plain(1)
    vars(thing)["not a name"] = 1
    return thing


def dropping():
    return with_extra(Dropping())


EITHER = {
    **{
        f"attribute of {base.__name__}": (
            lambda base=base, arguments=arguments: with_extra(
                extending(base, f"My{base.__name__}")(*arguments)
            )
        )
        for base, arguments in {
            int: (3,), float: (1.5,), complex: (1j,), str: ("a",), bytes: (b"a",),
            tuple: ((1,),), list: ([1],), dict: ({"a": 1},), set: ({1},),
            frozenset: ([1],), bytearray: (b"a",), array.array: ("i", [1]),
            collections.OrderedDict: ({"a": 1},), collections.deque: ([1], 3),
            UserDict: ({"a": 1},), io.BytesIO: (b"a",), types.SimpleNamespace: (),
            functools.partial: (int, "1"), ValueError: ("a",), OSError: (2, "x", "f"),
            dt.datetime: (2024, 1, 1), dt.date: (2024, 1, 1), dt.time: (1,),
            dt.timedelta: (1,), Decimal: ("1.5",), fractions.Fraction: (1, 3),
            collections.Counter: ("aab",), collections.defaultdict: (list,),
            PurePosixPath: ("a",), ipaddress.IPv4Address: ("10.0.0.1",),
            random.Random: (1,), ZoneInfo: ("Europe/Oslo",),
        }.items()
    },
    "slot of a list": lambda: with_extra(SlotOfList([1])),
    "slot of a number": lambda: with_extra(SlotOfNumber("1")),
    "state that leaves out an attribute": dropping,
    "state that brings another": HasState,
    "reduction that leaves out an attribute": lambda: Tagged("a", "x"),
    "remembered hash": lambda: hashed(Lazy("a")),
    "key with a remembered hash": lambda: {hashed(Lazy("a")): 1},
    "hash of a constructor": lambda: [Early("A")],
    "key with the hash of a constructor": lambda: {Early("A"): 1},
    "hash kept by attrs": lambda: hashed(Hashed(1)),
    "inner dict": lambda: Settings({"b": {"a": {}}}, frozen=True),
    "own order of a dict": lambda: Wrapping(b=1, a=2),
    "items that look other": lambda: Shouting(b="x", a="y"),
    "list that shows its last": lambda: Latest([1, 2]),
    "set that shows some": lambda: with_unit(Evens([1, 2])),
    "class chosen by __new__": lambda: Distribution(2),
    "another class chosen by __new__": lambda: Distribution(1),
    "name that is none": unnamed,
    "cached property": lambda: with_upper(User("Ann")),
    "cached property of a model": lambda: with_upper(Model()),
    "what isocalendar gives": lambda: [dt.date(2024, 5, 1).isocalendar()],
    "time": lambda: __import__("time").gmtime(0),
    "mapping proxy": lambda: types.MappingProxyType({"a": 1}),
    "proxy of a default dict": lambda: types.MappingProxyType(
        collections.defaultdict(int, a=1)
    ),
    "chain": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "memoryview": lambda: memoryview(b"ab"),
    "bytes in memory": lambda: io.BytesIO(b"ab"),
    "text in memory": lambda: io.StringIO("ab"),
    "partial": lambda: functools.partial(double, 2),
    "module": lambda: math,
}  # fmt: skip


def with_unit(value):
    value.unit = "m"
    return value


@pytest.mark.parametrize("make", EITHER.values(), ids=EITHER)
@pytest.mark.parametrize(
    "wrap", [lambda it: it, lambda it: {"part": [it]}], ids=["alone", "inside"]
)
def test_what_a_class_changes_comes_back_as_it_was_or_is_refused(make, wrap):
    comes_back_or_is_refused(wrap(make()))


def test_the_author_of_a_class_chooses_what_an_object_comes_back_as():
    """A public attribute that is left out is a reason to refuse."""
    again = comes_back_or_is_refused(Place("Bath"), shown=lambda value: None)

    assert again in (None, "Bath")


class Place:
    """Comes back as its name: its author says so."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return str, (self.name,)


@pytest.mark.parametrize("name", ["name", "_name"])
def test_an_attribute_that_loading_adds_as_none_is_no_reason_to_refuse(name):
    """The arrays in frames of geopandas get `base` where they are loaded."""
    again = there_and_back(Gaining({name: "Bath"}))

    assert vars(again) == {name: "Bath", "base": None}


class Turning:
    def __init__(self):
        self.first, self.second = 1, 2

    def __setstate__(self, state):
        self.second, self.first = state["second"], state["first"]


def test_the_order_in_which_a_class_sets_attributes_is_no_reason_to_refuse():
    assert vars(there_and_back(Turning())) == {"first": 1, "second": 2}


class Gaining:
    def __init__(self, attributes):
        vars(self).update(attributes)

    def __getstate__(self):
        return [pair for pair in vars(self).items() if "base" not in pair]

    def __setstate__(self, state):
        vars(self).update(state, base=None)
