"""Which exceptions are outcomes, and raising them again as the real call raised them."""

from __future__ import annotations

import sys
from typing import NoReturn

from pytest_mimic.errors import MimicError

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


def is_outcome(error: BaseException) -> bool:
    """Whether an exception says what the call gave, rather than that it was cut short."""
    from unittest import SkipTest

    futures, pytest = sys.modules.get("concurrent.futures"), sys.modules.get("pytest")
    cut_short = [SkipTest, MimicError]
    cut_short += [futures.CancelledError] if futures else []
    cut_short += [pytest.exit.Exception] if pytest else []  # an Exception, unlike its other outcomes
    return isinstance(error, Exception) and not isinstance(error, tuple(cut_short))


def is_cancellation(error: BaseException | None) -> bool:
    """Whether a task was cancelled, of whichever event loop: none is imported for the purpose."""
    return type(error).__name__ in ("CancelledError", "Cancelled")


def is_interruption(error: BaseException) -> bool:
    """Whether an exception breaks off whatever runs, from outside: a Ctrl-C, a cancellation, a generator closed."""
    pytest = sys.modules.get("pytest")
    kinds = (KeyboardInterrupt, GeneratorExit, *([pytest.exit.Exception] if pytest else []))
    return is_cancellation(error) or isinstance(error, kinds)


def raise_again(exception: BaseException) -> NoReturn:
    """Raises an exception that keeps its recorded context: what the caller is handling comes behind that."""
    recorded, handled = exception.__context__, sys.exc_info()[1]
    if recorded is None or handled is None:
        raise exception
    try:
        raise exception
    except BaseException:  # by now Python has put `handled` in the place of the recorded context
        # Past a class that lets nobody set anything, as a frozen dataclass does.
        object.__setattr__(exception, "__context__", recorded)
        object.__setattr__(_first(recorded), "__context__", handled)
        raise


def _first(exception: BaseException) -> BaseException:
    """The one that a chain of contexts began with."""
    seen = {id(exception)}
    while exception.__context__ is not None and id(exception.__context__) not in seen:
        exception = exception.__context__
        seen.add(id(exception))
    return exception
