"""Values of numpy, pandas, polars and pyarrow: by dtype, shape, labels and content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128

from pytest_mimic.values.names import name_of
from pytest_mimic.values.rows import Row
from pytest_mimic.values.state import attributes_of, deciding_class
from pytest_mimic.values.tree import Buffer, Tree

if TYPE_CHECKING:
    from pytest_mimic.values.walk import Walk

FEW = 50
"""So many items of an array stand in the tree; more count by their memory."""
CHUNK = 1 << 17
"""Bytes that are looked at together, so that they are still in the cache."""


def rule_of(cls: type) -> Row | None:
    """Give the rule for a class, or for the class of a library that it derives from.

    An array whose author says how it is pickled has none.
    """
    for base in cls.__mro__:
        rule = _RULES.get(_known_name(base))
        if rule is not None:
            is_array = base.__module__ == "numpy"
            if is_array and deciding_class(cls) not in base.__mro__:
                return None
            return Row(rule, _MAKERS.get(_known_name(base)))
    return None


def _known_name(cls: type) -> str:
    # The modules inside of a library are other ones in its next version.
    return f"{cls.__module__.partition('.')[0]}:{cls.__qualname__}"


def _tagged(value: object, body: Tree, walk: Walk) -> dict[str, Tree]:
    """Give the node of a value, with the attributes that were set on it beside."""
    kind = type(value)
    known = _known_name(kind)
    is_known = known in _RULES or kind.__module__.startswith(_LIBRARIES)
    node: dict[str, Tree] = {f"${known}" if is_known else f"${name_of(kind)}": body}
    attributes = attributes_of(value)
    if attributes:
        # The private ones of frames are their caches, and what the body has opened.
        is_all = _is_numpy(kind)
        added = {
            name: walk.node(part)
            for name, part in attributes.items()
            if is_all or not name.startswith("_")
        }
        if added:
            node["attributes"] = added
    return node


def _is_numpy(kind: type) -> bool:
    return any(base.__module__ == "numpy" for base in kind.__mro__)


# -- numpy


def _ndarray(array: Any, walk: Walk) -> Tree:
    return _tagged(array, _array(array, walk), walk)


def _array(array: Any, walk: Walk) -> Tree:
    """Give the body of an array: `{"dtype": "<f8", "shape": [3, 4], "data": ...}`."""
    dtype, shape = array.dtype, list(array.shape)
    if dtype.names:
        # Between the fields there may be bytes that mean nothing.
        fields = {name: _array(array[name], walk) for name in dtype.names}
        return {"dtype": _dtype(dtype, walk), "shape": shape, "fields": fields}
    return {
        "dtype": _dtype(dtype, walk),
        "shape": shape,
        "data": _data(array, walk),
    }


def _data(array: Any, walk: Walk) -> Tree:
    kind = array.dtype.kind
    if kind in "OT":
        return _texts(array.ravel().tolist(), walk)
    is_long_double = kind in "fc" and array.dtype.itemsize == 8 * (
        2 + 2 * (kind == "c")
    )
    if is_long_double and array.dtype.char in "gG":
        return [repr(item) for item in array.ravel()]  # Its memory has gaps.
    if array.size <= FEW and kind in "biufU" and array.dtype.char != "g":
        return [walk.node(item) for item in array.ravel().tolist()]
    digest = xxh3_128()
    for chunk in _chunks(array):
        digest.update(chunk)
    return Buffer(array.nbytes, digest.hexdigest())


def _chunks(array: Any) -> Iterator[Any]:
    """Give the memory of an array in C order, piece by piece, with one kind of NaN."""
    if not array.flags.c_contiguous and array.ndim > 1 and array.nbytes > CHUNK:
        for part in array:
            yield from _chunks(part)
        return
    step = CHUNK // max(1, array.dtype.itemsize)
    flat = array.reshape(-1) if array.flags.c_contiguous or array.ndim > 1 else array
    numbers = _floats(array.dtype)
    for start in range(0, flat.size, step):
        chunk = _contiguous(flat[start : start + step])
        if numbers is not None:
            chunk = _with_one_nan(chunk.view(numbers))
        yield chunk.view("u1").data


def _contiguous(array: Any) -> Any:
    import numpy as np  # Whoever has an array has imported it.

    return np.ascontiguousarray(array)


def _floats(dtype: Any) -> Any:
    """Give the dtype of the floats in an array of floats or complex numbers."""
    if dtype.kind == "c":
        return dtype.str[0] + f"f{dtype.itemsize // 2}"
    return dtype.str if dtype.kind == "f" else None


def _with_one_nan(floats: Any) -> Any:
    import numpy as np

    # A NaN anywhere makes the sum one, which is the fastest way to look for it.
    if not np.isnan(floats.max()):
        return floats
    made = floats.copy()
    made[np.isnan(made)] = np.nan
    return made


def _dtype(dtype: Any, walk: Walk) -> Tree:
    if dtype.metadata:
        bare: Tree = _dtype_alone(dtype, walk)
        return {"dtype": bare, "metadata": walk.node(dict(dtype.metadata))}
    return _dtype_alone(dtype, walk)


def _dtype_alone(dtype: Any, walk: Walk) -> Tree:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"of": _dtype(base, walk), "shape": list(shape)}
    if dtype.names is not None:
        fields: dict[str, Tree] = {}
        for name in dtype.names:
            inner, *place = dtype.fields[name]
            fields[name] = [_dtype(inner, walk), *map(walk.node, place)]
        return {"fields": fields, "size": dtype.itemsize}
    if dtype.kind == "T":
        missing = walk.node(getattr(dtype, "na_object", "none"))
        return {"texts": True, "missing": missing, "coerce": dtype.coerce}
    text: str = dtype.str
    return text


def _dtype_node(dtype: Any, walk: Walk) -> Tree:
    return {"$numpy:dtype": _dtype(dtype, walk)}


def _number(number: Any, walk: Walk) -> Tree:
    kind = number.dtype.kind
    is_plain = kind in "biufU" and number.dtype.char != "g"
    body = walk.node(number.item()) if is_plain else _array(_as_array(number), walk)
    return _tagged(number, body, walk)


def _as_array(number: Any) -> Any:
    import numpy as np

    return np.asarray(number)


def _masked(array: Any, walk: Walk) -> Tree:
    import numpy as np

    mask = np.ma.getmaskarray(array)
    data = np.asarray(array)
    if mask.dtype == bool and mask.any():
        data = data.copy()
        data[mask] = np.zeros(1, data.dtype)[0]
    fill = array._fill_value  # To ask for `fill_value` would set it.
    body: Tree = {
        "items": _array(data, walk),
        "mask": _array(mask, walk),
        "fill": None if fill is None else _array(fill, walk),
        "hard": array.hardmask,
    }
    return _tagged(array, body, walk)


# -- texts


def _texts(items: Sequence[Any], walk: Walk) -> Tree:
    """Give the body of a column of objects: of texts their memory, if they are many."""
    kinds = set(map(type, items)) if len(items) > FEW else set()
    if not kinds or not kinds <= {str, type(None)}:
        return [walk.node(item) for item in items]
    texts = items
    if type(None) in kinds:
        texts = [text or "" for text in items]
    joined = "".join(texts)
    if _may_be_paths(joined, walk):
        return [walk.node(item) for item in items]
    lengths: Iterable[int] = map(len, texts)
    if not joined.isascii():
        lengths = [len(_encoded(text)) for text in texts]
    missing = [item is None for item in items] if type(None) in kinds else None
    return _text_memory(_encoded(joined), lengths, missing)


def _text_memory(
    data: bytes | memoryview, lengths: Iterable[int], missing: Iterable[bool] | None
) -> Tree:
    import numpy as np

    body: dict[str, Tree] = {
        "texts": Buffer.of(data),
        "lengths": Buffer.of(np.fromiter(lengths, "<i8").data),
    }
    if missing is not None:
        body["missing"] = Buffer.of(np.fromiter(missing, "?").data)
    return body


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _may_be_paths(joined: str, walk: Walk) -> bool:
    starts = walk.places.starts if walk.places is not None else ()
    return any(start in joined for start in starts)


# -- pandas


def _frame(frame: Any, walk: Walk) -> Tree:
    labels = list(frame.columns)
    columns = [
        _column(frame.iloc[:, place].array, walk) for place in range(len(labels))
    ]
    return _tagged(
        frame,
        {
            "columns": walk.node(frame.columns),
            "index": walk.node(frame.index),
            "data": _named(labels, columns, walk),
            **_flags(frame, walk),
        },
        walk,
    )


def _named(labels: list[Any], columns: Sequence[Tree], walk: Walk) -> Tree:
    """Give columns by their names, as a mapping where these are different texts."""
    is_plain = all(type(label) is str and label[:1] != "$" for label in labels)
    if is_plain and len(set(labels)) == len(labels):
        return dict(zip(labels, columns, strict=True))
    pairs: list[Tree] = [
        [walk.node(label), column]
        for label, column in zip(labels, columns, strict=True)
    ]
    return {"$dict": pairs}


def _flags(value: Any, walk: Walk) -> dict[str, Tree]:
    flags: dict[str, Tree] = {}
    if value.attrs:
        flags["attrs"] = walk.node(value.attrs)
    if not value.flags.allows_duplicate_labels:
        flags["allows_duplicate_labels"] = False
    return flags


def _series(series: Any, walk: Walk) -> Tree:
    body: Tree = {
        "name": walk.node(series.name),
        "index": walk.node(series.index),
        "data": _column(series.array, walk),
        **_flags(series, walk),
    }
    return _tagged(series, body, walk)


def _index(index: Any, walk: Walk) -> Tree:
    body: dict[str, Tree] = {"data": _column(index.array, walk)}
    if index.name is not None:
        body["name"] = walk.node(index.name)
    frequency = getattr(index, "freq", None)
    if frequency is not None:
        body["freq"] = walk.node(frequency)
    node = _tagged(index, body, walk)
    if type(index).__name__ == "RangeIndex" and walk.purpose == "identity":
        return {"$pandas:Index" if key[0] == "$" else key: node[key] for key in node}
    return node


def _levels(index: Any, walk: Walk) -> Tree:
    levels = [index.get_level_values(place) for place in range(index.nlevels)]
    return _tagged(index, [walk.node(level) for level in levels], walk)


def _column(values: Any, walk: Walk) -> Tree:
    """Give the body of a column: `{"dtype": "int64", "data": ...}`."""
    kind = type(values).__name__
    if kind == "NumpyExtensionArray":
        array = values.to_numpy()
        return {"dtype": _dtype(array.dtype, walk), "data": _data(array, walk)}
    opened = _COLUMNS.get(kind)
    if opened is None or not type(values).__module__.startswith("pandas."):
        return walk.node(values)
    return {"dtype": str(values.dtype), **opened(values, walk)}


def _moments(values: Any, walk: Walk) -> dict[str, Tree]:
    return {"data": _data(values.asi8, walk)}


def _categories(values: Any, walk: Walk) -> dict[str, Tree]:
    return {
        "data": _data(values.codes, walk),
        "categories": walk.node(values.categories),
        "ordered": values.ordered,
    }


def _nullable(values: Any, walk: Walk) -> dict[str, Tree]:
    missing = values.isna()
    filled = values.to_numpy(dtype=values.dtype.numpy_dtype, na_value=0)
    return {"data": _data(filled, walk), "missing": _data(missing, walk)}


def _strings(values: Any, walk: Walk) -> dict[str, Tree]:
    # Where the texts are kept does not count, but which value stands for a missing one.
    missing = repr(values.dtype.na_value)
    chunks = getattr(values, "_pa_array", None)
    if chunks is not None and len(chunks) > FEW:
        return {"missing": missing, "data": _arrow_texts(chunks, walk)}
    is_missing = values.isna()
    texts = [
        None if gone else text for gone, text in zip(is_missing, values, strict=True)
    ]
    return {"missing": missing, "data": _texts(texts, walk)}


def _intervals(values: Any, walk: Walk) -> dict[str, Tree]:
    sides = {"left": walk.node(values.left), "right": walk.node(values.right)}
    return {"data": sides}


def _sparse(values: Any, walk: Walk) -> dict[str, Tree]:
    return {"data": _array(values.to_dense(), walk)}


def _of_arrow(values: Any, walk: Walk) -> dict[str, Tree]:
    return {"data": _arrow(values.__arrow_array__(), walk)}


_COLUMNS: dict[str, Callable[[Any, Walk], dict[str, Tree]]] = {
    "DatetimeArray": _moments,
    "TimedeltaArray": _moments,
    "PeriodArray": _moments,
    "Categorical": _categories,
    "IntegerArray": _nullable,
    "FloatingArray": _nullable,
    "BooleanArray": _nullable,
    "StringArray": _strings,
    "ArrowStringArray": _strings,
    "IntervalArray": _intervals,
    "SparseArray": _sparse,
    "ArrowExtensionArray": _of_arrow,
}


def _extension_array(values: Any, walk: Walk) -> Tree:
    if type(values).__module__.startswith("pandas."):
        return _tagged(values, _column(values, walk), walk)
    return _tagged(values, {}, walk)


def _stamp(stamp: Any, walk: Walk) -> Tree:
    body: dict[str, Tree] = {"moment": stamp.isoformat()}
    if stamp.tzinfo is not None:
        body["zone"] = str(stamp.tzinfo)
        body["fold"] = stamp.fold
    if walk.purpose == "proof":
        body["unit"] = stamp.unit
    return _tagged(stamp, body, walk)


def _span(span: Any, walk: Walk) -> Tree:
    body: list[Tree] = [
        span.days,
        span.seconds,
        span.microseconds,
        span.nanoseconds,
    ]
    if walk.purpose == "proof":
        body.append(span.unit)
    return _tagged(span, body, walk)


def _period(period: Any, walk: Walk) -> Tree:
    return _tagged(period, [str(period), walk.node(period.freq)], walk)


def _offset(offset: Any, walk: Walk) -> Tree:
    kwds = {key: part for key, part in offset.kwds.items() if key != "calendar"}
    body = {"n": offset.n, "normalize": offset.normalize, "kwds": walk.node(kwds)}
    return {f"$pandas:{type(offset).__name__}": body}


def _dtype_of_pandas(dtype: Any, walk: Walk) -> Tree:
    if not type(dtype).__module__.startswith("pandas."):
        return _tagged(dtype, {}, walk)
    body: dict[str, Tree] = {"name": str(dtype)}
    if type(dtype).__name__ == "CategoricalDtype":
        body["categories"] = walk.node(dtype.categories)
        body["ordered"] = walk.node(dtype.ordered)
    if type(dtype).__name__ == "StringDtype":
        body["missing"] = repr(dtype.na_value)
    return _tagged(dtype, body, walk)


# -- polars


def _polars_frame(frame: Any, walk: Walk) -> Tree:
    labels = list(frame.columns)
    columns = [_polars_column(series, walk) for series in frame.get_columns()]
    body: dict[str, Tree] = {"columns": list(labels), "height": frame.height}
    body["data"] = _named(labels, columns, walk)
    return _tagged(frame, body, walk)


def _polars_series(series: Any, walk: Walk) -> Tree:
    body: Tree = {"name": series.name, **_polars_column(series, walk)}
    return _tagged(series, body, walk)


def _polars_column(series: Any, walk: Walk) -> dict[str, Tree]:
    body: dict[str, Tree] = {"dtype": str(series.dtype)}
    if series.dtype.is_temporal():
        series = series.to_physical()
    if series.dtype.is_numeric() and not series.dtype.is_decimal():
        body["data"] = _data(series.fill_null(0).to_numpy(), walk)
        if series.null_count():
            body["missing"] = _data(series.is_null().to_numpy(), walk)
    else:
        body["data"] = _texts(series.to_list(), walk)
    return body


# -- pyarrow


def _arrow_table(table: Any, walk: Walk) -> Tree:
    labels = list(table.schema.names)
    columns = [_arrow(column, walk) for column in table.columns]
    body: Tree = {
        "schema": _schema(table.schema, walk),
        "rows": table.num_rows,
        "data": _named(labels, columns, walk),
    }
    return _tagged(table, body, walk)


def _arrow_array(array: Any, walk: Walk) -> Tree:
    tag = "$pyarrow:ChunkedArray" if hasattr(array, "chunks") else "$pyarrow:Array"
    return {tag: {"type": _arrow_type(array.type, walk), "data": _arrow(array, walk)}}


def _arrow_scalar(scalar: Any, walk: Walk) -> Tree:
    import pyarrow as pa

    array = pa.array([scalar], scalar.type)
    body: Tree = {"type": _arrow_type(scalar.type, walk), "data": _arrow(array, walk)}
    return {"$pyarrow:Scalar": body}


def _arrow(array: Any, walk: Walk) -> Tree:
    """Give the items of an array of arrow, however they are chunked and sliced."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # Older versions give one chunk of it.
            array = pa.concat_arrays(array.chunks)
    kind = array.type
    body: dict[str, Tree] = {}
    if array.null_count:
        body["missing"] = _data(array.is_null().to_numpy(zero_copy_only=False), walk)
    if isinstance(array, pa.ExtensionArray):
        body["data"] = _arrow(array.storage, walk)
    elif types.is_dictionary(kind):
        body["data"] = _arrow(array.dictionary_decode(), walk)
    elif types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        parts = [_arrow(part, walk) for part in array.flatten()]
        body["data"] = _named(names, parts, walk)
    elif types.is_map(kind) or _is_list(kind):
        lengths = pc.list_value_length(array).fill_null(0)
        body["lengths"] = _data(lengths.to_numpy(zero_copy_only=False), walk)
        body["data"] = _arrow(array.drop_null().flatten(), walk)
    elif _is_text(kind):
        body["data"] = _arrow_texts(array, walk)
    elif types.is_temporal(kind) and not types.is_interval(kind):
        bits = pa.int32() if kind.bit_width == 32 else pa.int64()
        body["data"] = _arrow_numbers(array.view(bits), walk)
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        body["data"] = _arrow_numbers(array, walk)
    else:
        body["data"] = walk.node(array.to_pylist())
    return body


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    )


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _arrow_numbers(array: Any, walk: Walk) -> Tree:
    if array.null_count:
        array = array.fill_null(False if str(array.type) == "bool" else 0)
    return _data(array.to_numpy(zero_copy_only=False), walk)


