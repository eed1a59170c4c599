"""The parts of a value that an option leaves out, and the refusal that names the rest."""

from __future__ import annotations

import random
import threading
from collections import ChainMap, OrderedDict, UserDict, deque
from collections.abc import MutableMapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import MappingProxyType, SimpleNamespace

import pytest

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint
from pytest_mimic._core.identity.pruning import prune
from pytest_mimic._core.identity.without_identity import error_of_unstable
from pytest_mimic._core.types.option_paths import parse_path
from pytest_mimic._core.types.reductions import Unstable

NAMES = ("rows", "payload", "*rest", "**extra")


def key_of(*values, ignore=(), names=NAMES, **options):
    return CallIdentity("shop.api:send", names, ignore=ignore, **options).key(values)


class Pool:
    def __init__(self):
        self._lock = threading.Lock()


def test_the_error_offers_to_leave_out_the_part_before_the_whole_argument():
    calls = CallIdentity("shop.api:send", ("session",))
    with pytest.raises(Unstable) as caught:
        calls.key((SimpleNamespace(pool=Pool()),))

    error = error_of_unstable(caught.value, "shop.api:send")

    assert str(error).splitlines() == [
        "shop.api:send has an argument without a stable identity",
        "  session.pool._lock: a thread lock",
        "  leave it out: shop.api:send ignore=session.pool._lock",
    ]
    assert (error.target, error.path) == ("shop.api:send", "session.pool._lock")


class Reader:
    """What a library made of a file, and does not pickle."""

    def __reduce_ex__(self, protocol):
        raise TypeError("cannot pickle a reader")


def test_an_object_of_a_library_is_left_out_only_if_no_outcome_depends_on_it():
    """Without it, calls with the readers of two files would have one recording."""
    calls = CallIdentity("shop.api:rows", ("table",))
    with pytest.raises(Unstable) as caught:
        calls.key((SimpleNamespace(reader=Reader()),))

    error = error_of_unstable(caught.value, "shop.api:rows")

    assert error.remedy_lines() == [
        "pass what it is made of, such as a path or data",
        "or leave it out, if no outcome depends on it: shop.api:rows"
        " ignore=table.reader",
    ]


class Row:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __eq__(self, other):
        return self.__dict__ == other.__dict__


class SlottedRow:
    __slots__ = ("a", "b")


def test_prune_copies_changed_containers_and_shares_the_rest():
    deep = {"keep": [1]}
    value = {"a": deep, "b": [Row(x=1, y=deep), (1, 2)], "c": 3}

    pruned = prune(
        value,
        [parse_path(path) for path in ("b.0.x", "b.1.0", "c", "nothing.here", "a.x")],
    )

    assert fingerprint(pruned) == fingerprint({"a": deep, "b": [Row(y=deep), (2,)]})
    assert pruned["a"] is deep
    assert value == {"a": deep, "b": [Row(x=1, y=deep), (1, 2)], "c": 3}


def test_a_path_that_leads_nowhere_changes_nothing():
    row, slotted = Row(x=1), SlottedRow()
    slotted.a = 1

    assert fingerprint(prune(row, [("y",), ("x", "z")])) == fingerprint(row)
    assert prune(row, [("y",)]) is row
    assert prune(slotted, [("c", "d")]) is slotted


class Count(int):
    pass


class Weight(float):
    __slots__ = ("a", "b")

    def __new__(cls, value, a, b):
        weight = super().__new__(cls, value)
        weight.a, weight.b = a, b
        return weight

    def __getnewargs__(self):
        return float(self), self.a, self.b


class Registry(MutableMapping):
    """A mapping without copy()."""

    def __init__(self, **items):
        self.items_ = items

    def __getitem__(self, key):
        return self.items_[key]

    def __setitem__(self, key, value):
        self.items_[key] = value

    def __delitem__(self, key):
        del self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return len(self.items_)


class Named(dict):
    pass


class Tags(set):
    pass


def rows_key(rows, ignore=()):
    return key_of(rows, ignore=ignore, names=("rows",))


