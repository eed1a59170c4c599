"""Notes processes that are started without the patches of this one: targets called there run for real."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._core.engine.run_state import RunState


def noting_processes(start: Callable[[Any], None], state: RunState) -> Callable[[Any], None]:
    """Return the function that replaces `multiprocessing.process.BaseProcess.start`, which pools and loky use, too."""

    @functools.wraps(start)
    def noting(process: Any) -> None:
        start(process)
        # Each way to start a process has its own class for the running one: fork, spawn, forkserver, loky.
        method = getattr(process._popen, "method", "fork")
        if method != "fork" and not state.is_nested:
            state.ledger.count_process(state.test, method)

    return noting
