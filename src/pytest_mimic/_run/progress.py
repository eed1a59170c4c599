"""The line that tells which real call a recording run waits for; on a terminal only."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._engine.engine import Engine
    from pytest_mimic._engine.steps import Run

#: How long a call runs before it is told, and how often the line is renewed, in seconds.
_PATIENCE = 1.0

# ECMA-48 and DEC private: save the cursor, restore it, erase to the end of the line.
_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"


class Progress:
    """Shows the longest real call under way at the right of the terminal's current line.

    Args:
        engine: Whose real calls are shown.
        terminal: pytest's terminal reporter, while nothing is captured.
    """

    def __init__(self, engine: Engine, terminal: Any) -> None:
        self._engine = engine
        self._terminal = terminal
        file = terminal._tw._file
        self._encoding = file.encoding or "utf-8"
        # A descriptor of our own: while a test runs, pytest's capturing puts another file behind the original.
        self._screen = os.dup(file.fileno())
        self._stopped = threading.Event()
        self._is_shown = False
        self._thread = threading.Thread(target=self._watch, name="mimic-progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Erases the line and ends."""
        self._stopped.set()
        self._thread.join()
        os.close(self._screen)

    def _watch(self) -> None:
        while not self._stopped.wait(_PATIENCE):
            self._show()
        self._hide()

    def _show(self) -> None:
        longest = max(list(self._engine.running), key=lambda run: run.seconds, default=None)
        if longest is None or longest.seconds < _PATIENCE:
            self._hide()
            return
        self._is_shown = True
        self._write(f"{_SAVE} {self._line(longest)}{_ERASE}{_RESTORE}")

    def _line(self, run: Run) -> str:
        writer = self._terminal._tw
        space = writer.fullwidth - writer.width_of_current_line - 2
        label, seconds = f"mimic: recording {run.call.label}", f" {run.seconds:.0f} s"
        return label[: max(space - len(seconds), 0)] + seconds if space > len(seconds) else ""

    def _hide(self) -> None:
        if self._is_shown:
            self._is_shown = False
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        os.write(self._screen, text.encode(self._encoding, "backslashreplace"))
