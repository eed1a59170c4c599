"""The identity of a call: its target and its arguments by name."""

from __future__ import annotations

import threading
from collections import ChainMap, OrderedDict, UserDict, deque
from collections.abc import MutableMapping
from types import MappingProxyType, SimpleNamespace

import pytest
from kinds_of_things import WithIdentity

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint
from pytest_mimic._core.identity.rules import prune, refusal
from pytest_mimic._core.types.kinds import Unstable
from pytest_mimic._core.types.opening import parse_path

NAMES = ("rows", "payload", "*rest", "**extra")


def key_of(*values, ignore=(), names=NAMES, **options):
    return CallIdentity("shop.api:send", names, ignore=ignore, **options).key(values)


def test_target_parameter_names_and_values_count():
    expected = CallIdentity("a:f", ("x", "y")).key((1, 2))

    assert CallIdentity("a:f", ("x", "y")).key((1, 2)) == expected
    assert CallIdentity("a:g", ("x", "y")).key((1, 2)) != expected
    assert CallIdentity("a:f", ("x", "z")).key((1, 2)) != expected
    assert CallIdentity("a:f", ("x", "y")).key((2, 1)) != expected
    assert len(expected) == 32


def test_one_text_given_twice_is_two_equal_texts():
    text, other = ("".join(["a", "b"]) for _ in range(2))  # not interned

    assert key_of(text, text, (), {}) == key_of(text, other, (), {})


@pytest.mark.parametrize(
    ("ignore", "other"),
    [
        (("payload",), ([{"id": 1, "n": 2}], "else", (1,), {"token": "t"})),
        (("payload.sent_at",), ([{"id": 1, "n": 2}], {"sent_at": 9, "x": 1}, (1,), {"token": "t"})),
        (("payload.sent_at",), ([{"id": 1, "n": 2}], {"x": 1}, (1,), {"token": "t"})),
        (("rows.*.id",), ([{"id": 7, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "t"})),
        (("rows[0].id",), ([{"id": 7, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "t"})),
        (("token",), ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "u"})),
        (("extra",), ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"more": 1})),
        (("rest", "token"), ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (2, 3), {})),
        (("rest.0",), ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (5,), {"token": "t"})),
    ],
)
def test_ignored_parts_do_not_count(ignore, other):
    values = ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "t"})

    assert key_of(*values, ignore=ignore) == key_of(*other, ignore=ignore)
    assert key_of(*values) != key_of(*other)
    assert values == ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "t"})


def test_the_refused_result_of_a_key_function_is_named_key():
    with pytest.raises(Unstable) as caught:
        key_of([], {}, (), {}, key=lambda arguments: [1, threading.Lock()])

    assert caught.value.path == "key[1]"


def test_ignoring_an_unknown_argument_is_harmless():
    assert key_of(1, names=("x",), ignore=("session", "x")) == key_of(
        2, names=("x",), ignore=("session", "x")
    )
    assert key_of(1, names=("x",), ignore=("session",)) == key_of(1, names=("x",))


def test_the_result_of_a_key_function_replaces_the_arguments():
    seen = []

    def by_id(arguments):
        seen.append(dict(arguments))
        return arguments["payload"]["id"]

    one = key_of([1], {"id": 5, "at": 1}, (), {}, key=by_id)
    two = key_of([2], {"id": 5, "at": 2}, (3,), {}, key=by_id)

    assert one == two != key_of([1], {"id": 6}, (), {}, key=by_id)
    assert seen[0] == {"rows": [1], "payload": {"id": 5, "at": 1}, "rest": (), "extra": {}}


def test_a_bare_object_as_default_means_not_given():
    missing = object()
    calls = CallIdentity("a:f", ("x", "limit"), defaults=(None, missing))
    again = CallIdentity("a:f", ("x", "limit"), defaults=(None, object()))

    assert calls.key((1, missing)) == calls.key((1, missing))
    assert calls.key((1, missing)) != calls.key((1, ...))
    assert calls.key((1, missing)) != calls.key((1, None))
    with pytest.raises(Unstable, match=r"limit has no stable identity: a bare object\(\)"):
        again.key((1, missing))


def test_the_digest_of_an_argument_changes_with_it():
    calls = CallIdentity("a:f", ("rows", "session", "lock"), ignore=("session",))
    rows = [1, 2]

    before = calls.digest(0, rows)
    rows.append(3)

    assert before == calls.digest(0, [1, 2]) != calls.digest(0, rows)
    assert (calls.digest(1, "any"), calls.digest(2, object())) == (None, None)


def test_arguments_are_as_they_were_until_one_changes():
    calls = CallIdentity("a:f", ("box",))
    box = {"n": 1}
    key = calls.key((box,))

    assert calls.is_still(key, (box,))

    for name, value in {"n": 2, "lock": threading.Lock()}.items():
        before = dict(box)
        box[name] = value
        assert not calls.is_still(key, (box,))
        box = before
    assert calls.is_still(key, (box,))


class Name(str):
    """A string with attributes."""


def test_a_refused_extra_argument_is_named():
    name = Name("at")
    name.lock = threading.Lock()

    with pytest.raises(Unstable) as caught:
        key_of([], {}, (), {"of": 1, "lock": [threading.Lock()]})
    assert caught.value.path == "lock[0]"
    with pytest.raises(Unstable) as caught:
        key_of([], {}, (), {"of": 1, name: 2})
    assert caught.value.path.startswith("extra")


