"""Lets no code wait because of a call of its own, ends loops that never do, and tells which errors a test handled."""

from __future__ import annotations

import dis
import sys
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from functools import update_wrapper
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from pytest_mimic._core.modules import is_in_stdlib
from pytest_mimic.errors import MimicError

# Given a function, `assertRaises` and `pytest.raises` catch its exception in a frame of
# these files.
_ASSERTING = ("unittest/case.py", "_pytest/raises.py", "_pytest/python_api.py")
# How many waits are skipped after one call: a loop that makes no further call goes on
# as it is.
_SKIPPED = 10
# How often a call may miss in one test. More is a loop without end.
_LIMIT = 1_000
# The functions that wait, where clients, SDKs and libraries that try again look them
# up.
_SLEEPS = (
    ("time", "sleep"),
    ("asyncio", "sleep"),
    ("anyio._backends._asyncio", "sleep"),
)


class EndlessRetry(BaseException):
    """Ends a test whose code makes the same missing call again and again.

    It is no `Exception`, which such code catches.
    """


class Retries:
    """The misses and recorded failures of the running test, after which code does not wait.

    A sleep returns at once in the thread or task that got a miss or a recorded failure
    (429, 503, a timeout), until its
    next call. Sleeps in the test's own files and in the standard library go on as they
    are.
    """

    def __init__(self) -> None:
        self._left: ContextVar[list[int] | None] = ContextVar(
            "pytest_mimic_waits", default=None
        )
        self._own_files: set[str] = set()
        self._last: dict[str, MimicError] = {}
        self._times: Counter[str] = Counter()
        self._sleeps: dict[
            tuple[str, str], tuple[Any, Any]
        ] = {}  # each with its wrapper
        self._is_replaced = False

    def end(self) -> None:
        """End the test: forget its misses, and let all sleeps be what they were.

        After a test without a miss, too: a fixture may have put back the wrapper that
        it found.
        """
        self._is_replaced = False
        for (name, attribute), (original, wrapper) in self._sleeps.items():
            if getattr(sys.modules.get(name), attribute, None) is wrapper:
                setattr(sys.modules[name], attribute, original)
        self._last.clear()
        self._times.clear()

    def end_waits(self) -> None:
        """Note that the running thread or task makes another call."""
        if self._left.get() is not None:
            self._left.set(None)

    def watch(
        self, error: MimicError | None, key: str, own_files: Callable[[], set[str]]
    ) -> None:
        """Let the running thread or task not wait for a miss that is about to be raised, or without an error, a failure.

        `key` is the identity of the call, and `own_files` returns the files of the
        test's own code.

        Raises:
            EndlessRetry: The code under test does not stop making the call.
        """
        if not self._is_replaced:
            self._is_replaced = True
            self._own_files = own_files()
            self._replace()
        self._left.set([_SKIPPED])
        if error is None:
            return
        before = self._last.get(key)
        self._last[key] = error
        self._times[key] += 1
        if (
            self._times[key] > _LIMIT
            and before
            and not handled_in(before, self._own_files)
        ):
            text = (
                f"the same missing call was made {_LIMIT:,} times, so the test is ended"
            )
            raise EndlessRetry(text) from error

    def _replace(self) -> None:
        for name, attribute in _SLEEPS:
            sleep: Any = getattr(sys.modules.get(name), attribute, None)
            # What somebody else has put there is left alone.
            if getattr(sleep, "__module__", None) not in ("time", "asyncio.tasks"):
                continue
            original, wrapper = self._sleeps.setdefault(
                (name, attribute), (sleep, self._wrap(sleep))
            )
            if sleep is original:
                setattr(sys.modules[name], attribute, wrapper)

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wait(*args: Any, **options: Any) -> Any:
            return None if self._skips(args) else original(*args, **options)

        async def wait_async(*args: Any, **options: Any) -> Any:
            return await original(
                *((0, *args[1:]) if self._skips(args) else args), **options
            )

        return update_wrapper(
            wait_async if iscoroutinefunction(original) else wait, original
        )

    def _skips(self, args: tuple[Any, ...]) -> bool:
        left = self._left.get()
        file = sys._getframe(2).f_code.co_filename
        if not (args and args[0] and left and left[0]) or file in self._own_files:
            return False
        if is_in_stdlib(file):  # `subprocess` waits for processes in this way
            return False
        left[0] -= 1
        return True


def handled_in(error: MimicError, files: set[str]) -> bool:
    """Check whether an error was caught in one of these files, in a function that did not raise it again.

    A traceback grows by one frame for each function that the error leaves. Its
    outermost frame is the function that
    caught the error, or one that the error left for C code, such as an event loop that
    stores the exceptions of its
    tasks. A function that caught the error went on to a later instruction; one that the
    error left did not.
    """
    outermost = error.last_traceback
    if outermost is None or outermost.tb_frame.f_lasti == outermost.tb_lasti:
        return False
    frame = outermost.tb_frame
    file = frame.f_code.co_filename
    if file not in files and not Path(file).as_posix().endswith(_ASSERTING):
        return False
    # A `finally` or `with` also runs later instructions, and then raises the error
    # again.
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] not in (
        "RERAISE",
        "RAISE_VARARGS",
    )
