"""The libraries whose values the plugin knows, and which of these values are data."""

from __future__ import annotations

import pytest

from pytest_mimic._core.types.libraries import is_data, library_of


def test_values_with_an_extent_are_data_of_their_library() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    own = type("Own", (numpy.ndarray,), {})

    assert {library_of(kind) for kind in (numpy.ndarray, own, numpy.float64)} == {
        "numpy"
    }
    assert library_of(int) is None
    assert [
        is_data(one)
        for one in (numpy.zeros(3), numpy.zeros(3).view(own), numpy.float64(1), 1.5, [])
    ] == [*(True, True), *(False, False, False)]
    assert is_data(numpy.zeros(1, "i4,f8")[0])
