"""Streams in memory and generators of random numbers have a state that is taken and set."""

from __future__ import annotations

import io
import json
import random

import pytest

from pytest_mimic._core.outcome.advancing import (
    advancing_in,
    changed_state,
    kind_of_advancing,
    set_state,
    state_of_advancing,
)

np = pytest.importorskip("numpy")

MAKERS = {
    "bytes": lambda: io.BytesIO(b"one\ntwo"),
    "texts": lambda: io.StringIO("one\r\ntwo", newline=""),
    "random": lambda: random.Random(1),
    "PCG64": lambda: np.random.default_rng(1),
    "MT19937": lambda: np.random.Generator(np.random.MT19937(1)),
    "RandomState": lambda: np.random.RandomState(1),
}


def used(value):
    """Use a stream or a generator, and return what that gave."""
    if hasattr(value, "readline"):
        return value.readline()
    if isinstance(value, random.Random):
        return value.gauss(0, 1)
    return value.normal(size=3).tolist()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_state_that_was_set_goes_on_as_the_one_that_was_taken(make):
    value, other = make(), make()
    before = state_of_advancing(value)

    used(value)
    kept = changed_state(before, json.loads(json.dumps(state_of_advancing(value))))
    set_state(other, kept)

    assert used(other) == used(value)
    assert changed_state(before, before) is None


def test_what_was_written_comes_with_the_position():
    value, other = io.BytesIO(b"one"), io.BytesIO(b"one")
    before = state_of_advancing(value)
    value.seek(0)
    value.truncate(1)
    value.seek(3)
    value.write(b"!")

    set_state(other, changed_state(before, state_of_advancing(value)))

    assert (other.getvalue(), other.tell()) == (b"o\0\0!", 4)


class Own(io.BytesIO):
    pass


@pytest.mark.parametrize(
    "value", [Own(), random._inst, np.random.mtrand._rand, random.SystemRandom(), [1]]
)
def test_others_are_not_taken(value):
    assert kind_of_advancing(value) is None


def test_they_are_found_at_any_depth():
    class Dice:
        def __init__(self):
            self.rng = random.Random(1)

    stream = io.BytesIO()
    found = advancing_in({"dice": Dice(), "rest": [stream, {"a": stream}]})

    assert set(map(id, found.values())) >= {id(stream)}
    assert "dice.rng" in found


def test_the_state_of_another_class_is_refused():
    with pytest.raises(ValueError, match="the state of a BytesIO"):
        set_state(io.StringIO(), state_of_advancing(io.BytesIO()))
