"""One walk yields the parts that a value holds at any depth, each with the path that leads to it."""

from __future__ import annotations

from collections import OrderedDict, UserDict, deque
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from pytest_mimic._core.types.opening import walk


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Job:
    source: Any


def texts(value: Any) -> list[tuple[str, str]]:
    return [(place.path, part) for place, part in walk(value, 1000) if type(part) is str]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", [("", "a")]),
        (["a", 1, ("b",)], [("[0]", "a"), ("[2][0]", "b")]),
        ({"a": "b"}, [(".a", "b"), (".keys()['a']", "a")]),
        (OrderedDict(a="b"), [(".a", "b"), (".keys()['a']", "a")]),
        (Pair("a", ["b"]), [(".left", "a"), (".right[0]", "b")]),
        ({"b"}, [("{...}", "b")]),
        (deque(["a"]), [("[0]", "a")]),
        (UserDict(a=1), [(".data.keys()['a']", "a")]),
        (SimpleNamespace(a="b"), [(".a", "b")]),
        (Job(Job("a")), [(".source.source", "a")]),
    ],
)
def test_parts_are_named_by_the_way_to_them(value, expected):
    assert texts(value) == expected


def test_a_value_that_contains_itself_is_opened_once():
    value: list[Any] = ["a"]
    value.append(value)

    assert texts(value) == [("[0]", "a")]


def test_no_more_parts_are_looked_at_than_wanted():
    assert len(list(walk([[1] * 100] * 100, 50))) == 50
