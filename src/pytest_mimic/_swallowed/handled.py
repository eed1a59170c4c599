"""Where a raised error of ours ended up: handled in the test's own file, or swallowed elsewhere."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, TracebackType

from pytest_mimic.errors import MimicError

_OURS = Path(__file__).parents[1]
#: `assertRaises` and `pytest.raises`, given a function, catch what it raises in a file of their own.
_ASSERTING = ("unittest/case.py", "_pytest/raises.py", "_pytest/python_api.py")


def handled_in(error: MimicError, files: set[str]) -> bool:
    """Whether an error was caught in one of these files.

    A traceback grows by a frame for each function that the error leaves, up to and including the one
    that catches it. A frame that caught it went on to a later instruction; one that the error left for
    C code (an event loop that keeps the exceptions of its tasks) did not.
    """
    places = [error.group_handled_in]
    if error.last_traceback is not None and _went_on(error.last_traceback):
        places.append(error.last_traceback.tb_frame.f_code.co_filename)
    return any(place in files or Path(place).as_posix().endswith(_ASSERTING) for place in places)


def _went_on(step: TracebackType) -> bool:
    last = step.tb_frame.f_lasti
    if last == step.tb_lasti:
        return False
    code = step.tb_frame.f_code.co_code
    return dis.opname[code[last]] not in ("RERAISE", "RAISE_VARARGS")


def where_swallowed(error: MimicError, rootdir: Path) -> str:
    """The place that an error did not get past, `shop/rates.py:41`; empty where it is not known."""
    caught = error.last_traceback
    if caught is None:
        return ""
    file = Path(caught.tb_frame.f_code.co_filename)
    package = str(caught.tb_frame.f_globals.get("__name__")).partition(".")[0]
    if file.is_relative_to(_OURS) or package in sys.stdlib_module_names:  # an event loop, a pool, a thread
        return ""
    shown = file.relative_to(rootdir) if file.is_relative_to(rootdir) else file
    return f"{shown.as_posix()}:{caught.tb_lineno}"


if sys.version_info >= (3, 12):
    _EVENTS = sys.monitoring.events
    #: The numbers that debuggers, coverage, profilers and optimizers have no claim on (PEP 669).
    _TOOLS = (3, 4)

    class GroupWatch:
        """Notes on errors of ours which file has handled an exception group that holds them.

        The traceback of an error ends where it was put into a group; what becomes of the group, the
        interpreter tells as it happens. So this listens from a miss until its test is judged.
        """

        def __init__(self) -> None:
            self._tool: int | None = None

        def start(self) -> None:
            """Listens, unless it does already."""
            free = (number for number in _TOOLS if sys.monitoring.get_tool(number) is None)
            tool = next(free, None) if self._tool is None else None
            if tool is None:
                return
            self._tool = tool
            sys.monitoring.use_tool_id(tool, "pytest-mimic")
            sys.monitoring.register_callback(tool, _EVENTS.EXCEPTION_HANDLED, self._handled)
            sys.monitoring.register_callback(tool, _EVENTS.PY_UNWIND, self._left)
            sys.monitoring.set_events(tool, _EVENTS.EXCEPTION_HANDLED | _EVENTS.PY_UNWIND)

        def stop(self) -> None:
            """Listens no more."""
            if self._tool is not None:
                sys.monitoring.set_events(self._tool, 0)
                sys.monitoring.register_callback(self._tool, _EVENTS.EXCEPTION_HANDLED, None)
                sys.monitoring.register_callback(self._tool, _EVENTS.PY_UNWIND, None)
                sys.monitoring.free_tool_id(self._tool)
                self._tool = None

        # The interpreter traces nothing while it calls these two, so no coverage is taken of them.

        def _handled(  # pragma: no cover
            self, code: CodeType, _offset: int, exception: BaseException
        ) -> None:
            for error in _held_by(exception):
                error.group_handled_in = code.co_filename

        def _left(  # pragma: no cover
            self, _code: CodeType, _offset: int, exception: BaseException
        ) -> None:
            """A function did not keep what it had begun to handle, as a `finally` does."""
            for error in _held_by(exception):
                error.group_handled_in = ""

    def _held_by(exception: BaseException) -> Iterator[MimicError]:  # pragma: no cover (called by these)
        if not isinstance(exception, BaseExceptionGroup):  # noqa: F821 - it is built in since 3.11
            return
        for held in exception.exceptions:
            if isinstance(held, MimicError):
                yield held
            else:
                yield from _held_by(held)

else:

    class GroupWatch:
        """Before Python 3.12 nothing tells which file has handled an exception group."""

        def start(self) -> None:
            """Does nothing."""

        def stop(self) -> None:
            """Does nothing."""
