"""Keys of a real terminal."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from pytest_mimic._tools.cli.reviewing import read_key

termios = pytest.importorskip("termios", reason="needs pseudo-terminals")


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


def test_the_end_of_the_input_is_no_key(terminal: int):
    shown: list[str] = []

    def show(text: str) -> None:
        if not shown:  # the prompt: the user presses Ctrl-D now
            os.write(terminal, b"\x04")
        shown.append(text)

    assert read_key("> ", show) == ""


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process in the background may have been started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_is_no_key(terminal: int):
    """Ctrl-C sends a signal to the program."""
    before = termios.tcgetattr(terminal)
    shown: list[str] = []

    def show(text: str) -> None:
        shown.append(text)
        if text == "> ":
            signal.raise_signal(signal.SIGINT)

    assert read_key("> ", show) == ""

    assert shown == ["> ", "\n"]
    assert termios.tcgetattr(terminal) == before


def test_without_an_input_there_is_no_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert read_key("> ", lambda _: None) == ""


def test_the_terminal_is_as_before_when_a_key_was_read(terminal: int):
    before = termios.tcgetattr(terminal)
    os.write(terminal, b"r")

    assert read_key("", lambda _: None) == "r"

    assert termios.tcgetattr(terminal) == before


def test_an_empty_line_asks_for_help_and_the_end_of_a_file_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\nAccept\n"))

    assert [read_key("", lambda _: None) for _ in range(3)] == ["?", "a", ""]
