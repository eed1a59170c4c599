"""numpy and scipy: arrays count by dtype, shape and elements, not by their layout.

Contiguous memory is not copied. A rule in `RULES` reduces a value of one class to data
that is hashed in its place. With `is_outcome`, the value is an outcome, in which the
order of the memory counts as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from pytest_mimic._core.identity.digest_walk import CHUNK
from pytest_mimic._core.types.added_attributes import (
    added_attributes,
    added_state,
    is_of,
)
from pytest_mimic._core.types.attributes_and_parts import attribute_reader
from pytest_mimic._core.types.libraries import Rule
from pytest_mimic._core.types.reductions import Raw, Unstable
from pytest_mimic._core.types.uncounted_attributes import without_remembered

# numpy's `dtype.char` of floats, and of complex numbers, which are two floats each: `d`
# is float64, `D` complex128.
FLOATS = frozenset("efdFD")
# The type characters of long doubles, whose width differs by machine.
LONG_FLOATS = frozenset("gG")


def dtype_data(dtype: Any) -> object:
    """Reduce a dtype, with what other libraries keep in its `metadata`.

    | dtype | reduced to |
    |---|---|
    | of one value | its type string, `<f8` |
    | of an array in each item | the dtype and the shape |
    | of texts of any length | the values that say how it treats missing texts |
    | of fields | their names and dtypes; unless packed, their places and the size |
    """
    # The metadata of an unpickled dtype of moments is an empty dict.
    if dtype.metadata:
        return _dtype_without_metadata(dtype), dict(dtype.metadata)
    return _dtype_without_metadata(dtype)


def _dtype_without_metadata(dtype: Any) -> object:
    if dtype.subdtype is not None:
        item_dtype, shape = dtype.subdtype
        return dtype_data(item_dtype), shape
    # The letter of `StringDType`, of numpy 2: texts of any length.
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
    names_and_dtypes = []
    # The offset of each field in bytes, and its title if it has one: `(4, "Price")`.
    offsets: list[tuple[Any, ...]] = []
    offsets_without_gaps: list[tuple[Any, ...]] = []
    size_without_gaps = 0
    for name in dtype.names:
        field_dtype, *offset_and_title = dtype.fields[name]
        names_and_dtypes.append((name, dtype_data(field_dtype)))
        offsets.append(tuple(offset_and_title))
        offsets_without_gaps.append((size_without_gaps,))
        size_without_gaps += field_dtype.itemsize
    has_gaps = offsets != offsets_without_gaps
    if size_without_gaps == dtype.itemsize and not has_gaps:
        return tuple(names_and_dtypes)
    return tuple(names_and_dtypes), offsets, dtype.itemsize


def float_format(dtype: Any) -> str:
    """Return the format of the floats in the memory of a dtype: `<d`, as in `struct`.

    By it, every NaN in arrays and in columns of pandas is hashed as the same. The
    format of memory without floats is an empty text.

    Raises:
        Unstable: The floats are long doubles, some of whose bytes are arbitrary.
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


def array_data(array: Any, is_outcome: bool = False) -> object:
    """Reduce an array to its memory in C order.

    An array whose memory has references or gaps is reduced to its elements. In an
    outcome, the order of the memory counts as well.
    """
    numpy: Any = sys.modules["numpy"]
    if type(array) is not numpy.ndarray:
        # The view has none of the methods that a subclass may override.
        array = array.view(numpy.ndarray)
    dtype = array.dtype
    order = None
    if is_outcome:
        order = _order_of(array)
    head: tuple[object, ...] = (dtype_data(dtype), array.shape, order)
    # The fields of a record may have gaps between them.
    if dtype.names is not None:
        return head, [array_data(array[name]) for name in dtype.names]
    # The memory of such an array has references to Python objects, or to texts.
    if dtype.hasobject or dtype.kind == "T":
        return head, array.ravel().tolist()
    memory = partial(array_memory, array)
    return Raw(head, array.nbytes, memory, format_of_floats=float_format(dtype))


