"""Ends the retries that follow a miss, by a sleep that raises it again, and the waits that follow a recorded failure."""

from __future__ import annotations

import dis
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import update_wrapper
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, iscoroutinefunction
from pathlib import Path
from threading import Lock
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

from pytest_mimic._core.machinery import PACKAGE, is_machinery
from pytest_mimic._core.origin import is_in_project, is_in_stdlib
from pytest_mimic._core.patch.holders import all_namespaces, identity_of, modules_now, read, write
from pytest_mimic.errors import MimicError

# Given a function, `assertRaises` and `pytest.raises` catch its exception in a frame of these files.
_ASSERTING = ("unittest/case.py", "_pytest/raises.py", "_pytest/python_api.py")
# They run jobs that have nothing to do with each other. Their coroutines, such as `wait_for`, belong to one job.
_SCHEDULERS = frozenset({"anyio", "asyncio", "concurrent", "multiprocessing", "threading", "trio"})
# How often the project's own loops in threads and tasks skip a wait after a miss.
_SKIPPED = 10
# How often a call may miss in one test. More is a loop without end.
_LIMIT = 1_000
# The modules whose `sleep` waits.
_SLEEPING = ("time", "asyncio", "trio")


class EndlessRetry(BaseException):
    """Ends a test whose code makes the same missing call again and again. It is no `Exception`, which such code catches."""


class Retries:
    """The misses and recorded failures of the running test, and the waits of the code that made these calls.

    A sleep is a retry's wait if a function on its stack made the call, or caught the miss. After a failure that was
    recorded (429, 503, a timeout) it returns at once. Sleeps in the test's own files, and in other threads and tasks, go
    on as they are. So do functions that somebody else has put in place of a sleep. Code outside of the `rootdir` belongs
    to libraries.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._own_files: set[str] | None = None
        self._errors: list[MimicError] = []
        self._last: dict[str, MimicError] = {}
        self._times: Counter[str] = Counter()
        self._callers: dict[FrameType, MimicError] = {}
        self._failing: set[CodeType] = set()  # of frames, which would keep what they refer to
        self._skipped: Counter[CodeType] = Counter()
        self._sleeps = Sleeps(self._wrap)
        self._guard = Lock()

    def end(self) -> None:
        """End the test: forget its misses, and let all sleeps be what they were.

        Sleeps are restored after a test without a miss, too: a fixture may have put back the wrapper that it found.
        """
        with self._guard:
            self._own_files = None
            self._sleeps.restore()
        for memory in (self._errors, self._last, self._times, self._callers, self._failing, self._skipped):
            memory.clear()

    def watch(
        self,
        error: MimicError | None,
        key: str,
        own_files: Callable[[], set[str]],
        is_running: Callable[[], bool],
    ) -> None:
        """Remember a miss that is about to be raised, or without an error, who gets a failure that was recorded.

        `key` is the identity of the call, `own_files` returns the files of the test's own code, and `is_running` whether
        the test is running still: a thread may miss while it ends.

        Raises:
            EndlessRetry: The code under test does not stop making the call.
        """
        with self._guard:
            if not is_running():
                return
            if self._own_files is None:
                self._own_files = own_files()
                self._sleeps.replace()
        if error is None:
            self._failing.update(frame.f_code for frame in self._calling())
            return
        before = self._last.get(key)
        self._last[key] = error
        self._times[key] += 1
        if self._times[key] > _LIMIT and before and not handled_in(before, self._own_files):
            text = f"the same missing call was made {_LIMIT:,} times, so the test is ended"
            raise EndlessRetry(text) from error
        self._errors.append(error)
        self._callers.update(dict.fromkeys(self._calling(), error))

    def _calling(self) -> Iterator[FrameType]:
        """Yield the frames that make the call, but for the test's own."""
        frame: FrameType | None = sys._getframe(1)
        # Beyond the test's own files, too: a library may call a function of the test that it tries again.
        while frame is not None and not _is_scheduler(frame):
            if not frame.f_code.co_filename.startswith(PACKAGE) and not self._is_main(frame):
                yield frame
            frame = frame.f_back

    def _is_outer(self, frame: FrameType) -> bool:
        """Check whether a frame belongs to the test itself, to pytest, or to an event loop or thread."""
        return self._is_main(frame) or _is_scheduler(frame)

    def _is_main(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE):
            return False
        return file in (self._own_files or ()) or is_machinery(_module_of(frame))

    # Sleeping

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:

        def wait(*args: Any, **options: Any) -> Any:
            return original(*self._waiting(sys._getframe(1), args), **options)

        async def wait_async(*args: Any, **options: Any) -> object:
            return await original(*self._waiting(sys._getframe(1), args), **options)

        return update_wrapper(wait_async if iscoroutinefunction(original) else wait, original)

    def _waiting(self, caller: FrameType, args: tuple[object, ...]) -> tuple[Any, ...]:
        """Return the arguments of a sleep: with no seconds if a wait is skipped. Raise the miss that a wait is due to."""
        file = caller.f_code.co_filename
        if file.startswith(PACKAGE) or is_in_stdlib(file):
            return args  # `subprocess` waits for processes in this way
        error, cause, is_main = self._cause_of(caller)
        if cause is None:
            return args
        if error is None:
            return self._skipping(cause, args, is_main=is_main)
        if is_main or not is_in_project(cause.f_code.co_filename, self._rootdir):
            context = error.__context__
            error.__traceback__ = None
            try:
                raise error
            finally:
                error.__context__ = context  # not the client's error, whose cause it is
        # A thread or task of the project may never end, and others may wait for it: an error could stop it.
        return self._skipping(cause, args)

    def _skipping(
        self, cause: FrameType, args: tuple[object, ...], *, is_main: bool = False
    ) -> tuple[Any, ...]:
        self._skipped[cause.f_code] += 1
        return (0, *args[1:]) if args and (is_main or self._skipped[cause.f_code] <= _SKIPPED) else args

    def _cause_of(self, caller: FrameType) -> tuple[MimicError | None, FrameType | None, bool]:
        """Return the miss that a sleep is due to, the frame that made the call, and if the test waits for it.

        A failure is no error: a sleep that is due to one has only the frame.
        """
        outermost = ((error, error.last_traceback) for error in self._errors)
        catchers = {trace.tb_frame: error for error, trace in outermost if trace is not None}
        frame: FrameType | None = caller
        error: MimicError | None = None
        cause: FrameType | None = None
        while frame is not None:
            if self._is_outer(frame):
                return error, cause, self._is_main(frame)
            if error is None:
                error = self._callers.get(frame) or catchers.get(frame)
                if error is not None and handled_in(error, self._own_files or set()):
                    error = None
                if error is not None or (cause is None and frame.f_code in self._failing):
                    cause = frame
            frame = frame.f_back
        return error, cause, False


