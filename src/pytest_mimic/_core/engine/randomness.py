"""Reads the global random states: that of `random`, and the legacy one of numpy."""

from __future__ import annotations

import sys
from contextlib import suppress
from pickle import dumps
from random import getstate


def global_states() -> dict[str, object]:
    """Return the states by module, to be compared. That of numpy is among them if numpy is imported already."""
    states: dict[str, object] = {"random": getstate()}
    if "numpy" in sys.modules:
        with suppress(ImportError, AttributeError):  # numpy itself is just being imported
            from numpy.random import get_state  # numpy imports it on first use

            # Arrays do not compare as one value.
            states["numpy.random"] = dumps(get_state(legacy=False))
    return states
