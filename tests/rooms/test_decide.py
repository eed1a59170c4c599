"""What becomes of a call: from the mode, what becomes of its log, and what stands at its place."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from pytest_mimic.engine.decide import Mode, Recorded, Way, decide

WAYS = get_args(Way)
RECORDED = get_args(Recorded)
ANY = "fresh repeats stale empty none"
# Modes, ways of a log, what stands at the place, and what becomes of the call.
TABLE = [
    ("rerecord live", "replayed made continued", ANY, "run"),
    ("record", "replayed made continued", "fresh repeats", "replay"),
    ("record", "made continued", "stale empty none", "run"),
    ("record", "replayed", "empty none", "missing"),
    ("record", "replayed", "stale", "stale"),
    ("verify", "replayed made continued", "fresh repeats stale", "verify"),
    ("replay", "replayed made continued", "fresh repeats", "replay"),
    ("replay", "replayed made continued", "stale", "stale"),
    ("accept-source", "replayed made continued", "fresh repeats stale", "replay"),
    ("verify replay accept-source", "replayed made continued", "empty none", "missing"),
]


@pytest.mark.parametrize(("modes", "ways", "recorded", "wanted"), TABLE)
def test_what_becomes_of_a_call(modes, ways, recorded, wanted):
    cases = itertools.product(modes.split(), recorded.split(), ways.split())

    assert {decide(*case) for case in cases} == {wanted}


def test_the_table_is_whole():
    cases = [
        case
        for modes, ways, recorded, _ in TABLE
        for case in itertools.product(modes.split(), recorded.split(), ways.split())
    ]

    every = itertools.product(get_args(Mode), RECORDED, WAYS)
    assert sorted(cases) == sorted(every)


@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_recording_run_repeats_what_later_statements_may_need(mode):
    """And gives its recorded answer."""
    for case in itertools.product(RECORDED, WAYS):
        wanted = decide(mode, *case)
        if mode == "record" and wanted == "replay":
            wanted = "repeat"
        assert decide(mode, *case, has_effect=True) == wanted
