"""Numbers and moments of arrays and columns as JSON, and back to exactly the same memory."""

from __future__ import annotations

import math
import re
import struct
from datetime import date
from typing import Any, NamedTuple

from pytest_mimic._tagged.nodes import NotTaggableError, typed

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

#: A frame with more cells is a pickle.
MOST_CELLS = 50

#: The names of types of numbers, with their kind and their format in `struct`.
NUMBERS = {
    "bool": ("b", "?"),
    **{f"int{8 << place}": ("i", code) for place, code in enumerate("bhiq")},
    **{f"uint{8 << place}": ("u", code) for place, code in enumerate("BHIQ")},
    **{f"float{16 << place}": ("f", code) for place, code in enumerate("efd")},
    "complex64": ("c", "f"),
    "complex128": ("c", "d"),
    "datetime64": ("M", "q"),
    "timedelta64": ("m", "q"),
}
_NAT = -(2**63)
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 24 * 60 * 60
# Units that are parts of a second, and those that are several.
_PARTS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15, "as": 10**18}
_SECONDS = {"m": 60, "h": 60 * 60, "D": _DAY, "W": 7 * _DAY}
UNITS = frozenset({*_PARTS, *_SECONDS, "Y", "M"})
_MOMENT = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?)?)?)?", re.ASCII)


class Numbers(NamedTuple):
    """One type of numbers or moments.

    Attributes:
        kind: The kind as numpy has it: `b`, `i`, `u`, `f`, `c`, `M` or `m`.
        code: The format of one number as `struct` has it. A complex number is two numbers.
        unit: The unit of moments and durations. It is empty where numpy has none.
        order: The order of bytes, `<`, `>` or `=` for that of the machine.
    """

    kind: str
    code: str
    unit: str = ""
    order: str = "="

    def to_json(self, memory: bytes) -> list[Any]:
        """Return the numbers in a piece of memory. A complex number becomes two items.

        Raises:
            NotTaggableError: They would not become the same memory.
        """
        found = [item for (item,) in struct.iter_unpack(self.order + self.code, memory)]
        if self.kind in "fc":
            items = list(map(self._float_to_json, found))
        elif self.kind == "M":
            items = [moment_to_json(item, self.unit) for item in found]
        elif self.kind == "m":
            items = ["NaT" if item == _NAT else item for item in found]
        else:
            items = found
        try:
            is_exact = self.to_memory(items) == memory
        except (ArithmeticError, ValueError):
            is_exact = False
        if not is_exact:
            raise NotTaggableError("numbers that no text keeps exactly")
        return items

    def to_memory(self, items: list[Any]) -> bytes:
        """Return the memory of numbers.

        Raises:
            OverflowError, ValueError: A number is too large, or has another type.
        """
        found = [self._number(item) for item in items]
        try:
            return struct.pack(f"{self.order}{len(found)}{self.code}", *found)
        except struct.error as error:
            raise ValueError(str(error)) from None

    def item_to_json(self, number: Any) -> Any:
        """Return one number as JSON."""
        return self.to_json(struct.pack(self.order + self.code, number))[0]

    def item_of(self, item: Any) -> Any:
        """Return one number of Python's own types."""
        return struct.unpack(self.order + self.code, self.to_memory([item]))[0]

    def _number(self, item: Any) -> Any:
        if self.kind in "fc":
            return _float_from_json(item)
        if self.kind == "b":
            return typed(item, bool)
        if self.kind == "M":
            return moment_from_json(item, self.unit)
        if self.kind == "m" and item == "NaT":
            return _NAT
        return typed(item, int)

    def _float_to_json(self, number: float) -> float | str:
        if math.isnan(number):
            return "nan" if math.copysign(1, number) > 0 else "-nan"
        if math.isinf(number):
            return repr(number)
        return number if self.code == "d" else self._shortest(number)

    def _shortest(self, number: float) -> float:
        """Return the number with the fewest digits that is rounded to a short float."""
        memory = struct.pack(self.code, number)
        for digits in range(1, 17):
            short = float(f"{number:.{digits}g}")
            try:
                if struct.pack(self.code, short) == memory:
                    return short
            except OverflowError:  # the largest floats, rounded up
                continue
        return number


def _float_from_json(item: Any) -> float:
    if type(item) is str:
        if item not in ("nan", "-nan", "inf", "-inf"):
            raise ValueError(f"{item!r:.60} is no number")
        return float(item)
    return float(typed(item, float, int))


def moment_to_json(count: int, unit: str) -> str:
    """Return the moment after a number of units since 1970 as a text that is as short as it can be.

    Raises:
        NotTaggableError: It has no such text.
    """
    if count == _NAT:
        return "NaT"
    if unit in ("Y", "M"):
        year, month = divmod(count, 12) if unit == "M" else (count, 0)
        if not 1 <= year + 1970 <= 9999:
            raise NotTaggableError("a year without four digits")
        return f"{year + 1970:04}" + (f"-{month + 1:02}" if unit == "M" else "")
    if unit not in UNITS:
        raise NotTaggableError("moments without a unit")
    per_second = _PARTS.get(unit, 1)
    seconds, part = divmod(count * _SECONDS.get(unit, 1), per_second)
    days, second = divmod(seconds, _DAY)
    try:
        text = date.fromordinal(_EPOCH + days).isoformat()
    except (OverflowError, ValueError):
        raise NotTaggableError("a year without four digits") from None
    if second or part:
        text += f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    if part:
        text += f".{part:0{len(str(per_second)) - 1}}".rstrip("0")
    return text


def moment_from_json(text: Any, unit: str) -> int:
    """Return the number of units between 1970 and a moment.

    Raises:
        ValueError: The text is no moment in this unit.
    """
    if text == "NaT":
        return _NAT
    found = _MOMENT.fullmatch(typed(text, str))
    if found is None:
        raise ValueError(f"{text!r:.60} is no moment")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if unit == "Y" and found[2] is None:
        return year - 1970
    if unit == "M" and found[2] is not None and found[3] is None and 1 <= month <= 12:
        return (year - 1970) * 12 + month - 1
    if unit not in _PARTS.keys() | _SECONDS or found[3] is None or hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r:.60} is no moment in the unit {unit!r}")
    digits = found[7] or ""
    seconds = (date(year, month, day).toordinal() - _EPOCH) * _DAY + hour * 3600 + minute * 60 + second
    whole = (seconds * 10 ** len(digits) + int(digits or 0)) * _PARTS.get(unit, 1)
    count: int
    count, rest = divmod(whole, 10 ** len(digits) * _SECONDS.get(unit, 1))
    if rest:
        raise ValueError(f"{text!r:.60} is no whole number of the unit {unit!r}")
    return count


def as_utc(moment: str) -> str:
    """Return a moment of a column with a time zone, which is stored in UTC: `2024-01-02T00:00:00Z`."""
    if moment == "NaT":
        return moment
    return f"{moment if 'T' in moment else f'{moment}T00:00:00'}Z"


def from_utc(item: Any) -> str:
    """Return such a moment without its zone. ValueError: it is none in UTC."""
    text: str = typed(item, str)
    if text != "NaT" and not text.endswith("Z"):
        raise ValueError(f"{text!r:.60} is no moment in UTC")
    return text.removesuffix("Z")
