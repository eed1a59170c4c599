"""Objects of classes are readable by their fields, and made again without code of the class."""

from __future__ import annotations

import abc
import argparse
import array
import copyreg
import enum
import functools
import re
import sys
import types
from collections import UserDict, namedtuple
from dataclasses import InitVar, dataclass, field
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

import pytest

from pytest_mimic import StaleRecordingError
from pytest_mimic._core.outcome.class_tags import tag_of
from pytest_mimic._core.outcome.faults import NotExactError
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.outcome.placed_paths import NOWHERE
from pytest_mimic._core.outcome.tag_writer import write
from pytest_mimic._core.vault import Vault
from unit.core.outcome.stored import NAME, changed_entry, copied, entry_of, load, recorded, tree_of
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


@dataclass(frozen=True, slots=True)
class MoreSlots(Slots):
    z: int = 3


@dataclass(kw_only=True)
class Keywords(User):
    age: int


class Undecorated(Frozen):
    pass


@attr.define
class Attrs:
    x: int
    _hidden: int = 2

    @functools.cached_property
    def twice(self):
        return self.x * 2


@attr.s(frozen=True)
class OldAttrs:
    x = attr.ib(converter=str, validator=attr.validators.instance_of(str))


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
        return (self.b, self.__own, hasattr(self, "c")) == (other.b, other.__own, hasattr(other, "c"))


class Mixed(PlainSlots):
    def __init__(self, x):
        super().__init__()
        self.x = x


class HasProperty:
    """Names in its `__dict__` that descriptors of the class hide."""

    def __init__(self):
        self.__dict__["x"] = 1

    @property
    def x(self):
        ran.append("property")
        return 2

    @x.setter
    def x(self, value):
        raise AssertionError

    def __eq__(self, other):
        return vars(self) == vars(other)


class Typed(Protocol):
    x: int


class Implements(Plain, Typed):
    pass


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


class Root(pydantic.RootModel[list[int]]):
    pass


@pydantic.dataclasses.dataclass
class PydanticData:
    x: int


class Refused(ValueError):
    __slots__ = ("slot",)

    def __init__(self, text, *, code):
        ran.append("init")
        super().__init__(text)
        self.code = code
        self.slot = code

    def __eq__(self, other):
        return (self.args, vars(self), self.slot) == (other.args, vars(other), other.slot)


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - an alias
    BLUE = ("b", 2)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Word(str, enum.Enum):
    YES = "yes"


def with_upper(thing):
    assert thing.upper
    return thing


def cyclic():
    thing = Plain(1)
    thing.x = [thing]
    return thing


EXACT = {
    "dataclass": lambda: User("Ann", [1]),
    "cached property": lambda: with_upper(User("Ann")),
    "frozen": lambda: Frozen((1,)),
    "slots": lambda: Slots({1}, b"a"),
    # A dataclass of Python 3.10 has the inherited slots twice.
    **({"more slots": lambda: MoreSlots(1, z=4)} if sys.version_info >= (3, 11) else {}),
    "inherited": lambda: Keywords(name="Ann", age=3),
    "undecorated": lambda: Undecorated(1),
    "attrs": lambda: Attrs(1),
    "old attrs": lambda: OldAttrs("1"),
    "plain": lambda: Plain((1,)),
    "empty": lambda: Loud.__new__(Loud),
    "loud": lambda: Loud(1),
    "plain slots": PlainSlots,
    "mixed": lambda: Mixed(1),
    "property": HasProperty,
    "protocol": lambda: Implements(1),
    "user dict": lambda: UserDict(a=1),
    "namespace": lambda: argparse.Namespace(a=(1,)),
    "named tuple": lambda: Pair((1,)),
    "collections.namedtuple": lambda: Triple(1, 2, 3),
    "model": lambda: Model(Name="Ann", inner=Model()),
    "model with cached property": lambda: with_upper(Model()),
    "open model": lambda: OpenModel(x=1, y=(2,)),
    "root model": lambda: Root([1, 2]),
    "pydantic dataclass": lambda: PydanticData(x=1),
    "constructed": lambda: Model.model_construct(name=("not", "valid")),
    "exception": lambda: [Refused("no", code=1)][0],
    "enum": lambda: Color.BLUE,
    "alias": lambda: Color.CRIMSON,
    "flag": lambda: Access.WRITE,
    "mixed enum": lambda: Word.YES,
    "keys": lambda: {Pair(1): {Color.RED}, Color.RED: Pair(2)},
}


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_objects_are_kept_by_their_fields(make):
    value = make()
    store = recorded(value)
    assert "tagged" in entry_of(store)
    ran.clear()

    again = load(store)

    assert ran == []
    assert type(again) is type(value)
    assert again == value


