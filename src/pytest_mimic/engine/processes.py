"""Notes processes that are started anew: in them nothing is mimicked."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_mimic.patch.clients import Edge

if TYPE_CHECKING:
    from pytest_mimic.engine.coverings import Coverings
    from pytest_mimic.engine.run import Run


def edge_of_starts(run: Run, coverings: Coverings) -> Edge:
    """Return the edge at which processes start, those of pools and joblib too."""

    def noting(start: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(start)
        def start_and_note(process: Any) -> Any:
            method = _method_of(process)
            if method != "fork" and coverings.is_mimicking() and not run.passes():
                run.events.add("spawned", method, test=run.test)
            return start(process)

        return start_and_note

    return Edge("multiprocessing.process", ("BaseProcess", "start"), noting)


def _method_of(process: Any) -> str:
    own: str | None = type(process)._start_method
    return own or str(sys.modules["multiprocessing"].get_start_method())