def _arrow_texts(array: Any, walk: Walk) -> Tree:
    """Give texts of arrow as `_texts` does, from their memory."""
    import numpy as np
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if len(array) <= FEW:
        return _texts(array.to_pylist(), walk)
    missing = None
    if array.null_count:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        array = array.fill_null("")
    _, offsets, data = array.cast(pa.large_string()).buffers()
    places = np.frombuffer(offsets, "<i8")[array.offset : array.offset + len(array) + 1]
    content = memoryview(data)[places[0] : places[-1]] if data else memoryview(b"")
    starts = walk.places.starts if walk.places is not None else ()
    if any(start.encode() in bytes(content) for start in starts):
        return _texts(array.to_pylist(), walk)
    return _text_memory(content, np.diff(places), missing)


def _arrow_type(kind: Any, walk: Walk) -> Tree:
    fields = [_field(kind.field(place), walk) for place in range(kind.num_fields)]
    return {"type": str(kind), "fields": fields} if fields else str(kind)


def _field(field: Any, walk: Walk) -> Tree:
    node: dict[str, Tree] = {
        "name": field.name,
        "type": _arrow_type(field.type, walk),
        "nullable": field.nullable,
    }
    if field.metadata:
        node["metadata"] = walk.node(dict(field.metadata))
    return node