def _is_scheduler(frame: FrameType) -> bool:
    is_coroutine = frame.f_code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)
    return not is_coroutine and _module_of(frame).partition(".")[0] in _SCHEDULERS


def _module_of(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


class _Place(NamedTuple):
    """A name in a module, the function that it held, and the one put in its place."""

    namespace: dict[str, object]
    name: str
    original: object
    wrapper: object


class Sleeps:
    """The functions that wait, and the places that hold them.

    A run may have thousands of tests with a miss, so modules are searched only where some were imported. This is why
    `patch`, which looks at all modules and classes each time, is not used. A function that somebody else has put in place
    of a sleep is left alone.
    """

    def __init__(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._wrap = wrap
        self._wrapped: dict[
            int, tuple[object, object]
        ] = {}  # a sleep and its wrapper, by the identities of both
        self._places: dict[tuple[int, str], _Place] = {}  # by the identity of the namespace, and the name
        self._modules: tuple[int, ...] = ()

    def replace(self) -> None:
        """Put the wrappers into all modules that hold a sleep."""
        for name in _SLEEPING:
            sleep: Any = getattr(sys.modules.get(name), "sleep", None)
            if _is_genuine(sleep, name) and identity_of(sleep) not in self._wrapped:
                self._modules = ()
                pair = sleep, self._wrap(sleep)
                self._wrapped |= dict.fromkeys(map(identity_of, pair), pair)
        self._search()
        for place in self._places.values():
            if read(place.namespace, place.name) is place.original:
                write(place.namespace, place.name, place.wrapper)

    def restore(self) -> None:
        """Put the sleeps back, also in modules that were imported since."""
        self._search()
        for place in self._places.values():
            if read(place.namespace, place.name) is place.wrapper:
                write(place.namespace, place.name, place.original)

    def _search(self) -> None:
        modules = modules_now()
        if modules == self._modules:  # as after most tests
            return
        self._modules = modules
        for namespace in all_namespaces():
            if self._wrapped.keys().isdisjoint(map(identity_of, namespace.values())):
                continue
            for name, held in list(namespace.items()):
                if identity_of(held) in self._wrapped:
                    place = _Place(namespace, name, *self._wrapped[identity_of(held)])
                    self._places[identity_of(namespace), name] = place


def _is_genuine(sleep: object, module: str) -> bool:
    """Check whether a sleep is its module's own, and not one that somebody has put in its place."""
    if isinstance(sleep, FunctionType):
        return str(sleep.__globals__.get("__name__")).partition(".")[0] == module
    return isinstance(sleep, BuiltinFunctionType) and sleep.__module__ == module


def handled_in(error: MimicError, files: set[str]) -> bool:
    """Check whether an error was caught in one of these files, in a function that did not raise it again.

    A traceback grows by one frame for each function that the error leaves. Its outermost frame is the function that
    caught the error, or one that the error left for C code, such as an event loop that stores the exceptions of its
    tasks. A function that caught the error went on to a later instruction; one that the error left did not.
    """
    outermost = error.last_traceback
    if outermost is None or outermost.tb_frame.f_lasti == outermost.tb_lasti:
        return False
    frame = outermost.tb_frame
    file = frame.f_code.co_filename
    if file not in files and not Path(file).as_posix().endswith(_ASSERTING):
        return False
    # A `finally` or `with` also runs later instructions, and then raises the error again.
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] not in ("RERAISE", "RAISE_VARARGS")
