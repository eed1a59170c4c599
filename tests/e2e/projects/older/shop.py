"""Functions whose outcomes were stored as pickles before their values had tags."""

import datetime
import os
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

CHANGED = os.environ.get("CHANGED", "")


class Colour(Enum):
    RED = 1


Pair = namedtuple("Pair", "left right")


@dataclass
class User:
    name: str
    born: datetime.date


class Refused(Exception):
    def __init__(self, code, *, retry):
        super().__init__(f"refused with {code}")
        self.code = code
        self.retry = retry


def basics():
    return (1, "two", 3.5, None, True, b"bytes", b"\xff" * 2000, 1 + 2j, range(3), CHANGED)


def sets():
    return {"tags": {f"tag {n}" for n in range(9)}, "frozen": frozenset({("p", 1), None}), "changed": CHANGED}


def moments():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    return [
        datetime.date(2026, 11, 2),
        datetime.datetime(2026, 11, 2, 9, tzinfo=zone),
        Decimal("1.10"),
        CHANGED,
    ]


def containers():
    return [OrderedDict(a=1), defaultdict(list, a=[1]), Counter("aab"), deque([1], maxlen=4), {1: CHANGED}]


def classes():
    return [User("Ann", datetime.date(2001, 2, 3)), Colour.RED, Pair(1, [2]), CHANGED]


def shared():
    part = ["a"]
    return [part, {"again": part}, CHANGED]


def fails():
    error = Refused((1, 2), retry={CHANGED, "a", "b"})
    raise error from KeyError(("inner", CHANGED))


def stream():
    yield (1, CHANGED)
    yield ["plain"]
    yield {2, 3}
    return Decimal(4)


def change(rows):
    rows.append((1, CHANGED))
    return rows


def paths():
    return (Path("data/rates.csv").absolute(), CHANGED)


def again():
    again.count += 1
    return (again.count, CHANGED)


again.count = 0


def address():
    return (ip_address("10.0.0.1"), CHANGED)


async def awaited():
    return (1, CHANGED)
