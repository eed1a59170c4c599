"""Values of numpy, torch and pandas: by dtype, shape and items.

The columns of a table, and its index, are `{"$column": items, "dtype": "int64"}`. An
array is the same under its own tag, with its shape beside.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pytest_mimic.values.arrays import (
    is_kept,
    of_items,
    order_of,
    random_of,
    random_parts,
    reduced,
)
from pytest_mimic.values.names import name_of, shared_generator
from pytest_mimic.values.rows import (
    MOMENT_FORM,
    Make,
    Opener,
    Row,
    checked,
    content_of,
    text_of_form,
)
from pytest_mimic.values.state import attributes_of, kind_of, library_of
from pytest_mimic.values.tensors import (
    bits_of,
    form_of,
    grad_of,
    is_tensor_alone,
    numbers_of,
    parts_of,
    reduced_tensor,
    tensor_of,
)
from pytest_mimic.values.tree import (
    SCALARS,
    Bulk,
    Raw,
    Refused,
    Tree,
    memory_node,
)

# numpy takes as long for the name of a dtype as it takes for the sum of an array.
_name_of_dtype = lru_cache(str)
_OTHER_NAMES = {
    "numpy:bool": "numpy:bool_",  # As numpy 1 has it.
    "pandas:RangeIndex": "pandas:Index",
    "pandas:DatetimeIndex": "pandas:Index",
    "pandas:TimedeltaIndex": "pandas:Index",
    "pandas:NaTType": "pandas:NaT",
    "pandas:NAType": "pandas:NA",
    "torch:Parameter": "torch:Tensor",
}
# In bytes. Where texts take more, none is wider than the widest.
_MOST_PADDED = 1 << 20
_ITEMS = (bool, int, float, complex, str, bytes)
# How pandas spells the steps of an index: `D`, `15min`, `QE-DEC`, `WOM-3FRI`.
_FREQUENCY = r"-?(?!.*\d{7})[A-Za-z0-9]{1,20}(-[A-Z0-9]{1,5})?"
_OFFSET = r"(UTC)?([+-]\d\d:\d\d)?"
_ZONE = r"\w{1,30}([/+-]\w{1,30}){0,4}"


def rule_of(cls: type) -> Row | None:
    """Give the rule for a class, or for the class of a library that it derives from.

    A class of another author who says how it is pickled has none.
    """
    decider = kind_of(cls).decider
    for base in cls.__mro__:
        rule = RULES.get(_known_name(base))
        if rule is not None:
            is_of_library = library_of(decider) == library_of(base)
            return rule if is_of_library or decider in base.__mro__ else None
    return None


def _known_name(cls: type) -> str:
    # The modules inside of a library are other ones in its next version.
    name = f"{library_of(cls)}:{cls.__qualname__}"
    return _OTHER_NAMES.get(name, name)


def _tagged(
    value: object, content: Tree, walk: Opener, **beside: Tree
) -> dict[str, Tree]:
    """Give the node of a value, with the attributes that were set on it beside."""
    kind = kind_of(type(value))
    name = _known_name(kind.cls) if kind.has_caches else kind.name
    node = {f"${name}": content, **beside}
    library = library_of(kind.decider)
    # Those of a library's own classes are caches.
    is_own = library in ("numpy", "torch") and not kind.has_caches
    # What copies and pickles of a subclass keep: geopandas names its column there.
    kept = getattr(value, "_metadata", ()) if library == "pandas" else ()
    added = {
        name: walk.node(part)
        for name, part in attributes_of(value, kind.slots).items()
        if is_own or not name.startswith("_") or (name in kept and name != "_name")
    }
    if added:
        node["attributes"] = added
    return node


def _column_node(items: Tree, dtype: Tree, **beside: Tree) -> dict[str, Tree]:
    return {"$column": items, "dtype": dtype, **beside}


# -- items


def _objects(items: list[Any], walk: Opener) -> Tree:
    """Give items as they are; of many plain items the memory of their text."""
    kinds = set(map(type, items)) if len(items) > walk.few else {object}
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
    if not any(start in text for start in walk.places.starts):
        return False
    places = walk.places.of_call()  # To look notes nothing.
    texts = text.split("\0")
    return any(places.relative(one, is_argument=False) is not None for one in texts)


def _data(array: Any, walk: Opener) -> Tree:
    """Give the items of an array in C order; of many the digest of their memory."""
    kind = array.dtype.kind
    if kind in "OTU":
        return _objects(array.ravel().tolist(), walk)
    if array.dtype.char in "gG":  # The memory of long doubles has gaps.
        return [str(item) for item in array.ravel()]
    if array.size > walk.few:
        return memory_node(_with_one_nan(array).view("u1").data)
    return [walk.node(item) for item in _items(array)]


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


# -- numpy


def _ndarray(array: Any, walk: Opener) -> Tree:
    import numpy as np

    bare = np.asarray(array)  # Rows of a matrix are matrices.
    if type(array) is np.memmap:
        array = bare
    if walk.purpose == "exact":
        is_bare = type(array) is np.ndarray and is_kept(array.dtype)
        return _stored(array, walk) if is_bare else Raw(array)
    dtype = _dtype(array.dtype, walk)
    if array.dtype.kind == "U" and _holds_path("\0".join(bare.ravel().tolist()), walk):
        dtype = "str"  # In another checkout a path has another length.
    if array.dtype.names:
        # Between the fields there may be bytes that mean nothing.
        fields: Tree = {name: walk.node(bare[name]) for name in array.dtype.names}
        return _tagged(array, fields, walk, dtype=dtype)
    shape: Tree = list(array.shape)
    return _tagged(array, _data(bare, walk), walk, dtype=dtype, shape=shape)


def _stored(array: Any, walk: Opener) -> Tree:
    """Give an array as a replay makes it: of items, or of a file of its own."""
    dtype, shape = array.dtype, list(array.shape)
    content: Tree = Bulk(array)
    if array.size <= walk.few and dtype.kind != "V" and dtype.char not in "gG":
        items = _items(array)
        if _is_plain(array, items):
            content = [walk.node(item) for item in items]
    elif dtype.kind == "U" and _holds_path("\0".join(array.ravel().tolist()), walk):
        return Raw(array)  # A file of memory keeps paths as they stand.
    node = {"$numpy:ndarray": content, "dtype": _name_of_dtype(dtype), "shape": shape}
    return {**node, "order": "F"} if order_of(array) == "F" else node


def _is_plain(array: Any, items: Any) -> bool:
    """Tell whether an array or number is made of its items: JSON knows one NaN."""
    import numpy as np

    made = _with_one_nan(np.array(items, array.dtype))
    same: bool = made.tobytes() == array.tobytes()
    return same


def _make_array(_cls: Any, tree: dict[str, Any], make: Make) -> object:
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


def _masked(array: Any, walk: Opener) -> Tree:
    import numpy as np

    fill = array._fill_value  # To ask for `fill_value` would set it.
    if fill is None:
        fill = np.ma.default_fill_value(array)
    return _tagged(
        array,
        walk.node(array.filled(fill)),
        walk,
        mask=walk.node(np.ma.getmaskarray(array)),
        fill=walk.node(np.asarray(fill, array.dtype)),
        hard=array.hardmask,
    )


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


def _number(number: Any, walk: Opener) -> Tree:
    import numpy as np

    is_plain = number.dtype.kind in "biufcUS" and number.dtype.char not in "gG"
    is_kept = number.dtype.kind in "mM"
    if is_plain and type(number) is number.dtype.type:
        is_kept = _is_plain(number, number.item())
    if walk.purpose == "exact" and not is_kept:
        return Raw(number)
    content = number.item() if is_plain else np.asarray(number)
    return _tagged(number, walk.node(content), walk)


def _make_number(cls: Any, tree: dict[str, Any], make: Make) -> object:
    import numpy as np

    number = make(content_of(tree))
    if type(number) is np.ndarray:
        return checked(number[()], cls)
    return cls(checked(number, *_ITEMS))


def _array_like(value: Any, walk: Opener) -> Tree:
    import numpy as np

    try:
        is_array = hasattr(value, "__array__")
        array = np.asarray(value) if is_array else np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError) as error:
        return Refused(f"an array of which numpy gets no memory ({error})", _AS_NUMPY)
    if array.dtype.hasobject:
        return Refused("an array of which numpy gets objects", _AS_NUMPY)
    return {f"${kind_of(type(value)).name}": walk.node(array)}


_AS_NUMPY = "pass an array of numpy made of it"
ARRAY_LIKE = Row(_array_like)
"""The rule of what cannot be pickled, but is an array by `__array__` or DLPack."""


def _random(value: Any, walk: Opener) -> Tree:
    """Give a generator of random numbers by its state, the same in each numpy."""
    shared = shared_generator(value)
    if shared:
        return {"$name": shared}
    return _tagged(value, [walk.node(part) for part in random_parts(value)], walk)


def _reduced_random(value: Any) -> Any:
    return random_of, (type(value), *random_parts(value))


# -- torch


def _tensor(tensor: Any, walk: Opener) -> Tree:
    try:
        if is_tensor_alone(tensor):
            return _any_tensor(tensor, walk)
    except (RuntimeError, TypeError, ValueError) as error:
        return Refused(f"a tensor that gives no memory ({error})", _DENSE)
    if walk.purpose == "exact":
        return Raw(tensor)
    if tensor.is_meta:
        return _tagged(tensor, "meta", walk, **form_of(tensor))
    return Refused("a quantised or nested tensor", _DENSE)


_DENSE = "pass a dense one made of it"


def _any_tensor(tensor: Any, walk: Opener) -> Tree:
    import torch

    form = form_of(tensor)
    grad = grad_of(tensor)
    if grad is not None:
        form["grad"] = walk.node(grad)
    content: Tree = [walk.node(part) for part in parts_of(tensor)]
    walk.places.has_graph |= tensor.grad_fn is not None
    if walk.purpose != "exact":
        content = content or walk.node(numbers_of(tensor))
        return _tagged(tensor, content, walk, **form)
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or vars(tensor):
        return Raw(tensor)
    if not tensor.is_cpu:
        form["device"] = str(tensor.device)
    return {"$torch:Tensor": content or walk.node(bits_of(tensor)), **form}


def _handle(handle: Any, _walk: Opener) -> Tree:
    """Give what removes a hook of torch, by the place of the hook among the others."""
    hooks = handle.hooks_dict_ref() or ()
    return {"$torch:RemovableHandle": [number == handle.id for number in hooks]}


def _make_tensor(_cls: Any, tree: dict[str, Any], make: Make) -> object:
    import torch

    form = {key: _plain(part) for key, part in tree.items() if key in _FORM}
    made = tensor_of(form, make(content_of(tree)))
    if "grad" in tree:
        made.grad = checked(make(tree["grad"]), torch.Tensor)
    return made


_FORM = frozenset(
    "dtype shape layout is_coalesced device requires_grad parameter".split()
)


def _plain(part: Any) -> Any:
    if type(part) is list:
        return [checked(size, int) for size in part]
    return checked(part, str, bool)


# -- pandas


def _frame(frame: Any, walk: Opener) -> Tree:
    if walk.purpose == "exact" and not _is_readable(frame, walk):
        return Raw(frame)
    return _tagged(
        frame,
        _columns(frame, walk),
        walk,
        rows=len(frame),
        columns=walk.node(frame.columns),
        index=walk.node(frame.index),
        **_flags(frame, walk),
    )


def _columns(frame: Any, walk: Opener) -> Tree:
    import numpy as np

    dtypes = set(frame.dtypes) if frame.shape[1] > walk.few else set()
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype):
        # To open very many columns one by one takes long.
        return walk.node(frame.to_numpy())
    columns = [_column(series.array, walk) for _, series in frame.items()]
    return _named(list(frame.columns), columns)


def _named(labels: list[Any], columns: list[Tree]) -> Tree:
    """Give columns by their names; as a list, where these are no different texts."""
    is_plain = all(type(label) is str and label[:1] != "$" for label in labels)
    if is_plain and len(set(labels)) == len(labels):
        return dict(zip(labels, columns, strict=True))
    return columns


def _flags(value: Any, walk: Opener) -> dict[str, Tree]:
    flags: dict[str, Tree] = {}
    if value.attrs:
        flags["attrs"] = walk.node(value.attrs)
    if not value.flags.allows_duplicate_labels:
        flags["allows_duplicate_labels"] = False
    return flags


# What a frame holds that is made of JSON.
_SIMPLE = (
    r"bool|u?int\d+|float(32|64)|(datetime|timedelta)64\[\w+\]|str|object"
    r"|U?Int\d+|Float\d+|boolean|string"
)


def _is_readable(value: Any, walk: Opener) -> bool:
    """Tell whether a frame, series or index is small, and of plain items alone."""
    import pandas as pd

    parts = [value]
    if isinstance(value, pd.DataFrame):
        parts = [value.columns, *(series for _, series in value.items())]
    if not isinstance(value, pd.Index):
        if type(value) not in (pd.DataFrame, pd.Series) or _flags(value, walk):
            return False
        parts.append(value.index)
    size = max(value.size, *map(len, parts))
    return size <= walk.few and all(map(_is_simple_column, parts))


def _is_simple_column(column: Any) -> bool:
    import pandas as pd

    indexes = pd.Index, pd.RangeIndex, pd.DatetimeIndex, pd.TimedeltaIndex
    if type(column) not in (pd.Series, *indexes):
        return False
    name = str(column.dtype)
    if name in ("object", "str"):
        return SCALARS.issuperset(map(type, column.tolist()))
    return re.fullmatch(_SIMPLE, name) is not None


def _make_frame(cls: Any, tree: dict[str, Any], make: Make) -> object:
    content = content_of(tree)
    nodes = content.values() if type(content) is dict else checked(content, list)
    index = _made_index(tree["index"], make)
    columns = [_made_column(node, make) for node in nodes]
    for column in columns:
        column.index = index  # An array of objects would become one of texts.
    made = cls(dict(enumerate(columns)), index=index)
    made.columns = _made_index(tree["columns"], make)
    return made


def _make_series(_cls: Any, tree: dict[str, Any], make: Make) -> object:
    made = _made_column(content_of(tree), make)
    made.index = _made_index(tree["index"], make)
    made.name = checked(make(tree["name"]), *SCALARS)
    return made


def _make_index(_cls: Any, tree: dict[str, Any], make: Make) -> object:
    import pandas as pd

    name = checked(make(tree.get("name")), *SCALARS)
    content = content_of(tree)
    if "$range" in content:
        return pd.RangeIndex(checked(make(content), range), name=name)
    column = _made_column(content, make)
    made = pd.Index(column.array, dtype=column.dtype, name=name)
    if "freq" in tree:
        return pd.DatetimeIndex(made, freq=text_of_form(tree["freq"], _FREQUENCY))
    return made


def _made_index(tree: Any, make: Make) -> Any:
    import pandas as pd

    made = make(tree)
    if not isinstance(made, pd.Index):
        raise TypeError("labels are no index")
    return made


def _made_column(tree: Any, make: Make) -> Any:
    import pandas as pd

    dtype = checked(checked(tree, dict)["dtype"], str)
    if re.fullmatch(_SIMPLE, dtype) is None:
        raise TypeError(f"a column of {dtype} is not made of items")
    nodes = checked(tree["$column"], list)
    items = [checked(make(item), *SCALARS) for item in nodes]
    return pd.Series(items, dtype=dtype)


def _series(series: Any, walk: Opener) -> Tree:
    if walk.purpose == "exact" and not _is_readable(series, walk):
        return Raw(series)
    beside = {"name": walk.node(series.name), "index": walk.node(series.index)}
    column = _column(series.array, walk)
    return _tagged(series, column, walk, **beside, **_flags(series, walk))


def _index(index: Any, walk: Opener) -> Tree:
    import pandas as pd

    is_exact = walk.purpose == "exact"
    if is_exact and not _is_readable(index, walk):
        return Raw(index)
    column = _column(index.array, walk)
    if is_exact and type(index) is pd.RangeIndex:
        column = walk.node(range(index.start, index.stop, index.step))
    elif not is_exact and isinstance(column, dict) and column.get("dtype") == "str":
        # Labels of texts are these since pandas 3, and objects before.
        column["dtype"] = "object"
    beside: dict[str, Tree] = {}
    if index.name is not None:
        beside["name"] = walk.node(index.name)
    if getattr(index, "freq", None) is not None:
        beside["freq"] = index.freqstr if is_exact else walk.node(index.freq)
    return _tagged(index, column, walk, **beside)


def _levels(index: Any, walk: Opener) -> Tree:
    levels = [index.get_level_values(place) for place in range(index.nlevels)]
    return _tagged(index, [walk.node(level) for level in levels], walk)


def _column(values: Any, walk: Opener) -> Tree:
    """Give the column of an array of pandas, wherever the array keeps its items."""
    import numpy as np
    import pandas as pd

    if library_of(type(values)) != "pandas":
        return walk.node(values)
    dtype = values.dtype
    if isinstance(values, pd.Categorical):
        categories = walk.node(values.categories)
        beside = {"categories": categories, "ordered": values.ordered}
        return _column_node(_data(values.codes, walk), "category", **beside)
    is_text = isinstance(dtype, pd.StringDtype)
    kinds = pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray
    if isinstance(dtype, pd.ArrowDtype) or (is_text and dtype.storage == "pyarrow"):
        items = _arrow(values.__arrow_array__(), walk)
    elif is_text or isinstance(values, kinds):
        objects = values.to_numpy(dtype=object, na_value=None)
        items = _objects(objects.tolist(), walk)
    elif hasattr(values, "asi8"):
        moments = values.asi8
        if dtype.kind == "M":
            moments = moments.view(f"M8[{values.unit}]")
        items = _data(moments, walk)
    else:
        items = _data(np.asarray(values), walk)
    is_of_numpy = isinstance(dtype, np.dtype)
    return _column_node(items, _name_of_dtype(dtype) if is_of_numpy else str(dtype))


def _extension_array(values: Any, walk: Opener) -> Tree:
    return _tagged(values, _column(values, walk), walk)


def _stamp(stamp: Any, walk: Opener) -> Tree:
    content: dict[str, Tree] = {"moment": stamp.isoformat()}
    if stamp.tzinfo is not None:
        content["zone"] = str(stamp.tzinfo)
        content["fold"] = stamp.fold
    if walk.purpose != "identity":
        content["unit"] = stamp.unit
    return _tagged(stamp, content, walk)


def _make_stamp(cls: Any, tree: dict[str, Any], _make: Make) -> object:
    content = checked(content_of(tree), dict)
    made = cls(text_of_form(content["moment"], MOMENT_FORM))
    if "zone" in content:
        zone = text_of_form(content["zone"], f"{_OFFSET}|{_ZONE}")
        if re.fullmatch(_OFFSET, zone) is None:
            from zoneinfo import ZoneInfo  # pandas would read any file for some names

            ZoneInfo(zone)
        made = made.tz_convert(zone)
        made = made.replace(fold=checked(content["fold"], int))
    return made.as_unit(checked(content["unit"], str))


def _constant(value: Any, walk: Opener) -> Tree:
    """Give the one value that has this name: `{"$pandas:NaT": None}`."""
    return _tagged(value, None, walk)


def _make_constant(value: Any, _tree: dict[str, Any], _make: Make) -> object:
    return value


# -- columns in the memory of arrow


def _arrow(array: Any, walk: Opener) -> Tree:
    """Give the items of an array of arrow, however they are chunked and sliced."""
    import pyarrow as pa
    from pyarrow import compute, types

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ExtensionArray):
        return _arrow(array.storage, walk)
    if types.is_dictionary(array.type):
        return _arrow(array.dictionary_decode(), walk)
    if types.is_temporal(array.type) and not types.is_interval(array.type):
        array = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    is_number = types.is_integer(array.type) or types.is_floating(array.type)
    if is_number and not array.null_count:
        return _data(array.to_numpy(), walk)
    memory = None
    is_text = types.is_string(array.type) or types.is_large_string(array.type)
    if is_text and len(array) > walk.few and not array.null_count:
        # Arrow joins texts faster than it gives them to Python.
        texts = pa.ListArray.from_arrays([0, len(array)], array.cast("large_string"))
        text = compute.binary_join(texts, pa.scalar("\0", "large_string"))[0].as_py()
        memory = _joined(text, len(array), walk)
    return memory or _objects(array.to_pylist(), walk)


# -- images, messages and headers


def _image(image: Any, walk: Opener) -> Tree:
    # What an image pickles holds its first frame alone, and nothing of its EXIF.
    if getattr(image, "n_frames", 1) > 1:
        return Refused("an image of several frames", "pass the bytes of its file")
    exif = dict(image.getexif())
    content = walk.node([*image.__getstate__(), exif])
    if walk.purpose == "proof":  # A copy loses what an image has of its file.
        return _tagged(image, content, walk)
    return {f"${name_of(type(image))}": content}


def _message(message: Any, walk: Opener) -> Tree:
    # What a message gives to be pickled has its maps in an order of chance.
    data = message.SerializePartialToString(deterministic=True)
    return _tagged(message, walk.node(data), walk)


def _headers(headers: Any, walk: Opener) -> Tree:
    return _tagged(headers, walk.node(headers.copy()), walk)


def _reduced_headers(headers: Any) -> Any:
    return type(headers), (
        headers.copy(),
    )  # It is a view of others, and is not pickled.


_CONSTANT = Row(_constant, _make_constant)
_RANDOM = Row(_random, reduce=_reduced_random)
_NUMBER = Row(_number, _make_number, reduced)
_NUMBERS = (
    "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 longlong ulonglong"
    " intc uintc float16 float32 float64 complex64 complex128 bytes_ str_"
    " datetime64 timedelta64"
).split()

RULES: dict[str, Row] = {
    "PIL:Image": Row(_image),
    "google:Message": Row(_message),
    "multidict:CIMultiDictProxy": Row(_headers, reduce=_reduced_headers),
    "numpy:ndarray": Row(_ndarray, _make_array, reduced),
    "numpy:MaskedArray": Row(_masked),
    "numpy:generic": _NUMBER,
    "numpy:BitGenerator": _RANDOM,
    "numpy:Generator": _RANDOM,
    "numpy:RandomState": _RANDOM,
    "numpy:SeedSequence": _RANDOM,
    **{f"numpy:{name}": _NUMBER for name in _NUMBERS},
    "pandas:DataFrame": Row(_frame, _make_frame),
    "pandas:Series": Row(_series, _make_series),
    "pandas:MultiIndex": Row(_levels),
    "pandas:Index": Row(_index, _make_index),
    "pandas:ExtensionArray": Row(_extension_array),
    "pandas:NaT": _CONSTANT,
    "pandas:NA": _CONSTANT,
    "pandas:Timestamp": Row(_stamp, _make_stamp),
    "torch:RemovableHandle": Row(_handle),
    "torch:Tensor": Row(_tensor, _make_tensor, reduced_tensor, may_change=True),
}
"""The rules by the name of what stands under a tag: `numpy:float32`."""
