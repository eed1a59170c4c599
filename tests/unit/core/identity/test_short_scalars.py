"""Small scalars are dumped as they are: every NaN as one, and no long text among them."""

from __future__ import annotations

import math

from pytest_mimic._core.identity.short_scalars import (
    LONGEST_DUMPED,
    has_long,
    plain_nans,
)


def test_a_nan_of_any_sign_is_the_same_object():
    one, other, none = (
        plain_nans([1, math.nan]),
        plain_nans((1, math.copysign(math.nan, -1))),
        [1, 2.5, "a"],
    )

    assert one[1] is other[1]
    assert (type(one), type(other)) == (list, tuple)
    assert plain_nans(none) is none


def test_only_texts_and_bytes_can_be_long():
    assert has_long([1, "a" * (LONGEST_DUMPED + 1)])
    assert has_long([b"a" * (LONGEST_DUMPED + 1)])
    assert not has_long(
        ["a" * LONGEST_DUMPED, 10**LONGEST_DUMPED, [1] * (LONGEST_DUMPED + 1)]
    )
