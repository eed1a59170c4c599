"""Knows which calls are a part of a real call: in its tasks, threads and pools, too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor


class OpenCall:
    """A call that may run for real. One of this class itself is none.

    Attributes:
        shared_target: Its target, if it runs for real and all tests share it.
        asked: The clients that it has asked.
        mocked: What of these a test had replaced.
        effects: What it has done that edges see: `logged`.
    """

    shared_target = ""
    asked: frozenset[str] = frozenset()
    mocked: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return False

    def end_with_owner(self) -> None:
        """End it, as its owner ends."""


class LeftOut(OpenCall):
    """What a test does that nothing is mimicked for."""

    @property
    def is_open(self) -> bool:
        return True


NOTHING = OpenCall()
# The call around what runs in this context.
_around: ContextVar[OpenCall] = ContextVar("pytest_mimic_around", default=NOTHING)


class Inside:
    """The real calls of a run, and what runs inside of them.

    Threads and pools have no context of the call that starts them, so `Thread.start`
    and `ThreadPoolExecutor.submit` are replaced from the first real call on.
    """

    def __init__(self) -> None:
        self._originals: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        self._is_closed = False

    @property
    def around(self) -> OpenCall:
        """The call around what runs now."""
        return _around.get()

    def passes(self) -> bool:
        """Whether what calls now is a part of a real call."""
        around = _around.get()
        return around is not NOTHING and around.is_open

    def enter(self, call: OpenCall) -> OpenCall:
        """Let what is called from now on be a part of a call; give what it was before.

        Nothing of `contextlib` is used around a real call: it would set the traceback
        of an exception, which a frozen one refuses.
        """
        if call.is_open and self._originals is None and not self._is_closed:
            self._replace()
        before = _around.get()
        _around.set(call)
        return before

    def leave(self, before: OpenCall) -> None:
        """Go back to what was before.

        Not by a token: an async generator may be closed in another context.
        """
        _around.set(before)

    def close(self) -> None:
        """Put back what was replaced."""
        self._is_closed = True
        if self._originals is not None:
            from concurrent.futures import ThreadPoolExecutor  # loaded before

            threading.Thread.start, ThreadPoolExecutor.submit = self._originals  # type: ignore[method-assign]
            self._originals = None

    def _replace(self) -> None:
        from concurrent.futures import ThreadPoolExecutor  # a replay needs no pool

        start, submit = threading.Thread.start, ThreadPoolExecutor.submit
        self._originals = start, submit

        def start_inside(thread: threading.Thread) -> None:
            if self.passes():
                run = _inside(thread.run)

                def run_inside() -> None:
                    # A run within this one may have put its own there, too.
                    vars(thread).pop("run", None)
                    run()

                vars(thread)["run"] = run_inside
            start(thread)

        def submit_inside(
            pool: ThreadPoolExecutor,
            function: Callable[..., Any],
            /,
            *args: Any,
            **kwargs: Any,
        ) -> Future[Any]:
            if not self.passes():
                return submit(pool, function, *args, **kwargs)
            part = _inside(function)
            # A thread of the pool serves others later: it is not a part of the call.
            before = self.enter(NOTHING)
            try:
                return submit(pool, part, *args, **kwargs)
            finally:
                self.leave(before)

        threading.Thread.start = start_inside  # type: ignore[assignment, method-assign]
        ThreadPoolExecutor.submit = submit_inside  # type: ignore[assignment, method-assign]


def _inside(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is a part of the call around this, in whichever thread."""
    around = _around.get()

    def function_inside(*args: Any, **kwargs: Any) -> Any:
        _around.set(around)
        try:
            return function(*args, **kwargs)
        finally:
            _around.set(NOTHING)

    return function_inside
