"""Lets nobody wait after a miss or a recorded failure, which no time would change."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps

from pytest_mimic.patch.clients import Edge, Function, Intercept, around

_is_hurried: ContextVar[bool] = ContextVar("pytest_mimic_hurried", default=False)


class Sleeps:
    """The sleeps of a run. Nothing is patched before the first sleep to be skipped.

    Attributes:
        intercept: Patches functions until the run ends; None: it has done so.
    """

    def __init__(self) -> None:
        self.intercept: Intercept | None = None

    def skip(self) -> None:
        """Let the sleeps of this thread or task return at once.

        They do until its next call, or the next test.
        """
        if self.intercept is not None:
            # Threads may miss at the same moment: an edge is wrapped once.
            self.intercept(
                [
                    Edge("time", ("sleep",), around(_hurried)),
                    Edge("asyncio", ("sleep",), _hurried_async),
                ]
            )
            self.intercept = None
        _is_hurried.set(True)

    def go_on(self) -> None:
        """Let this thread or task sleep again."""
        _is_hurried.set(False)


def _hurried(sleep: Function, seconds: float, /) -> None:
    sleep(0 if _is_hurried.get() else seconds)


def _hurried_async(sleep: Function) -> Function:
    @wraps(sleep)
    async def skipping(delay: float, result: object = None) -> object:
        return await sleep(0 if _is_hurried.get() else delay, result)

    return skipping
