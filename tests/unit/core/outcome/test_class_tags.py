"""Objects of classes are readable by their fields, and made again without code of the class."""

from __future__ import annotations

import abc
import argparse
import enum
import functools
import sys
import types
from collections import UserDict, namedtuple
from dataclasses import InitVar, dataclass, field
from typing import ClassVar, Generic, NamedTuple, TypeVar

import pytest

from pytest_mimic import StaleRecordingError
from pytest_mimic._core.nodes.node_json import node_of, plain_of
from pytest_mimic._core.outcome.outcome import NotExactError, Raised
from pytest_mimic._core.outcome.placed_paths import NOWHERE
from pytest_mimic._core.outcome.readable_values import ValueWriter
from pytest_mimic._core.redact.redactor import NO_REDACTION
from pytest_mimic._core.tree import describing
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.vault import Vault
from unit.core.outcome.stored import (
    NAME,
    changed_entry,
    copied,
    entry_of,
    load,
    recorded,
    tree_of,
)
from unit.memory_store import MemoryStore

attr = pytest.importorskip("attr")
pydantic = pytest.importorskip("pydantic")
T = TypeVar("T")
ME = __name__
ran: list[str] = []


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


def node(name, fields, **beside):
    return {f"${ME}:{name}": fields, **beside}


#: How an object is made, and its text where that is worth to be seen.
EXACT = {
    "dataclass": (
        lambda: User("Ann", [1]),
        node("User", {"name": "Ann", "tags": [1], "number": 1}),
    ),
    "cached property": (
        lambda: with_upper(User("Ann")),
        node(
            "User",
            {"name": "Ann", "tags": [], "number": 1},
            attributes={"upper": "ANN"},
        ),
    ),
    "frozen": (lambda: Frozen((1,)), None),
    "slots": (lambda: Slots(1, (2,)), node("Slots", {"x": 1, "y": {"$tuple": [2]}})),
    "attrs": (lambda: Attrs(1), node("Attrs", {"x": 1, "_hidden": 2})),
    "plain": (lambda: Plain(1), node("Plain", {"x": 1})),
    "empty": (lambda: Loud.__new__(Loud), node("Loud", {})),
    "loud": (lambda: Loud(1), None),
    "plain slots": (PlainSlots, None),
    "user dict": (lambda: UserDict(a=1), {"$collections:UserDict": {"data": {"a": 1}}}),
    "namespace": (lambda: argparse.Namespace(a=(1,)), None),
    "named tuple": (lambda: Pair(1), node("Pair", {"a": 1, "b": 2})),
    "collections.namedtuple": (lambda: Triple(1, 2, 3), None),
    "model": (lambda: Model(Name="Ann", inner=Model()), None),
    "empty model": (
        Model,
        node(
            "Model",
            {"name": "x", "inner": None},
            private={"_private": []},
            fields_set=[],
        ),
    ),
    "model with cached property": (lambda: with_upper(Model()), None),
    "open model": (
        lambda: OpenModel(x=1, y=2),
        node("OpenModel", {"x": 1}, extra={"y": 2}),
    ),
    "constructed": (lambda: Model.model_construct(name=("not", "valid")), None),
    "exception": (
        lambda: [Refused("a", code=2)][0],
        node(
            "Refused", {"args": ["a"], "attributes": {"code": 2}, "fields": {"slot": 2}}
        ),
    ),
    "enum": (lambda: Color.RED, node("Color", "RED")),
    "alias": (lambda: Color.CRIMSON, node("Color", "RED")),
    "keys": (lambda: {Pair(1): {Color.RED}, Color.BLUE: Pair(2)}, None),
    # Combined flags are a number.
    "flag": (lambda: Perm.W, node("Perm", "W")),
    "flags": (lambda: Perm.R | Perm.X, node("Perm", 5)),
    "named flags": (lambda: Perm.RW, node("Perm", "RW")),
    "no flag": (lambda: Perm(0), node("Perm", 0)),
    "numbers of flags": (lambda: Number(9), node("Number", 9)),
}


@pytest.mark.parametrize(("make", "tree"), EXACT.values(), ids=EXACT)
def test_objects_are_kept_by_their_fields(make, tree):
    value = make()
    store = recorded(value)
    entry = entry_of(store)
    assert "tagged" in entry
    assert tree is None or (entry["value"], entry["imports"]) == (
        tree,
        [next(iter(tree))[1:]],
    )
    ran.clear()

    again = load(store)

    assert ran == []
    assert type(again) is type(value)
    assert again == value


