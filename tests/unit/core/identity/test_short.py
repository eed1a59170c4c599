"""A few small scalars are hashed as they are; every NaN is one NaN."""

from __future__ import annotations

import math

import pytest

from pytest_mimic._core.identity.short import LONG, short_form


@pytest.mark.parametrize("values", [[1, None, True], ["a", b"b"], [1.5, "a"], (2, "b")])
def test_small_scalars_have_a_short_form(values):
    assert short_form(values) is values


@pytest.mark.parametrize(
    "value", ["a" * (LONG + 1), b"a" * (LONG + 1), [1], object(), type("Int", (int,), {})(1)]
)
def test_a_long_text_and_what_is_no_scalar_have_none(value):
    assert short_form([value]) is short_form([1, value]) is short_form(["a", value]) is None


def test_a_nan_of_any_sign_is_the_same_object():
    one, other = short_form([1, math.nan]), short_form((1, math.copysign(math.nan, -1)))

    assert one is not None
    assert other is not None
    assert one[1] is other[1]
    assert type(other) is tuple
