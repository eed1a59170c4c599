"""The identity of a call: its target and its arguments by name."""

from __future__ import annotations

import threading
from collections import deque
from types import SimpleNamespace

import pytest
from values.things import WithIdentity

from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.types.reductions import Unstable

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
    ("values", "options"),
    [
        ((1, "text", (), {}), {}),
        ((float("nan"), b"bytes" * 1_000, (1, 2), {"b": -0.0, "a": True}), {}),
        (([WithIdentity("a")], {1: {2}}, (), {"token": deque()}), {}),
        (
            ([{"id": 1}], {"sent_at": 0, "x": 1}, (), {}),
            {"ignore": ("payload.sent_at",)},
        ),
        ((__file__, 1, (), {"more": __file__}), {"content": ("rows", "more")}),
    ],
    ids=["short", "long", "objects", "ignore", "content"],
)
def test_the_forms_of_the_arguments_make_the_identity(values, options):
    identity = CallIdentity("shop.api:send", NAMES, **options)

    forms = identity.forms(values)

    assert identity.key_of_forms(forms) == identity.key(values)


@pytest.mark.parametrize(
    ("ignore", "other"),
    [
        (("payload",), ([{"id": 1, "n": 2}], "else", (1,), {"token": "t"})),
        (
            ("payload.sent_at",),
            ([{"id": 1, "n": 2}], {"sent_at": 9, "x": 1}, (1,), {"token": "t"}),
        ),
        (("payload.sent_at",), ([{"id": 1, "n": 2}], {"x": 1}, (1,), {"token": "t"})),
        (
            ("rows.*.id",),
            ([{"id": 7, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "t"}),
        ),
        (
            ("rows[0].id",),
            ([{"id": 7, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "t"}),
        ),
        (
            ("token",),
            ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"token": "u"}),
        ),
        (("extra",), ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (1,), {"more": 1})),
        (("rest", "token"), ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (2, 3), {})),
        (
            ("rest.0",),
            ([{"id": 1, "n": 2}], {"sent_at": 0, "x": 1}, (5,), {"token": "t"}),
        ),
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
    assert seen[0] == {
        "rows": [1],
        "payload": {"id": 5, "at": 1},
        "rest": (),
        "extra": {},
    }


def test_a_bare_object_as_default_means_not_given():
    missing = object()
    calls = CallIdentity("a:f", ("x", "limit"), defaults=(None, missing))
    again = CallIdentity("a:f", ("x", "limit"), defaults=(None, object()))

    assert calls.key((1, missing)) == calls.key((1, missing))
    assert calls.key((1, missing)) != calls.key((1, ...))
    assert calls.key((1, missing)) != calls.key((1, None))
    with pytest.raises(
        Unstable, match=r"limit has no stable identity: a bare object\(\)"
    ):
        again.key((1, missing))


def test_the_digest_of_an_argument_changes_with_it():
    calls = CallIdentity("a:f", ("rows", "session", "lock"), ignore=("session",))
    rows = [1, 2]

    before = calls.digest_of_content(0, rows)
    rows.append(3)

    assert (
        before == calls.digest_of_content(0, [1, 2]) != calls.digest_of_content(0, rows)
    )
    assert (
        calls.digest_of_content(1, "any"),
        calls.digest_of_content(2, object()),
    ) == (
        None,
        None,
    )


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
        (
            SimpleNamespace(clients=[1, 2, Pool()]),
            "config.clients[2]._lock",
            "a thread lock",
        ),
        ({"a": {"b": (0, Slotted())}}, "config['a']['b'][1].lock", "a thread lock"),
        ({3: [object()]}, "config[3][0]", "a bare object()"),
        ({object(): 1}, "config.keys()[0]", "a bare object()"),
        ({(1, 2): object()}, "config{...}", "a bare object()"),
        ({1, (2, object())}, "config", "a bare object()"),
        ([(n for n in range(3))], "config[0]", "a generator"),
        (
            [SimpleNamespace(), SimpleNamespace(pool=Pool())],
            "config[1].pool._lock",
            "a thread lock",
        ),
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


def test_a_refused_part_behind_a_cycle_is_found():
    ring = []
    ring += [ring, (ring, {"ring": ring}), object()]

    with pytest.raises(Unstable) as caught:
        CallIdentity("a:f", ("x",)).key((ring,))

    assert caught.value.path == "x[2]"