def _order_of(array: Any) -> str:
    """Return how the items of an array follow one another in memory.

    `C`: row by row; `F`: column by column; `strided`: with steps, as in `array[::2]`.
    """
    if array.flags.c_contiguous:
        return "C"
    if array.flags.f_contiguous:
        return "F"
    return "strided"


def array_memory(array: Any) -> Iterator[Any]:
    """Yield the bytes of an array in C order, in pieces.

    A large array in another order comes row by row, so that it is never copied as a
    whole. Arrays with equal items give equal bytes, however they lie in memory.
    """
    numpy: Any = sys.modules["numpy"]
    if array.size == 0:
        return
    if array.flags.c_contiguous:
        yield array.reshape(-1).view(numpy.uint8).data
    elif array.ndim > 1 and array.nbytes > CHUNK:
        for row in array:
            yield from array_memory(row)
    else:
        # The copy of an array is in C order.
        yield from array_memory(array.copy())


def _reduce_ufunc(value: Any, _is_outcome: bool) -> object:
    """Reduce a function of numpy to its name."""
    if not value.__name__.isidentifier():
        # `numpy.frompyfunc` gives names such as `<lambda> (vectorized)`.
        raise Unstable("a ufunc made of a Python function", type(value))
    return value.__name__


def _reduce_masked_array(array: Any, is_outcome: bool) -> object:
    """Reduce a masked array, without the values under the mask.

    The value that stands for masked items counts, and so does a hard mask, which
    assignments cannot take away.
    """
    numpy: Any = sys.modules["numpy"]
    if array is numpy.ma.masked:
        return None
    # `filled` and `fill_value` write the fill value into an array that has none. The
    # view takes it in place of the caller's array.
    array = array.view()
    mask = numpy.ma.getmaskarray(array)
    items_and_mask = array_data(array.filled(), is_outcome), array_data(mask)
    # Most arrays have neither fact, and so no further part in their identity.
    facts = {}
    if array.hardmask:
        facts["is hard"] = True
    # Each field of a record has a mask of its own.
    is_any_masked = numpy.ascontiguousarray(mask).reshape(-1).view(bool).any()
    if not is_any_masked and not _is_filled_as_usual(array):
        # Where items are masked, `filled` has put the fill value among the data.
        facts["fill"] = numpy.asarray(array.fill_value)
    if facts:
        return (*items_and_mask, facts)
    return items_and_mask


def _is_filled_as_usual(array: Any) -> bool:
    """Return whether the value that stands for masked items is the dtype's usual one.

    The usual value is 1e20 for floats, and 999999 for integers.
    """
    numpy: Any = sys.modules["numpy"]
    array_without_fill = numpy.ma.zeros((), dtype=array.dtype)
    # A fill value that nobody has set has a wider dtype than the array.
    fill = numpy.asarray(array.fill_value).astype(array.dtype)
    usual_fill = numpy.asarray(array_without_fill.fill_value).astype(array.dtype)
    return bool(fill.tolist() == usual_fill.tolist())


def _reduce_array(array: Any, is_outcome: bool) -> object:
    """Reduce an array; an array of a class of its own, with its attributes.

    Attributes that numpy itself sets do not count. Where the author of another
    package's class decides what is pickled, the pickled state stands for the
    attributes.
    """
    type_ = type(array)
    array_items = array_data(array, is_outcome)
    if type_ is sys.modules["numpy"].ndarray:
        return array_items
    if is_of(type_, "numpy"):
        # A class of numpy itself, in whose objects users may set attributes.
        added = added_attributes(array, "numpy")
        if not added:
            return array_items
        return array_items, without_remembered(array, added)
    pickled_state = added_state(array, "numpy")
    if pickled_state is not None:
        return array_items, pickled_state
    read_attributes: Any = attribute_reader(type_, below=sys.modules["numpy"].ndarray)
    if read_attributes is None:
        return array_items
    return array_items, without_remembered(array, read_attributes(array))


def _reduce_random_state(generator: Any, _is_outcome: bool) -> object:
    """Reduce a generator of random numbers to its state.

    The generator behind `numpy.random.random()` is reduced to a word: all code shares
    that generator, and each use changes its state.
    """
    if generator is sys.modules["numpy"].random.mtrand._rand:
        return "shared"
    return generator.get_state(legacy=False)


