"""The exceptions that are outcomes, and raising them again with the context they were recorded with."""

from __future__ import annotations

import sys
from typing import NoReturn

from pytest_mimic.errors import MimicError


def is_outcome(error: BaseException) -> bool:
    """Return whether an exception is the outcome of a call, rather than a sign that the call was cut short."""
    from unittest import SkipTest

    futures, pytest = sys.modules.get("concurrent.futures"), sys.modules.get("pytest")
    cut_short = [SkipTest, MimicError]
    cut_short += [futures.CancelledError] if futures else []
    cut_short += [pytest.exit.Exception] if pytest else []  # an Exception, unlike its other outcomes
    return isinstance(error, Exception) and not isinstance(error, tuple(cut_short))


def is_cancellation(error: BaseException | None) -> bool:
    """Return whether an exception is a task's cancellation, by its name: no event loop (asyncio, trio) is imported."""
    return type(error).__name__ in ("CancelledError", "Cancelled")


def is_interruption(error: BaseException) -> bool:
    """Return whether an exception interrupts the code from outside: Ctrl-C, a cancellation, a closed generator."""
    pytest = sys.modules.get("pytest")
    kinds = (KeyboardInterrupt, GeneratorExit, *([pytest.exit.Exception] if pytest else []))
    return is_cancellation(error) or isinstance(error, kinds)


def raise_again(exception: BaseException) -> NoReturn:
    """Raise an exception with its recorded context. The exception that the caller is handling goes to that chain's end."""
    recorded, handled = exception.__context__, sys.exc_info()[1]
    try:
        raise exception
    except BaseException:
        if recorded is None or handled is None:
            raise
        # Python has replaced the recorded context with `handled`. Not setattr: a frozen dataclass refuses it.
        object.__setattr__(exception, "__context__", recorded)
        first, seen = recorded, {id(recorded)}
        while first.__context__ is not None and id(first.__context__) not in seen:
            first = first.__context__
            seen.add(id(first))
        object.__setattr__(first, "__context__", handled)
        raise
    finally:
        del exception  # its traceback refers to this frame
