"""numpy and scipy: arrays count by dtype, shape and elements, not by their layout.

Contiguous memory is not copied. A rule in `RULES` reduces a value of one class to data
that is hashed in its place. `layout` is true for an outcome, in which the order of the
memory counts as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from pytest_mimic._core.identity.walk import CHUNK
from pytest_mimic._core.types.additions import added_state, is_of
from pytest_mimic._core.types.kinds import Raw, Unstable
from pytest_mimic._core.types.libraries import Rule
from pytest_mimic._core.types.opening import attribute_reader
from pytest_mimic._core.types.remembered import without_remembered

# Type characters of floats, and of complex numbers, which are two floats each. The long
# ones differ by machine.
FLOATS = frozenset("efdFD")
LONG_FLOATS = frozenset("gG")


def dtype_data(dtype: Any) -> object:
    """Reduce a dtype, with what others keep in its `metadata`.

    | dtype | reduced to |
    |---|---|
    | of one value | its type string, `<f8` |
    | of an array in each item | the dtype and the shape |
    | of texts of any length | the values that say how it treats missing ones |
    | of fields | their names and dtypes; unless packed, their places and the size |
    """
    # An unpickled dtype of moments has an empty one.
    if dtype.metadata:
        return _dtype_alone(dtype), dict(dtype.metadata)
    return _dtype_alone(dtype)


def _dtype_alone(dtype: Any) -> object:
    if dtype.subdtype is not None:
        item_dtype, shape = dtype.subdtype
        return dtype_data(item_dtype), shape
    if dtype.kind == "T":
        if hasattr(dtype, "na_object"):
            return "StringDType", dtype.coerce, dtype.na_object
        return "StringDType", dtype.coerce
    if dtype.names is None:
        return dtype.str
    return _fields_data(dtype)


def _fields_data(dtype: Any) -> object:
    """Reduce a dtype of fields: `[("id", "i4"), ("price", "f8")]`.

    Where the fields follow one another without gaps, their names and dtypes say it all.
    """
    data = []
    # The offset of each field, and its title if it has one.
    places: list[tuple[Any, ...]] = []
    packed_places: list[tuple[Any, ...]] = []
    packed_size = 0
    for name in dtype.names:
        inner, *place = dtype.fields[name]
        data.append((name, dtype_data(inner)))
        places.append(tuple(place))
        packed_places.append((packed_size,))
        packed_size += inner.itemsize
    if packed_size == dtype.itemsize and places == packed_places:
        return tuple(data)
    return tuple(data), places, dtype.itemsize


def float_format(dtype: Any) -> str:
    """Return the format of the floats in the memory of a dtype, as in `struct`.

    It is an empty text for other memory.

    Raises:
        Unstable: They are long doubles, some of whose bytes have arbitrary values.
    """
    if dtype.char in LONG_FLOATS:
        portable = "float64" if dtype.char == "g" else "complex128"
        raise Unstable(
            "long doubles of numpy",
            dtype.type,
            remedy=f"or convert it: .astype('{portable}')",
        )
    if dtype.char not in FLOATS:
        return ""
    byte_order: str = dtype.str[0]
    return byte_order + str(dtype.char).lower()


def array_data(array: Any, layout: bool = False) -> object:
    """Reduce an array to its memory in C order.

    It counts by its elements if the memory has references or gaps. With `layout`, the
    order of the memory counts as well.
    """
    numpy: Any = sys.modules["numpy"]
    if type(array) is not numpy.ndarray:
        array = array.view(numpy.ndarray)
    dtype = array.dtype
    order = None
    if layout:
        order = _order_of(array)
    head: tuple[object, ...] = (dtype_data(dtype), array.shape, order)
    if dtype.names is not None:
        return head, [array_data(array[name]) for name in dtype.names]
    if dtype.hasobject or dtype.kind == "T":
        return head, array.ravel().tolist()
    memory = partial(array_memory, array)
    return Raw(head, array.nbytes, memory, floats=float_format(dtype))


def _order_of(array: Any) -> str:
    """Return how the items of an array follow one another in memory."""
    if array.flags.c_contiguous:
        return "C"
    if array.flags.f_contiguous:
        return "F"
    return "strided"


def array_memory(array: Any) -> Iterator[Any]:
    """Yield the bytes of an array in C order, in pieces.

    A large array in another order comes row by row, so that it is never copied as a
    whole.
    """
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
    """Reduce a function of numpy to its name."""
    if not value.__name__.isidentifier():
        # `numpy.frompyfunc` gives names such as `<lambda> (vectorized)`.
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
    if facts:
        return (*data, facts)
    return data


def _is_filled_as_usual(array: Any) -> bool:
    """Return whether the value that stands for masked items is that of the dtype."""
    numpy: Any = sys.modules["numpy"]
    usual = numpy.ma.zeros((), dtype=array.dtype)
    # A value that was not set has a wider dtype than the array.
    fill = numpy.asarray(array.fill_value).astype(array.dtype)
    usual_fill = numpy.asarray(usual.fill_value).astype(array.dtype)
    return bool(fill.tolist() == usual_fill.tolist())


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
    read_attributes: Any = attribute_reader(kind, below=sys.modules["numpy"].ndarray)
    if read_attributes is None:
        return data
    return data, without_remembered(array, read_attributes(array))


def _random_state(value: Any, _layout: bool) -> object:
    """Reduce a generator of random numbers to its state.

    Each use of the one behind `numpy.random.random()` changes its state, which must not
    count therefore.
    """
    if value is sys.modules["numpy"].random.mtrand._rand:
        return "shared"
    return value.get_state(legacy=False)


def _bits(bits: Any, _layout: bool) -> object:
    """Reduce a source of random bits, which a generator makes its numbers of."""
    return bits.state, _seeds(bits)


def _generator(value: Any, _layout: bool) -> object:
    """Reduce a generator of random numbers to the state of its source of bits."""
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
    """Reduce a sparse array to its shape, and its entries in one order."""
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
    """Return places as integers of 64 bits.

    scipy chooses their width by the size of the array.
    """
    return places.astype("int64", copy=False)


def _number(value: Any, layout: bool) -> object:
    """Reduce a scalar to an array without dimensions."""
    return array_data(sys.modules["numpy"].asarray(value), layout)


def _dtype(dtype: Any, _layout: bool) -> object:
    """Reduce a dtype that is an argument, or an item, by itself."""
    return dtype_data(dtype)


RULES: dict[tuple[str, str], Rule] = {
    ("numpy", "MaskedArray"): Rule(_masked, "MaskedArray"),
    ("numpy", "ufunc"): Rule(_ufunc, "ufunc"),
    ("numpy", "memmap"): Rule(_array, "ndarray", reads_added=True),
    ("numpy", "ndarray"): Rule(_array, reads_added=True),
    ("numpy", "generic"): Rule(_number),
    ("numpy", "dtype"): Rule(_dtype, "dtype"),
    ("numpy", "Generator"): Rule(_generator, is_full=True),
    ("numpy", "BitGenerator"): Rule(_bits, is_full=True),
    ("numpy", "RandomState"): Rule(_random_state, is_full=True),
    ("scipy", "_spbase"): Rule(_sparse),
    ("scipy", "spmatrix"): Rule(_sparse),
}
