"""Shows on a terminal the real call that a run waits for, after a second."""

from __future__ import annotations

import os
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mimic._core.engine.run import Run

# Sequences that each terminal knows since the VT100.
_SAVE_CURSOR = "\x1b7"
_ERASE_REST = "\x1b[K"
_RESTORE_CURSOR = "\x1b8"


def show_progress(terminal: Any, run: Run) -> Callable[[], None]:
    """Show the longest real call under way at the right of the terminal's line.

    Args:
        terminal: pytest's terminal reporter.
        run: The run.

    Returns:
        A function that ends the showing.
    """
    progress = _Progress(terminal._tw, run)
    progress.start()
    return progress.end


class _Progress:
    """A thread that writes the call under way into the terminal, once a second.

    Args:
        writer: pytest's writer to the terminal.
        run: The run.
    """

    def __init__(self, writer: Any, run: Run) -> None:
        self._writer = writer
        self._run = run
        # A duplicate, because pytest's capturing redirects the original descriptor
        # while a test runs.
        self._screen_descriptor = os.dup(writer._file.fileno())
        self._is_stopped = Event()
        # A daemon, so that a run that is killed by an error does not wait for it.
        self._thread = Thread(target=self._watch, name="mimic-progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._is_stopped.set()
        self._thread.join()
        os.close(self._screen_descriptor)

    def _watch(self) -> None:
        """Write the text of each second, also an empty one that erases the last."""
        text = ""
        while not self._is_stopped.wait(1):
            last_text = text
            text = self._text_of_longest_call()
            if text or last_text:
                self._write(text)

    def _text_of_longest_call(self) -> str:
        """Return the text for the longest call under way, empty for a short one."""
        # Other threads begin and end real calls meanwhile, so that a copy is read.
        running = list(self._run.real_calls.running)
        running_steps = [step for step in running if isinstance(step, Step)]
        if not running_steps:
            return ""
        longest_step = min(running_steps, key=_start_time)
        seconds = self._run.clock() - _start_time(longest_step)
        if seconds < 1:
            return ""
        shown_seconds = f" {seconds:.0f} s"
        writer = self._writer
        # A text over the end of the line would scroll the terminal.
        room = writer.fullwidth - writer.width_of_current_line - len(shown_seconds) - 1
        text = f" mimic: recording {longest_step.call.label}"
        return text[: max(room, 0)] + shown_seconds

    def _write(self, text: str) -> None:
        """Write a text behind the cursor in place of the last one, and go back."""
        sequence = f"{_SAVE_CURSOR}{text}{_ERASE_REST}{_RESTORE_CURSOR}"
        encoding = self._writer._file.encoding
        os.write(self._screen_descriptor, sequence.encode(encoding, "backslashreplace"))


def _start_time(step: Step) -> float:
    """Return when a real call began: the one under way for longest is shown."""
    return step.observed.started
