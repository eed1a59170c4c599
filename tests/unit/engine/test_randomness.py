"""The global random states are read from memory."""

from __future__ import annotations

import random
import sys

import pytest

from pytest_mimic._engine.randomness import Change, GlobalStates, change


def test_the_state_of_random_is_the_one_that_getstate_returns():
    state = GlobalStates().read()["random"]

    _, words, rest = random.getstate()
    assert tuple(memoryview(state.words).cast("I")) == words[:-1]
    assert (int.from_bytes(state.position, sys.byteorder), state.rest) == (words[-1], rest)


def test_numpys_state_is_the_one_that_get_state_returns():
    np = pytest.importorskip("numpy", reason="needs numpy")

    state = GlobalStates().read()["numpy.random"]

    _, words, position, *_ = np.random.get_state()
    assert (state.words, int.from_bytes(state.position, sys.byteorder)) == (words.tobytes(), position)


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
