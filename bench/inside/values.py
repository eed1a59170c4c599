"""The large arguments of the hash cases."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any


def bytes_value() -> bytes:
    """100 MB, made without a second copy of it."""
    return random.Random(1).randbytes(1_000_000) * 100


def bytearray_value() -> bytearray:
    """100 MB."""
    return bytearray(bytes_value())


def str_value() -> str:
    """100,000,000 characters of ASCII."""
    printable = [chr(code) for code in range(32, 127)]
    return "".join(random.Random(1).choices(printable, k=1_000_000)) * 100


def memoryview_value() -> memoryview:
    """100 MB."""
    return memoryview(bytes_value())


def bytes_io() -> io.BytesIO:
    """100 MB."""
    return io.BytesIO(bytes_value())


def array() -> Any:
    """200 MB of float64."""
    import numpy as np

    return np.random.default_rng(1).random(25_000_000)


def frame() -> Any:
    """A million rows: three columns of numbers, one of texts."""
    import numpy as np
    import pandas as pd

    row_count = 1_000_000
    generator = np.random.default_rng(1)
    names = pd.Series(
        [f"user-{row * 7919 % 1_000_003:07}" for row in range(row_count)], dtype=object
    )
    columns = {
        "a": generator.random(row_count),
        "b": generator.integers(0, 1000, row_count),
        "c": generator.normal(size=row_count),
        "name": names,
    }
    return pd.DataFrame(columns)


def wide() -> Any:
    """500 rows, 2,000 columns of numbers."""
    import numpy as np
    import pandas as pd

    numbers = np.random.default_rng(1).random((500, 2000))
    return pd.DataFrame(numbers, columns=[f"c{column}" for column in range(2000)])


def texts(dtype: str) -> Any:
    """300,000 rows, three columns of texts."""
    import pandas as pd

    columns = {}
    for name in "abc":
        columns[name] = [
            f"{name * (row % 17)} {row * 7919 % 50_021}" for row in range(300_000)
        ]
    return pd.DataFrame(columns, dtype=dtype)


def object_texts() -> Any:
    """Texts as Python objects."""
    return texts("object")


def arrow_texts() -> Any:
    """Texts in the memory of pyarrow."""
    import pandas as pd

    if pd.__version__ < "3":
        # Before pandas 3, `str` was another name of `object`.
        return texts("string[pyarrow]")
    return texts("str")


def ints() -> list[int]:
    """A million different ones."""
    return list(range(1_000_000))


def floats() -> list[float]:
    """A million different ones."""
    return [number / 3 for number in range(1_000_000)]


def set_of_ints() -> set[int]:
    """200,000 ints."""
    return set(range(0, 1_400_000, 7))


def set_of_strs() -> set[str]:
    """200,000 words."""
    return {f"word {number}" for number in range(200_000)}


def datetimes() -> list[datetime]:
    """100,000 moments without a zone."""
    return _moments(None)


def zoned_datetimes() -> list[datetime]:
    """100,000 moments in UTC."""
    return _moments(timezone.utc)


def _moments(zone: timezone | None) -> list[datetime]:
    """100,000 moments, of which no two are the same."""
    first = datetime(2026, 1, 1, tzinfo=zone)
    return [first + timedelta(seconds=37 * number) for number in range(100_000)]


def pairs() -> list[tuple[int, str]]:
    """100,000 tuples of a number and a name."""
    return [(number, f"n{number}") for number in range(100_000)]


class Size(Enum):
    """Members that occur over and over."""

    SMALL = 1
    MEDIUM = 2
    LARGE = "l"


def enum_members() -> list[Size]:
    """99,999 times one of three members."""
    return list(Size) * 33_333


def decimals() -> list[Decimal]:
    """100,000 different ones."""
    return [Decimal(number) / 100 for number in range(100_000)]


def flat_dict() -> dict[str, int]:
    """100,000 keys."""
    return {f"key-{number:06}": number for number in range(100_000)}


def dicts() -> list[dict[str, object]]:
    """200,000 dicts of four keys."""
    return [
        {"id": number, "name": f"n{number}", "ok": True, "w": number / 3}
        for number in range(200_000)
    ]


VALUES: dict[str, Callable[[], Any]] = {
    "bytes": bytes_value,
    "bytearray": bytearray_value,
    "str": str_value,
    "memoryview": memoryview_value,
    "BytesIO": bytes_io,
    "array": array,
    "frame": frame,
    "wide": wide,
    "texts object": object_texts,
    "texts arrow": arrow_texts,
    "list of ints": ints,
    "list of floats": floats,
    "set of ints": set_of_ints,
    "set of strs": set_of_strs,
    "list of datetimes": datetimes,
    "list of datetimes with a zone": zoned_datetimes,
    "list of pairs": pairs,
    "list of Enum members": enum_members,
    "list of Decimals": decimals,
    "dict": flat_dict,
    "nested": dicts,
}
