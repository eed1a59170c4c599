"""Values of numpy, pandas, polars and pyarrow: by dtype, shape, labels, content."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_128, xxh3_128_hexdigest

from pytest_mimic.values.names import name_of
from pytest_mimic.values.state import attributes_of, deciding_class
from pytest_mimic.values.tree import Buffer, Raw, Refused, Tree

if TYPE_CHECKING:
    from pytest_mimic.values.walk import Walk

CHUNK = 1 << 20
"""Bytes that are looked at together, so that they are still in the cache."""


class Rule(NamedTuple):
    """How values of a class are opened, and made again.

    Attributes:
        node: Gives the tree of a value: `{"$numpy:ndarray": {...}}`.
        make: Makes a value of its class from what stands behind the tag, in a replay;
            `None`: values of the class are pickled.
    """

    node: Callable[[Any, Walk], Tree]
    make: Callable[[Any, Any], object] | None = None


def rule_of(cls: type) -> Rule | None:
    """Give the rule for a class, or for the class of a library that it derives from.

    An array whose author says how it is pickled has none.
    """
    for base in cls.__mro__:
        rule = _RULES.get(_known_name(base))
        if rule is not None:
            is_array = base.__module__ == "numpy"
            if is_array and deciding_class(cls) not in base.__mro__:
                return None
            return rule
    return None


def _known_name(cls: type) -> str:
    # The modules inside of a library are other ones in its next version.
    return f"{str(cls.__module__).partition('.')[0]}:{cls.__qualname__}"


def _tag_of(cls: type) -> str:
    is_known = cls.__module__.partition(".")[0] in _LIBRARIES
    return f"${_known_name(cls) if is_known else name_of(cls)}"


def _tagged(
    value: object, body: Tree, walk: Walk, *, private: bool = False
) -> dict[str, Tree]:
    """Give the node of a value, with the attributes that were set on it beside.

    Args:
        value: A value of a library.
        body: What it holds.
        walk: The walk that opens it.
        private: Whether private attributes count; those of most libraries are caches,
            and what the body has opened.
    """
    node = {_tag_of(type(value)): body}
    added = {
        name: walk.node(part)
        for name, part in attributes_of(value).items()
        if private or not name.startswith("_")
    }
    if added:
        node["attributes"] = added
    return node


# -- numpy


def _ndarray(array: Any, walk: Walk) -> Tree:
    return _tagged(array, _array(array, walk), walk, private=True)


def _array(array: Any, walk: Walk) -> Tree:
    """Give the body of an array: `{"dtype": "<f8", "shape": [3, 4], "data": ...}`."""
    import numpy as np  # Whoever has an array has imported it.

    array = np.asarray(array)  # Rows of a matrix are matrices.
    dtype, shape = array.dtype, list(array.shape)
    if dtype.names:
        # Between the fields there may be bytes that mean nothing.
        fields = {name: _array(array[name], walk) for name in dtype.names}
        return {"dtype": _dtype(dtype, walk), "shape": shape, "fields": fields}
    return {"dtype": _dtype(dtype, walk), "shape": shape, "data": _data(array, walk)}


def _data(array: Any, walk: Walk) -> Tree:
    kind = array.dtype.kind
    if kind in "OT":
        return _objects(array.ravel().tolist(), walk)
    if array.dtype.char in "gG":  # The memory of long doubles has gaps.
        return [str(item) for item in array.ravel()]
    if array.size <= walk.few and kind in "biufU":
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
        yield chunk.data if chunk.dtype.kind in "biuf" else chunk.view("u1").data


def _contiguous(array: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(array)


def _floats(dtype: Any) -> Any:
    """Give the dtype of the floats in an array of floats or complex numbers."""
    if dtype.kind == "c":
        return dtype.str[0] + f"f{dtype.itemsize // 2}"
    return dtype.str if dtype.kind == "f" else None


def _with_one_nan(floats: Any) -> Any:
    import numpy as np

    # The largest number is a NaN if there is one: the fastest way to look for it.
    if not np.isnan(floats.max()):
        return floats
    made = floats.copy()
    np.copyto(made, np.nan, where=np.isnan(made))
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
    dtype = number.dtype
    if dtype.char in "gG":
        return _tagged(number, str(number), walk)
    if dtype.kind in "mM":
        moment = str(number) if dtype.kind == "M" else int(number.astype("i8"))
        return _tagged(number, [moment, dtype.str], walk)
    if dtype.kind == "V":
        is_exact = walk.purpose == "exact"
        return Raw(number) if is_exact else _tagged(number, _array(number, walk), walk)
    is_nan = number != number
    if is_nan and walk.purpose == "exact":
        return Raw(number)  # JSON knows one NaN, and the machine many.
    return _tagged(number, walk.node(number.item()), walk)


def _make_number(cls: Any, body: Any) -> object:
    return cls(body)


def _make_moment(_: Any, body: Any) -> object:
    import numpy as np

    return np.array(*body)[()]


def _masked(array: Any, walk: Walk) -> Tree:
    import numpy as np

    mask = np.ma.getmaskarray(array)
    data = np.asarray(array)
    if mask.dtype == bool and mask.any():
        data = data.copy()
        data[mask] = np.zeros(1, data.dtype)[0]
    fill = array._fill_value  # To ask for `fill_value` would set it.
    body: dict[str, Tree] = {
        "items": _array(data, walk),
        "mask": _array(mask, walk),
        "fill": None if _is_usual_fill(fill) else _array(fill, walk),
        "hard": array.hardmask,
    }
    if walk.purpose == "proof":  # A pickle gives each array a mask.
        body["has_mask"] = array.mask is not np.ma.nomask
    return _tagged(array, body, walk)


def _is_usual_fill(fill: Any) -> bool:
    import numpy as np

    if fill is None:
        return True
    usual = np.asarray(np.ma.default_fill_value(fill.dtype), fill.dtype)
    return bool(fill.tolist() == usual.tolist())


# -- texts


def _objects(items: list[Any], walk: Walk) -> Tree:
    """Give the body of a column of objects: of many texts their memory."""
    if len(items) > walk.few and set(map(type, items)) <= {str, type(None)}:
        # Version 2 of the format has no references, so it depends on the texts alone.
        memory = marshal.dumps(items, 2)
        if not _may_hold_paths(memory, walk):
            return Buffer.of(memory)
    return [walk.node(item) for item in items]


def _texts(items: list[str | None], walk: Walk) -> Tree:
    """Give the body of a column of texts, the same as from the memory of arrow."""
    if len(items) <= walk.few:
        return [walk.node(item) for item in items]
    missing = [item is None for item in items] if None in items else None
    encoded = [_encoded(item or "") for item in items]
    memory = b"".join(encoded)
    if _may_hold_paths(memory, walk):
        return [walk.node(item) for item in items]
    return _text_memory(memory, list(map(len, encoded)), missing)


def _text_memory(memory: Any, lengths: Any, missing: Any) -> Tree:
    import numpy as np

    body: dict[str, Tree] = {
        "texts": Buffer.of(memory),
        "lengths": Buffer.of(np.asarray(lengths, "<i8").data),
    }
    if missing is not None:
        body["missing"] = Buffer.of(np.asarray(missing, "?").data)
    return body


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _may_hold_paths(memory: Any, walk: Walk) -> bool:
    starts = walk.places.starts if walk.places is not None else ()
    return bool(starts) and any(_encoded(start) in bytes(memory) for start in starts)


# -- pandas


def _is_of_pandas(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas"


def _frame(frame: Any, walk: Walk) -> Tree:
    labels = list(frame.columns)
    body: dict[str, Tree] = {
        "columns": walk.node(frame.columns),
        "index": walk.node(frame.index),
    }
    dtype = _dtype_of_many(frame, walk)
    if dtype is not None:
        body["dtype"] = dtype.str
        columns: list[Tree] = list(_digests(frame.to_numpy().T))
    else:
        columns = [_column(series.array, walk) for _, series in frame.items()]
    body["data"] = _named(labels, columns)
    return _tagged(frame, {**body, **_flags(frame, walk)}, walk)


def _dtype_of_many(frame: Any, walk: Walk) -> Any:
    """Give the dtype of a frame of many columns, if they are numbers of one."""
    dtypes = set(frame.dtypes) if frame.shape[1] > walk.few else set()
    if len(dtypes) != 1:
        return None
    (dtype,) = dtypes
    return dtype if _is_number(dtype) else None


def _is_number(dtype: Any) -> bool:
    return type(dtype).__module__.startswith("numpy") and dtype.kind in "biuf"


def _digests(rows: Any) -> Iterator[str]:
    """Give the digest of the memory of each row of numbers: a frame may have many."""
    rows = _contiguous(rows)
    if rows.dtype.kind == "f" and rows.size:
        rows = _with_one_nan(rows)
    for row in rows:
        yield xxh3_128_hexdigest(row.data)


def _named(labels: list[Any], columns: Sequence[Tree]) -> Tree:
    """Give columns by their names; in their order, where these are no other texts."""
    is_plain = all(type(label) is str and label[:1] != "$" for label in labels)
    if is_plain and len(set(labels)) == len(labels):
        return dict(zip(labels, columns, strict=True))
    return list(columns)


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
    column = _column(index.array, walk)
    if isinstance(column, dict) and column.get("dtype") == "str":
        # Labels of texts are these since pandas 3, and objects before.
        column = {"dtype": "|O", "data": column["data"]}
    body: dict[str, Tree] = {"data": column}
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
    if opened is None or not _is_of_pandas(values):
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
    if chunks is not None and len(chunks) > walk.few:
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
    if _is_of_pandas(values):
        return _tagged(values, _column(values, walk), walk)
    return _tagged(values, {}, walk)


def _stamp(stamp: Any, walk: Walk) -> Tree:
    body: dict[str, Tree] = {"moment": stamp.isoformat()}
    if stamp.tzinfo is not None:
        body["zone"] = str(stamp.tzinfo)
        body["fold"] = stamp.fold
    if walk.purpose != "identity":
        body["unit"] = stamp.unit
    return _tagged(stamp, body, walk)


def _make_stamp(cls: Any, body: Any) -> object:
    made = cls(body["moment"])
    if "zone" in body:
        made = made.tz_convert(body["zone"]).replace(fold=body["fold"])
    return made.as_unit(body["unit"])


def _span(span: Any, walk: Walk) -> Tree:
    body: list[Tree] = [
        span.days,
        span.seconds,
        span.microseconds,
        span.nanoseconds,
    ]
    if walk.purpose != "identity":
        body.append(span.unit)
    return _tagged(span, body, walk)


def _make_span(cls: Any, body: Any) -> object:
    days, seconds, microseconds, nanoseconds, unit = body
    of_day = cls(seconds=seconds, microseconds=microseconds, nanoseconds=nanoseconds)
    return (cls(days, "D") + of_day).as_unit(unit)


def _missing_value(value: Any, _: Walk) -> Tree:
    # Each is one object, of a class that is found under no name.
    return {"$name": "pandas:NA" if type(value).__name__ == "NAType" else "pandas:NaT"}


def _make_missing_value(cls: Any, _: Any) -> object:
    return cls()


def _period(period: Any, walk: Walk) -> Tree:
    return _tagged(period, [str(period), walk.node(period.freq)], walk)


def _offset(offset: Any, walk: Walk) -> Tree:
    kwds = {key: part for key, part in offset.kwds.items() if key != "calendar"}
    body = {"n": offset.n, "normalize": offset.normalize, "kwds": walk.node(kwds)}
    return {f"$pandas:{type(offset).__name__}": body}


def _dtype_of_pandas(dtype: Any, walk: Walk) -> Tree:
    if not _is_of_pandas(dtype):
        return _tagged(dtype, {}, walk)
    body: dict[str, Tree] = {"name": str(dtype)}
    if type(dtype).__name__ == "CategoricalDtype":
        body["categories"] = walk.node(dtype.categories)
        body["ordered"] = walk.node(dtype.ordered)
    if type(dtype).__name__ == "StringDtype":
        body["missing"] = repr(dtype.na_value)
    return _tagged(dtype, body, walk)


# -- scipy


def _sparse_matrix(matrix: Any, walk: Walk) -> Tree:
    """Open a matrix by its entries: what it notes of their order does not count."""
    import numpy as np

    entries = matrix.tocoo(copy=True)
    entries.sum_duplicates()
    order = np.lexsort(entries.coords[::-1])
    body: Tree = {
        "shape": list(matrix.shape),
        "coordinates": [_array(place[order], walk) for place in entries.coords],
        "data": _array(entries.data[order], walk),
    }
    return {_tag_of(type(matrix)): body}


# -- polars


def _polars_frame(frame: Any, walk: Walk) -> Tree:
    labels = list(frame.columns)
    columns = [_polars_column(series, walk) for series in frame.get_columns()]
    body: dict[str, Tree] = {"columns": list(labels), "height": frame.height}
    body["data"] = _named(labels, columns)
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
        body["data"] = _objects(series.to_list(), walk)
    return body


def _lazy_frame(_: Any, __: Walk) -> Tree:
    return Refused("a LazyFrame, which may read files", "pass what collect() gives")


# -- pyarrow


def _dataset(dataset: Any, _: Walk) -> Tree:
    what = f"a {type(dataset).__name__}, which reads files"
    return Refused(what, "pass what to_table() gives")


def _arrow_table(table: Any, walk: Walk) -> Tree:
    labels = list(table.schema.names)
    columns = [_arrow(column, walk) for column in table.columns]
    body: Tree = {
        "schema": _schema(table.schema, walk),
        "rows": table.num_rows,
        "data": _named(labels, columns),
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
    import numpy as np
    import pyarrow as pa
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
        body["data"] = _named(names, parts)
    elif types.is_map(kind) or _is_list(kind):
        present = array.drop_null()
        if not types.is_fixed_size_list(kind):
            body["lengths"] = _data(np.diff(present.offsets.to_numpy()), walk)
        if types.is_map(kind):
            used = slice(present.offsets[0].as_py(), present.offsets[-1].as_py())
            body["keys"] = _arrow(present.keys[used], walk)
            body["data"] = _arrow(present.items[used], walk)
        else:
            body["data"] = _arrow(present.flatten(), walk)
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
    if len(array) <= walk.few:
        return _texts(array.to_pylist(), walk)
    missing = None
    texts = array
    if array.null_count:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        array = array.fill_null("")
    _, offsets, data = array.cast(pa.large_string()).buffers()
    places = np.frombuffer(offsets, "<i8")[array.offset : array.offset + len(array) + 1]
    memory = memoryview(data or b"")[places[0] : places[-1]]
    if _may_hold_paths(memory, walk):
        return _texts(texts.to_pylist(), walk)
    return _text_memory(memory, np.diff(places), missing)


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
    from json import loads

    metadata = dict(schema.metadata or {})
    if b"pandas" in metadata:
        about = loads(metadata[b"pandas"])
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


def _image(image: Any, walk: Walk) -> Tree:
    # What an image pickles holds its first frame alone, and nothing of its EXIF.
    if getattr(image, "n_frames", 1) > 1:
        return Refused("an image of several frames", "pass the bytes of its file")
    info, mode, size, palette, *rest = image.__getstate__()
    body: dict[str, Tree] = {
        "mode": mode,
        "size": list(size),
        "info": walk.node(info),
        "exif": walk.node(dict(image.getexif())),
        "palette": walk.node(palette),
        "data": walk.node(rest),
    }
    return _tagged(image, body, walk)


def _message(message: Any, walk: Walk) -> Tree:
    # What a message pickles has its maps in an order of chance.
    data = message.SerializePartialToString(deterministic=True)
    return _tagged(message, walk.node(data), walk)


_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow", "scipy")
_RULES: dict[str, Rule] = {
    "PIL:Image": Rule(_image),
    "google:Message": Rule(_message),
    "numpy:ndarray": Rule(_ndarray),
    "numpy:MaskedArray": Rule(_masked),
    "numpy:datetime64": Rule(_number, _make_moment),
    "numpy:timedelta64": Rule(_number, _make_moment),
    "numpy:generic": Rule(_number, _make_number),
    "numpy:dtype": Rule(_dtype_node),
    "pandas:DataFrame": Rule(_frame),
    "pandas:Series": Rule(_series),
    "pandas:MultiIndex": Rule(_levels),
    "pandas:Index": Rule(_index),
    "pandas:ExtensionArray": Rule(_extension_array),
    "pandas:ExtensionDtype": Rule(_dtype_of_pandas),
    "pandas:NaTType": Rule(_missing_value, _make_missing_value),
    "pandas:NAType": Rule(_missing_value, _make_missing_value),
    "pandas:Timestamp": Rule(_stamp, _make_stamp),
    "pandas:Timedelta": Rule(_span, _make_span),
    "pandas:Period": Rule(_period),
    "pandas:BaseOffset": Rule(_offset),
    "scipy:_spbase": Rule(_sparse_matrix),
    "polars:DataFrame": Rule(_polars_frame),
    "polars:Series": Rule(_polars_series),
    "polars:LazyFrame": Rule(_lazy_frame),
    "pyarrow:Dataset": Rule(_dataset),
    "pyarrow:Table": Rule(_arrow_table),
    "pyarrow:RecordBatch": Rule(_arrow_table),
    "pyarrow:ChunkedArray": Rule(_arrow_array),
    "pyarrow:Array": Rule(_arrow_array),
    "pyarrow:Scalar": Rule(_arrow_scalar),
    "pyarrow:Schema": Rule(_schema_node),
    "pyarrow:Field": Rule(_field_node),
    "pyarrow:DataType": Rule(_type_node),
}
