"""Scalars and short arrays of numpy are readable, and their copies have the same memory, dtype and layout."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from unit.core.outcome.stored import edited, entry_of, load, recorded

np = pytest.importorskip("numpy")
npst = pytest.importorskip("hypothesis.extra.numpy")

READ_ONLY = np.arange(3.0)
READ_ONLY.flags.writeable = False


def facts(array):
    flags = array.flags
    layout = flags.c_contiguous, flags.f_contiguous, flags.writeable
    return (
        type(array),
        array.dtype.str,
        array.dtype.char,
        array.shape,
        array.tobytes(),
        layout,
    )


READABLE = {
    "bool": (np.True_, {"$numpy.bool": True}),
    "int8": (np.int8(-3), {"$numpy.int8": -3}),
    "uint64": (np.uint64(2**64 - 1), {"$numpy.uint64": 2**64 - 1}),
    "float32": (np.float32(0.1), {"$numpy.float32": 0.1}),
    "float16": (np.float16(0.1), {"$numpy.float16": 0.1}),
    "minus zero": (np.float32(-0.0), {"$numpy.float32": -0.0}),
    "nan": (np.float64("nan"), {"$numpy.float64": "nan"}),
    "infinity": (np.float32("-inf"), {"$numpy.float32": "-inf"}),
    "floats": (np.array([1.0, 2.5]), {"$numpy.float64": [1.0, 2.5]}),
    "one number": (np.array([7], "u1"), {"$numpy.uint8": [7]}),
    "nothing": (np.zeros(0), {"$numpy.float64": []}),
}


@pytest.mark.parametrize(("value", "tree"), READABLE.values(), ids=READABLE)
def test_numbers_and_short_arrays_are_readable_and_their_copies_exact(value, tree):
    store = recorded(value)

    entry = entry_of(store)

    assert (repr(entry["value"]), entry["imports"]) == (repr(tree), ["numpy:ndarray"])
    assert facts(load(store)) == facts(value)


# A type with the name of another one, such as `longlong` beside `int64`.
TWIN = next(
    kind
    for kind in (np.longlong, np.int_, np.intc)
    if np.dtype(np.dtype(kind).name).char != np.dtype(kind).char
)


class Doubled(np.ndarray):
    """An array of a class of its own."""


PICKLES = {
    "complex": np.complex64(0.1 - 2j),
    "text": np.str_("hé"),
    "bytes": np.bytes_(b"a"),
    "moment": np.datetime64("2024-01-02"),
    "duration": np.timedelta64(-5, "m"),
    "nan with a sign": np.copysign(np.float64("nan"), -1),
    "complex numbers": np.array([1j, 2]),
    "other byte order": np.array([1, 2], ">i4"),
    "read only": READ_ONLY,
    "texts": np.array(["a", "bcd"]),
    "moments": np.array(["2024-01-01", "NaT"], "M8[ns]"),
    "two dimensions": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "no dimension": np.array(7),
    "no rows": np.zeros((0, 3)),
    "long double": np.longdouble(1),
    "type of the same size": TWIN(1),
    "array of a type of the same size": np.array([1], TWIN),
    "record": np.array([(1, 2)], "i4,i4"),
    "void": np.void(b"ab"),
    "objects": np.array([None, "a"]),
    "own class": np.zeros(2).view(Doubled),
    "masked": np.ma.array([1, 2], mask=[True, False]),
    "gaps": np.arange(10)[::2],
    "many": np.arange(101),
    "NaN with a payload": np.array([0x7FF8000000000001]).view("f8"),
    "metadata": np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
    "bool of another byte": np.array([2], "u1").view(bool),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_value_that_no_text_keeps_is_a_pickle(kind):
    store = recorded(PICKLES[kind])

    assert "pickle" in entry_of(store)
    assert str(load(store)) == str(PICKLES[kind])


def test_an_array_at_two_places_is_one_array_in_the_copy_and_a_view_is_another():
    array = np.arange(3)

    one, other, view = load(recorded([array, array, array[:2]]))

    assert one is other
    assert not np.shares_memory(one, view)
    assert view.tolist() == [0, 1]


dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    npst.datetime64_dtypes(endianness="="),
    npst.timedelta64_dtypes(endianness="="),
    npst.unicode_string_dtypes(endianness="?", max_len=5),
    npst.byte_string_dtypes(max_len=5),
)
shapes = npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)


@settings(max_examples=100)
@given(dtypes.flatmap(lambda dtype: npst.arrays(dtype, shapes)), st.sampled_from("CF"))
@example(np.array([0.0, -0.0, math.nan, math.inf, 5e-324]), "C")
def test_copy_of_any_array_has_the_same_memory(array, order):
    array = np.array(array, order=order)

    copy = load(recorded({"array": array, "items": list(array.flat[:3])}))

    assert facts(copy["array"]) == facts(array)
    assert [(type(item), item.dtype.str, item.tobytes()) for item in copy["items"]] == [
        (type(item), item.dtype.str, item.tobytes()) for item in array.flat[:3]
    ]


SLIPS = {
    "dtype of objects": {"$numpy.object": [1]},
    "two dimensions": {"$numpy.int8": [[1, 2], [3, 4]]},
    "too large": {"$numpy.int8": [300]},
    "a text for a number": {"$numpy.float64": ["x"]},
    "a bool for a number": {"$numpy.int8": [True]},
    "another scalar": {"$numpy.void": "ab"},
    "another key": {"$numpy.int8": [1], "strides": [0]},
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_an_edited_array_is_used_if_it_could_have_been_written(slip):
    right = {"$numpy.float32": [1, 2.5]}

    assert facts(load(edited(right, "numpy:ndarray"))) == facts(
        np.array([1, 2.5], "f4")
    )
    with pytest.raises(CorruptRecordingError, match=r"\$numpy"):
        load(edited(slip, "numpy:ndarray"))
    with pytest.raises(
        CorruptRecordingError, match="numpy:ndarray, which its recording does not list"
    ):
        load(edited(right))


def test_missing_numpy_is_named(monkeypatch):
    store = recorded(np.float64(1.5))
    monkeypatch.setitem(sys.modules, "numpy", None)

    with pytest.raises(StaleRecordingError, match="numpy"):
        load(store)
