"""Arrays, frames and images are compared by the assertions of their own libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mimic._core.tree.library_values import labels_of
from unit.core.tree.test_agreement import lines
from unit.core.tree.test_shapes import shape


def numpy_pairs(numpy: Any) -> dict[str, tuple[Any, Any, str]]:
    zeros, other = numpy.zeros((3, 4)), numpy.zeros((3, 4))
    other[1, 2] = 1
    masked = numpy.ma.array
    return {
        "an element": (zeros, other, "1 of 12 differ, [1, 2]: 0.0 recorded, 1.0 now"),
        "dtype": (
            zeros,
            zeros.astype("float32"),
            "dtype float64 recorded, float32 now",
        ),
        "shape": (zeros, zeros.T, "shape 3x4 recorded, 4x3 now"),
        "sign of zero": (zeros, -zeros, "a part that has no readable form"),
        "type of an object": (
            numpy.array([1, None], dtype=object),
            numpy.array([True, None], dtype=object),
            "a part that has no readable form",
        ),
        "a mask": (
            masked([1.0], mask=[False]),
            masked([1.0], mask=[True]),
            "the masks differ",
        ),
        "a text": (
            numpy.array(["a"]),
            numpy.array(["b"]),
            "1 of 1 differ, [0]: 'a' recorded, 'b' now",
        ),
    }


def pandas_pairs(pandas: Any) -> dict[str, tuple[Any, Any, str]]:
    frame = pandas.DataFrame({"day": ["a", "b"], "price": [1.0, 2.0]})
    return {
        "a cell": (
            frame,
            frame.assign(price=[1.0, 5.0]),
            "value['price']: 1 of 2 differ, [1]: 2.0 recorded, 5.0 now",
        ),
        "a column": (
            frame,
            frame.drop(columns="price"),
            "value['price']: a column of 2 float64 recorded, missing now",
        ),
        "the order of columns": (frame, frame[["price", "day"]], "columns"),
        "the index": (frame, frame.set_axis([0, 2]), "index"),
        "a series": (
            frame["price"],
            frame["price"] + 5,
            "2 of 2 differ, [0]: 1.0 recorded, 6.0 now",
        ),
        "an index": (pandas.Index([1]), pandas.Index([2]), "Index values differs"),
        "categories": (
            pandas.Series(["a"], dtype=pandas.CategoricalDtype(["a", "b"])),
            pandas.Series(["a"], dtype=pandas.CategoricalDtype(["a", "c"])),
            "dtype",
        ),
        "a moment": (
            pandas.Timestamp("2024-05-01"),
            pandas.Timestamp("2024-05-02"),
            "2024-05-02",
        ),
    }


def polars_pairs(polars: Any) -> dict[str, tuple[Any, Any, str]]:
    return {
        "a cell": (
            polars.DataFrame({"n": [1]}),
            polars.DataFrame({"n": [2]}),
            "value['n']: 1 of 1 differ, [0]: 1 recorded, 2 now",
        ),
        "a series": (
            polars.Series("n", [1]),
            polars.Series("n", [2]),
            "value mismatch",
        ),
        "a name": (polars.Series("n", [1]), polars.Series("m", [1]), "name mismatch"),
    }


def pyarrow_pairs(pyarrow: Any) -> dict[str, tuple[Any, Any, str]]:
    return {
        "a cell": (
            pyarrow.table({"n": [1]}),
            pyarrow.table({"n": [2]}),
            "value['n']: 1 of 1 differ, [0]: 1 recorded, 2 now",
        ),
        "an array": (pyarrow.array([1]), pyarrow.array([2]), "Series values differs"),
        "a type": (pyarrow.array([1]), pyarrow.array([1.0]), "Int64Array"),
    }


PAIRS = {
    "numpy": numpy_pairs,
    "pandas": pandas_pairs,
    "polars": polars_pairs,
    "pyarrow": pyarrow_pairs,
}


@pytest.mark.parametrize(("name", "make"), PAIRS.items())
def test_a_difference_is_told_by_column_or_in_the_words_of_the_library(
    name: str, make: Callable[[Any], Any]
) -> None:
    for what, (recorded, actual, words) in make(pytest.importorskip(name)).items():
        found = lines({"value": recorded}, {"value": actual})

        assert (what, len(found), words in " ".join(found)) == (what, 1, True), found
        assert lines({"value": recorded}, {"value": recorded}) == []


@pytest.mark.parametrize("name", ["numpy", "pandas", "polars", "pyarrow"])
def test_numbers_within_tolerance_are_equal(name: str) -> None:
    library = pytest.importorskip(name)
    makers: dict[str, Callable[[Any], Any]] = {
        "numpy": lambda numbers: library.array(numbers),
        "pandas": lambda numbers: library.DataFrame({"n": numbers}),
        "polars": lambda numbers: library.DataFrame({"n": numbers}),
        "pyarrow": lambda numbers: library.table({"n": numbers}),
    }
    recorded, near, far = (
        makers[name](numbers) for numbers in ([1.0, 2.0], [1.0, 2.1], [1.0, 3.0])
    )

    assert lines(recorded, near, atol=0.2) == []
    assert len(lines(recorded, near)) == len(lines(recorded, far, atol=0.2)) == 1


def test_a_mask_counts_within_tolerance_and_hidden_data_does_not() -> None:
    masked = pytest.importorskip("numpy").ma.array
    recorded = masked([1.0, 2.0], mask=[False, True])

    assert lines(recorded, masked([1.5, 9.0], mask=[False, True]), atol=1) == []
    assert len(lines(recorded, masked([1.0, 2.0], mask=[False, False]), atol=1)) == 1


def test_scalars_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")

    assert lines(numpy.float64(1.0), numpy.float64(1.1), atol=0.2) == []
    assert lines(numpy.float64(1.0), numpy.float64(1.1)) == [
        "result: 1.0 recorded, 1.1 now"
    ]


def test_a_column_can_be_volatile() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"n": [1], "at": [1.0]})

    assert lines(frame, frame.assign(at=[2.0]), volatile=["at"]) == []
    assert len(lines(frame, frame.assign(n=[2]), volatile=["at"])) == 1


def test_by_shape_only_dtypes_and_columns_count() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"n": [1.0]})

    assert shape(frame, frame + 1) == []
    assert (
        len(shape(frame, frame.astype("float32")))
        == len(shape(frame, frame.assign(z=1)))
        == 1
    )


def _numpy_array() -> object:
    return pytest.importorskip("numpy").zeros(2, [("id", "i4"), ("at", [("x", "f8")])])


def _polars_series() -> object:
    polars = pytest.importorskip("polars")
    return polars.Series([{"id": 1, "at": {"x": 0.5}}])


@pytest.mark.parametrize("make", [_numpy_array, _polars_series])
def test_fields_of_structured_values_are_labels(make: Callable[[], object]) -> None:
    labels = {label for label in labels_of(make()) if label}

    assert labels == {"id", "at", "x"}
