"""Properties of all values: equal values have one identity, every change gives another, and none collide."""

from __future__ import annotations

import copy
import pickle
import random

from hypothesis import assume, example, given
from hypothesis import strategies as st
from support.face import fingerprint

from values.generated import values
from values.things import Pair, Plain


def reordered(value, rng):
    """Return an equal value whose dicts and sets were filled in another order, without shared parts."""
    if type(value) is dict:
        items = list(value.items())
        rng.shuffle(items)
        return {reordered(key, rng): reordered(item, rng) for key, item in items}
    if type(value) in (set, frozenset):
        items = list(value)
        rng.shuffle(items)
        return type(value)(reordered(item, rng) for item in items)
    if type(value) in (list, tuple):
        return type(value)(reordered(item, rng) for item in value)
    if type(value) is Pair:
        return Pair(*(reordered(item, rng) for item in value))
    if type(value) is Plain:
        names = list(value.__dict__)
        rng.shuffle(names)
        return Plain(**{name: reordered(value.__dict__[name], rng) for name in names})
    return pickle.loads(pickle.dumps(value))


@given(values, st.randoms())
def test_equal_values_have_one_identity(value, rng):
    expected = fingerprint(value)

    assert fingerprint(copy.deepcopy(value)) == expected
    assert fingerprint(pickle.loads(pickle.dumps(value))) == expected
    assert fingerprint(reordered(value, rng)) == expected


def sharing(steps):
    """Return values of which each later one holds earlier ones."""
    made = [Plain(a=1)]
    for wrap, places in steps:
        made.append(wrap(made[place % len(made)] for place in places))
    return made


wraps = st.sampled_from(
    [
        list,
        tuple,
        lambda parts: Plain(**{f"p{at}": part for at, part in enumerate(parts)}),
    ]
)


@given(
    st.lists(st.tuples(wraps, st.lists(st.integers(0, 5), max_size=3)), max_size=5),
    st.randoms(),
)
@example([(list, [0]), (list, [1])], random.Random(1))
def test_parts_that_stand_at_several_places_count_as_equal_ones(steps, rng):
    value = sharing(steps)

    assert fingerprint(value) == fingerprint(reordered(value, rng))


def changed(value, rng):
    """Return the value with one part replaced, and the replaced part."""
    if type(value) in (list, tuple) and value:
        place = rng.randrange(len(value))
        inner, was = changed(value[place], rng)
        return type(value)([*value[:place], inner, *value[place + 1 :]]), was
    if type(value) is dict and value:
        key = rng.choice(list(value))
        inner, was = changed(value[key], rng)
        return {**value, key: inner}, was
    if type(value) is Plain:
        name = rng.choice(sorted(value.__dict__))
        inner, was = changed(value.__dict__[name], rng)
        return Plain(**{**value.__dict__, name: inner}), was
    return ("changed",), value


@given(values, st.randoms())
def test_a_single_change_is_another_value(value, rng):
    other, was = changed(value, rng)
    assume(was != ("changed",))

    assert fingerprint(other) != fingerprint(value)
