"""The functions that every contender records, and the arguments of their calls."""

import os
import random
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal

TARGETS = ("fetch", "small", "large", "document", "table", "orders")


def real():
    """Fail a contender that runs the real function while it replays."""
    if os.environ.get("BENCH_REPLAYING"):
        raise AssertionError("the real function ran during a replay")


def fetch(n, options=None):
    """Return almost nothing."""
    real()
    return {"n": n}


def small(number, word, options):
    """Return a small outcome for small arguments."""
    real()
    return {
        "number": number,
        "word": word,
        "total": sum(options.values()),
        "tags": [word, word.upper()],
    }


def small_arguments(number):
    return number, f"item-{number:06}", {f"key{n}": number * 10 + n for n in range(10)}


def large(size):
    """Return random float64, which no codec compresses."""
    real()
    return made_large(size)


def made_large(size):
    import numpy as np

    return np.random.default_rng(size).random(size)


def document(number):
    """Return a document like JSON of about 5 KB; calls 2k and 2k + 1 return equal ones."""
    real()
    chance = random.Random(number // 2)
    rows = [
        {
            "id": chance.randrange(10**6),
            "name": f"user {chance.randrange(10**4)}",
            "email": f"u{chance.randrange(10**6)}@example.org",
            "score": round(chance.random(), 4),
            "active": chance.random() < 0.5,
        }
        for _ in range(48)
    ]
    return {"page": number // 2, "next": None, "rows": rows}


def table(number):
    """Return a table of 800 KB with one digit in each float64."""
    real()
    import numpy as np

    return np.random.default_rng(number).integers(0, 10, (1000, 100)).astype("float64")


@dataclass
class Order:
    """A record with values that JSON does not have."""

    id: int
    customer: str
    placed: datetime
    due: date
    total: Decimal
    labels: list


def orders(number):
    """Return 1,000 records."""
    real()
    return [
        Order(
            n,
            f"customer {n % 97}",
            datetime(2026, 11, 1 + n % 28, n % 24, n % 60, tzinfo=timezone.utc),
            date(2026, 12, 1 + n % 31),
            Decimal(n * 7 + number) / 100,
            ["a", "b"],
        )
        for n in range(1000)
    ]
