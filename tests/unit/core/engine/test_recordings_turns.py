"""Turns: one thread at a time, and once a run has forked, one process."""

from __future__ import annotations

import threading

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.engine.recordings import Turns


class Noting:
    """A family that notes its turns."""

    def __init__(self) -> None:
        self.turns: list[str] = []
        self.is_closed = False

    def begin_turn(self) -> None:
        if self.is_closed:
            raise MimicError("closed")
        self.turns.append("begin")

    def end_turn(self) -> None:
        self.turns.append("end")


def test_one_thread_has_a_turn_at_a_time() -> None:
    turns = Turns()
    order: list[str] = []

    def other() -> None:
        with turns:
            order.append("other")

    thread = threading.Thread(target=other)
    with turns, turns:
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()

    assert order == ["first", "other"]


def test_the_outermost_turn_is_shared_with_other_processes() -> None:
    turns, family = Turns(), Noting()

    turns.begin()
    turns.share(family)
    turns.end()
    with turns, turns:
        family.turns.append("inside")

    assert family.turns == ["begin", "end", "begin", "inside", "end"]


def test_a_turn_that_cannot_begin_is_none() -> None:
    turns, family = Turns(), Noting()
    turns.begin()
    turns.share(family)
    turns.end()
    family.is_closed = True

    for _ in range(2):
        with pytest.raises(MimicError, match="closed"), turns:
            pass

    family.is_closed = False
    with turns:
        pass
    assert family.turns == ["begin", "end", "begin", "end"]


def test_a_forked_process_does_not_end_the_turn_of_its_parent() -> None:
    turns, family = Turns(), Noting()
    turns.begin()
    turns.share(family)

    turns.start_over()
    with turns:
        pass

    assert family.turns == ["begin", "begin", "end"]
