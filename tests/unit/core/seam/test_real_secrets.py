"""Real secrets are put back at their places while a call is verified."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.known_secrets import known_in
from pytest_mimic._core.seam.real_secrets import as_recorded, with_secrets

P = PLACEHOLDER
# The recording, the real outcome without secrets, the real outcome, and what the
# application gets.
CASES: dict[str, tuple[Any, Any, Any, Any]] = {
    "text": (P, P, "s1", "s1"),
    "within a text": (f"id=1&key={P}", f"id=2&key={P}", "id=2&key=s1", "id=2&key=s1"),
    "several in a text": (f"{P}:{P}@a", f"{P}:{P}@b", "ann:s1@b", "ann:s1@b"),
    "text without a secret": ("a", f"a{P}", "as1", "a"),
    "text whose secret is gone": (f"a {P}", "b", "b", f"a {P}"),
    "number": (0, 0, 4711, 4711),
    "number that is no secret": (3, 4, 4, 3),
    "number of another type": (0, False, True, 0),
    "dict": ({"key": P, "n": 1}, {"key": P, "n": 2}, {"key": "s1", "n": 2}, {"key": "s1", "n": 1}),
    "key that is gone": ({"key": P, "n": 1}, {"n": 1}, {"n": 1}, {"key": P, "n": 1}),
    "key that is secret itself": ({"<A>": 1}, {"<A>": 1}, {"s1": 1}, {"<A>": 1}),
    "kind that has changed": ({"key": P}, [P], ["s1"], {"key": P}),
    "list": ([1, {"key": P}], [1, {"key": P}], [1, {"key": "s1"}], [1, {"key": "s1"}]),
    "longer list": ([0, {"key": P}], [0], [0], [0, {"key": P}]),
    "list that redaction made shorter": ([0, P], [0], [0, "s1"], [0, P]),
    "headers in another order": (
        [["Date", "1"], ["X-Key", P], ["x-key", P]],
        [["X-Key", P], ["X-Key", P], ["Date", "2"]],
        [["X-Key", "s1"], ["X-Key", "s2"], ["Date", "2"]],
        [["Date", "1"], ["X-Key", "s1"], ["x-key", "s2"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("recorded", "hidden", "real", "expected"), CASES.values(), ids=CASES
)
def test_recorded_data_gets_the_secrets_at_their_places(
    recorded, hidden, real, expected
):
    found = with_secrets(recorded, hidden, real)

    assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    "recorded",
    ["<redacted:0a0b0c0d>", "<redacted>", "<redacted:login-0a0b0c-0a0b0c0d>"],
)
def test_a_real_secret_gets_the_placeholder_that_was_recorded_at_its_place(
    recorded: str,
) -> None:
    known = known_in(SecretScope())
    token = known.issue(known.begin("http", "1a2b"), "token", "tok-4711-0815")
    hidden = {"token": token, "links": [f"/next?token={token}"]}

    shown = as_recorded({"token": recorded, "links": []}, hidden, known)

    assert shown == {"token": recorded, "links": [f"/next?token={recorded}"]}
    assert known.stand_in("tok-4711-0815") == recorded


def test_a_hidden_number_is_the_real_one_again() -> None:
    known = known_in(SecretScope())
    pin = int(known.issue(known.begin("http", "1"), "pin", "4711", is_number=True))

    assert as_recorded({"pin": 0}, {"pin": pin}, known) == {"pin": 0}
    assert with_secrets(
        {"pin": 0, "n": 1}, {"pin": pin, "n": 2}, {"pin": 4711, "n": 2}
    ) == {
        "pin": 4711,
        "n": 1,
    }
