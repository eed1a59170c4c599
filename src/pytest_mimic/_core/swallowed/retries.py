"""Lets no code under test wait after a miss or a recorded failure; ends endless loops.

`handled_in` also tells which errors a test handled.
"""

from __future__ import annotations

import dis
import sys
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from functools import update_wrapper
from inspect import iscoroutinefunction
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeGuard, cast
from weakref import WeakKeyDictionary

from pytest_mimic._core.modules import is_in_stdlib
from pytest_mimic.errors import MimicError

# Given a function, `assertRaises` and `pytest.raises` catch its exception in a frame of
# these files.
_FILES_OF_ASSERTIONS = (
    "unittest/case.py",
    "_pytest/raises.py",
    "_pytest/python_api.py",
)
# How many waits are skipped after one call: a loop that makes no further call goes on
# as it is.
_MOST_SKIPPED_WAITS = 10
# How often a call may miss in one test. More is a loop without end.
_MOST_MISSES = 1_000
# The modules in which `time.sleep` and `asyncio.sleep` are defined.
_MODULES_OF_SLEEPS = ("time", "asyncio.tasks")
# Modules of the standard library in which clients look the functions up.
_LOOKED_UP_IN = ("time", "asyncio")
# The packages that run the tests, which really wait.
_PACKAGES_THAT_WAIT = frozenset(
    {"_pytest", "execnet", "filelock", "pluggy", "pytest", "pytest_mimic", "xdist"}
)
# `time.sleep`, `asyncio.sleep`, or the wrapper of one of them.
_Sleep = Callable[..., Any]
# The names in a module that hold a function that waits. A program has tens of thousands
# of names, so each module is looked through once in a process. Modules of other classes
# may compare or hash in their own way, and are not in here.
_known_names: WeakKeyDictionary[ModuleType, list[str]] = WeakKeyDictionary()


class EndlessRetry(BaseException):
    """Ends a test whose code makes the same missing call again and again.

    This class is no `Exception`, as code that tries again catches those.
    """


class _Holder(NamedTuple):
    """A name in a module that holds a function that waits, `redis.retry.sleep`."""

    namespace: dict[str, Any]
    name: str
    original: _Sleep
    wrapper: _Sleep


