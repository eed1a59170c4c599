"""The equality of values, of numbers and arrays within tolerances, and the pairs of parts that are compared."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from pytest_mimic._core.compare.lines import ABSENT
from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.object_state import exception_fields
from pytest_mimic._core.identity.opening import attributes_of, type_name

_SIMPLE = frozenset({bool, float, int, str, type(None)})

K = TypeVar("K")


def paired(old: Mapping[K, object], new: Mapping[K, object]) -> list[tuple[K, Any, Any]]:
    """Return each key of two mappings with both values, `ABSENT` where a side lacks the key."""
    return [(key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in dict.fromkeys([*old, *new])]


def is_same_type(recorded: object, actual: object) -> bool:
    """Return whether two values have the same type; a class that was imported again is the same."""
    return type(recorded) is type(actual) or type_name(type(recorded)) == type_name(type(actual))


def is_settled(recorded: object, actual: object, *, shape: bool) -> bool:
    """Return whether two values plainly are equal, which is the common case and must cost little."""
    kind = type(recorded)
    if kind not in _SIMPLE or kind is not type(actual):
        return False
    # 0.0 is not settled, as -0.0 equals it.
    return shape or (recorded == actual and (kind is not float or bool(recorded)))


def key_identity(key: object) -> object:
    """Return what makes two keys, or two members of a set, the same: `1`, `1.0` and `True` are three."""
    if type(key) is str:
        return key
    if type(key) in (int, float, bool, bytes):
        return type(key), repr(key)
    return type(key), identity_of(key) or key


def exception_parts(error: BaseException) -> dict[str, Any]:
    """Return the parts of an exception that are compared, by name."""
    names = "args", "__cause__", *exception_fields(error)
    parts = {name: getattr(error, name, None) for name in names}
    return {name: part for name, part in parts.items() if part is not None} | attributes_of(error)


def parts_beside(value: Any) -> dict[str, Any]:
    """Return the parts of a value that are neither items nor attributes, by name."""
    return {"maxlen": value.maxlen} if issubclass(type(value), deque) else {}


def other_identity(recorded: object, actual: object) -> bool | None:
    """Return whether two values have different identities; None if one of them has no identity."""
    old, new = identity_of(recorded), identity_of(actual)
    return None if old is None or new is None else old != new


def is_equal(recorded: object, actual: object) -> bool:
    """Return whether two values without parts are equal: by identity, or else as Python compares them."""
    other = other_identity(recorded, actual)
    if other is not None:
        return not other
    try:
        return bool(recorded == actual)
    except Exception:  # a comparison that fails shows no equality
        return False


@dataclass(frozen=True, slots=True)
class Closeness:
    """Equality of numbers of one type within tolerances, as defined by `numpy.isclose`."""

    rtol: float  # the allowed difference, relative to the recorded number
    atol: float  # the absolute difference allowed in addition

    @property
    def exact(self) -> bool:
        return not (self.rtol or self.atol)

    def __call__(self, recorded: Any, actual: Any) -> bool:
        """Return whether two numbers are equal. NaN equals itself; without tolerance `0.0` is not `-0.0`."""
        if self.exact or isinstance(recorded, bool) or _is_nan(recorded) or _is_nan(actual):
            return _is_same(recorded, actual)
        if recorded == actual:
            return True

        def number(tolerance: float) -> Any:
            # Decimals cannot be compared with the sum of a Decimal and a float.
            return Decimal(repr(tolerance)) if isinstance(recorded, Decimal) else tolerance

        try:
            allowed = number(self.atol) + number(self.rtol) * abs(recorded)
            return bool(abs(actual - recorded) <= allowed < number(math.inf))
        except ArithmeticError:
            return False


def _is_nan(number: object) -> bool:
    return number.is_nan() if isinstance(number, Decimal) else bool(number != number)


def _is_same(recorded: Any, actual: Any) -> bool:
    if isinstance(recorded, float):
        both_nan = recorded != recorded and actual != actual
        return both_nan or (recorded == actual and math.copysign(1, recorded) == math.copysign(1, actual))
    if isinstance(recorded, complex):
        return _is_same(recorded.real, actual.real) and _is_same(recorded.imag, actual.imag)
    if isinstance(recorded, Decimal):
        return bool(recorded.as_tuple() == actual.as_tuple())
    return bool(recorded == actual)
