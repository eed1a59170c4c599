"""numpy: arrays count by dtype, shape and elements, not by their layout. Contiguous memory is not copied."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from pytest_mimic._core.identity.kinds import Kind, Raw, library_tag, type_tag
from pytest_mimic._core.identity.nans import CHUNK
from pytest_mimic._core.identity.object_state import attribute_reader
from pytest_mimic._core.identity.refused import Unstable

# Type characters of floats, and of complex numbers, which are two floats each. The long ones differ by machine.
FLOATS, LONG_FLOATS = frozenset("efdFD"), frozenset("gG")


def library_kind(type_: type, _base: type, layout: bool) -> Kind | None:
    """Return the kind of a type of numpy or a subclass, or None if there is no rule for it."""
    numpy: Any = sys.modules["numpy"]
    # An attribute of numpy that it imports on first use, in 10 ms. Before that, there is no masked array.
    if issubclass(type_, getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())):
        return Kind(library_tag(type_, "numpy", "MaskedArray"), lambda value: _masked(value, layout=layout))
    if issubclass(type_, numpy.ndarray):
        name = "ndarray" if type_.__name__ == "memmap" else type_.__name__
        tag = library_tag(type_, "numpy", name)
        # The attributes of numpy's own subclasses say nothing about the value.
        own = tag.startswith("numpy:")
        read = None if own else attribute_reader(type_, below=numpy.ndarray)
        if read is None:
            return Kind(tag, lambda value: array_data(value, layout=layout))
        return Kind(tag, lambda value: (array_data(value, layout=layout), read(value)))
    if issubclass(type_, numpy.generic):
        name = "bool" if type_.__name__ == "bool_" else type_.__name__  # as before numpy 2
        return Kind(
            library_tag(type_, "numpy", name), lambda value: array_data(numpy.asarray(value), layout=layout)
        )
    if issubclass(type_, numpy.dtype):
        return Kind("numpy:dtype", dtype_data)
    if issubclass(type_, numpy.random.Generator):
        return Kind(
            type_tag(type_), lambda value: (type(value.bit_generator).__name__, value.bit_generator.state)
        )
    if issubclass(type_, numpy.random.BitGenerator):
        return Kind(type_tag(type_), lambda value: value.state)
    if issubclass(type_, numpy.random.RandomState):
        # Each use of the generator behind `numpy.random.random()` changes its state, so its state must not count.
        shared = numpy.random.mtrand._rand
        return Kind(
            type_tag(type_), lambda value: "shared" if value is shared else value.get_state(legacy=False)
        )
    if issubclass(type_, numpy.ufunc):
        return Kind("numpy:ufunc", _ufunc)
    if "__call__" in dir(type_) and "__get__" in dir(type_):  # functions that dispatch by argument
        return Kind("numpy:function", lambda value: f"{value.__module__}:{value.__qualname__}")
    return None


def dtype_data(dtype: Any) -> object:
    """Reduce a dtype to its type string, or to the names and dtypes of its fields and, unless packed, their places."""
    if dtype.subdtype is not None:
        return dtype_data(dtype.subdtype[0]), dtype.subdtype[1]
    if dtype.kind == "T":
        return "StringDType", dtype.coerce, *((dtype.na_object,) if hasattr(dtype, "na_object") else ())
    if dtype.names is None:
        return dtype.str
    fields = [(name, *dtype.fields[name]) for name in dtype.names]  # name, dtype, offset, perhaps a title
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
        raise Unstable("long doubles of numpy", dtype.type, remedy=f"or convert it:  .astype('{other}')")
    return dtype.str[0] + dtype.char.lower() if dtype.char in FLOATS else ""


def array_data(array: Any, *, layout: bool) -> object:
    """Reduce an array to its memory in C order, or to its elements if the memory has references or gaps."""
    numpy: Any = sys.modules["numpy"]
    array = array.view(numpy.ndarray) if type(array) is not numpy.ndarray else array
    dtype = array.dtype
    flags = array.flags
    order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "strided"
    head: tuple[object, ...] = (dtype_data(dtype), array.shape, order if layout else None)
    if dtype.names is not None:
        return head, [array_data(array[name], layout=False) for name in dtype.names]
    if dtype.hasobject or dtype.kind == "T":
        return head, array.ravel().tolist()
    return Raw(head, array.nbytes, lambda: array_memory(array), floats=float_format(dtype))


def array_memory(array: Any) -> Iterator[Any]:
    """Yield the bytes of an array in C order, a chunk at a time if its memory has another order."""
    numpy: Any = sys.modules["numpy"]
    if array.size == 0:
        return
    if array.flags.c_contiguous:
        yield array.reshape(-1).view(numpy.uint8).data
    elif array.ndim > 1 and array.nbytes > CHUNK:
        for part in array:
            yield from array_memory(part)
    elif array.nbytes > CHUNK:
        step = max(1, CHUNK // array.itemsize)
        for start in range(0, len(array), step):
            yield from array_memory(array[start : start + step].copy())
    else:
        yield from array_memory(array.copy())


def _ufunc(value: Any) -> object:
    if not value.__name__.isidentifier():  # such as "<lambda> (vectorized)", by numpy.frompyfunc
        raise Unstable("a ufunc made of a Python function", type(value))
    return value.__name__


def _masked(array: Any, *, layout: bool) -> object:
    """Reduce a masked array. The values under the mask and the fill value count in an outcome only."""
    numpy: Any = sys.modules["numpy"]
    if array is numpy.ma.masked:
        return None
    mask = array_data(numpy.ma.getmaskarray(array), layout=False)
    if layout:
        return array_data(array.data, layout=True), mask, array.fill_value
    return array_data(array.filled(), layout=False), mask
