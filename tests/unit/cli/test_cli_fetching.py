"""On a terminal, commands show how much of a remote vault was fetched."""

from __future__ import annotations

import io
import os
import sys

import pytest

from pytest_mimic._cli.fetching import show_fetching

pytest.importorskip("termios", reason="needs pseudo-terminals")


def test_a_terminal_shows_what_is_fetched_until_all_is_here(monkeypatch: pytest.MonkeyPatch):
    screen, program = os.openpty()
    with os.fdopen(program, "w", encoding="utf-8") as stderr, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        show_fetching(1, 2)
        show_fetching(2, 2)
        stderr.write("end")
        stderr.flush()
        shown = ""
        while not shown.endswith("end"):
            shown += os.read(screen, 1000).decode()
    os.close(screen)

    assert shown == "\r\x1b[Kfetching recordings 1 of 2\r\x1b[Kend"


def test_a_file_gets_no_such_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())

    show_fetching(1, 2)
    monkeypatch.setattr(sys, "stderr", None)
    show_fetching(1, 2)

    assert stderr.getvalue() == ""
