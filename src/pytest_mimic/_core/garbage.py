"""Keeps Python's garbage collector away from what stays until the end of the run: modules and patches."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Without the GIL, there are no generations, and to freeze objects takes as long as a collection.
_HAS_GENERATIONS = "free-threading" not in sys.version


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect no garbage in this block, and make all objects old. Only for what a run does once: garbage ages with them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if _HAS_GENERATIONS and not gc.get_freeze_count():  # what others have frozen would thaw
                gc.freeze()
                gc.unfreeze()  # which puts all objects among the old ones without looking at them
            gc.enable()
