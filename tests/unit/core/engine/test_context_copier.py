"""The call under way goes into threads, and not into other interpreters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from pytest_mimic._core.engine.real_calls import ContextCopier


class OfInterpreters(ThreadPoolExecutor):
    """As `InterpreterPoolExecutor` of Python 3.14, which pickles its tasks."""

    __module__ = "concurrent.futures.interpreter"


def test_tasks_for_other_interpreters_are_not_wrapped():
    inside = ContextVar[str | None]("inside", default=None)
    inside.set("call")

    with ContextCopier(inside), ThreadPoolExecutor(1) as threads, OfInterpreters(1) as interpreters:
        found = [pool.submit(inside.get).result() for pool in (threads, interpreters)]

    assert found == ["call", None]
