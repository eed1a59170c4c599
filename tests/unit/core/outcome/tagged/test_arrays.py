"""Scalars and short arrays of numpy are readable, and their copies have the same memory, dtype and layout."""

from __future__ import annotations

import math
import sys
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from unit.core.outcome.tagged.stored import NAME, edited, entry_of, load, recorded, tree_of

np = pytest.importorskip("numpy")
npst = pytest.importorskip("hypothesis.extra.numpy")

READ_ONLY = np.arange(3.0)
READ_ONLY.flags.writeable = False


def facts(array):
    flags = array.flags
    layout = flags.c_contiguous, flags.f_contiguous, flags.writeable
    return type(array), array.dtype.str, array.dtype.char, array.shape, array.tobytes(), layout


SCALARS = {
    "bool": (np.True_, {"$numpy.bool": True}),
    "int8": (np.int8(-3), {"$numpy.int8": -3}),
    "uint64": (np.uint64(2**64 - 1), {"$numpy.uint64": 2**64 - 1}),
    "float64": (np.float64(1.5), {"$numpy.float64": 1.5}),
    "float32": (np.float32(0.1), {"$numpy.float32": 0.1}),
    "float16": (np.float16(0.1), {"$numpy.float16": 0.1}),
    "minus zero": (np.float32(-0.0), {"$numpy.float32": -0.0}),
    "nan": (np.float64("nan"), {"$numpy.float64": "nan"}),
    "nan with a sign": (np.copysign(np.float64("nan"), -1), {"$numpy.float64": "-nan"}),
    "infinity": (np.float32("-inf"), {"$numpy.float32": "-inf"}),
    "complex64": (np.complex64(0.1 - 2j), {"$numpy.complex64": [0.1, -2.0]}),
    "text": (np.str_("hé"), {"$numpy.str_": "hé"}),
    "bytes": (np.bytes_(b"a"), {"$numpy.bytes_": {"$bytes": "a"}}),
    "day": (np.datetime64("2024-01-02"), {"$numpy.datetime64": "2024-01-02", "unit": "D"}),
    "year": (np.datetime64("2024"), {"$numpy.datetime64": "2024", "unit": "Y"}),
    "month": (np.datetime64("2024-03"), {"$numpy.datetime64": "2024-03", "unit": "M"}),
    "nanosecond": (
        np.datetime64("1969-12-31T23:59:59.123456789"),
        {"$numpy.datetime64": "1969-12-31T23:59:59.123456789", "unit": "ns"},
    ),
    "no moment": (np.datetime64("NaT", "s"), {"$numpy.datetime64": "NaT", "unit": "s"}),
    "duration": (np.timedelta64(-5, "m"), {"$numpy.timedelta64": -5, "unit": "m"}),
    "duration without unit": (np.int64(5).view("m8"), {"$numpy.timedelta64": 5}),
    "no duration": (np.timedelta64("NaT", "us"), {"$numpy.timedelta64": "NaT", "unit": "us"}),
}


@pytest.mark.promise("scalars and short arrays of numpy are readable")
@pytest.mark.parametrize("kind", SCALARS)
def test_scalar_is_readable_and_its_copy_is_exact(kind):
    value, tree = SCALARS[kind]
    store = recorded(value)

    entry, copy = entry_of(store), load(store)

    assert repr(entry["value"]) == repr(tree)
    assert entry["imports"] == ["numpy:ndarray"]
    assert (type(copy), copy.dtype.str, copy.tobytes()) == (type(value), value.dtype.str, value.tobytes())


