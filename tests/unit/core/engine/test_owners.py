"""What an owner of calls keeps until it is judged."""

from __future__ import annotations

from pytest_mimic._core.engine.owners import Change, Owner


def test_the_last_content_without_an_error_is_the_good_one() -> None:
    change = Change(None)

    change.note(b"one", {0: None})
    change.note(b"two", {1: ("shop:fetch() raised KeyError", "test_a.py::test_x")})

    assert (change.last_good_content, change.content_now) == (b"one", b"two")


def test_a_later_good_outcome_in_the_place_of_an_error_makes_the_content_good() -> None:
    change = Change(b"before")
    change.note(b"failed", {0: ("shop:fetch() raised KeyError", "")})

    change.note(b"whole", {0: None})

    assert (change.content_before, change.last_good_content) == (b"before", b"whole")


def test_a_scope_that_starts_over_keeps_what_it_recorded_and_forgets_what_it_asked() -> (
    None
):
    owner = Owner("tests/test_a.py")
    owner.journal["calls/a.json"] = Change(None)
    owner.clients_replayed["redis"] = 0
    owner.clients_recorded_again.add("redis")
    waiting = owner.ended
    token = owner.token

    owner.rewind()

    assert waiting.is_set()
    assert owner.token != token
    assert (owner.clients_replayed, owner.number_begun) == ({}, 0)
    assert (list(owner.journal), owner.clients_recorded_again) == (
        ["calls/a.json"],
        {"redis"},
    )
