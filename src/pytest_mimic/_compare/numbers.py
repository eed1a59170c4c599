"""When two numbers count as equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any


class Closeness:
    """Equality of numbers within tolerances, as `numpy.isclose` has it; of numbers of one type.

    Args:
        rtol: What they may be apart, as a part of the recorded one.
        atol: What they may be apart in any case.
    """

    def __init__(self, rtol: float, atol: float) -> None:
        self.rtol = rtol
        self.atol = atol
        self.exact = not (rtol or atol)

    def __call__(self, recorded: Any, actual: Any) -> bool:
        """Whether they are equal; NaN equals itself, and without tolerance `0.0` is not `-0.0`."""
        if self.exact or isinstance(recorded, bool) or _is_nan(recorded) or _is_nan(actual):
            return _is_same(recorded, actual)
        if recorded == actual:
            return True
        of = _kind_of(recorded)
        try:
            allowed = of(self.atol) + of(self.rtol) * abs(recorded)
            return bool(abs(actual - recorded) <= allowed < of(math.inf))
        except ArithmeticError:
            return False

    def unequal(self, recorded: Any, actual: Any) -> Any:
        """Which elements of two numpy arrays of one dtype and shape differ; NaN and NaT equal themselves."""
        import numpy

        kind = recorded.dtype.kind
        if kind == "c" and self.exact:
            real = self.unequal(recorded.real, actual.real)
            return real | self.unequal(recorded.imag, actual.imag)
        equal = (recorded == actual) | ((recorded != recorded) & (actual != actual))
        if kind == "f" and self.exact:
            equal &= (numpy.signbit(recorded) == numpy.signbit(actual)) | (recorded != recorded)
        elif kind in "fciu" and not self.exact:
            equal |= numpy.isclose(actual, recorded, rtol=self.rtol, atol=self.atol)
        return ~equal


def _kind_of(number: Any) -> Callable[[float], Any]:
    """What makes a tolerance a number that this one can be compared with."""
    return (lambda tolerance: Decimal(repr(tolerance))) if isinstance(number, Decimal) else float


def _is_nan(number: Any) -> bool:
    return number.is_nan() if isinstance(number, Decimal) else bool(number != number)


def _is_same(recorded: Any, actual: Any) -> bool:
    """Equality as identity has it."""
    if isinstance(recorded, float):
        both_nan = recorded != recorded and actual != actual
        return both_nan or (recorded == actual and math.copysign(1, recorded) == math.copysign(1, actual))
    if isinstance(recorded, complex):
        return _is_same(recorded.real, actual.real) and _is_same(recorded.imag, actual.imag)
    if isinstance(recorded, Decimal):
        return bool(recorded.as_tuple() == actual.as_tuple())
    return bool(recorded == actual)
