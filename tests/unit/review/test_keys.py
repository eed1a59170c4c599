"""Keys of a real terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from pytest_mimic._review.keys import read_key

pytest.importorskip("termios", reason="needs pseudo-terminals")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The side of a pseudo-terminal at which the user types."""
    user, program = os.openpty()
    with os.fdopen(program, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield user
    os.close(user)


@pytest.mark.parametrize(
    "sent",
    ["\x1b[A", "\x1b[1;5A", "\x1bOR", "\x1ba", "\x1b[3~"],
    ids=["up", "ctrl-up", "F3", "alt-a", "delete"],
)
def test_a_key_that_sends_several_characters_is_no_letter(terminal: int, sent: str):
    """The last character of the arrow up is an A, which would accept a change."""
    os.write(terminal, f"{sent}rQ".encode())

    keys = [read_key("", lambda _: None) for _ in range(3)]

    assert keys == ["?", "r", "q"]


def test_the_escape_key_is_no_decision(terminal: int):
    os.write(terminal, b"\x1b")

    assert read_key("", lambda _: None) == "\x1b"
