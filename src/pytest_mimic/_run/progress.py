"""Shows on a terminal what a run waits for: a real call that is recorded."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from pytest_mimic._core.engine.run_state import RunState

# How long a call runs before it is shown, and how often the line is updated, in seconds.
_INTERVAL = 1.0

# ECMA-48 and DEC private sequences: save the cursor, restore it, erase to the end of the line.
_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"


class Line:
    """A text at the right of the terminal's current line. It must be made while pytest captures nothing."""

    def __init__(self, terminal: Any) -> None:
        self._writer = terminal._tw
        file = self._writer._file
        self._encoding = file.encoding or "utf-8"
        # A duplicate, because pytest's capturing redirects the original descriptor while a test runs.
        self._screen = os.dup(file.fileno())
        self._is_shown = False

    def show(self, label: str, amount: str) -> None:
        """Show a label, which is cut if there is little space, and an amount."""
        self._is_shown = True
        space = self._writer.fullwidth - self._writer.width_of_current_line - 2
        line = label[: max(space - len(amount), 0)] + amount if space > len(amount) else ""
        self._write(f"{_SAVE} {line}{_ERASE}{_RESTORE}")

    def hide(self) -> None:
        """Erase what is shown."""
        if self._is_shown:
            self._is_shown = False
            self._write(_ERASE)

    def close(self) -> None:
        """Erase the line and close the terminal."""
        self.hide()
        os.close(self._screen)

    def _write(self, text: str) -> None:
        os.write(self._screen, text.encode(self._encoding, "backslashreplace"))


class ProgressLine:
    """A plugin that shows the longest real call under way, if pytest writes to a terminal."""

    def __init__(self, config: pytest.Config, state: RunState) -> None:
        self._config = config
        self._state = state
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def pytest_collection_finish(self) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.isatty:
            line = Line(terminal)
            self._thread = threading.Thread(
                target=self._watch, args=(line,), name="mimic-progress", daemon=True
            )
            self._thread.start()

    def pytest_sessionfinish(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, line: Line) -> None:
        while not self._stopped.wait(_INTERVAL):
            longest = max(list(self._state.running), key=lambda real: real.seconds, default=None)
            if longest is None or longest.seconds < _INTERVAL:
                line.hide()
            else:
                line.show(f"mimic: recording {longest.label}", f" {longest.seconds:.0f} s")
        line.close()