TREES = [
    (
        User("Ann", [1]),
        {f"${ME}:User": {"name": "Ann", "tags": [1], "number": 1}},
    ),
    (Slots(1, (2,)), {f"${ME}:Slots": {"x": 1, "y": {"$tuple": [2]}}}),
    (Attrs(1), {f"${ME}:Attrs": {"x": 1, "_hidden": 2}}),
    (with_upper(User("Ann")), {f"${ME}:User": {"name": "Ann", "tags": [], "number": 1}, "attributes": {"upper": "ANN"}}),
    (Plain(1), {f"${ME}:Plain": {"x": 1}}),
    (Pair(1), {f"${ME}:Pair": {"a": 1, "b": 2}}),
    (OpenModel(x=1, y=2), {f"${ME}:OpenModel": {"x": 1}, "extra": {"y": 2}}),
    (Model(), {f"${ME}:Model": {"name": "x", "inner": None}, "fields_set": [], "private": {"_private": []}}),
    (KeyError("a", 2), {"$builtins:KeyError": {"args": ["a", 2]}}),
    (Refused("a", code=2), {f"${ME}:Refused": {"args": ["a"], "attributes": {"code": 2}, "fields": {"slot": 2}}}),
    (Color.RED, {f"${ME}:Color": "RED"}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "tree"), TREES, ids=lambda part: type(part).__name__)
def test_the_text_names_the_class_and_its_fields(value, tree):
    entry = entry_of(recorded(value))

    assert entry["value"] == tree
    assert entry["imports"] == [next(iter(tree))[1:]]


@pytest.mark.parametrize("kind", ["field order", "cached property", "extra", "fields set", "private"])
def test_an_instance_is_kept_as_it_is(kind):
    user, model, open_model = User("Ann"), Model(Name="Ann"), OpenModel(x=1, z=1, y=2)
    vars(user)["extra"] = (1,)
    attrs = Attrs(1)
    assert (attrs.twice, model.upper) == (2, "ANN")
    model._private.append(1)

    def facts(user, model, open_model, attrs):
        return {
            "field order": list(vars(user)),
            "cached property": vars(model)["upper"],
            "extra": list(open_model.__pydantic_extra__.items()),
            "fields set": (model.model_fields_set, open_model.model_fields_set),
            "private": (model._private, open_model.__pydantic_private__),
        }[kind]

    before = facts(user, model, open_model, attrs)

    assert facts(*copied([user, model, open_model, attrs])) == before


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


class HasArguments:
    def __getnewargs__(self):
        return ()


class Single:
    """The one object of its class."""

    def __new__(cls):
        if "only" not in cls.__dict__:
            cls.only = super().__new__(cls)
        return cls.only


class Finalized:
    def __del__(self):
        pass


class Registered:
    pass


class Numbers(list):
    pass


class OwnNew(namedtuple("Base", "a b")):
    __slots__ = ()

    def __new__(cls, a):
        return super().__new__(cls, a, a)

    def __getnewargs__(self):
        return (self[0],)


class Fake(tuple):
    """It only looks like a named tuple."""

    __slots__ = ()
    _fields = ("a",)

    def __new__(cls, a):
        return super().__new__(cls, (a,))


class StateEnum(enum.Enum):
    ONE = 1

    def __reduce_ex__(self, protocol):
        return StateEnum, (1,)


class StateModel(pydantic.BaseModel):
    x: int = 1

    def __setstate__(self, state):
        super().__setstate__(state)