def _schema(schema: Any, walk: Walk) -> Tree:
    import json

    metadata = dict(schema.metadata or {})
    if b"pandas" in metadata:
        about = json.loads(metadata[b"pandas"])
        # Who wrote a table does not count.
        about.pop("pandas_version", None)
        about.pop("creator", None)
        metadata[b"pandas"] = about
    fields = [_field(field, walk) for field in schema]
    return {"fields": fields, "metadata": walk.node(metadata)}


def _schema_node(schema: Any, walk: Walk) -> Tree:
    return {"$pyarrow:Schema": _schema(schema, walk)}


def _field_node(field: Any, walk: Walk) -> Tree:
    return {"$pyarrow:Field": _field(field, walk)}


def _type_node(kind: Any, walk: Walk) -> Tree:
    return {"$pyarrow:DataType": _arrow_type(kind, walk)}


_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
_RULES: dict[str, Callable[[Any, Walk], Tree]] = {
    "numpy:ndarray": _ndarray,
    "numpy:MaskedArray": _masked,
    "numpy:generic": _number,
    "numpy:dtype": _dtype_node,
    "pandas:DataFrame": _frame,
    "pandas:Series": _series,
    "pandas:MultiIndex": _levels,
    "pandas:Index": _index,
    "pandas:ExtensionArray": _extension_array,
    "pandas:ExtensionDtype": _dtype_of_pandas,
    "pandas:Timestamp": _stamp,
    "pandas:Timedelta": _span,
    "pandas:Period": _period,
    "pandas:BaseOffset": _offset,
    "polars:DataFrame": _polars_frame,
    "polars:Series": _polars_series,
    "pyarrow:Table": _arrow_table,
    "pyarrow:RecordBatch": _arrow_table,
    "pyarrow:ChunkedArray": _arrow_array,
    "pyarrow:Array": _arrow_array,
    "pyarrow:Scalar": _arrow_scalar,
    "pyarrow:Schema": _schema_node,
    "pyarrow:Field": _field_node,
    "pyarrow:DataType": _type_node,
}
_MAKERS: dict[str, Callable[[Any, dict[str, Any], Any], object]] = {}
