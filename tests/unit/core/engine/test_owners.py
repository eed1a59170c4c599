"""Owners of sequences, and a sequence while it is recorded."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.engine.owners import Owner, SequenceInProgress


def sequence(old: list[str], new: dict[int, str]) -> Any:
    """Make a sequence whose stored outcomes are strings."""
    return SequenceInProgress(None, old, old, was_recorded=True, new=new)  # type: ignore[arg-type]


def test_new_outcomes_replace_old_ones_by_position() -> None:
    made = sequence(["a", "b", "c"], {1: "B", 3: "D"})

    assert made.outcomes() == ["a", "B", "c", "D"]
    assert made.outcomes(length=2) == ["a", "B"]


def test_a_rewound_owner_starts_over_with_the_recorded_outcomes() -> None:
    owner = Owner("tests/test_shop.py")
    owner.positions["calls/a.json"] = 3
    owner.sequences["calls/a.json"] = made = sequence(["a"], {1: "b", 2: "c"})

    owner.rewind()

    assert (owner.positions, made.old, made.new) == ({}, ["a", "b", "c"], {})


def test_the_longest_round_of_an_owner_counts() -> None:
    owner = Owner("session")
    for length in (3, 1):
        owner.rewind()
        owner.positions["calls/a.json"] = length

    assert owner.length("calls/a.json") == 3
    assert owner.length("calls/b.json") == 0
