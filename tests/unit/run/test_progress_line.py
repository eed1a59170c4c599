"""The line at the right of a terminal's current line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from pytest_mimic._run.progress import Line

pytest.importorskip("termios", reason="needs pseudo-terminals")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """pytest's writer on a pseudo-terminal of 40 columns, and a function that reads what it shows up to a text."""
    screen, program = os.openpty()
    with os.fdopen(program, "w", encoding="ascii") as file:
        writer = TerminalWriter(file)
        writer.fullwidth = 40

        def shown(end: str) -> str:
            writer.write(end, flush=True)
            text = ""
            while not text.endswith(end):
                text += os.read(screen, 1000).decode()
            return text.removesuffix(end)

        yield SimpleNamespace(_tw=writer, shown=shown)
    os.close(screen)


def test_a_line_is_erased_once_at_its_end(terminal: Any):
    line = Line(terminal)

    line.show("mimic: recording f", " 1 s")
    line.hide()
    line.close()

    assert terminal.shown("end") == "\x1b7 mimic: recording f 1 s\x1b[K\x1b8\x1b[K"


@pytest.mark.parametrize(("before", "line"), [(20, " mimic: recordi 1 s"), (35, " ")])
def test_a_narrow_terminal_shows_what_fits(terminal: Any, before: int, line: str):
    terminal._tw.write("x" * before, flush=True)
    shown = Line(terminal)

    shown.show("mimic: recording shop:fetch", " 1 s")
    shown.close()

    assert terminal.shown("end") == f"{'x' * before}\x1b7{line}\x1b[K\x1b8\x1b[K"
