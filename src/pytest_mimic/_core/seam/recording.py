"""The block in which a client's call runs for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Step


@contextmanager
def recording(step: Step, store_error: Callable[[Exception], Any]) -> Iterator[None]:
    """Return the block for the original function of a step that is not to replay.

    Inside it, the edge gives the answer to `step.finish`. An exception that ends the block ends the step, too: it is
    the outcome if `store_error` has plain data for it; if that is None, nothing is recorded. To verify, the
    block then ends without the exception, as the caller gets the recorded outcome.
    """
    if step.mode == "pass":
        yield
        return
    try:
        with step.running():
            yield
    except BaseException as error:
        plain = store_error(error) if isinstance(error, Exception) else None
        if plain is None:
            step.abandon(error)
        else:
            step.finish(plain)
        if not step.answers(error):
            raise
