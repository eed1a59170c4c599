"""The global random states are read from memory."""

from __future__ import annotations

import random
import sys

import pytest

from pytest_mimic._engine import randomness
from pytest_mimic._engine.randomness import Change, GlobalStates, change


def test_the_state_of_random_is_the_one_that_getstate_returns():
    state = GlobalStates().read()["random"]

    _, words, rest = random.getstate()
    assert tuple(memoryview(state.words).cast("I")) == words[:-1]
    assert (int.from_bytes(state.position, sys.byteorder), state.rest) == (words[-1], rest)


def test_the_state_is_the_same_where_it_cannot_be_read_from_memory(monkeypatch):
    """In another Python, the functions of `random` may belong to no object, or to one with another layout."""
    fast = GlobalStates().read()["random"]
    monkeypatch.setattr(randomness, "getstate", lambda: random.getstate())

    assert GlobalStates().read()["random"] == fast


def test_numpys_state_is_the_one_that_get_state_returns():
    np = pytest.importorskip("numpy", reason="needs numpy")

    state = GlobalStates().read()["numpy.random"]

    _, words, position, *_ = np.random.get_state()
    assert (state.words, int.from_bytes(state.position, sys.byteorder)) == (words.tobytes(), position)


def test_any_change_of_another_generator_of_numpy_is_a_draw():
    """Only the blocks of a Mersenne Twister are known, in which a seed could be told from a draw."""
    np = pytest.importorskip("numpy", reason="needs numpy")
    if not hasattr(np.random, "set_bit_generator"):
        pytest.skip("needs numpy 1.24")
    states, twister = GlobalStates(), np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(1))
    try:
        before, again = states.read()["numpy.random"], states.read()["numpy.random"]
        np.random.random()
        now = states.read()["numpy.random"]
    finally:
        np.random.set_bit_generator(twister)

    assert change(before, again, 0.0) is Change.NONE
    assert change(before, now, 0.0) is Change.DRAWN
    assert change(states.read()["numpy.random"], before, 0.0) is Change.DRAWN


def test_a_draw_and_a_seed_are_distinguished():
    states, before = GlobalStates(), random.getstate()
    try:
        random.seed(1)
        first = states.read()["random"]
        for _ in range(1000):
            random.random()
        drawn = states.read()["random"]
        random.seed(2)
        seeded = states.read()["random"]
    finally:
        random.setstate(before)

    assert change(first, first, 0.0) is Change.NONE
    assert change(first, drawn, 0.0) is Change.DRAWN
    assert change(drawn, seeded, 0.0) is Change.SEEDED
