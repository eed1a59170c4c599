"""A recording from a stranger: its tags import only listed classes, and run no code of any."""

from __future__ import annotations

import abc
import enum
import json
from dataclasses import dataclass

import pytest

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from unit.core.outcome.tagged.stored import NAME, changed_entry, load, recorded

ME = __name__
ran: list[str] = []


class Meta(abc.ABCMeta):
    def __call__(cls, *args):
        ran.append("metaclass call")

    def __getattr__(cls, name):
        ran.append(f"metaclass {name}")
        raise AttributeError(name)

    def __instancecheck__(cls, instance):
        ran.append("instancecheck")
        return True

    def __subclasscheck__(cls, subclass):
        ran.append("subclasscheck")
        return True


class Acting:
    """A data descriptor."""

    def __set_name__(self, owner, name):
        ran.append("set name")

    def __get__(self, instance, owner=None):
        ran.append("descriptor get")

    def __set__(self, instance, value):
        ran.append("descriptor set")


class Base:
    def __init_subclass__(cls):
        ran.append("init subclass")

    def __init__(self):
        ran.append("init")

    def __setattr__(self, name, value):
        ran.append("setattr")

    def __getattribute__(self, name):
        ran.append("getattribute")
        return object.__getattribute__(self, name)

    def __getattr__(self, name):
        ran.append("getattr")

    def __eq__(self, other):
        ran.append("eq")
        return True

    def __hash__(self):
        ran.append("hash")
        return 1

    @property
    def secret(self):
        ran.append("property get")

    @secret.setter
    def secret(self, value):
        ran.append("property set")


class Watched(Base, metaclass=Meta):
    x = Acting()


class WatchedError(ValueError):
    secret = Base.secret
    x = Acting()

    def __init__(self, *args):
        ran.append("init")

    def __setattr__(self, name, value):
        ran.append("setattr")


class ActingArguments(ValueError):
    args = Acting()


class HasNew:
    def __new__(cls):
        ran.append("new")
        return object.__new__(cls)


class HasDel:
    def __del__(self):
        ran.append("del")


class HasSetstate:
    def __setstate__(self, state):
        ran.append("setstate")


class HasReduce:
    def __reduce__(self):
        ran.append("reduce")
        return HasReduce, ()


class ReadingMeta(type):
    def __getattribute__(cls, name):
        return super().__getattribute__(name)


class HasReadingMeta(metaclass=ReadingMeta):
    pass


class Number(int):
    pass


class Color(enum.Enum):
    RED = 1

    @classmethod
    def _missing_(cls, value):
        ran.append("missing")


@dataclass
class User:
    name: str


@dataclass(frozen=True)
class Hashed:
    number: int


class Refused(ValueError):
    pass


USER = User("Ann")


def function():
    ran.append("function")


def forged(tree, imports):
    """Return a store whose recording has this tree."""
    ran.clear()
    return changed_entry(recorded((1,)), value=tree, imports=imports)


@pytest.mark.promise("a class whose objects are more than their attributes is refused in a tag")
@pytest.mark.parametrize(
    "name",
    [
        *(f"{ME}:{name}" for name in ("HasNew HasDel HasSetstate HasReduce HasReadingMeta Number").split()),
        *(f"{ME}:{name}" for name in ("ActingArguments function USER User.__init__ sys Base.secret").split()),
        "builtins:object",
        "builtins:type",
        "builtins:property",
        "builtins:list",
        "builtins:eval",
        "builtins:BaseException.__reduce__",
        "os:system",
        "subprocess:Popen",
        "tempfile:_TemporaryFileCloser",
        "weakref:ref",
        "functools:partial",
        "types:SimpleNamespace",
        "decimal:Decimal",
        "io:FileIO",
    ],
)
@pytest.mark.parametrize("part", [{}, {"args": []}, {"x": 1}, "RED", 1, None, []], ids=str)
def test_what_is_no_class_of_values_is_refused_though_it_is_listed(name, part):
    store = forged({f"${name}": part}, [name])

    # It may have been a class of values when it was recorded.
    with pytest.raises((CorruptRecordingError, StaleRecordingError)):
        load(store)
    assert ran == []


@pytest.mark.promise("loading a readable value imports only the classes that its recording lists")
@pytest.mark.parametrize("imports", [[], [f"{ME}:Users"], [ME], ["*"]], ids=str)
def test_a_class_that_is_not_listed_is_refused(imports):
    with pytest.raises(CorruptRecordingError, match=f"imports {ME}:User, which its recording does not list"):
        load(forged({f"${ME}:User": {"name": "Ann"}}, imports))


USER_TREE = {f"${ME}:User": {"name": "Ann"}}
REFUSED_TREE = {f"${ME}:Refused": {"args": []}}
PLACES = {
    "raised": {"raised": REFUSED_TREE},
    "argument of what was raised": {"raised": {"$builtins:KeyError": {"args": [USER_TREE]}}},
    "cause of what was raised": {"raised": {"$builtins:KeyError": {"args": [], "cause": REFUSED_TREE}}},
    "item of a stream": {"stream": {"items": [1, USER_TREE], "end": {"value": None}}},
    "end of a stream": {"stream": {"items": [], "end": {"raised": REFUSED_TREE}}},
}