ARRAYS = {
    "floats": (np.array([1.0, 2.5]), [1.0, 2.5], {"dtype": "float64"}),
    "one number": (np.array([7], "u1"), [7], {"dtype": "uint8"}),
    "complex": (np.array([1j, 2]), [[0.0, 1.0], [2.0, 0.0]], {"dtype": "complex128"}),
    "nothing": (np.zeros(0), [], {"dtype": "float64"}),
    "other byte order": (np.array([1, 2], ">i4"), [1, 2], {"dtype": ">int32"}),
    "read only": (READ_ONLY, [0.0, 1.0, 2.0], {"dtype": "float64", "readonly": True}),
    "texts": (np.array(["a", "bcd"]), ["a", "bcd"], {"dtype": "str"}),
    "texts of other byte order": (np.array(["a", "b"], ">U1"), ["a", "b"], {"dtype": ">str"}),
    "bytes": (np.array([b"a"]), [{"$bytes": "a"}], {"dtype": "bytes"}),
    "moments": (
        np.array(["2024-01-01", "NaT"], "M8[ns]"),
        ["2024-01-01", "NaT"],
        {"dtype": "datetime64[ns]"},
    ),
    "moments of other byte order": (np.array(["2024"], ">M8[Y]"), ["2024"], {"dtype": ">datetime64[Y]"}),
    "durations": (np.array([1, "NaT"], "m8[s]"), [1, "NaT"], {"dtype": "timedelta64[s]"}),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_array_is_readable_and_its_copy_is_exact(kind):
    array, tree, further = ARRAYS[kind]
    store = recorded(array)

    entry, copy = entry_of(store), load(store)

    assert entry["value"] == {"$numpy.ndarray": tree, **further}
    assert entry["imports"] == ["numpy:ndarray"]
    assert facts(copy) == facts(array)


# A type with the name of another one, such as `longlong` beside `int64`.
TWIN = next(
    kind
    for kind in (np.longlong, np.int_, np.intc)
    if np.dtype(np.dtype(kind).name).char != np.dtype(kind).char
)


class Doubled(np.ndarray):
    """An array of a class of its own."""


PICKLES = {
    "two dimensions": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "no dimension": np.array(7),
    "no rows": np.zeros((0, 3)),
    "texts with room": np.array(["a", "b"], "U20"),
    "long texts": np.array(["a" * 60_000] * 80),
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
    "unit of 25 s": np.timedelta64(5, "25s"),
    "NaN with a payload": np.array([0x7FF8000000000001]).view("f8"),
    "text with a NUL at its end": np.str_("a\0"),
    "bytes with a NUL at their end": np.bytes_(b"a\0"),
    "metadata": np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
    "bool of another byte": np.array([2], "u1").view(bool),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_value_that_no_text_keeps_is_a_pickle(kind):
    store = recorded(PICKLES[kind])

    assert "pickle" in entry_of(store)
    assert str(load(store)) == str(PICKLES[kind])


def test_array_at_two_places_is_one_array_in_the_copy():
    array = np.arange(3)

    one, other = load(recorded([array, array]))

    assert one is other
    assert tree_of([array, array])[1] == {"$ref": 1}


def test_arrays_with_the_same_memory_have_their_own_in_the_copy():
    array = np.arange(3)

    one, other = load(recorded([array, array[:2]]))

    assert not np.shares_memory(one, other)
    assert one.tolist() == [0, 1, 2]
    assert other.tolist() == [0, 1]


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


HOSTILE = {
    "dtype of a record": {"$numpy.ndarray": [1], "dtype": "i4,i4"},
    "dtype of objects": {"$numpy.ndarray": [1], "dtype": "object"},
    "dtype of bytes without form": {"$numpy.ndarray": [1], "dtype": "V8"},
    "dtype with code": {"$numpy.ndarray": [1], "dtype": "__import__('os')"},
    "dtype that is a number": {"$numpy.ndarray": [1], "dtype": 8},
    "dtype of a moment without a unit": {"$numpy.ndarray": ["2024"], "dtype": "datetime64"},
    "dtype of a number with a unit": {"$numpy.ndarray": [1], "dtype": "int8[s]"},
    "no dtype": {"$numpy.ndarray": [1]},
    "texts of a width": {"$numpy.ndarray": ["a"], "dtype": "U9"},
    "huge texts": {"$numpy.ndarray": [*["a"] * 5000, "a" * 5000], "dtype": "str"},
    "two dimensions": {"$numpy.ndarray": [[1, 2], [3, 4]], "dtype": "int8"},
    "no dimension": {"$numpy.ndarray": 1, "dtype": "int8"},
    "a shape": {"$numpy.ndarray": [], "dtype": "int8", "shape": [0, 3]},
    "too large": {"$numpy.ndarray": [300], "dtype": "int8"},
    "too large a float": {"$numpy.ndarray": [1e300], "dtype": "float32"},
    "a text for a number": {"$numpy.ndarray": ["1"], "dtype": "float64"},
    "a bool for a number": {"$numpy.ndarray": [True], "dtype": "int8"},
    "a number for a bool": {"$numpy.ndarray": [1], "dtype": "bool"},
    "a number for a text": {"$numpy.ndarray": [1], "dtype": "str"},
    "a number for a flag": {"$numpy.ndarray": [1], "dtype": "int8", "readonly": 1},
    "half a complex number": {"$numpy.ndarray": [[1.0]], "dtype": "complex64"},
    "the present moment": {"$numpy.datetime64": "now", "unit": "s"},
    "a moment between": {"$numpy.datetime64": "2024-01-01T00:00:00.5", "unit": "s"},
    "a moment beyond its unit": {"$numpy.datetime64": "1600-01-01", "unit": "ns"},
    "a day that is none": {"$numpy.datetime64": "2024-02-30", "unit": "D"},
    "another unit": {"$numpy.datetime64": "2024-01-01", "unit": "fortnight"},
    "unit of a number": {"$numpy.float64": 1.5, "unit": "s"},
    "two numbers": {"$numpy.complex64": [1.0, 2.0, 3.0]},
    "another scalar": {"$numpy.void": "ab"},
    "another class": {"$numpy.matrix": [[1]], "dtype": "int8"},
    "another key": {"$numpy.ndarray": [1], "dtype": "int8", "strides": [0]},
    "another order": {"$numpy.ndarray": [1], "dtype": "int8", "order": "K"},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_array_that_was_never_written_is_refused(kind):
    store = edited(HOSTILE[kind], "numpy:ndarray", "numpy:matrix", "numpy:void")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CorruptRecordingError):
            load(store)


def test_array_without_its_import_in_the_recording_is_refused():
    with pytest.raises(CorruptRecordingError, match="numpy:ndarray, which its recording does not list"):
        load(edited({"$numpy.ndarray": [1], "dtype": "int8"}))


def test_array_edited_by_hand_is_used():
    store = edited({"$numpy.ndarray": [1, 2.5], "dtype": "float32"}, "numpy:ndarray")

    assert facts(load(store)) == facts(np.array([1, 2.5], "f4"))


def test_missing_numpy_is_named(monkeypatch):
    store = recorded(np.float64(1.5))
    monkeypatch.setitem(sys.modules, "numpy", None)

    with pytest.raises(StaleRecordingError, match="numpy"):
        load(store)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"$pandas.DataFrame": {"a": [1]}, "dtypes": {"a": "int64"}}, "there is no tag $pandas.DataFrame"),
        ({"$numpy.ndarray": [[1]], "dtype": "int8"}, "$numpy.ndarray: [1] is no whole number"),
    ],
    ids=["a frame", "an array of two dimensions"],
)
def test_table_of_an_earlier_version_is_an_error_that_names_the_file_and_the_remedy(tree, reason):
    store = edited(tree, "pandas:DataFrame", "numpy:ndarray")

    with pytest.raises(CorruptRecordingError) as caught:
        load(store)

    assert str(caught.value).splitlines() == [
        f".mimic_vault/{NAME} is not what was recorded ({reason})",
        "  restore it from version control, or record again: pytest --mimic-rerecord",
    ]
