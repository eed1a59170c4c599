"""A flipped byte in a readable recording gives the right value, an edited one, or an error that names the file."""

from __future__ import annotations

import datetime as dt
import re
import sys
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import SimpleNamespace

import pytest

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from pytest_mimic._core.vault import Vault
from unit.core.outcome.tagged import tripwires
from unit.memory_store import NAME, recorded

SHARED = [1]
LOOP = deque(maxlen=4)
LOOP.append(LOOP)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
AT = dt.datetime(2026, 11, 2, 1, 2, 3, 4)
VALUES = {
    "numbers": (float("-inf"), 1 + 2j, 3**9000, Decimal("1.10"), Fraction(1, 3), range(1, 9, 2)),
    "moments": [
        AT,
        AT.replace(tzinfo=BERLIN, fold=1),
        AT.date(),
        AT.time(),
        dt.timedelta(1, -1),
        dt.timezone.utc,
    ],
    "named zone": dt.timezone(dt.timedelta(hours=-3), "CET"),
    "bytes": [b"a\nb", b"\xff\0", bytearray(b"a"), bytes(range(256)) * 8],
    "others": [re.compile("a+|b", re.I), uuid.UUID(int=5), PurePosixPath("a/b")],
    "sets": [{1, "a", (2.5, None)}, frozenset({b"a"}), {(1, 2): {3: 4}}, {"$date": 5}],
    "collections": [OrderedDict(b=1, a=2), defaultdict(list, a=[1]), Counter("aab"), SimpleNamespace(a=1)],
    "shared": [SHARED, {"again": SHARED}, LOOP],
    "objects": [tripwires.Color.RED, tripwires.Order("Ann", dt.date(2026, 11, 2)), tripwires.Pair(1, 2)],
    "exceptions": [ValueError("a", b"b"), tripwires.Failed(OSError(2, "gone", "file"))],
    "object of the vault": [(number, Decimal(number)) for number in range(60)],
}


def replayed(store):
    """Read the value as a replay does."""
    return Vault(store).read(NAME).outcomes[0].load().value


def modules():
    return {name for name in sys.modules if name.startswith("unit.")}


@pytest.mark.promise("a readable recording that was written to do harm runs no code")
@pytest.mark.parametrize("kind", VALUES)
def test_flipped_byte_runs_no_code(kind):
    store = recorded(VALUES[kind])
    assert not any(name.endswith(".pkl") for name in store.names())
    tripwires.NOTED.clear()
    known = modules()
    outcomes = set()
    for name in list(store.names()):
        data = store.read(name)
        for position, byte in enumerate(data):
            # Of each byte one bit that changes, in turn.
            flipped = byte ^ 1 << position * 3 % 8
            store.write(name, data[:position] + bytes([flipped]) + data[position + 1 :])
            try:
                replayed(store)
                outcomes.add("value")
            except (CorruptRecordingError, StaleRecordingError) as error:
                outcomes.add(type(error).__name__)
        store.write(name, data)

    assert outcomes >= {"value", "CorruptRecordingError"}
    assert not tripwires.NOTED
    assert modules() == known
