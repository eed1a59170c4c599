"""What was made in a run holds random bytes of it, or lies in its time."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime, timezone

import pytest

from pytest_mimic._core.tree.made_in_run import (
    Evidence,
    RandomBytes,
    pieces_of_run,
    value_of_all_forms,
    without_short_texts,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc).timestamp()
GIVEN = uuid.UUID("b3c1d0a2-7e44-4f8b-9a10-5d6e7f809123").bytes
OTHER = "f42d0ef2-33a0-48ac-b610-8c7122e77abc"


@pytest.fixture(scope="module")
def run() -> Evidence:
    random = RandomBytes()
    random.add(GIVEN)
    return Evidence(random, began_at=NOON, ended_at=NOON + 60)


def _version_7(seconds: float) -> str:
    digits = f"{int(seconds * 1000):012x}7abc8def012345678901"
    return str(uuid.UUID(digits))


@pytest.mark.parametrize(
    "text",
    [
        str(uuid.UUID(bytes=GIVEN, version=4)),
        f"order-{uuid.UUID(bytes=GIVEN, version=4).hex}",
        GIVEN.hex(),
        GIVEN.hex()[:16],
        GIVEN.hex()[-16:],
        base64.urlsafe_b64encode(GIVEN).decode().rstrip("="),
        _version_7(NOON + 5),
        "2026-11-25T12:00:30",
        "until 2026-11-25 13:00:30",
        "Today is 2026-11-25.",
        f"at {int(NOON) + 5}",
    ],
)
def test_what_holds_bytes_or_a_moment_of_the_run_was_made_in_it(
    run: Evidence, text: str
) -> None:
    assert len(list(pieces_of_run(text, run))) == 1


def test_a_token_that_does_not_look_random_is_known_by_its_bytes() -> None:
    """Some random tokens have long words and hardly a digit."""
    text = "WordAndMoreWords_Token"
    random = RandomBytes()
    random.add(base64.urlsafe_b64decode(f"{text}=="))
    run = Evidence(random, began_at=NOON, ended_at=NOON + 60)
    nothing_given = Evidence(RandomBytes(), began_at=NOON, ended_at=NOON + 60)

    assert [part for part, _ in pieces_of_run(f"id {text}", run)] == [text]
    assert list(pieces_of_run(f"id {text}", nothing_given)) == []


@pytest.mark.parametrize(
    "text",
    [
        OTHER,
        _version_7(NOON - 3_000),
        "2026-11-20T12:00:30",
        "2026-11-25T12:07:30",
        "2026-11-24",
        f"at {int(NOON) - 90_000}",
        "a plain text",
    ],
)
def test_what_is_of_another_run_was_not(run: Evidence, text: str) -> None:
    assert list(pieces_of_run(text, run)) == []


def test_today_is_that_of_the_local_clock_too(run: Evidence) -> None:
    ahead = run._replace(seconds_ahead_of_utc=13 * 3600)

    assert len(list(pieces_of_run("on 2026-11-26", ahead))) == 1


def test_a_uuid_tells_its_moment(run: Evidence) -> None:
    """Python makes those of version 1 from the clock, and not from random bytes."""
    made = uuid.uuid1()
    seconds = (made.time - 0x01B21DD213814000) / 10_000_000
    now = Evidence(RandomBytes(), began_at=seconds - 1, ended_at=seconds + 1)

    assert len(list(pieces_of_run(str(made), now))) == 1
    assert list(pieces_of_run(str(made), run)) == []


@pytest.mark.parametrize(
    "forms",
    [
        ["2026-11-25T10:00:00+01:00", "2026-11-25 09:00:00Z", "1795597200"],
        ["2026-11-25T09:00:00.250000", "1795597200.25"],
        ["25 Nov 2026 09:00:00 GMT", "1795597200000"],
        [OTHER, OTHER.upper(), OTHER.replace("-", "")],
    ],
)
def test_a_value_is_one_in_all_its_forms(forms: list[str]) -> None:
    assert len({value_of_all_forms(form) for form in forms}) == 1


def test_texts_that_are_too_short_are_left_out():
    text = '{"day": "1 May 2026", "word": "tea", "at": [2026, 5, 1]}'

    # The list follows the quote that ends its key.
    assert without_short_texts(text) == '1 May 2026": [2026, 5, 1]}'
