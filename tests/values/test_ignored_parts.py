"""Paths of `ignore=` leave out exactly the part that they name, whatever holds it."""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from types import SimpleNamespace


class Count(int):
    pass


class Tags(set):
    pass


class SlottedRow:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


@dataclass(frozen=True)
class Frozen:
    a: object
    b: object


class Child:
    """An object that knows its parent, which knows it."""

    def __init__(self, name, sent_at):
        self.name, self.sent_at = name, sent_at
        self.parent = SimpleNamespace(children=[self], sent_at=sent_at)


class Session:
    """An object with a part that has no identity."""

    def __init__(self, user):
        self.user = user
        self.pool = SimpleNamespace(lock=Lock())


def with_attributes(value, **attributes):
    value.__dict__.update(attributes)
    return value


# A path, a value, one that differs there alone, and one that differs elsewhere.
CASES = {
    "argument": ("value", 1, 2, None),
    "key": ("value.a", {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}),
    "key that is missing": ("value.a", {"a": 1, "b": 1}, {"b": 1}, {"a": 1, "b": 2}),
    "any row": (
        "value.*.id",
        [{"id": 1, "n": 1}, {"id": 2, "n": 1}],
        [{"id": 3, "n": 1}, {"id": 4, "n": 1}],
        [{"id": 1, "n": 1}, {"id": 2, "n": 2}],
    ),
    "any key": ("value.*.at", {"x": {"at": 1}}, {"x": {"at": 2}}, {"y": {"at": 1}}),
    "item": ("value.0", [1, 2], [3, 2], [1, 3]),
    "item of a tuple": ("value.1", (1, 2), (1, 3), (2, 2)),
    "deep": (
        "value.a.b.c",
        {"a": {"b": {"c": 1, "d": 1}}},
        {"a": {"b": {"c": 2, "d": 1}}},
        {"a": {"b": {"c": 1, "d": 2}}},
    ),
    "attribute": ("value.a", SimpleNamespace(a=1, b=1), SimpleNamespace(a=2, b=1), SimpleNamespace(a=1, b=2)),
    "dataclass": ("value.a", Frozen(1, 1), Frozen(2, 1), Frozen(1, 2)),
    "slot": ("value.a", SlottedRow(1, 1), SlottedRow(2, 1), SlottedRow(1, 2)),
    "attribute of a number": (
        "value.a",
        with_attributes(Count(5), a=1, b=1),
        with_attributes(Count(5), a=2, b=1),
        with_attributes(Count(6), a=1, b=1),
    ),
    "attribute of a set": (
        "value.a",
        with_attributes(Tags([1]), a=1),
        with_attributes(Tags([1]), a=2),
        with_attributes(Tags([2]), a=1),
    ),
    "ordered dict": ("value.a", OrderedDict(a=1, b=1), OrderedDict(a=2, b=1), OrderedDict(a=1, b=2)),
    "deque": ("value.0", deque([1, 2], 5), deque([3, 2], 5), deque([1, 2], 6)),
    "part without identity": ("value.pool", Session("ann"), Session("ann"), Session("bob")),
    "part to which the walk comes back": ("value.sent_at", Child("a", 1), Child("a", 1), Child("b", 1)),
    "two paths": (
        "value.a,value.b.c",
        {"a": 1, "b": {"c": 1, "d": 1}},
        {"a": 2, "b": {"c": 2, "d": 1}},
        {"a": 1, "b": {"c": 1, "d": 2}},
    ),
    "path that leads nowhere": ("value.none.of", {"a": 1}, {"a": 1}, {"a": 2}),
}  # fmt: skip

with suppress(ImportError):
    from pydantic import BaseModel

    class Model(BaseModel):
        x: int
        y: int = 0

    CASES["model"] = ("value.y", Model(x=1, y=1), Model(x=1, y=2), Model(x=2, y=1))

SHOP = """
ran = []


def given(value, name):
    ran.append(name)
    return len(ran)
"""

TESTS = """
from pytest_mimic import mimic
from values.test_ignored_parts import CASES


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    path, one, same, other = CASES[name]
    with mimic("shop:given", ignore=path):
        first = shop.given(one, name)
        again = shop.given(same, name)
        changed = shop.given(other, name)

    assert again == first
    assert changed != first or path == "value"
"""


def test_a_path_leaves_out_its_part_alone(shop):
    shop.record().expect(passed=len(CASES))
