"""Recorded values are returned as they were: from readable JSON if it keeps them exactly, else from a pickle."""

from __future__ import annotations

import decimal
import json
import sys
import time
from functools import partial

import pytest

from pytest_mimic._core.outcome import pickle_file
from pytest_mimic._core.outcome.encoding import encode
from pytest_mimic._core.outcome.outcome import Outcome, Stream, Value
from pytest_mimic._core.vault import Vault
from unit.memory_store import NAME, MemoryStore, recorded


def kept(outcome: Outcome, store: MemoryStore | None = None):
    """Return the outcome as the vault returns it."""
    return Vault(recorded(outcome, store)).read(NAME).outcomes[0]


def entry_of(outcome: Outcome) -> dict:
    return json.loads(recorded(outcome).read(NAME))["outcomes"][0]


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and self.x == other.x


class Text(str):
    pass


class Cached(decimal.Decimal):
    """Decides itself what is kept."""

    def __reduce__(self):
        return Cached, (str(self),)


def double(x):
    return 2 * x


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        {"\udfff": 1},
        Text("subclass"),
        double,
        Ellipsis,
        NotImplemented,
        [(1, 2), {3, time.gmtime(0)}],
        [[], {}, (), Ellipsis],
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_values_that_have_no_exact_tag_are_pickled(value):
    stored = kept(Value(value))

    first, second = stored.load().value, stored.load().value

    assert "pickle" in stored.entry
    assert type(first) is type(second) is type(value)
    assert first == second == value


def test_changing_the_value_after_it_was_encoded_changes_nothing():
    array = bytearray(b"abc")
    vault = Vault(MemoryStore())
    value = {"plain": [1], "odd": (array, [2])}
    stored = vault.writer.encoded(Value(value), 0.1, detached=True)

    value["plain"].append(2)
    value["odd"][1].append(3)
    array[:] = b"xyz"

    assert stored.load().value == {"plain": [1], "odd": (bytearray(b"abc"), [2])}


def test_a_class_that_reduces_itself_decides_what_is_kept():
    value = Cached("1.50")
    value.seen = lambda: None

    assert vars(kept(Value(value)).load().value) == {}


def test_large_plain_data_has_a_file_with_one_item_a_line():
    store = MemoryStore()

    stored = kept(Value(list(range(20_000))), store)

    name = stored.entry["json"]
    assert name.startswith("objects/")
    assert store.read(name).decode().splitlines()[:4] == [
        "{",
        ' "value": [',
        "  0,",
        "  1,",
    ]
    assert stored.load().value == list(range(20_000))


@pytest.mark.parametrize("first", [[], ()], ids=["mutable", "immutable"])
def test_parts_shared_exponentially_do_not_explode(first):
    """Neither in the file nor in memory."""
    value = first
    for _ in range(60):
        value = type(first)([value, value])
    store = MemoryStore()

    again = kept(Value(value), store).load().value

    assert sum(len(store.read(name)) for name in store.names()) < 40_000
    for _ in range(60):
        assert again[0] is again[1]
        again = again[0]
    assert again == first


def test_lambdas_and_local_classes_are_stored_by_value():
    class Local:
        def __init__(self, x):
            self.x = x

    entry = entry_of(Value([lambda x: x + 1, Local(5)]))
    increment, local = kept(Value([lambda x: x + 1, Local(5)])).load().value

    assert (increment(1), local.x) == (2, 5)
    assert entry["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_exactly_the_imports_of_a_pickle_are_listed():
    entry = entry_of(Value([Point(1), partial(double, 2), decimal.Decimal(1)]))

    assert entry["imports"] == sorted(
        [
            f"{__name__}:Point",
            f"{__name__}:double",
            "decimal:Decimal",
            "functools:partial",
        ]
    )
    assert "python" not in entry


def test_functions_that_a_pickle_calls_are_listed():
    assert "builtins:getattr" in entry_of(Value([1].append))["imports"]
    assert any(name.endswith(":subimport") for name in entry_of(Value(json))["imports"])


@pytest.mark.parametrize("last", [(4,), time.gmtime(0)], ids=["tagged", "pickle"])
def test_a_stream_keeps_separate_copies_of_its_items(last):
    items = [[1], (2,), {"k": [3]}, last]
    outcome = Stream(items, end=Value("end"))

    loaded = kept(outcome).load()

    assert loaded.items == [[1], (2,), {"k": [3]}, last]
    assert (loaded.end.kind, loaded.end.value) == ("value", "end")


def test_a_plain_stream_is_readable():
    entry = entry_of(Stream([1, "b"]))

    assert entry == {"duration": 0.5, "stream": {"items": [1, "b"], "end": None}}


def test_a_class_without_importable_module_is_stored_by_value():
    made = type("Made", (), {"__module__": "gone", "x": 5})

    entry = entry_of(Value(made))

    assert entry["python"] == pickle_file.running_python()


def test_equal_outcomes_with_other_shared_parts_are_stored_apart():
    store = MemoryStore()
    one, other = ["a"], ["a"]
    values = [
        [one, one, other],
        [one, other, other],
        [one, other, one],
        [["a"], ["a"], ["a"]],
    ]

    loaded = []
    for value in values:
        kept(Value({"long": ["text"] * 500, "parts": value}), store)
        loaded.append(Vault(store).read(NAME).outcomes[0].load().value["parts"])

    shared = [
        (parts[0] is parts[1], parts[1] is parts[2], parts[0] is parts[2])
        for parts in loaded
    ]
    assert shared == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (False, False, False),
    ]
    assert loaded == values


@pytest.mark.parametrize(
    ("value", "is_readable"),
    [
        ([(number,) for number in range(10_000)], True),
        ([(number,) for number in range(10_001)], False),
        ([(1, 2)] * 5_000, True),
        ([(1, 2)] * 10_001, False),
        (b"\xff" * (16 << 20), True),
        ([b"\xff" * (8 << 20), b"\xfe" * ((8 << 20) + 1)], False),
    ],
    ids=[
        "tags",
        "too many tags",
        "repeated",
        "repeated too often",
        "bytes",
        "too many bytes",
    ],
)
def test_large_outcomes_are_pickles(value, is_readable):
    assert (encode(Value(value)).readable is not None) == is_readable
