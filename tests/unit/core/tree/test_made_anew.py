"""The table of what is made anew: five values that each row takes, and five that not."""

from __future__ import annotations

import base64
import random
import uuid

import pytest

from pytest_mimic._core.nodes.node_classes import Opaque
from pytest_mimic._core.tree.differing import Difference
from pytest_mimic._core.tree.made_anew import (
    ChangeMadeAnew,
    Kind,
    change_made_anew,
    differs_in_port,
    pieces,
)

#: By kind: texts that are of it as a whole, and texts that hold none of it.
TABLE = {
    Kind.UUID: (
        [
            "70869499-4229-48ba-8a6e-13d00f2c9e0a",
            "C232AB00-9414-11EC-B3C8-9F68DEFD9F1D",
            "1ec9414c-232a-6b00-b3c8-9e6bdeced846",
            "01937fae-2b7c-7cc0-8fae-0c3a1b2d4e5f",
            "7086949942294fba8a6e13d00f2c9e0a",
        ],
        [
            "6fa459ea-ee8a-3ca4-894e-db77e160355e",
            "886313e1-3b8a-5372-9b90-0c9aee199e5d",
            "00000000-0000-0000-0000-000000000000",
            "70869499-4229-48ba-1a6e-13d00f2c9e0a",
            "70869499-4229-48ba-8a6e",
        ],
    ),
    Kind.ULID: (
        [
            "01JDHZ8F5M3Q7V9W2X4Y6Z8A0B",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01hzy7d9m4k6n8q0s2v4x6z8b1",
            "01J0000000ABCDEFGHJKMNPQRS",
            "01KBA1C2D3E4F5G6H7J8K9MNPQ",
        ],
        [
            "81JDHZ8F5M3Q7V9W2X4Y6Z8A0B",
            "01JDHZ8F5M3Q7V9W2X4Y6Z8A0",
            "7ZZZZZZZZZ3Q7V9W2X4Y6Z8A0B",
            "00000000003Q7V9W2X4Y6Z8A0B",
            "01JDHZ8F5M3Q7V9W2X4Y6Z8AIL",
        ],
    ),
    Kind.TOKEN: (
        [
            "9f86d081884c7d65",
            "Yx3_kP9-qR2tVw7Z",
            "k3J9s8Dd7fQ2m4Xp0aLz",
            "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce",
            "q7w2z9x4c1v8b3n6",
        ],
        [
            "gpt-4o-mini-transcribe",
            "customer_account_42",
            "HelloWorldFooBarBaz12",
            "aaaaaaaaaaaaaaaa1111",
            "shipping-address-line-2",
        ],
    ),
    Kind.MOMENT: (
        [
            "2026-11-25T14:03:59.123456+00:00",
            "2026-11-20 09:43:52.611322",
            "1764079439",
            "1764079439123",
            "25 Nov 2026 14:03:59 GMT",
        ],
        [
            "2026-13-25T14:03:59",
            "999999999",
            "4102444800",
            "14:03:59",
            "1999-12-31T23:59:59",
        ],
    ),
    Kind.DATE: (
        [
            "2026-11-25",
            "November 25, 2026",
            "25 November 2026",
            "Nov 25, 2026",
            "2024-02-29",
        ],
        ["2023-02-29", "2026-11", "1.2.3", "March 2026", "12-24"],
    ),
}

TAKEN = [(kind, text) for kind, (texts, _) in TABLE.items() for text in texts]
LEFT = [(kind, text) for kind, (_, texts) in TABLE.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), TAKEN)
def test_a_row_takes_what_is_made_anew(kind: Kind, text: str) -> None:
    (piece,) = pieces(text)

    assert (piece.kind, piece.start, piece.end) == (kind, 0, len(text))


@pytest.mark.parametrize(("kind", "text"), LEFT)
def test_a_row_leaves_what_only_resembles_it(kind: Kind, text: str) -> None:
    assert not [piece for piece in pieces(text) if piece.kind is kind]


def test_pieces_are_found_inside_of_a_longer_text() -> None:
    text = "run 70869499-4229-48ba-8a6e-13d00f2c9e0a of 2026-11-25, at 1764079439."

    found = [(piece.kind, text[piece.start : piece.end]) for piece in pieces(text)]

    assert found == [
        (Kind.UUID, "70869499-4229-48ba-8a6e-13d00f2c9e0a"),
        (Kind.DATE, "2026-11-25"),
        (Kind.MOMENT, "1764079439"),
    ]


ONE, OTHER = (str(uuid.UUID(int=n << 90, version=4)) for n in (77777, 99991))


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        (ONE, OTHER, ChangeMadeAnew(frozenset({Kind.UUID}), is_of_whole_values=True)),
        (
            f"req-{ONE}",
            f"req-{OTHER}",
            ChangeMadeAnew(frozenset({Kind.UUID}), is_of_whole_values=True),
        ),
        (
            "Today is 2026-11-24.",
            "Today is 2026-11-25.",
            ChangeMadeAnew(frozenset({Kind.DATE}), is_of_whole_values=False),
        ),
        (
            1764079439,
            1764079440,
            ChangeMadeAnew(frozenset({Kind.MOMENT}), is_of_whole_values=True),
        ),
        (
            Opaque("datetime", "2026-11-24T10:00:00"),
            Opaque("datetime", "2026-11-25T11:00:00"),
            ChangeMadeAnew(frozenset({Kind.MOMENT}), is_of_whole_values=True),
        ),
        (
            Opaque("text", ONE, "UUID"),
            Opaque("text", OTHER, "UUID"),
            ChangeMadeAnew(frozenset({Kind.UUID}), is_of_whole_values=True),
        ),
        ("About tea?", "About coffee?", None),
        ("Today is 2026-11-24: tea", "Today is 2026-11-25: coffee", None),
        ("gpt-5-mini", "gpt-6-mini", None),
        (1, 2, None),
        (ONE, "2026-11-25", None),
        (True, False, None),
        (Opaque("text", "<f>", digest="1"), Opaque("text", "<f>", digest="2"), None),
    ],
)
def test_a_change_is_one_if_nothing_else_differs(old, new, result) -> None:
    assert change_made_anew(old, new) == result


def test_what_is_joined_to_a_long_text_is_data() -> None:
    """Looking at each of its ends would take minutes."""
    assert pieces("ab-" * 200_000) == []


def test_a_file_in_base64_is_data() -> None:
    """Stretches of it look like tokens, and to judge each of them takes seconds."""
    file = base64.b64encode(random.Random(1).randbytes(3_000)).decode()
    number = str(uuid.UUID(int=random.Random(2).getrandbits(128), version=4))

    found = pieces(f"data:image/png;base64,{file} {number}")

    assert [piece.kind for piece in found] == [Kind.UUID]


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("http://127.0.0.1:8001/rates?q=1", "http://127.0.0.1:8002/rates?q=1", True),
        ("http://[::1]:8001", "http://[::1]:8002", True),
        ("http://localhost/", "http://localhost:8002/", True),
        ("http://127.0.0.1:8001/rates", "http://127.0.0.1:8002/orders", False),
        ("http://127.0.0.1:8001/", "http://localhost:8001/", False),
        ("http://api.example:8001/", "http://api.example:8002/", False),
        # A recording that somebody has edited.
        ("http://[1/", "http://127.0.0.1:8002/", False),
        ("http://127.0.0.1:port/", "http://127.0.0.1:8002/", False),
    ],
)
def test_a_server_on_loopback_may_have_another_port(old, new, differs):
    assert differs_in_port(Difference("url", old, new)) is differs
