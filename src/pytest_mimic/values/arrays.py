"""Arrays, numbers and generators of numpy: by dtype, shape and items.

An array is `{"$numpy:ndarray": items, "dtype": "int64", "shape": [3]}`; of many items
there stands the digest of their memory, or the file that holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from math import prod
from mmap import mmap
from operator import getitem
from pickle import PickleBuffer
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic.values.names import shared_generator
from pytest_mimic.values.rows import Make, Opener, checked, content_of
from pytest_mimic.values.state import kind_of
from pytest_mimic.values.tagged import tagged
from pytest_mimic.values.tree import (
    SCALARS,
    Node,
    Refused,
    Tree,
    hexdigest,
    memory_node,
)

CHUNK = 1 << 20
# In bytes. The header of a file has at most so many.
_LONGEST_HEADER = 1 << 17
# In bytes, as the system aligns what it gives: an array may stand there.
ALIGNED = 16
# In bytes. Where texts take more, none is wider than the widest.
_MOST_PADDED = 1 << 20
_ITEMS = (bool, int, float, complex, str, bytes)
# numpy takes as long for the name of a dtype as it takes for the sum of an array.
_name_of_dtype = lru_cache(str)

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


# -- items


def data_of(array: Any, walk: Opener) -> Tree:
    """Give the items of an array in C order; of many what stands for their memory."""
    kind = array.dtype.kind
    if kind in "OT" or (kind == "U" and not walk.is_kept):
        return text_data(array.ravel().tolist(), walk)
    if array.dtype.char in "gG":  # Their memory has gaps, in which anything may stand.
        if not walk.is_kept:
            return [str(item) for item in array.ravel()]
        import numpy as np

        array = np.positive(array, out=np.zeros_like(array))
    if not walk.is_kept:
        if array.size > walk.few:
            return memory_node(_with_one_nan(array).view("u1").data)
        return [walk.node(item) for item in _items(array)]
    if array.size <= walk.few and kind != "V" and array.dtype.char not in "gG":
        items = _items(array)
        if _is_plain(array, items):
            return [walk.node(item) for item in items]
    form = f"{array.dtype.str}{array.shape}"
    digest = hexdigest(form + xxh3_128_hexdigest(memory_of(array)))
    return walk.of_file({"$npy": digest, "length": array.nbytes}, array)


def text_data(items: list[Any], walk: Opener) -> Tree:
    """Give items as they are; of many plain items the memory of their text."""
    is_many = len(items) > walk.few and not walk.is_kept
    kinds = set(map(type, items)) if is_many else {object}
    memory = None
    if kinds == {str}:
        memory = _joined("\0".join(items), len(items), walk)
    elif kinds <= SCALARS:
        memory = _joined(repr(items), 1, walk)
    return memory or [walk.node(item) for item in items]


def _joined(text: str, count: int, walk: Opener) -> Tree:
    """Give the memory of texts that were joined; `None`: they may be others."""
    if text.count("\0") != count - 1 or _holds_path(text, walk):
        return None
    return memory_node(text.encode("utf-8", "surrogatepass"))


def _holds_path(text: str, walk: Opener) -> bool:
    if not any(start in text for start in walk.folders.starts):
        return False
    folders = walk.folders.of_call()  # To look notes nothing.
    texts = text.split("\0")
    return any(folders.relative(one, is_argument=False) is not None for one in texts)


def _items(array: Any) -> list[Any]:
    import numpy as np

    items = array.ravel()
    if array.dtype.kind == "M":
        return [str(item) for item in np.datetime_as_string(items, unit="auto")]
    if array.dtype.kind == "m":
        items = items.astype("i8")
    plain: list[Any] = items.tolist()
    return plain


def _with_one_nan(array: Any) -> Any:
    """Give an array in C order in which all NaNs are the same."""
    import numpy as np

    memory = np.ascontiguousarray(array)
    dtype = array.dtype
    if dtype.kind not in "fc" or not array.size:
        return memory
    size = dtype.itemsize if dtype.kind == "f" else dtype.itemsize // 2
    floats = memory.view(f"{dtype.str[0]}f{size}")
    # The largest number is a NaN if there is one: the fastest way to look for it.
    if not np.isnan(floats.max()):
        return memory
    made = floats.copy()
    np.copyto(made, np.nan, where=np.isnan(made))
    return made


def _is_plain(array: Any, items: Any) -> bool:
    """Tell whether an array or number is made of its items: JSON knows one NaN."""
    import numpy as np

    made = _with_one_nan(np.array(items, array.dtype))
    same: bool = made.tobytes() == array.tobytes()
    return same


def array_made(content: Any, dtype: Any, make: Make) -> Any:
    """Make an array of one dimension: of items, or of the file that holds it.

    Raises:
        ValueError, TypeError: It has other items.
    """
    import numpy as np

    if type(content) is list:
        return np.array([checked(make(item), *_ITEMS) for item in content], dtype)
    made = checked(make(content), np.ndarray)
    if made.ndim != 1 or made.dtype.kind != np.dtype(dtype).kind:
        raise ValueError("its file holds another array")
    return made


# -- the nodes of values


def ndarray(array: Any, walk: Opener) -> Tree:
    """Open an array."""
    import numpy as np

    bare = np.asarray(array)  # Rows of a matrix are matrices.
    if type(array) is np.memmap:
        array = bare
    shape: Tree = list(array.shape)
    texts = "\0".join(bare.ravel().tolist()) if array.dtype.kind == "U" else ""
    holds_path = bool(texts) and _holds_path(texts, walk)
    if walk.is_kept and type(array) is np.ndarray and is_kept(array.dtype):
        content, name = data_of(bare, walk), _name_of_dtype(array.dtype)
        is_list = isinstance(content, list)
        if is_list or not holds_path:  # A file of memory keeps paths as they stand.
            node = {"$numpy:ndarray": content, "dtype": name, "shape": shape}
            return {**node, "order": "F"} if order_of(array) == "F" else node
    # In another checkout a path has another length.
    dtype = "str" if holds_path else _dtype(array.dtype, walk)
    if array.dtype.names:
        # Between the fields there may be bytes that mean nothing.
        fields: Tree = {name: walk.node(bare[name]) for name in array.dtype.names}
        return walk.of_pickle(tagged(array, fields, walk, dtype=dtype))
    if holds_path:
        content = text_data(bare.ravel().tolist(), walk)
    else:
        content = data_of(bare, walk)
    return walk.of_pickle(tagged(array, content, walk, dtype=dtype, shape=shape))


def masked_array(array: Any, walk: Opener) -> Tree:
    """Open a masked array: what lies below its mask counts, since code may read it."""
    import numpy as np

    if type(array) is not np.ma.MaskedArray:
        way = "pass what filled() returns, and its mask"
        return Refused("a masked array of a class of its own", way)
    return tagged(array, [walk.node(part) for part in masked_parts(array)], walk)


def make_array(_cls: Any, tree: Node, make: Make) -> object:
    """Make an array; see `ndarray`."""
    import numpy as np

    content = content_of(tree)
    shape = [checked(size, int) for size in checked(tree["shape"], list)]
    if type(content) is dict:
        array = checked(make(content), np.ndarray)
        if list(array.shape) != shape or str(array.dtype) != tree["dtype"]:
            raise ValueError("its file holds another array")
        return array
    dtype = np.dtype(checked(tree["dtype"], str))
    if dtype.kind not in "biufcSUMm":
        raise TypeError(f"{dtype} is not made of items")
    items = [checked(make(item), *_ITEMS) for item in checked(content, list)]
    is_wide = dtype.kind in "SU" and dtype.itemsize * len(items) > _MOST_PADDED
    if is_wide and dtype.itemsize > np.array(items, dtype.kind).itemsize:
        raise ValueError(f"{dtype} is wider than its items")
    return of_items(items, dtype, shape, checked(tree.get("order", "C"), str))


def _dtype(dtype: Any, walk: Opener) -> Tree:
    """Give a dtype by its name, `float64`; if that is not all, by all that it has."""
    if dtype.names and not dtype.metadata:
        fields: list[Tree] = []
        for name in dtype.names:
            of, *place_and_title = dtype.fields[name]
            fields.append([name, _dtype(of, walk), walk.node(place_and_title)])
        return {"fields": fields, "size": dtype.itemsize}
    if dtype.kind in "VT" or dtype.metadata:
        return walk.node(dtype)
    return _name_of_dtype(dtype)


def number(value: Any, walk: Opener) -> Tree:
    """Open a number, text or moment of numpy."""
    import numpy as np

    is_plain = value.dtype.kind in "biufcUS" and value.dtype.char not in "gG"
    can_be_made = value.dtype.kind in "mM"
    if is_plain and type(value) is value.dtype.type:
        can_be_made = _is_plain(value, value.item())
    content = value.item() if is_plain else np.asarray(value)
    node = tagged(value, walk.node(content), walk)
    return node if can_be_made else walk.of_pickle(node)


def make_number(cls: Any, tree: Node, make: Make) -> object:
    """Make a number, text or moment; see `number`."""
    import numpy as np

    content = make(content_of(tree))
    if type(content) is np.ndarray:
        return checked(content[()], cls)
    return cls(checked(content, *_ITEMS))


def array_like(value: Any, walk: Opener) -> Tree:
    """Open what is an array by `__array__`, and cannot be pickled."""
    import numpy as np

    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        return Refused(f"an array of which numpy gets no memory ({error})", _AS_NUMPY)
    if array.dtype.hasobject:
        return Refused("an array of which numpy gets objects", _AS_NUMPY)
    return {f"${kind_of(type(value)).name}": walk.node(array)}


_AS_NUMPY = "pass an array of numpy made of it"


def random(value: Any, walk: Opener) -> Tree:
    """Open a generator of random numbers by its state, the same in each numpy."""
    shared = shared_generator(value)
    if shared:
        return {"$name": shared}
    return tagged(value, [walk.node(part) for part in random_parts(value)], walk)


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


def masked_parts(array: Any) -> tuple[Any, ...]:
    """Give what a masked array is made of by `masked_of`."""
    return array.data, array.mask, array.fill_value, array.hardmask


def masked_of(data: Any, mask: Any, fill_value: Any, hard_mask: Any) -> Any:
    """Make a masked array."""
    import numpy as np

    return np.ma.MaskedArray(data, mask, fill_value=fill_value, hard_mask=hard_mask)


def reduced_masked(array: Any) -> Any:
    """Say how a masked array is pickled: numpy would always give it a whole mask."""
    return masked_of, masked_parts(array)


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


def reduced_random(value: Any) -> Any:
    """Say how a generator is pickled with no private name of numpy."""
    return random_of, (type(value), *random_parts(value))