class Pool:
    def __init__(self):
        self._lock = threading.Lock()


class Slotted:
    __slots__ = ("lock",)

    def __init__(self):
        self.lock = threading.RLock()


@pytest.mark.parametrize(
    ("value", "path", "what"),
    [
        (SimpleNamespace(clients=[1, 2, Pool()]), "config.clients[2]._lock", "a thread lock"),
        ({"a": {"b": (0, Slotted())}}, "config['a']['b'][1].lock", "a thread lock"),
        ({3: [object()]}, "config[3][0]", "a bare object()"),
        ({object(): 1}, "config.keys()[0]", "a bare object()"),
        ({(1, 2): object()}, "config{...}", "a bare object()"),
        ({1, (2, object())}, "config", "a bare object()"),
        ([(n for n in range(3))], "config[0]", "a generator"),
        ([SimpleNamespace(), SimpleNamespace(pool=Pool())], "config[1].pool._lock", "a thread lock"),
        ({"a": deque([1, [object()]])}, "config['a'][1][0]", "a bare object()"),
        ([WithIdentity(["a", threading.Lock()])], "config[0][1]", "a thread lock"),
        (WithIdentity({"pool": threading.Lock()}), "config.pool", "a thread lock"),
        ({frozenset({object()})}, "config[0][0]", "a bare object()"),
        ([(n for n in range(3)), object()], "config[0]", "a generator"),
        ((Slotted(), object()), "config[0].lock", "a thread lock"),
    ],
)
def test_a_refusal_names_the_path_and_the_part(value, path, what):
    with pytest.raises(Unstable) as caught:
        CallIdentity("a:f", ("x", "config")).key((1, value))

    assert caught.value.path.startswith(path)
    assert caught.value.type_name == what


class Fickle:
    """An object that has a lock only when it is first looked at."""

    def __init__(self):
        self.parts = [1, threading.Lock()]

    def __mimic_identity__(self):
        return self.parts.pop()


def test_a_refused_part_that_disappears_is_still_reported():
    with pytest.raises(Unstable) as caught:
        CallIdentity("a:f", ("x",)).key(([Fickle()],))

    assert (caught.value.path, caught.value.type_name) == ("x", "a thread lock")


def test_the_error_offers_to_leave_out_the_part_before_the_whole_argument():
    calls = CallIdentity("shop.api:send", ("session",))
    with pytest.raises(Unstable) as caught:
        calls.key((SimpleNamespace(pool=Pool()),))

    error = refusal(caught.value, "shop.api:send")

    assert str(error).splitlines() == [
        "shop.api:send has an argument without a stable identity",
        "  session.pool._lock: a thread lock",
        "  leave it out:   shop.api:send ignore=session.pool._lock",
    ]
    assert (error.target, error.path) == ("shop.api:send", "session.pool._lock")


def test_a_refused_part_behind_a_cycle_is_found():
    ring = []
    ring += [ring, (ring, {"ring": ring}), object()]

    with pytest.raises(Unstable) as caught:
        CallIdentity("a:f", ("x",)).key((ring,))

    assert caught.value.path == "x[2]"


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("rows.*.id", ("rows", "*", "id")),
        ("rows[0].id", ("rows", "0", "id")),
        ("rows[-1][*]", ("rows", "-1", "*")),
        ("payload.sent-at", ("payload", "sent-at")),
        ("payload['sent at'].x", ("payload", "sent at", "x")),
        ('payload["v1.2"][0]', ("payload", "v1.2", "0")),
        (" self ", ("self",)),
    ],
)
def test_dots_and_brackets_separate_steps(path, steps):
    assert parse_path(path) == steps


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "a[b]", "a b", "a[", "a['b]", "a['']"])
def test_an_invalid_path_is_reported(path):
    with pytest.raises(ValueError, match="not a path"):
        parse_path(path)


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

    pruned = prune(value, [parse_path(path) for path in ("b.0.x", "b.1.0", "c", "nothing.here", "a.x")])

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
    assert rows_key(make(1), ignore=("rows.a",)) == rows_key(make(2), ignore=("rows.a",))
    assert rows_key(make(1), ignore=("rows.b",)) != rows_key(make(2), ignore=("rows.b",))
    assert rows_key(make(1), ignore=("rows.none",)) == rows_key(make(1))
    assert rows_key(Count(5), ignore=("rows.a",)) != rows_key(Count(6), ignore=("rows.a",))


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
    assert rows_key(deque([1, 2], 5), ignore=("rows.0",)) == rows_key(deque([3, 2], 5), ignore=("rows.0",))
    assert rows_key(deque([1, 2], 5), ignore=("rows.0",)) != rows_key(deque([1, 2], 6), ignore=("rows.0",))


def test_paths_try_attributes_before_keys():
    assert rows_key(UserDict(a=1, b=1), ("rows.data.a",)) == rows_key(UserDict(a=2, b=1), ("rows.data.a",))
    assert rows_key(UserDict(a=1, b=1), ("rows.data.a",)) == rows_key(UserDict(b=1))
    numbered = MappingProxyType({1: "x", 2: "y"})
    assert rows_key(numbered, ("rows.1",)) == rows_key(MappingProxyType({1: "z", 2: "y"}), ("rows.1",))