def test_shared_and_cyclic_objects_are_kept():
    shared = Plain(1)
    thing = cyclic()

    one, other, again = load(recorded([shared, Pair(shared), thing]))

    assert one is other.a
    assert again.x[0] is again


def test_exceptions_in_values_keep_notes_and_causes():
    error = Refused("no", code=(1,))
    error.__notes__ = ["first"]
    error.__cause__ = KeyError("k")

    again = copied([error, FileNotFoundError(2, "gone", "a.txt")])

    assert (again[0].code, again[0].__notes__) == ((1,), ["first"])
    assert repr(again[0].__cause__) == "KeyError('k')"
    assert again[0].__suppress_context__
    assert again[1].filename == "a.txt"


# Pickles


class HasState:
    def __getstate__(self):
        return {"x": 1}

    def __setstate__(self, state):
        pass


class HasReduce:
    def __reduce__(self):
        return HasReduce, ()


class Numbers(list):
    pass


class Generated(pydantic.BaseModel, Generic[T]):
    x: T


MODELS: list[tuple[object, str]] = [
    (Model(Name="Ann"), "Model(name='Ann', inner=None, _private=[])"),
    (OpenModel(x=1, y=2), "OpenModel(x=1, y=2)"),
    (Generated[int](x=1), "Generated[int](x=1)"),
]


@pytest.mark.parametrize(("value", "words"), MODELS)
def test_a_model_is_drawn_in_the_same_words_in_an_outcome_and_a_description(
    value: object, words: str
) -> None:
    outcome = ValueWriter(NOWHERE).node(value)
    description = describing.tree_of(value, NO_REDACTION)

    assert line(node_of(plain_of(outcome))) == words
    assert line(node_of(plain_of(description))) == words


@attr.frozen(cache_hash=True)
class Hashed:
    x: int


def unnamed():
    thing = Plain(1)
    vars(thing)["not a name"] = 1
    return thing


PICKLED = {
    "getstate": HasState,
    "reduce": HasReduce,
    "list": lambda: Numbers([1]),
    "kept hash": lambda: Hashed(1),
    "no name": unnamed,
    "local class": lambda: type("Local", (), {})(),
}


@pytest.mark.parametrize("make", PICKLED.values(), ids=PICKLED)
def test_objects_with_ways_of_their_own_stay_pickles(make):
    value = make()
    store = recorded(value)

    with pytest.raises(NotExactError):
        ValueWriter(NOWHERE).node(value)
    assert "pickle" in entry_of(store)
    assert load(store) is not None


def test_a_raised_exception_is_the_same_as_the_one_in_its_values():
    inner = KeyError("k")
    error = Refused("no", code=[inner])
    error.__cause__ = inner
    store = MemoryStore()
    stored = Vault(store).writer.encoded(Raised(error), 0.5)

    again = stored.load().error

    assert again.code[0] is again.__cause__


def test_an_object_of_a_reloaded_class_is_no_object_of_the_new_one(monkeypatch):
    old = Plain(1)
    monkeypatch.setattr(
        sys.modules[__name__], "Plain", type("Plain", (), {"__module__": __name__})
    )

    assert tree_of(old) is None


# Stale recordings


def changed(value, cls, monkeypatch):
    """Record a value, and give its class's name to another class."""
    store = recorded(value)
    monkeypatch.setattr(sys.modules[__name__], cls.__qualname__, cls)
    return store


def later(bases=(), decorate=dataclass, **fields):
    body = {"__annotations__": fields, "__module__": __name__, "__qualname__": "Slots"}
    return decorate(type("Slots", bases, body))


