"""The large arguments of the hash cases."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any


def binary() -> bytes:
    """100 MB, made without a second copy of it."""
    return random.Random(1).randbytes(1_000_000) * 100


def array() -> Any:
    """200 MB of float64."""
    import numpy as np

    return np.random.default_rng(1).random(25_000_000)


def frame() -> Any:
    """A million rows: three columns of numbers, one of texts."""
    import numpy as np
    import pandas as pd

    n, chance = 1_000_000, np.random.default_rng(1)
    names = pd.Series(
        [f"user-{k * 7919 % 1_000_003:07}" for k in range(n)], dtype=object
    )
    numbers = {
        "a": chance.random(n),
        "b": chance.integers(0, 1000, n),
        "c": chance.normal(size=n),
    }
    return pd.DataFrame({**numbers, "name": names})


def wide() -> Any:
    """500 rows, 2,000 columns of numbers."""
    import numpy as np
    import pandas as pd

    return pd.DataFrame(
        np.random.default_rng(1).random((500, 2000)),
        columns=[f"c{k}" for k in range(2000)],
    )


def texts(dtype: str) -> Any:
    """300,000 rows, three columns of texts."""
    import pandas as pd

    rows = range(300_000)
    columns = {
        name: [f"{name * (k % 17)} {k * 7919 % 50_021}" for k in rows] for name in "abc"
    }
    if dtype == "str" and pd.__version__ < "3":  # where `str` is `object`
        dtype = "string[pyarrow]"
    return pd.DataFrame(columns, dtype=dtype)


def rows() -> list[dict[str, object]]:
    """200,000 dicts."""
    return [{"id": k, "name": f"n{k}", "ok": True, "w": k / 3} for k in range(200_000)]


class Size(Enum):
    """Members that occur over and over."""

    SMALL = 1
    MEDIUM = 2
    LARGE = "l"


def moments(zone: timezone | None) -> list[datetime]:
    """100,000 moments, of which no two are the same."""
    first = datetime(2026, 1, 1, tzinfo=zone)
    return [first + timedelta(seconds=37 * k) for k in range(100_000)]


VALUES: dict[str, Callable[[], Any]] = {
    "bytes": binary,
    "bytearray": lambda: bytearray(binary()),
    "str": lambda: (
        "".join(map(chr, random.Random(1).choices(range(32, 127), k=1_000_000))) * 100
    ),
    "memoryview": lambda: memoryview(binary()),
    "BytesIO": lambda: io.BytesIO(binary()),
    "array": array,
    "frame": frame,
    "wide": wide,
    "texts object": lambda: texts("object"),
    "texts arrow": lambda: texts("str"),
    "list of ints": lambda: list(range(1_000_000)),
    "list of floats": lambda: [k / 3 for k in range(1_000_000)],
    "set of ints": lambda: set(range(0, 1_400_000, 7)),
    "set of strs": lambda: {f"word {k}" for k in range(200_000)},
    "list of datetimes": lambda: moments(None),
    "list of datetimes with a zone": lambda: moments(timezone.utc),
    "list of pairs": lambda: [(k, f"n{k}") for k in range(100_000)],
    "list of Enum members": lambda: list(Size) * 33_333,
    "list of Decimals": lambda: [Decimal(k) / 100 for k in range(100_000)],
    "dict": lambda: {f"key-{k:06}": k for k in range(100_000)},
    "nested": rows,
}
