"""Recorded exceptions, raised again as the real call raised them."""

from __future__ import annotations

import sys
from typing import NoReturn

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


def raise_again(exception: BaseException) -> NoReturn:
    """Raises an exception that keeps its recorded context: what the caller is handling comes behind that."""
    recorded, handled = exception.__context__, sys.exc_info()[1]
    if recorded is None or handled is None:
        raise exception
    try:
        raise exception
    except BaseException:  # by now Python has put `handled` in the place of the recorded context
        exception.__context__ = recorded
        _first(recorded).__context__ = handled
        raise


def _first(exception: BaseException) -> BaseException:
    """The one that a chain of contexts began with."""
    seen = {id(exception)}
    while exception.__context__ is not None and id(exception.__context__) not in seen:
        exception = exception.__context__
        seen.add(id(exception))
    return exception
