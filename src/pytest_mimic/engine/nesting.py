"""Knows which calls are a part of a real call: in its tasks, threads and pools, too."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from threading import Thread
from types import FrameType
from typing import Any

from pytest_mimic.patch.clients import Edge, Function, Intercept, around


class OpenCall:
    """A call that may run for real. An object of this very class stands for no call.

    Attributes:
        shared_target: Its function, if it runs for real and all tests share it.
        asked_clients: The clients that it has asked.
        mocked: What of these a test had replaced.
    """

    shared_target = ""
    asked_clients: frozenset[str] = frozenset()
    mocked: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return False

    def leave(self) -> bool:
        """End it without an outcome to keep; return whether it had not ended."""
        return False

    def end_with_owner(self) -> None:
        """End it, as its owner ends."""

    def note_lost(self) -> None:
        """Name it: its outcome comes too late for the log of its owner."""


class Unmimicked(OpenCall):
    """What a test does that nothing is mimicked for."""

    is_open = True


NOTHING = OpenCall()
# The call around what runs in this context.
_around: ContextVar[OpenCall] = ContextVar("pytest_mimic_around", default=NOTHING)


class Nesting:
    """The real calls of a run, and what runs inside of them.

    Threads and pools have no context of the call that starts them, so `Thread.start`
    and `ThreadPoolExecutor.submit` are replaced from the first real call on.

    Attributes:
        intercept: Patches functions until the run ends; None: it has done so.
        hides_typed: Whether a call that is typed in a debugger runs unseen.
    """

    def __init__(self) -> None:
        self.intercept: Intercept | None = None
        self.hides_typed = False

    @property
    def around(self) -> OpenCall:
        """The call around what runs now."""
        return _around.get()

    def is_unseen(self) -> bool:
        """Whether what calls now is a part of a real call, and runs unseen."""
        around = _around.get()
        if around is NOTHING:
            return self.hides_typed and is_called_by("pdb")
        return around.is_open

    def enter(self, call: OpenCall) -> OpenCall:
        """Let what is called from now on be a part of a call; give what it was before.

        Nothing of `contextlib` is used around a real call: it would set the traceback
        of an exception, which a frozen one refuses.
        """
        if call.is_open and self.intercept is not None:
            pools = "concurrent.futures.thread"  # a replay needs none
            self.intercept(
                [
                    Edge("threading", ("Thread", "start"), around(self._start)),
                    Edge(pools, ("ThreadPoolExecutor", "submit"), around(self._submit)),
                ]
            )
            self.intercept = None
        before = _around.get()
        _around.set(call)
        return before

    def leave(self, before: OpenCall) -> None:
        """Go back to what was before.

        Not by a token: an async generator may be closed in another context.
        """
        _around.set(before)

    def _start(self, start: Function, thread: Thread) -> None:
        if self.is_unseen():
            run = _inside(thread.run)

            def run_inside() -> None:
                # A run within this one may have put its own there, too.
                vars(thread).pop("run", None)
                run()

            vars(thread)["run"] = run_inside
        start(thread)

    def _submit(
        self,
        submit: Function,
        pool: Any,
        function: Function,
        /,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if not self.is_unseen():
            return submit(pool, function, *args, **kwargs)
        part = _inside(function)
        # A thread of the pool serves others later: it is not a part of the call.
        before = self.enter(NOTHING)
        try:
            return submit(pool, part, *args, **kwargs)
        finally:
            self.leave(before)


def _inside(function: Function) -> Function:
    """Return a function that is a part of the call around this, in whichever thread."""
    around = _around.get()

    def function_inside(*args: Any, **kwargs: Any) -> Any:
        _around.set(around)
        try:
            return function(*args, **kwargs)
        finally:
            _around.set(NOTHING)

    return function_inside


def is_called_by(module: str) -> bool:
    """Tell whether a function of a module is on the stack of this thread."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    return frame is not None