@pytest.mark.promise("loading a readable value imports only the classes that its recording lists")
@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES)
def test_a_class_that_is_not_listed_is_refused_anywhere_in_an_outcome(body):
    store = forged({"$tuple": []}, ["builtins:KeyError"])
    facts = json.loads(store.read(NAME))
    del facts["outcomes"][0]["value"]
    facts["outcomes"][0].update(body)
    store.write(NAME, json.dumps(facts).encode())

    with pytest.raises(
        CorruptRecordingError, match=f"imports {ME}:(User|Refused), which its recording does not list"
    ):
        load(store)


@pytest.mark.parametrize("names", [["x"], ["secret"], ["__class__"], ["__dict__", "__init__", "x", "secret"]], ids=str)  # fmt: skip
def test_attributes_of_any_name_are_only_stored(names):
    part = dict.fromkeys(names, 1)

    again = load(forged({f"${ME}:Watched": part}, [f"{ME}:Watched"]))

    assert ran == []
    assert type(again) is Watched
    assert object.__getattribute__(again, "__dict__") == part


@pytest.mark.parametrize(
    "part",
    [
        {"args": [1], "attributes": {"x": 1, "secret": 2, "__class__": 3}, "notes": ["a"]},
        {"args": [], "cause": {"$builtins:KeyError": {"args": []}}, "context": "cause"},
    ],
    ids=["attributes", "links"],
)
def test_exceptions_are_made_without_code(part):
    again = load(forged({f"${ME}:WatchedError": part}, [f"{ME}:WatchedError", "builtins:KeyError"]))

    assert ran == []
    assert type(again) is WatchedError
    assert again.args == tuple(part["args"])


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"args": 1},
        {"args": [], "fields": {"secret": 1}},
        {"args": [], "fields": {"x": 1}},
        {"args": [], "fields": {"args": [1]}},
        {"args": [], "fields": []},
        {"args": [], "attributes": [["x", 1]]},
        {"args": [], "context": "cause"},
        {"args": [], "context": 1},
        {"args": [], "cause": {"$tuple": []}},
        {"args": [], "type": "os:system"},
        {"args": [], "with_traceback": 1},
    ],
    ids=str,
)
def test_exceptions_with_strange_parts_are_refused(part):
    store = forged({f"${ME}:WatchedError": part}, [f"{ME}:WatchedError"])

    with pytest.raises((CorruptRecordingError, StaleRecordingError)):
        load(store)
    assert ran == []


@pytest.mark.parametrize(
    "node",
    [
        {f"${ME}:User": {"name": "Ann"}, "attributes": {"name": "Bob"}},
        {f"${ME}:User": {"name": "Ann"}, "attributes": []},
        {f"${ME}:User": {"name": "Ann"}, "extra": {}},
        {f"${ME}:User": [["name", "Ann"]]},
        {f"${ME}:User": {"name": {"$ref": 1}}},
        {f"${ME}:Watched": {}, "attributes": {"x": 1}},
        {f"${ME}:Color": 1},
        {f"${ME}:Color": ["RED"]},
        {f"${ME}:Color": "RED", "value": 2},
        {f"${ME}:User.__class__": {}},
        {"$:User": {}},
        {"$:": {}},
    ],
    ids=json.dumps,
)
def test_objects_with_strange_parts_are_refused(node):
    (name, *_) = node
    store = forged(node, [f"{ME}:User", f"{ME}:Watched", f"{ME}:Color", name[1:]])

    with pytest.raises((CorruptRecordingError, StaleRecordingError)):
        load(store)
    assert ran == []


@pytest.mark.promise("reading a readable outcome runs nothing of a class")
@pytest.mark.parametrize(
    "tree",
    [
        {"$set": [{f"${ME}:Watched": {}}]},
        {"$frozenset": [{"$tuple": [{f"${ME}:Watched": {}}]}]},
        {"$dict": [[{f"${ME}:Watched": {}}, 1]]},
        {"$counter": {"$dict": [[{f"${ME}:Watched": {}}, 1]]}},
        {"$set": [{f"${ME}:User": {"name": "Ann"}}]},
    ],
    ids=json.dumps,
)
def test_no_class_hashes_a_member_or_a_key(tree):
    """Such sets and dicts are recorded as pickles."""
    with pytest.raises(CorruptRecordingError, match="a key whose class hashes it"):
        load(forged(tree, [f"{ME}:Watched", f"{ME}:User"]))

    assert ran == []


def test_a_set_of_objects_that_their_class_hashes_is_a_pickle():
    value = {Hashed(1), Hashed(2)}

    store = recorded(value)

    assert "pickle" in store.read(NAME).decode()
    assert load(store) == value