class Generated(pydantic.BaseModel, Generic[T]):
    x: T


IntModel = Generated[int]


@attr.frozen(cache_hash=True)
class Hashed:
    x: int


def unnamed():
    thing = Plain(1)
    vars(thing)["not a name"] = 1
    return thing


def incomplete():
    user = User("Ann")
    del user.tags
    return user


def disordered():
    user = User("Ann")
    name = vars(user).pop("name")
    vars(user).update(extra=1, name=name)
    return user


def with_attribute():
    triple = Triple(1, 2, 3)
    triple.extra = 1
    return triple


PICKLED = {
    "getstate": HasState,
    "reduce": HasReduce,
    "getnewargs": HasArguments,
    "new": Single,
    "list": lambda: Numbers([1]),
    "new of a named tuple": lambda: OwnNew(1),
    "reduce of an enum": lambda: StateEnum.ONE,
    "setstate of a model": StateModel,
    "generic model": lambda: IntModel(x=1),
    "kept hash": lambda: Hashed(1),
    "no name": unnamed,
    "local class": lambda: type("Local", (), {})(),
}


@pytest.mark.parametrize("make", PICKLED.values(), ids=PICKLED)
def test_objects_with_ways_of_their_own_stay_pickles(make):
    value = make()
    store = recorded(value)

    with pytest.raises(NotExactError):
        write(value, NOWHERE)
    assert "pickle" in entry_of(store)
    assert load(store) is not None


@pytest.mark.parametrize("make", [with_attribute, incomplete, disordered])
def test_objects_of_which_a_copy_by_fields_would_differ_stay_pickles(make):
    value = make()
    store = recorded(value)

    assert "pickle" in entry_of(store)
    assert vars(load(store)) == vars(value)
    assert list(vars(load(store))) == list(vars(value))


@pytest.mark.parametrize(
    "cls",
    [
        object,
        type,
        re.Match,
        array.array,
        Numbers,
        Single,
        Finalized,
        Hashed,
        Fake,
    ],
    ids=str,
)
def test_classes_without_a_tag(cls):
    assert tag_of(cls) is None


def test_a_raised_exception_is_the_same_as_the_one_in_its_values():
    inner = KeyError("k")
    error = Refused("no", code=[inner])
    error.__cause__ = inner
    store = MemoryStore()
    stored = Vault(store).stored(Outcome("raised", exception=error), 0.5)

    again = stored.load().exception

    assert again.code[0] is again.__cause__


def test_a_registered_reduction_is_used(monkeypatch):
    monkeypatch.setitem(copyreg.dispatch_table, Registered, lambda _: (Registered, ()))

    assert tree_of(Registered()) is None


def test_an_object_of_a_reloaded_class_is_no_object_of_the_new_one(monkeypatch):
    old = Plain(1)
    monkeypatch.setattr(sys.modules[__name__], "Plain", type("Plain", (), {"__module__": __name__}))

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
    "new": (Slots(1, 2), later(x=int, y=int, email=str), "has a new field 'email', which the recording lacks"),
    "both": (Slots(1, 2), later(a=int, b=int, y=int), "has no field 'x' any more, and has new fields 'a', 'b', which the recording lacks"),
    "all": (Slots(1, 2), later(decorate=attr.define), "has no fields 'x', 'y' any more"),
    "enum": (Slots(1, 2), enum.Enum("Slots", "x", module=ME, qualname="Slots"), "is another kind of class now"),
    "model": (Slots(1, 2), later((pydantic.BaseModel,), lambda cls: cls, x=int), "has no field 'y' any more"),
    "named tuple": (Slots(1, 2), namedtuple("Slots", "x z"), "has no field 'y' any more, and has a new field 'z', which"),
    "slots": (Slots(1, 2), type("Slots", (), {"__slots__": ("y",)}), "has no field 'x' any more"),
    "exception": (Slots(1, 2), type("Slots", (ValueError,), {}), "is another kind of class now"),
    "function": (Slots(1, 2), types.FunctionType((lambda: 1).__code__, {}, "Slots"), "is no class any more"),
    "state": (Slots(1, 2), type("Slots", (), {"__setstate__": print}), "cannot be made of its fields any more"),
    "no enum but data": (Color.RED, dataclass(type("Color", (), {})), "is another kind of class now"),
    "no enum but an error": (Color.RED, type("Color", (ValueError,), {}), "is another kind of class now"),
    "no model": (OpenModel(x=1, a=1), dataclass(type("OpenModel", (), {"__annotations__": {"x": int}})), "is another kind of class now"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "cls", "says"), STALE.values(), ids=STALE)
