"""Any value opens into its parts, without running code of its class."""

from __future__ import annotations

from collections import OrderedDict, deque, namedtuple
from typing import Any

import pytest

from pytest_mimic._core.types.attributes_and_parts import (
    all_attributes,
    content_and_attributes,
    items_of_container,
    parts_of,
    user_attributes,
)

Pair = namedtuple("Pair", "left right")


class Plain:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("empty", "filled")

    def __init__(self) -> None:
        self.filled = 1


class Sly(dict):  # type: ignore[type-arg]
    """A dict whose methods and attributes must not be used."""

    def __init__(self) -> None:
        dict.__setitem__(self, "a", 1)
        object.__setattr__(self, "held", 2)

    def _fail(self, *_: object) -> Any:
        raise AssertionError("code of the class ran")

    items = keys = values = __iter__ = __getitem__ = __len__ = _fail
    __getattribute__ = __getattr__ = _fail


class Reduced:
    def __mimic_identity__(self) -> object:
        return {"id": 1}


class Lazy:
    """A proxy that makes its value when somebody asks for its attributes."""

    __slots__ = ("made",)

    def __init__(self, made: list[str]) -> None:
        self.made = made

    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]
        self.made.append("a value")
        return {"name": "the value's own"}


class Row(tuple):  # type: ignore[type-arg]
    """A tuple that keeps the names of its items elsewhere, as the rows of some databases do."""

    _fields = property(lambda row: ["a"])


class Elsewhere(ValueError):
    """An exception whose own attribute hides its arguments."""

    @property
    def args(self) -> Any:  # type: ignore[override]
        raise AssertionError("code of the class ran")


def caused() -> KeyError:
    error = KeyError("k")
    error.__cause__ = ValueError("v")
    return error


def closing_over(value: object) -> object:
    return lambda: value


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        ([5, 6], ["[0]", "[1]"]),
        (deque([5]), ["[0]"]),
        ({"a": 1, "two words": 2, 3: 4}, [".a", "['two words']", "[3]"]),
        ({5}, ["{...}"]),
        (Pair(1, 2), [".left", ".right"]),
        (Plain(a=1), [".a"]),
        (Slotted(), [".filled"]),
        (caused(), [".args[0]", ".__cause__"]),
        (Elsewhere("v"), [".args[0]"]),
        (Row((5,)), ["[0]"]),
        (closing_over(1), [".value"]),
        (Sly(), [".a", ".held"]),
        (int, []),
        ("text", []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_part_has_its_step(value: object, steps: list[str]) -> None:
    assert [part.step for part in parts_of(value) if part.role != "key"] == steps


@pytest.mark.parametrize(
    ("value", "content", "attributes"),
    [
        (Plain(a=1), (), {"a": 1}),
        (Pair(1, 2), (), {"left": 1, "right": 2}),
        (OrderedDict(a=1), ({"a": 1},), {}),
        (Sly(), ({"a": 1},), {"held": 2}),
        (Reduced(), ({"id": 1},), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_object_opens_into_content_and_attributes(
    value: object, content: tuple[object, ...], attributes: dict[str, object]
) -> None:
    assert content_and_attributes(value) == (content, attributes)


def test_attributes_leave_out_the_bookkeeping_of_python_and_attrs() -> None:
    error = ValueError("v")
    error.__dict__.update(__notes__=["why"], __other__=1, _attrs_cached_hash=2, code=3)

    assert user_attributes(error) == {"__notes__": ["why"], "code": 3}


def test_a_lazy_proxy_stays_lazy() -> None:
    made: list[str] = []

    assert user_attributes(Lazy(made)) == {"made": []}
    assert made == []


class OwnList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise AssertionError("code of the class ran")


class Proxy:
    """An object that gives the class of another one as its own."""

    __class__ = dict  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([1, 2], [1, 2]),
        ((1,), [1]),
        ({1}, [1]),
        ({"a": 1}, [1]),
        (OwnList([1]), [1]),
        (Sly(), [1]),
        (Proxy(), []),
        ("ab", []),
    ],
    ids=["list", "tuple", "set", "dict", "own __iter__", "own values", "proxy", "text"],
)
def test_items_of_a_container_are_read_without_code_of_its_class(value, items):
    assert list(items_of_container(value)) == items


def test_a_proxy_in_c_of_an_object_without_attributes_has_none():
    wrapt = pytest.importorskip("wrapt")

    assert all_attributes(wrapt.ObjectProxy({"a": 1})) == {}