class Retries:
    """The misses and recorded failures of the running test, after which nobody waits.

    A sleep returns at once in the thread or task that got a miss or a recorded failure
    (429, 503, a timeout), until its next call. Sleeps in the test's own files and in
    the standard library go on as they are.

    Whoever holds `time.sleep` or `asyncio.sleep` gets a wrapper while such a test runs:
    the modules that define it, and those that have fetched it, under any name.
    """

    def __init__(self) -> None:
        # How many more waits the running thread or task may skip.
        self._waits_left: ContextVar[list[int] | None] = ContextVar(
            "pytest_mimic_waits", default=None
        )
        self._own_files: set[str] = set()
        # By the identity of a call: its last miss in this test, and their number.
        self._last_miss_of_call: dict[str, MimicError] = {}
        self._misses_of_call: Counter[str] = Counter()
        self._holders: list[_Holder] = []
        # The names of the modules that were searched for sleep functions.
        self._searched_modules: set[str] = set()
        # A sleep function and its wrapper, under each of the two as a key.
        self._original_and_wrapper_by_either: dict[_Sleep, tuple[_Sleep, _Sleep]] = {}
        self._are_sleeps_replaced = False

    def end(self) -> None:
        """End the test: forget its misses, and let all sleeps be what they were.

        After a test without a miss, too: a fixture may have put back the wrapper that
        it found.
        """
        if self._are_sleeps_replaced:
            # A module that was imported meanwhile has fetched a wrapper.
            self._find_holders()
        self._are_sleeps_replaced = False
        for namespace, name, original, wrapper in self._holders:
            if namespace.get(name) is wrapper:
                namespace[name] = original
        self._last_miss_of_call.clear()
        self._misses_of_call.clear()

    def end_waits(self) -> None:
        """Note that the running thread or task makes another call."""
        if self._waits_left.get() is not None:
            self._waits_left.set(None)

    def let_no_code_wait(
        self, error: MimicError | None, key: str, own_files: Callable[[], set[str]]
    ) -> None:
        """Let the running thread or task not wait for a miss or a recorded failure.

        Args:
            error: The miss, which is about to be raised; None for a failure.
            key: The identity of the call.
            own_files: Returns the files of the test's own code.

        Raises:
            EndlessRetry: The code under test does not stop making the call.
        """
        if not self._are_sleeps_replaced:
            self._are_sleeps_replaced = True
            self._own_files = own_files()
            self._replace_sleeps()
        self._waits_left.set([_MOST_SKIPPED_WAITS])
        if error is not None:
            self._end_endless_loop(error, key)

    def _end_endless_loop(self, error: MimicError, key: str) -> None:
        """Raise EndlessRetry if a call has missed too often.

        Where the test's own files handle its misses, it goes on.
        """
        former_miss = self._last_miss_of_call.get(key)
        self._last_miss_of_call[key] = error
        self._misses_of_call[key] += 1
        if self._misses_of_call[key] <= _MOST_MISSES or former_miss is None:
            return
        if not handled_in(former_miss, self._own_files):
            text = (
                f"the same missing call was made {_MOST_MISSES:,} times, "
                "so the test is ended"
            )
            raise EndlessRetry(text) from error

    def _replace_sleeps(self) -> None:
        """Put the wrapper in the place of each sleep function that a module holds."""
        self._find_holders()
        for namespace, name, original, wrapper in self._holders:
            # What somebody else has put there is left alone.
            if namespace.get(name) is original:
                namespace[name] = wrapper

    def _find_holders(self) -> None:
        """Note the names of sleep functions in the modules imported since last time."""
        new_modules = sys.modules.keys() - self._searched_modules
        self._searched_modules |= new_modules
        for module_name in new_modules.union(_LOOKED_UP_IN):
            module = sys.modules.get(module_name)
            if module is None or not _may_skip(module_name):
                continue
            # `isinstance` believes what an object says of itself, and some say more
            # than they are.
            if not issubclass(type(module), ModuleType):
                continue
            namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
            if module_name in _LOOKED_UP_IN:
                # A test may replace its function before the first search.
                names = ["sleep"]
            else:
                names = _names_of_sleeps(module, namespace)
            for name in names:
                self._note_holder(namespace, name)

    def _note_holder(self, namespace: dict[str, Any], name: str) -> None:
        """Note that a name in a module holds a sleep function or its wrapper."""
        sleep = namespace.get(name)
        if not _is_sleep(sleep):
            # Somebody has put something else there since the module was looked through.
            return
        original, wrapper = self._original_and_wrapper(sleep)
        holder = _Holder(namespace, name, original, wrapper)
        if holder not in self._holders:
            self._holders.append(holder)

    def _original_and_wrapper(self, sleep: _Sleep) -> tuple[_Sleep, _Sleep]:
        """Return the original sleep function and its wrapper, given either of the two.

        A module that was imported while `time.sleep` was replaced holds the wrapper.
        So both functions are keys of the pair: the wrapper is not wrapped again, and
        the original is put back at the end of the test.
        """
        if sleep not in self._original_and_wrapper_by_either:
            wrapper = self._wrapper_of(sleep)
            pair = (sleep, wrapper)
            self._original_and_wrapper_by_either[sleep] = pair
            self._original_and_wrapper_by_either[wrapper] = pair
        return self._original_and_wrapper_by_either[sleep]

    def _wrapper_of(self, original: _Sleep) -> _Sleep:
        """Return a new function that waits as the original does, or skips the wait.

        The wrapper has the name and module of the original, so that `_is_sleep` takes
        it for one.
        """
        if iscoroutinefunction(original):

            async def wait_async(*args: Any, **options: Any) -> Any:
                if not self._skips(args, options):
                    return await original(*args, **options)
                # Other tasks get their turn, as in a real wait.
                if args:
                    return await original(0, *args[1:], **options)
                return await original(**{**options, "delay": 0})

            return update_wrapper(wait_async, original)

        def wait(*args: Any, **options: Any) -> Any:
            if self._skips(args, options):
                return None
            return original(*args, **options)

        return update_wrapper(wait, original)

    def _skips(self, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Return whether to skip the wait for which a wrapper was called, and count it.

        Only a wrapper may call this: the code that waits is found two frames up.
        """
        waits_left = self._waits_left.get()
        duration = args[0] if args else options.get("delay")
        # A sleep of zero seconds only lets others run.
        if not waits_left or not waits_left[0] or not duration:
            return False
        file = sys._getframe(2).f_code.co_filename
        # The test's own sleeps are meant, and `subprocess` waits for processes by one.
        if file in self._own_files or is_in_stdlib(file):
            return False
        waits_left[0] -= 1
        return True


def _may_skip(module_name: str) -> bool:
    """Return whether the waits of a module may be skipped."""
    package = module_name.partition(".")[0]
    if package in sys.stdlib_module_names:
        return module_name in _LOOKED_UP_IN
    return package not in _PACKAGES_THAT_WAIT


def _names_of_sleeps(module: ModuleType, namespace: dict[str, Any]) -> list[str]:
    """Return the names that hold a function that waits, without loading anything."""
    is_plain = type(module) is ModuleType
    names = _known_names.get(module) if is_plain else None
    if names is None:
        values = list(namespace.items())
        names = [name for name, value in values if _is_sleep(value)]
        if is_plain:
            _known_names[module] = names
    return names


def _is_sleep(value: object) -> TypeGuard[_Sleep]:
    if type(value) not in (BuiltinFunctionType, FunctionType):
        return False
    function = cast("_Sleep", value)
    return function.__name__ == "sleep" and function.__module__ in _MODULES_OF_SLEEPS


def handled_in(error: MimicError, files: set[str]) -> bool:
    """Check whether a function in one of these files caught an error for good.

    A traceback grows by one frame for each function that the error leaves. Its
    outermost frame is the function that caught the error, or one that the error left
    for C code, such as an event loop that stores the exceptions of its tasks. A
    function that caught the error went on to a later instruction; one that the error
    left did not.
    """
    outermost = error.last_traceback
    if outermost is None or outermost.tb_frame.f_lasti == outermost.tb_lasti:
        return False
    frame = outermost.tb_frame
    file = frame.f_code.co_filename
    if file not in files and not Path(file).as_posix().endswith(_FILES_OF_ASSERTIONS):
        return False
    # A `finally` or `with` also runs later instructions, and then raises the error
    # again.
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] not in (
        "RERAISE",
        "RAISE_VARARGS",
    )