def test_a_class_with_other_fields_makes_a_recording_stale(monkeypatch, value, cls, says):
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
        ({"$zoneinfo": "Europe/Bernau"}, "there is no time zone 'Europe/Bernau' on this machine"),
    ],
    ids=str,
)
def test_a_name_that_leads_to_nothing_any_more_makes_a_recording_stale(node, says):
    [key] = node
    [outcome] = Vault(changed_entry(recorded((1,)), value=node, imports=[key[1:]])).read(NAME).outcomes

    assert outcome.is_outdated()
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
        ({"_y": SET}, {"_y": SET, "_z": SET}, "has a new field '_z', which the recording lacks"),
        ({"_y": SET}, {"_z": SET}, "has no field '_y' any more, and has a new field '_z', which"),
        ({"_y": SET}, {}, "has no field '_y' any more"),
        ({}, {"_z": SET}, "has a new field '_z'"),
        ({}, {"_z": UNSET}, "has a new field '_z'"),
        ({"_z": UNSET}, {"_z": pydantic.PrivateAttr(default_factory=int)}, "has a new field '_z'"),
    ],
    ids=str,
)
def test_a_model_with_other_private_attributes_makes_a_recording_stale(monkeypatch, before, after, says):
    monkeypatch.setattr(sys.modules[ME], "Private", private(**before), raising=False)
    store = changed(sys.modules[ME].Private(x=1), private(**after), monkeypatch)

    with pytest.raises(StaleRecordingError, match=f"{ME}:Private {says}"):
        load(store)


@pytest.mark.parametrize("attributes", [{}, {"_y": SET}, {"_y": UNSET}, {"_y": SET, "_z": UNSET}], ids=str)
def test_private_attributes_need_no_value(monkeypatch, attributes):
    monkeypatch.setattr(sys.modules[ME], "Private", private(**attributes), raising=False)

    value = sys.modules[ME].Private(x=1)

    assert copied(value).__pydantic_private__ == value.__pydantic_private__


def test_a_model_that_lost_a_private_attribute_is_a_pickle(monkeypatch):
    monkeypatch.setattr(sys.modules[ME], "Private", private(_y=SET), raising=False)
    value = sys.modules[ME].Private(x=1)
    del value._y

    assert tree_of(value) is None


@pytest.mark.parametrize("now", [dict, private, 1], ids=["class", "function", "number"])
def test_an_exception_that_is_none_any_more_makes_a_recording_stale(monkeypatch, now):
    store = recorded(Outcome("raised", exception=Refused("no", code=1)))
    monkeypatch.setattr(sys.modules[__name__], "Refused", now)

    with pytest.raises(
        StaleRecordingError, match=r"Refused (is no class|cannot be made of its fields) any more"
    ):
        Vault(store).read(NAME).outcomes[0].load()


def test_a_class_whose_hash_fails_makes_a_recording_stale(monkeypatch):
    """Members of a set are hashed while it is made."""
    store = recorded({Slots(1, 2)})
    monkeypatch.setattr(Slots, "__hash__", lambda self: hash(self.email))

    with pytest.raises(StaleRecordingError, match="AttributeError: 'Slots' object has no attribute 'email'"):
        load(store)


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


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (Perm.R | Perm.X, 5),
        (Perm.RW, "RW"),
        (Perm(0), 0),
        (Number.A | Number.B, 3),
        (Number(9), 9),
    ],
    ids=repr,
)
def test_combined_flags_are_a_number(value, part):
    assert list(tree_of(value).values()) == [part]
    assert copied(value) is value
