"""The functions that every contender records, and the arguments of their calls."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

#: The names of the functions that are recorded.
NAMES = ("fetch", "small", "large", "document", "table", "orders")


def fail_in_replay() -> None:
    """Fail a contender that runs the real function while it replays."""
    if os.environ.get("BENCH_REPLAYING"):
        raise AssertionError("the real function ran during a replay")


def fetch(
    number: int,
    options: object = None,  # noqa: ARG001  a part of the identity
) -> dict[str, int]:
    """Return almost nothing."""
    fail_in_replay()
    return {"n": number}


def small(number: int, word: str, options: dict[str, int]) -> dict[str, object]:
    """Return a small outcome for small arguments."""
    fail_in_replay()
    return {
        "number": number,
        "word": word,
        "total": sum(options.values()),
        "tags": [word, word.upper()],
    }


def small_arguments(number: int) -> tuple[int, str, dict[str, int]]:
    """Return the arguments of `small` for a number, as new objects."""
    options = {f"key{digit}": number * 10 + digit for digit in range(10)}
    return number, f"item-{number:06}", options


def large(size: int) -> Any:
    """Return `size` random float64, which no codec compresses."""
    fail_in_replay()
    return made_large(size)


def made_large(size: int) -> Any:
    """Return what `large` does, but in a replay, too."""
    import numpy as np

    return np.random.default_rng(size).random(size)


def document(number: int) -> dict[str, object]:
    """Return a document like JSON of about 5 KB; calls 2k and 2k + 1 return equal ones.

    Half of the outcomes of a vault are equal to another.
    """
    fail_in_replay()
    chance = random.Random(number // 2)
    rows = []
    for _ in range(48):
        row = {
            "id": chance.randrange(10**6),
            "name": f"user {chance.randrange(10**4)}",
            "email": f"u{chance.randrange(10**6)}@example.org",
            "score": round(chance.random(), 4),
            "active": chance.random() < 0.5,
        }
        rows.append(row)
    return {"page": number // 2, "next": None, "rows": rows}


def table(number: int) -> Any:
    """Return a table of 800 KB with one digit in each float64."""
    fail_in_replay()
    import numpy as np

    digits = np.random.default_rng(number).integers(0, 10, (1000, 100))
    return digits.astype("float64")


@dataclass
class Order:
    """A record with values that JSON does not have."""

    id: int
    customer: str
    placed: datetime
    due: date
    total: Decimal
    labels: list[str]


def orders(number: int) -> list[Order]:
    """Return 1,000 records."""
    fail_in_replay()
    records = []
    for order in range(1000):
        record = Order(
            id=order,
            customer=f"customer {order % 97}",
            placed=datetime(
                2026, 11, 1 + order % 28, order % 24, order % 60, tzinfo=timezone.utc
            ),
            due=date(2026, 12, 1 + order % 31),
            total=Decimal(order * 7 + number) / 100,
            labels=["a", "b"],
        )
        records.append(record)
    return records
