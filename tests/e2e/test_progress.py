"""The progress line of a recording run on a terminal."""

from __future__ import annotations

import os
import re
import select
import subprocess

import pytest

pty = pytest.importorskip("pty", reason="only where there are pseudo-terminals")

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        with open("gate") as gate:  # until the test opens it
            return gate.read()
"""
TEST = """
    import shop

    def test_fetch():
        assert shop.fetch("Oslo") == "open"
        open("gate").close()  # until the test has seen that the line is erased
"""


def read_until(terminal, wanted):
    """Return the terminal's output up to a text, the end of the run, or five minutes of silence."""
    shown = b""
    while (wanted is None or wanted not in shown) and select.select(
        [terminal], [], [], 300
    )[0]:
        try:
            more = os.read(terminal, 4096)
        except OSError:  # EIO: the other end is closed
            more = b""
        if not more:
            break
        shown += more
    return shown.decode()


@pytest.fixture
def on_terminal(project):
    """A function that starts pytest on a pseudo-terminal, and returns the process and the other end."""
    project.ini("shop:fetch")
    project.tests(TEST)
    os.mkfifo(project.root / "gate")
    opened = []

    def start(*arguments):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            **project.process_of(*arguments, TERM="xterm", COLUMNS="100"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        opened.append((process, ours))
        return process, ours

    yield start
    for process, ours in opened:
        process.kill()
        process.wait(timeout=300)
        os.close(ours)


def test_a_long_real_call_is_shown_while_it_runs(project, on_terminal):
    process, terminal = on_terminal("--mimic-record")

    during = read_until(terminal, b" s\x1b[K\x1b8")
    (project.root / "gate").write_text("open")
    erased = read_until(terminal, b"\x1b7\x1b[K\x1b8")
    (project.root / "gate").write_text("")
    after = read_until(terminal, None)

    assert re.search(
        r"mimic: recording shop:fetch\(city='Oslo'\) \d+ s\x1b\[K\x1b8", during
    )
    assert process.wait(timeout=300) == 0
    assert erased.endswith("\x1b7\x1b[K\x1b8")
    assert "1 passed" in after
    assert "mimic: recording shop" not in after
    assert project.real() == ["fetch Oslo"]
