"""Shows on a terminal what a run waits for: a real call that is recorded and takes longer than a second."""

from __future__ import annotations

import os
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mimic._core.engine.run_state import RunState


def show_progress(terminal: Any, state: RunState) -> Callable[[], None]:
    """Show the longest real call under way at the right of the terminal's line.

    Return what ends that.
    """
    writer, stopped = terminal._tw, Event()
    # A duplicate, because pytest's capturing redirects the original descriptor while a
    # test runs.
    screen = os.dup(writer._file.fileno())

    def watch() -> None:
        text = ""
        while not stopped.wait(1):
            longest = min(
                list(state.running), key=lambda real: real.started, default=None
            )
            before, text = text, ""
            if (
                longest is not None
                and (seconds := state.clock() - longest.started) >= 1
            ):
                amount = f" {seconds:.0f} s"
                room = writer.fullwidth - writer.width_of_current_line - len(amount) - 1
                text = (
                    f" mimic: recording {longest.call.label}"[: max(room, 0)] + amount
                )
            if (
                text or before
                # save the cursor, write, erase to the end of the line, restore the cursor
            ):
                os.write(
                    screen,
                    f"\x1b7{text}\x1b[K\x1b8".encode(
                        writer._file.encoding, "backslashreplace"
                    ),
                )

    def end() -> None:
        stopped.set()
        thread.join()
        os.close(screen)

    (thread := Thread(target=watch, name="mimic-progress", daemon=True)).start()
    return end
