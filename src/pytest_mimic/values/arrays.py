"""Arrays of numpy: as files in numpy's own format, and inside of pickles."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from math import prod
from mmap import mmap
from operator import getitem
from pickle import PickleBuffer
from typing import Any

CHUNK = 1 << 20
# In bytes. The header of a file has at most so many.
_LONGEST_HEADER = 1 << 17
# In bytes, as the system aligns what it gives: an array may stand there.
ALIGNED = 16

Memory = bytes | bytearray | memoryview


def memory_of(array: Any) -> memoryview:
    """Give the bytes of an array, in the order of Fortran if it has this, else of C."""
    import numpy as np  # Whoever has an array has imported it.

    in_order = array.T if order_of(array) == "F" else array
    if not array.nbytes:
        return memoryview(bytearray())
    return np.ascontiguousarray(in_order).reshape(-1).view("u1").data


def order_of(array: Any) -> str:
    """Give `F` if the first index of an array is that of its neighbours, else `C`."""
    return "F" if array.flags.fnc else "C"


def memory_in(
    content: bytes | mmap, position: int, length: int, *, is_fixed: bool = False
) -> Memory:
    """Give a part of a map as it is, and a copy of what else there is."""
    if isinstance(content, bytes) or position % ALIGNED:
        copied = content[position : position + length]
        return copied if is_fixed else bytearray(copied)
    from ctypes import c_ubyte  # few outcomes are large

    # Not a slice: who asks a slice for its object gets the whole map.
    view = memoryview((c_ubyte * length).from_buffer(content, position)).cast("B")
    return view.toreadonly() if is_fixed else view


def pieces(memory: memoryview) -> Iterator[memoryview]:
    """Give memory in pieces that are written at once."""
    for start in range(0, memory.nbytes, CHUNK):
        yield memory[start : start + CHUNK]


# -- files


def is_kept(dtype: Any) -> bool:
    """Tell whether a file `.npy` keeps all that there is to a dtype."""
    import numpy as np
    from numpy.lib import format as npy

    if dtype.kind not in "biufcSUmMV" or dtype.hasobject or dtype.metadata:
        return False
    if dtype.kind != "V":
        return True
    again = npy.descr_to_dtype(npy.dtype_to_descr(dtype))
    return str(again) == str(dtype) and dtype.type is np.void


def file_of(array: Any) -> Iterator[bytes | memoryview]:
    """Give the bytes of a file `.npy`, format 1.0."""
    from numpy.lib import format as npy

    header = BytesIO()
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(array))
    yield header.getvalue()
    yield from pieces(memory_of(array))


def of_file(content: bytes | mmap) -> Any:
    """Make the array of a file `.npy`; in a mapped file the array stands in the map.

    Raises:
        ValueError, TypeError: It is no such file, or not all of it; or holds objects.
    """
    import numpy as np
    from numpy.lib import format as npy

    header = BytesIO(content[:_LONGEST_HEADER])
    if npy.read_magic(header) != (1, 0):
        raise ValueError("it is not of format 1.0")
    shape, is_fortran, dtype = npy.read_array_header_1_0(header)
    length = len(content) - header.tell()
    if dtype.hasobject or prod(shape) * dtype.itemsize != length:
        raise ValueError("its length is wrong, or it holds objects")
    memory = memory_in(content, header.tell(), length)
    return np.ndarray(shape, dtype, memory, order="F" if is_fortran else "C")


# -- inside of pickles


def reduced(array: Any) -> Any:
    """Say how an array is pickled with no private name of numpy."""
    import numpy as np

    cls: Any = type(array)
    dtype = array.dtype
    if dtype.char == "T" or (dtype.hasobject and dtype.names):
        return NotImplemented
    if isinstance(array, np.generic):
        if cls is not dtype.type:
            return NotImplemented
        # Its class has another name in another numpy; its dtype has not.
        return getitem, (np.ndarray((), dtype, array.tobytes()), ())
    if cls is np.memmap:
        cls = np.ndarray
    form = cls, dtype, array.shape, order_of(array)
    if dtype.hasobject or (dtype.kind == "U" and array.nbytes):
        # One by one: paths in texts are found.
        return array_of, (*form, array.ravel().tolist())
    return array_of, (*form, PickleBuffer(memory_of(array)))


def array_of(
    cls: Any,
    dtype: Any,
    shape: tuple[int, ...],
    order: Any,
    content: Memory | list[Any],
) -> Any:
    """Make an array of its memory, or of its items."""
    import numpy as np

    if isinstance(content, list):
        made = of_items(content, dtype, shape, order)
    else:
        made = np.ndarray.__new__(cls, shape, dtype, content, order=order)
    return made if type(made) is cls else made.view(cls)


def of_items(items: list[Any], dtype: Any, shape: Any, order: Any) -> Any:
    """Make an array of its items in the order of C."""
    import numpy as np

    if dtype.kind == "U":  # A path may be longer in another checkout.
        widest = np.array(items, "U").dtype
        dtype = widest if widest.itemsize > dtype.itemsize else dtype
    if dtype.hasobject:  # Of lists, `array` would make one of more dimensions.
        made = np.fromiter(items, dtype, len(items))
    else:
        made = np.array(items, dtype)
    return made.reshape(shape).copy(order=order)


def random_parts(value: Any) -> list[Any]:
    """Give what a generator of random numbers is made of by `random_of`."""
    from numpy import random

    if isinstance(value, random.Generator):
        return [value.bit_generator]
    if isinstance(value, random.RandomState):
        return [value.get_state(legacy=False)]
    if isinstance(value, random.SeedSequence):
        return [value.state]
    return [value.seed_seq, value.state]


def random_of(cls: Any, first: Any, state: Any = None) -> Any:
    """Make a generator of random numbers of its class, or what it is seeded with."""
    from numpy import random

    if issubclass(cls, random.SeedSequence):
        return cls(**first)
    if issubclass(cls, random.RandomState):
        made = cls(getattr(random, first["bit_generator"])())
        made.set_state(first)
        return made
    made = cls(first)
    if state is not None:
        made.state = state
    return made
