"""Numbers of numpy become numbers of JSON, from which equal values are made."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.types.numpy_numbers import make_numbers, numbers_of

np: Any = pytest.importorskip("numpy", reason="numpy is not installed")

EXACT: list[tuple[Any, str, list[object]]] = [
    (np.float32(0.1), "numpy.float32", [0.1]),
    (np.array([1.5, np.nan, -np.inf]), "numpy.float64", [1.5, "nan", "-inf"]),
    (np.array([True, False]), "numpy.bool", [True, False]),
    (np.array([], dtype="int8"), "numpy.int8", []),
]


@pytest.mark.parametrize(("value", "tag", "items"), EXACT)
def test_numbers_are_made_again_of_their_json(
    value: Any, tag: str, items: list[object]
) -> None:
    numbers = numbers_of(value)
    assert numbers is not None

    made = make_numbers(tag, items if numbers.is_array else items[0])

    assert (numbers.tag, numbers.items) == (tag, items)
    assert (type(made), made.dtype) == (type(value), value.dtype)
    assert made.tobytes() == value.tobytes()


OTHERS: list[Any] = [
    np.zeros((2, 2)), np.zeros(101), np.arange(4)[::2], np.array([1.5], dtype=">f8"),
    np.datetime64("2024-05-01"), np.array(["a"]), np.copysign(np.nan, -1), np.dtype("i8"),
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=repr)
def test_a_value_that_numbers_do_not_tell_has_none(value: Any) -> None:
    assert numbers_of(value) is None


@pytest.mark.parametrize(
    ("tag", "part"),
    [("float64", 1.5), ("numpy.complex64", 1), ("numpy.int8", 1.5), ("numpy.bool", 1)],
)
def test_forged_numbers_are_refused(tag: str, part: object) -> None:
    with pytest.raises(ValueError, match=r"no tag|\["):
        make_numbers(tag, part)
