"""Classes and functions like those of users, in an importable module, for the tests of identity."""

from __future__ import annotations

import enum
import functools
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Other(Plain):
    pass


class Bare:
    pass


class Slotted:
    __slots__ = ("__hidden", "left", "right")

    def __init__(self, left, right=None, hidden=0):
        self.left = left
        self.__hidden = hidden
        if right is not None:
            self.right = right


class SlottedWithDict(Slotted):
    pass


class Flyweight:
    __slots__ = ()


class Constant:
    """One of the constants of this module, which pickle finds by name."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


ON, OFF = Constant("ON"), Constant("OFF")


@dataclass
class Point:
    x: int
    y: object = 0


@dataclass(frozen=True)
class FrozenPoint:
    x: int
    y: object = 0


@dataclass(frozen=True, slots=True)
class SlottedPoint:
    x: int
    tags: list = field(default_factory=list)


Pair = namedtuple("Pair", "left right")


class Named(NamedTuple):
    left: int
    right: int = 0


class WithCached(Plain):
    @functools.cached_property
    def costly(self):
        return object()


class WithState:
    """A class whose state differs from its attributes."""

    def __init__(self, seen, handle=None):
        self.seen = seen
        self.handle = handle

    def __getstate__(self):
        return {"seen": self.seen}


class WithReduce:
    def __init__(self, seen):
        self.seen = seen
        self.handle = object()

    def __reduce__(self):
        return WithReduce, (self.seen,)


class WithItems:
    """A class that reduces to all five parts."""

    def __init__(self, items=()):
        self.items = list(items)

    def __reduce__(self):
        return WithItems, (), None, iter(self.items), iter([("a", 1)])


class WithIdentity:
    def __init__(self, name, handle=None):
        self.name = name
        self.handle = handle

    def __mimic_identity__(self):
        return self.name


class InheritedIdentity(WithIdentity):
    pass


def own(name, base, **body):
    """Return a class of this module that adds nothing to a builtin one but a place for attributes."""
    return type(name, (base,), {"__module__": __name__, **body})


MyInt, MyFloat, MyBytes = (
    own("MyInt", int),
    own("MyFloat", float),
    own("MyBytes", bytes),
)
MyStr, MyTuple = own("MyStr", str, __slots__=()), own("MyTuple", tuple, __slots__=())
MyList, MyDict, MyOrdered = (
    own("MyList", list),
    own("MyDict", dict),
    own("MyOrdered", OrderedDict),
)
MySet, MyFrozenSet, MyDeque = (
    own("MySet", set),
    own("MyFrozenSet", frozenset),
    own("MyDeque", deque),
)


class MyError(ValueError):
    def __init__(self, code, *rest):
        super().__init__(code, *rest)
        self.code = code


class SlottedError(ValueError):
    __slots__ = ("more",)


def noted(error, note):
    error.__notes__ = [note]
    return error


def caused(error, cause):
    error.__cause__ = cause
    return error


def with_attribute(value, **attributes):
    value.__dict__.update(attributes)
    return value


def add(a, b=1, *, c=2):
    return a + b + c


def add_other(a, b=1, *, c=2):
    return a + b - c


def adder(n):
    def inner(x):
        return x + n

    return inner


def priced(rate):
    class Priced:
        def price(self):
            return rate

    return Priced


def labelled(text):
    class Labelled:
        label = text

    return Labelled


def derived(text):
    class Derived(labelled(text)):
        pass

    return Derived


def with_properties(rate):
    class WithProperties:
        @property
        def rate(self):
            return rate

    return WithProperties


def counted(step):
    class Counted(int):
        def next(self):
            return self + step

    return Counted


def pair_of(*names):
    return namedtuple("OfOneName", names)(1, 2)


def counter(start):
    def step(n):
        return step(n - 1) if n else start

    return step


def empty_cell():
    def inner():
        return later

    if False:
        later = 1
    return inner


@functools.lru_cache(maxsize=3)
def cached(x):
    return x


@functools.wraps(add)
def wrapping(*args, **kwargs):
    return add(*args, **kwargs) + 1


class Service:
    def __init__(self, name):
        self.name = name

    def call(self, x):
        return self.name, x

    @classmethod
    def make(cls):
        return cls("made")

    @staticmethod
    def help():
        return "help"

    @property
    def title(self):
        return self.name.title()


def times(factor):
    def decorate(function):
        @functools.wraps(function)
        def multiplied(*arguments):
            return function(*arguments) * factor

        return multiplied

    return decorate


def registered(factor):
    def decorate(function):
        multiplied = times(factor)(function)
        multiplied.registry = {}
        return multiplied

    return decorate


def with_decorated_method(factor):
    class Local:
        @times(factor)
        def get(self):
            return 1

    return Local()


def with_default(factor):
    class Local:
        def get(self, factor=factor):
            return factor

    return Local()


def with_data(factor):
    class Local:
        point = FrozenPoint(factor, 0)

    return Local()


def member_of_local_enum(factor):
    class Local(enum.Enum):
        FACTOR = (factor, 0)

    return Local.FACTOR


LOCAL_CLASSES = (
    with_decorated_method,
    with_default,
    with_data,
    member_of_local_enum,
)
