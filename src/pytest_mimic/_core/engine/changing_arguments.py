"""Notes the arguments of recorded calls that look as if the next run has others, so that it will find no recording."""

from __future__ import annotations

import os
import random
import sys
import uuid
from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.vault import Recording

# How many recordings are searched for the outcome that a value comes from: the latest.
_SEARCHED = 100
# The sources of ids as they were before a test replaced them.
_SOURCES = (os.urandom, uuid.uuid4, getattr(random, "_urandom", None))


def note_changing(call: Call, duration: float, state: RunState, known: Collection[Recording]) -> None:
    """Note in the ledger the arguments of a call that is recorded now, after so many seconds; `known` are the other recordings."""
    options = call.plan.options
    from pytest_mimic._core.describe.changing_values import paths_made_now
    from pytest_mimic._core.target_options import target_line

    line = target_line(call.plan.client or call.plan.target, options._replace(ignore=()), "ignore", ())
    noted = {*options.ignore, *(path for row in state.ledger.changing if row[0] == line for path in row[2])}
    now = state.zero + state.clock()
    found = paths_made_now(call.plan.target, call.arguments, began=now - duration, now=now)
    paths = {path for path, text in found if path not in noted and not _is_given(text, state, known)}
    if paths:
        state.ledger.enter("changing", [line, list(options.ignore), sorted(paths), call.label, state.test])


def _is_given(text: str, state: RunState, known: Collection[Recording]) -> bool:
    """Check whether a value stands in the test's own file, is part of a recorded outcome, or was made from a replaced source."""
    from pytest_mimic._core.describe.changing_values import RANDOM_UUID

    if (os.urandom, uuid.uuid4, getattr(random, "_urandom", None)) != _SOURCES:
        return True
    if "faker" in sys.modules and RANDOM_UUID.search(text):  # its ids look the same, and it is mostly seeded
        return True
    for file in state.own_files():
        with suppress(OSError, UnicodeError):
            if text in Path(file).read_text(encoding="utf-8"):
                return True
    for recording in islice(reversed(list(known)), _SEARCHED):
        for stored in recording.outcomes:
            with suppress(MimicError):
                if text in dumps(stored.readable()):
                    return True
    return False
