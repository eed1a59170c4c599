"""numpy and scipy: arrays count by dtype, shape and elements, not by their layout.

Contiguous memory is not copied.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from pytest_mimic._core.identity.walk import CHUNK
from pytest_mimic._core.types.additions import added_state, is_of
from pytest_mimic._core.types.kinds import Raw, Unstable
from pytest_mimic._core.types.libraries import Rule
from pytest_mimic._core.types.opening import attribute_reader
from pytest_mimic._core.types.remembered import without_remembered

# Type characters of floats, and of complex numbers, which are two floats each. The long
# ones differ by machine.
FLOATS, LONG_FLOATS = frozenset("efdFD"), frozenset("gG")


def dtype_data(dtype: Any) -> object:
    """Reduce a dtype to its type string, or to the names and dtypes of its fields and, unless packed, their places.

    What others keep in its `metadata` counts.
    """
    # An unpickled dtype of moments has an empty one.
    if dtype.metadata:
        return _dtype_alone(dtype), dict(dtype.metadata)
    return _dtype_alone(dtype)


def _dtype_alone(dtype: Any) -> object:
    if dtype.subdtype is not None:
        return dtype_data(dtype.subdtype[0]), dtype.subdtype[1]
    if dtype.kind == "T":
        return (
            "StringDType",
            dtype.coerce,
            *((dtype.na_object,) if hasattr(dtype, "na_object") else ()),
        )
    if dtype.names is None:
        return dtype.str
    fields = [
        (name, *dtype.fields[name]) for name in dtype.names
    ]  # name, dtype, offset, perhaps a title
    data = tuple((name, dtype_data(inner)) for name, inner, *_ in fields)
    places = [tuple(place) for _, _, *place in fields]
    *packed, size = accumulate((inner.itemsize for _, inner, *_ in fields), initial=0)
    is_packed = size == dtype.itemsize and places == list(zip(packed))
    return data if is_packed else (data, places, dtype.itemsize)


def float_format(dtype: Any) -> str:
    """Return the format of the floats in memory of a dtype, as in `struct`, or an empty text for other memory.

    Raises:
        Unstable: They are long doubles, some of whose bytes have arbitrary values.
    """
    if dtype.char in LONG_FLOATS:
        other = "float64" if dtype.char == "g" else "complex128"
        raise Unstable(
            "long doubles of numpy",
            dtype.type,
            remedy=f"or convert it: .astype('{other}')",
        )
    return dtype.str[0] + dtype.char.lower() if dtype.char in FLOATS else ""


def array_data(array: Any, layout: bool = False) -> object:
    """Reduce an array to its memory in C order, or to its elements if the memory has references or gaps."""
    numpy: Any = sys.modules["numpy"]
    array = array.view(numpy.ndarray) if type(array) is not numpy.ndarray else array
    dtype = array.dtype
    flags = array.flags
    order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "strided"
    head: tuple[object, ...] = (
        dtype_data(dtype),
        array.shape,
        order if layout else None,
    )
    if dtype.names is not None:
        return head, [array_data(array[name]) for name in dtype.names]
    if dtype.hasobject or dtype.kind == "T":
        return head, array.ravel().tolist()
    return Raw(
        head, array.nbytes, lambda: array_memory(array), floats=float_format(dtype)
    )


def array_memory(array: Any) -> Iterator[Any]:
    """Yield the bytes of an array in C order, of a large one row by row if its memory has another order."""
    numpy: Any = sys.modules["numpy"]
    if array.size == 0:
        return
    if array.flags.c_contiguous:
        yield array.reshape(-1).view(numpy.uint8).data
    elif array.ndim > 1 and array.nbytes > CHUNK:
        for part in array:
            yield from array_memory(part)
    else:
        yield from array_memory(array.copy())


def _ufunc(value: Any, _layout: bool) -> object:
    if (
        not value.__name__.isidentifier()
    ):  # such as "<lambda> (vectorized)", by numpy.frompyfunc
        raise Unstable("a ufunc made of a Python function", type(value))
    return value.__name__


def _masked(array: Any, layout: bool) -> object:
    """Reduce a masked array, without the values under the mask.

    What stands for these counts, and so does a mask that assignments cannot take away.
    """
    numpy: Any = sys.modules["numpy"]
    if array is numpy.ma.masked:
        return None
    mask = numpy.ma.getmaskarray(array)
    data = array_data(array.filled(), layout), array_data(mask)
    facts = {}
    if array.hardmask:
        facts["is hard"] = True
    # Each field of a record has a mask of its own.
    is_any_masked = numpy.ascontiguousarray(mask).reshape(-1).view(bool).any()
    if not is_any_masked and not _is_filled_as_usual(array):
        # Where items are masked, `filled` has shown it.
        facts["fill"] = numpy.asarray(array.fill_value)
    return (*data, facts) if facts else data


def _is_filled_as_usual(array: Any) -> bool:
    """Return whether the value that stands for masked items is that of the dtype."""
    numpy: Any = sys.modules["numpy"]
    usual = numpy.ma.zeros((), dtype=array.dtype)
    # A value that was not set has a wider dtype than the array.
    first, second = (
        numpy.asarray(each.fill_value).astype(array.dtype).tolist()
        for each in (array, usual)
    )
    return bool(first == second)


def _array(array: Any, layout: bool) -> object:
    """Reduce an array; one of a class that numpy does not define, with its attributes.

    Where the author of the class decides what is pickled, that stands for them.
    """
    kind = type(array)
    data = array_data(array, layout)
    if is_of(kind, "numpy"):
        return data
    state = added_state(array, "numpy")
    if state is not None:
        return data, state
    read: Any = attribute_reader(kind, below=sys.modules["numpy"].ndarray)
    return data if read is None else (data, without_remembered(array, read(array)))


def _random_state(value: Any, _layout: bool) -> object:
    # Each use of the generator behind `numpy.random.random()` changes its state, so its
    # state must not count.
    is_shared = value is sys.modules["numpy"].random.mtrand._rand
    return "shared" if is_shared else value.get_state(legacy=False)


def _generator(value: Any, _layout: bool) -> object:
    bits = value.bit_generator
    return type(bits).__name__, bits.state, _seeds(bits)


def _seeds(bits: Any) -> object:
    """Return what new generators are seeded from, and how many there are already."""
    seeds: Any = getattr(bits, "seed_seq", None)
    if not hasattr(seeds, "n_children_spawned"):
        return None
    return seeds.entropy, seeds.spawn_key, seeds.pool_size, seeds.n_children_spawned


# scipy


def _sparse(value: Any, _layout: bool) -> object:
    if value.format in ("csr", "csc", "bsr"):
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
        return value.shape, _wide(value.indptr), _wide(value.indices), value.data
    entries = value.tocoo(copy=True)
    # scipy sets it for every array made of a dictionary of keys, whose entries have any
    # order.
    entries.has_canonical_format = False
    entries.sum_duplicates()
    coordinates = getattr(entries, "coords", None) or (entries.row, entries.col)
    return value.shape, [_wide(places) for places in coordinates], entries.data


def _wide(places: Any) -> object:
    # scipy chooses their width by the size of the array.
    return places.astype("int64", copy=False)


RULES: dict[tuple[str, str], Rule] = {
    ("numpy", "MaskedArray"): Rule(_masked, "MaskedArray"),
    ("numpy", "ufunc"): Rule(_ufunc, "ufunc"),
    ("numpy", "memmap"): Rule(_array, "ndarray", reads_added=True),
    ("numpy", "ndarray"): Rule(_array, reads_added=True),
    ("numpy", "generic"): Rule(
        lambda value, layout: array_data(sys.modules["numpy"].asarray(value), layout)
    ),
    ("numpy", "dtype"): Rule(lambda value, _: dtype_data(value), "dtype"),
    ("numpy", "Generator"): Rule(_generator, is_full=True),
    ("numpy", "BitGenerator"): Rule(
        lambda value, _: (value.state, _seeds(value)), is_full=True
    ),
    ("numpy", "RandomState"): Rule(_random_state, is_full=True),
    ("scipy", "_spbase"): Rule(_sparse),
    ("scipy", "spmatrix"): Rule(_sparse),
}