#: The recorded value, what has the name of its class now, and what the error says.
STALE = {
    "gone": (Slots(1, 2), later(x=int), "has no field 'y' any more"),
    "new": (Slots(1, 2), later(x=int, y=int, email=str), "has a new field 'email'"),
    "enum": (Slots(1, 2), enum.Enum("Slots", "x", module=ME, qualname="Slots"), "is another kind of class now"),
    "model": (Slots(1, 2), later((pydantic.BaseModel,), lambda cls: cls, x=int), "has no field 'y' any more"),
    "named tuple": (Slots(1, 2), namedtuple("Slots", "x z"), "has no field 'y' any more, a new field 'z'"),
    "function": (Slots(1, 2), types.FunctionType((lambda: 1).__code__, {}, "Slots"), "is no class any more"),
    "state": (Slots(1, 2), type("Slots", (), {"__setstate__": print}), "cannot be made of its fields any more"),
    "abstract": (Slots(1, 2), abc.ABCMeta("Slots", (), {"f": abc.abstractmethod(lambda _: 1)}), "cannot be made of its fields"),
    "no enum but data": (Color.RED, dataclass(type("Color", (), {})), "is another kind of class now"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "cls", "says"), STALE.values(), ids=STALE)
def test_a_class_with_other_fields_makes_a_recording_stale(
    monkeypatch, value, cls, says
):
    name = type(value).__name__
    cls.__qualname__, cls.__module__ = name, ME
    store = changed(value, cls, monkeypatch)

    with pytest.raises(StaleRecordingError, match=f"{ME}:{name} {says}"):
        load(store)


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({f"${ME}:Color": "GREEN"}, "Color has no member 'GREEN' any more"),
        ({f"${ME}:Color": 3}, "Color has no member 3 any more"),
        ({f"${ME}:Slots": ["A", "B"]}, "Slots is another kind of class now"),
        ({f"${ME}:Gone": {"x": 1}}, f"{ME} has no class Gone any more"),
        (
            {"$zoneinfo": "Europe/Bernau"},
            "there is no time zone 'Europe/Bernau' on this machine",
        ),
    ],
    ids=str,
)
def test_a_name_that_leads_to_nothing_any_more_makes_a_recording_stale(node, says):
    [key] = node
    [outcome] = (
        Vault(changed_entry(recorded((1,)), value=node, imports=[key[1:]]))
        .read(NAME)
        .outcomes
    )

    assert outcome.is_outdated
    with pytest.raises(StaleRecordingError, match=says):
        outcome.load()


def private(**attributes):
    body = {
        "__module__": ME,
        "__qualname__": "Private",
        "__annotations__": dict.fromkeys(("x", *attributes), int),
    }
    return type("Private", (pydantic.BaseModel,), {**body, **attributes})


SET, UNSET = pydantic.PrivateAttr(3), pydantic.PrivateAttr()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"_y": SET}, {"_y": SET, "_z": SET}, "has a new field '_z'"),
        ({"_y": SET}, {}, "has no field '_y' any more"),
        ({}, {"_z": UNSET}, "has a new field '_z'"),
    ],
    ids=str,
)
def test_a_model_with_other_private_attributes_makes_a_recording_stale(
    monkeypatch, before, after, says
):
    monkeypatch.setattr(sys.modules[ME], "Private", private(**before), raising=False)
    store = changed(sys.modules[ME].Private(x=1), private(**after), monkeypatch)

    with pytest.raises(StaleRecordingError, match=f"{ME}:Private {says}"):
        load(store)


def test_a_class_whose_hash_fails_makes_a_recording_stale(monkeypatch):
    """Members of a set are hashed while it is made."""
    store = recorded({Slots(1, 2)})
    monkeypatch.setattr(Slots, "__hash__", lambda self: hash(self.email))

    with pytest.raises(
        StaleRecordingError,
        match="AttributeError: 'Slots' object has no attribute 'email'",
    ):
        load(store)


@pytest.mark.parametrize(
    "argument", [int, User, list[int], Generated[int]], ids=lambda kind: str(kind)[-20:]
)
def test_a_parametrised_model_is_readable_by_its_origin_and_arguments(argument):
    cls = Generated[argument]
    value = cls.model_construct(x=1)

    again = copied(value)

    assert (type(again), again.x) == (cls, 1)
    assert isinstance(again, cls)


def test_classes_with_arguments_are_readable():
    classes = [Generated[User], list[int], dict[str, Generated[int]]]

    assert copied(classes) == classes


class Key:
    def __init__(self, name):
        self.name, self._hash = name, None

    def __eq__(self, other):
        return isinstance(other, Key) and self.name == other.name

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.name)
        return self._hash


def test_a_remembered_hash_is_not_stored():
    key = Key("a")
    hash(key)

    store = recorded([key])

    assert tree_of([key]) == [{f"${ME}:Key": {"name": "a", "_hash": None}}]
    assert load(store)[0]._hash is None
