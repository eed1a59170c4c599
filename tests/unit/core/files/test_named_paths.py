"""The paths that arguments name, at any depth, and how they are called."""

from __future__ import annotations

import argparse
import socket
from collections import OrderedDict, UserDict, deque
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from pytest_mimic._core.identity.named_paths import named_paths


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Job:
    source: Any


def steps(argument: Any) -> list[tuple[str, str]]:
    return [(one.step, one.text) for one in named_paths("x", argument)]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("a.csv", [("x", "a.csv")]),
        (Path("a.csv"), [("x", "a.csv")]),
        (["a", 1, ("b",)], [("x[0]", "a"), ("x[2][0]", "b")]),
        ({"a": "b"}, [("x.a", "b"), ("x.keys()['a']", "a")]),
        (OrderedDict(a="b"), [("x.a", "b"), ("x.keys()['a']", "a")]),
        (Pair("a", [Path("b")]), [("x.left", "a"), ("x.right[0]", "b")]),
        ({"b", "a", 3}, [("x[0]", "a"), ("x[1]", "b")]),
        (deque(["a"]), [("x[0]", "a")]),
        (UserDict(a=Path("b")), [("x.data.a", "b"), ("x.data.keys()['a']", "a")]),
        (SimpleNamespace(a="b"), [("x.a", "b")]),
        (argparse.Namespace(a="b"), [("x.a", "b")]),
        (Job(Job("a")), [("x.source.source", "a")]),
    ],
)
def test_paths_are_named_by_the_way_to_them(argument, expected):
    assert steps(argument) == expected


@pytest.mark.parametrize("text", ["", "two\nlines", "a\0b", "x" * 5000])
def test_a_text_that_can_be_no_path_names_nothing(text):
    assert steps([text]) == []


def test_objects_of_the_standard_library_are_not_opened():
    with socket.socket() as open_socket:
        assert steps([open_socket, 1, b"a", None]) == []


def test_a_value_that_contains_itself_is_looked_at_once():
    value: list[Any] = ["a"]
    value.append(value)

    assert steps(value) == [("x[0]", "a")]
