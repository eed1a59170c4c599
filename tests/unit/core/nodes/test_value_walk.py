"""A value has one node, in an outcome and in a description."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
import zoneinfo
from typing import Any, NamedTuple

import pytest

from pytest_mimic._core.files.places import TEMPORARY, Places
from pytest_mimic._core.nodes.node_json import node_of, plain_of
from pytest_mimic._core.nodes.value_walk import member_content
from pytest_mimic._core.outcome.placed_paths import NOWHERE, PathStore
from pytest_mimic._core.outcome.readable_values import ValueWriter
from pytest_mimic._core.redact.redactor import NO_REDACTION
from pytest_mimic._core.tree.describing import Budget, tree_of
from pytest_mimic._core.tree.drawing import line

# Without digests, which only a description has.
BUDGET = Budget(characters=4_000, items=40, depth=12, text=4_096, digests=False)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Color(enum.Enum):
    RED = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Rate:
    base: str
    value: Any


VALUES: list[object] = [
    None, 1, 1.5, float("nan"), "EUR", b"ab", "é".encode(), b"a\nb\n", b"\xff\0", [1, (2,)], {"a": {1}}, {1: 2}, {"$a": 1},
    frozenset({"a"}), bytearray(b"ab"), 1 + 2j, range(3), decimal.Decimal("1.50"),
    fractions.Fraction(1, 3), uuid.UUID(int=7), re.compile("a\nb", re.IGNORECASE),
    datetime.date(2026, 11, 2), datetime.datetime(2026, 11, 2, 10),
    datetime.datetime(2026, 11, 2, 10, tzinfo=BERLIN), datetime.time(10, fold=1),
    datetime.timedelta(days=1), datetime.timezone(datetime.timedelta(hours=1), "X"),
    BERLIN, collections.deque([1], 3), collections.Counter("aab"),
    collections.OrderedDict(b=1, a=2), collections.defaultdict(list, a=[1]),
    types.SimpleNamespace(a=1), Color.RED, Mode.READ | Mode.WRITE, Color, list[int],
    Point(1, 2), Rate("EUR", decimal.Decimal("1.5")), ValueError("no", 3),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_outcome_and_a_description_have_the_same_json(value: object) -> None:
    outcome = ValueWriter(NOWHERE).node(value)
    description = tree_of(value, NO_REDACTION, budget=BUDGET)

    assert plain_of(description) == plain_of(outcome)


def added_attribute() -> Rate:
    rate = Rate("EUR", 1)
    rate.source = "ECB"  # type: ignore[attr-defined]
    return rate


def linked_error() -> Exception:
    error = FileNotFoundError(2, "no", "rates.csv")
    error.code = 5  # type: ignore[attr-defined]
    error.__notes__ = ["seen"]
    error.__cause__ = ValueError("gone")
    return error


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (added_attribute(), "Rate(base='EUR', value=1, source='ECB')"),
        (
            linked_error(),
            "FileNotFoundError(2, 'no', code=5, filename='rates.csv',"
            " __notes__=['seen'], __cause__=ValueError('gone'))",
        ),
        (dict[str, list[int]], "<class builtins:dict[str, list[int]]>"),
    ],
)
def test_an_object_is_drawn_in_the_same_words(value: object, words: str) -> None:
    outcome = ValueWriter(NOWHERE).node(value)
    description = tree_of(value, NO_REDACTION, budget=BUDGET)

    assert line(node_of(plain_of(outcome))) == words
    assert line(node_of(plain_of(description))) == words


PATHS: list[tuple[Any, dict[str, object]]] = [
    (pathlib.Path("/shop/rates.csv"), {"$path": ["rootdir", "rates.csv"]}),
    (pathlib.Path("/tmp/in.csv"), {"$path": ["tmp", "in.csv"]}),
    (pathlib.PurePosixPath("/etc/hosts"), {"$pure_posix_path": "/etc/hosts"}),
    ("/tmp/in.csv", {"$str": ["tmp", "in.csv"]}),
]


@pytest.mark.parametrize(("path", "json"), PATHS)
def test_a_path_is_known_by_its_folder_and_the_rest(
    path: object, json: dict[str, object]
) -> None:
    places = Places("/shop")
    places.set_root(TEMPORARY, "/tmp")
    description = tree_of(path, NO_REDACTION, places=places, budget=BUDGET)

    assert plain_of(ValueWriter(PathStore(places)).node(path)) == json
    assert plain_of(description) == json


def test_numbers_of_numpy_have_the_same_json() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    values = [
        numpy.float64(1.5), numpy.float32("nan"), numpy.int8(3), numpy.bool_(True),
        numpy.array([1, 2]), numpy.array([0.5, numpy.inf]), numpy.array([], dtype=bool),
    ]  # fmt: skip

    outcomes = [plain_of(ValueWriter(NOWHERE).node(value)) for value in values]
    descriptions = [tree_of(value, NO_REDACTION, budget=BUDGET) for value in values]

    assert [plain_of(node) for node in descriptions] == outcomes
    assert outcomes[1] == {"$numpy.float32": "nan"}
    assert outcomes[4] == {"$numpy.int64": [1, 2]}


def test_a_member_is_known_by_its_name_and_combined_flags_by_their_number() -> None:
    assert member_content(Color.RED) == "RED"
    assert member_content(Mode.READ | Mode.WRITE) == 3