def with_attributes(value, **attributes):
    value.__dict__.update(attributes)
    return value


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda a: SimpleNamespace(a=a, b=2), id="SimpleNamespace"),
        pytest.param(lambda a: with_attributes(Count(5), a=a, b=2), id="int"),
        pytest.param(lambda a: with_attributes(Tags([1, 2]), a=a, b=2), id="set"),
        pytest.param(lambda a: Weight(1.5, a, 2), id="slots"),
    ],
)
def test_pruning_an_attribute_keeps_the_other_state(make):
    assert rows_key(make(1), ignore=("rows.a",)) == rows_key(
        make(2), ignore=("rows.a",)
    )
    assert rows_key(make(1), ignore=("rows.b",)) != rows_key(
        make(2), ignore=("rows.b",)
    )
    assert rows_key(make(1), ignore=("rows.none",)) == rows_key(make(1))
    assert rows_key(Count(5), ignore=("rows.a",)) != rows_key(
        Count(6), ignore=("rows.a",)
    )


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(UserDict, id="UserDict"),
        pytest.param(lambda items: ChainMap({}, items), id="ChainMap"),
        pytest.param(MappingProxyType, id="mappingproxy"),
        pytest.param(lambda items: Registry(**items), id="own"),
        pytest.param(OrderedDict, id="OrderedDict"),
        pytest.param(lambda items: Named(items), id="own dict"),
    ],
)
def test_pruning_a_mapping_leaves_the_original_unchanged(make):
    ignore = ("rows.a", "rows.b.x")
    first = make({"a": 1, "b": {"x": 1}})

    expected = rows_key(first, ignore)

    assert dict(first) == {"a": 1, "b": {"x": 1}}
    assert rows_key(make({"a": 2, "b": {"x": 2}}), ignore) == expected
    assert rows_key(make({"a": 1, "b": {"y": 1}}), ignore) != expected
    assert rows_key(make({"c": 1, "a": 1}), ignore) == rows_key(make({"c": 1}), ignore)


def test_pruning_an_item_of_a_deque():
    assert rows_key(deque([1, 2], 5), ignore=("rows.0",)) == rows_key(
        deque([3, 2], 5), ignore=("rows.0",)
    )
    assert rows_key(deque([1, 2], 5), ignore=("rows.0",)) != rows_key(
        deque([1, 2], 6), ignore=("rows.0",)
    )


def test_paths_try_attributes_before_keys():
    assert rows_key(UserDict(a=1, b=1), ("rows.data.a",)) == rows_key(
        UserDict(a=2, b=1), ("rows.data.a",)
    )
    assert rows_key(UserDict(a=1, b=1), ("rows.data.a",)) == rows_key(UserDict(b=1))
    numbered = MappingProxyType({1: "x", 2: "y"})
    assert rows_key(numbered, ("rows.1",)) == rows_key(
        MappingProxyType({1: "z", 2: "y"}), ("rows.1",)
    )


def _opened():
    return Path(__file__).open()


def _temporary():
    return NamedTemporaryFile()


class Boxed:
    def __init__(self):
        self.file = _opened()
        self.day = 1

    def close(self):
        self.file.close()


STREAM = (
    'mimic("m:f", ignore="x", key=lambda call: {**call, "x": '
    '(at := call["x"].tell(), call["x"].read(), call["x"].seek(at))})'
)
# Python refuses the three dots until the user has written a function there.
BY_KEY = (
    'or say by key= in the test what stands for it: mimic("m:f", ignore="x", key=...)'
)
ITERATOR = [
    "pass a list or a tuple of its items",
    "or name a function inside, which gets the items",
    BY_KEY,
]


@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (lambda: (n for n in "ab"), ITERATOR),
        (lambda: iter([1]), ITERATOR),
        (_opened, [f"in the test, say what stands for it: {STREAM}"]),
        (_temporary, [f"in the test, say what stands for it: {STREAM}"]),
        (
            Boxed,
            ["name a function inside, which gets what is read", BY_KEY],
        ),
        (
            random.SystemRandom,
            [
                "pass a random.Random with a seed",
                "or name a function inside, which gets the numbers",
            ],
        ),
    ],
    ids=["generator", "iterator", "file", "temporary file", "part", "random numbers"],
)
def test_what_holds_the_question_is_not_offered_to_be_left_out(make, lines) -> None:
    """Without it, calls that differ in nothing else would have one recording."""
    value = make()

    calls = CallIdentity("m:f", ("x",))
    with pytest.raises(Unstable) as caught:
        calls.key((value,))
    getattr(value, "close", str)()

    error = error_of_unstable(caught.value, "m:f")
    assert error.remedy_lines() == lines
    assert not [line for line in error.remedy_lines() if line.startswith("leave it")]
