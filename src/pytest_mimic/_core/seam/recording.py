"""The block in which a client's call runs for real."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Step


class recording:  # noqa: N801 - it reads as a word before its block
    """The block for the original function of a step that is not to replay.

    Inside it, the edge gives the answer to `step.finish`. An exception that ends the block ends the step, too: it is
    the outcome if `store_error` has plain data for it; if that is None, nothing is recorded. To verify, the
    block then ends without the exception, as the caller gets the recorded outcome.
    """

    def __init__(self, step: Step, store_error: Callable[[Exception], Any] = lambda _: None) -> None:
        self._step = step
        self._store_error = store_error
        self._running: AbstractContextManager[Any] = nullcontext() if step.mode == "pass" else step.running()

    def __enter__(self) -> None:
        self._running.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._running.__exit__(kind, error, trace)
        if error is None or self._step.mode == "pass":
            return False
        plain = self._store_error(error) if isinstance(error, Exception) else None
        if plain is None:
            self._step.abandon(error)
        else:
            self._step.finish(plain)
        return self._step.answers(error)