def _reduce_bit_generator(bit_generator: Any, _is_outcome: bool) -> object:
    """Reduce a source of random bits, of which a generator makes its numbers."""
    return bit_generator.state, _seed_facts(bit_generator)


def _reduce_generator(generator: Any, _is_outcome: bool) -> object:
    """Reduce a generator of random numbers to the state of its source of bits."""
    bit_generator = generator.bit_generator
    return type(bit_generator).__name__, bit_generator.state, _seed_facts(bit_generator)


def _seed_facts(bit_generator: Any) -> object:
    """Return from what a source of bits seeds new ones, and how many it has made.

    None: the source was not made from a seed sequence.
    """
    seed_sequence: Any = getattr(bit_generator, "seed_seq", None)
    if not hasattr(seed_sequence, "n_children_spawned"):
        return None
    return (
        seed_sequence.entropy,
        seed_sequence.spawn_key,
        seed_sequence.pool_size,
        seed_sequence.n_children_spawned,
    )


# scipy


def _reduce_sparse_array(matrix: Any, _is_outcome: bool) -> object:
    """Reduce a sparse array to its shape, and its entries in one order."""
    if matrix.format in ("csr", "csc", "bsr"):
        if not matrix.has_canonical_format:
            # The caller's array stays as it is.
            matrix = matrix.copy()
            matrix.sum_duplicates()
        return (
            matrix.shape,
            _as_int64(matrix.indptr),
            _as_int64(matrix.indices),
            matrix.data,
        )
    entries = matrix.tocoo(copy=True)
    # scipy sets the flag for every matrix that is made of a dictionary of keys, though
    # its entries have any order. Without the flag, `sum_duplicates` sorts them.
    entries.has_canonical_format = False
    entries.sum_duplicates()
    coordinates = getattr(entries, "coords", None) or (entries.row, entries.col)
    return matrix.shape, [_as_int64(places) for places in coordinates], entries.data


def _as_int64(places: Any) -> object:
    """Return the places of a sparse array's entries as integers of 64 bits.

    scipy chooses the width of these integers by the size of the array.
    """
    return places.astype("int64", copy=False)


def _reduce_tree_of_points(tree: Any, _is_outcome: bool) -> object:
    """Reduce a tree of points to the points, and how the tree divides them.

    The pickle of a tree has the addresses in memory of its nodes.
    """
    return tree.data, tree.leafsize, tree.boxsize, tree.indices


def _reduce_scalar(value: Any, is_outcome: bool) -> object:
    """Reduce a scalar to an array without dimensions."""
    return array_data(sys.modules["numpy"].asarray(value), is_outcome)


def _reduce_dtype(dtype: Any, _is_outcome: bool) -> object:
    """Reduce a dtype that is an argument, or an item, by itself."""
    return dtype_data(dtype)


RULES: dict[tuple[str, str], Rule] = {
    ("numpy", "MaskedArray"): Rule(_reduce_masked_array, "MaskedArray"),
    ("numpy", "ufunc"): Rule(_reduce_ufunc, "ufunc"),
    ("numpy", "memmap"): Rule(_reduce_array, "ndarray", reads_added=True),
    ("numpy", "ndarray"): Rule(_reduce_array, reads_added=True),
    ("numpy", "generic"): Rule(_reduce_scalar),
    ("numpy", "dtype"): Rule(_reduce_dtype, "dtype"),
    ("numpy", "Generator"): Rule(_reduce_generator, tag_names_module=True),
    ("numpy", "BitGenerator"): Rule(_reduce_bit_generator, tag_names_module=True),
    ("numpy", "RandomState"): Rule(_reduce_random_state, tag_names_module=True),
    ("scipy", "_spbase"): Rule(_reduce_sparse_array),
    ("scipy", "cKDTree"): Rule(_reduce_tree_of_points),
    ("scipy", "spmatrix"): Rule(_reduce_sparse_array),
}
