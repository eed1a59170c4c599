"""Tags of small frames, series and indexes of pandas: `{"$pandas.DataFrame": {"price": [1.5, 2.0]}, "dtypes": …}`."""

from __future__ import annotations

import sys
from itertools import starmap
from typing import Any

from pytest_mimic._tagged.columns import array_of, array_to_json, is_same_array
from pytest_mimic._tagged.elements import MOST_CELLS
from pytest_mimic._tagged.nodes import Node, NotTaggableError, Reading, Tag, Writing, only_keys, typed

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_LABELS = (str, int, float, bool, type(None))


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the values of one of pandas' types, or None if they have none."""
    name = type_.__name__
    is_known = getattr(sys.modules.get("pandas"), name, None) is type_
    return tag_named(f"pandas.{name}") if is_known else None


def tag_named(name: str) -> Tag | None:
    """Return the tag with a name, or None if there is none."""
    return _TAGS.get(name)


def _write(value: Any, node: Node, writer: Writing) -> None:
    """Fill the node of a value, if what it is read as is surely the same."""
    if isinstance(value, sys.modules["pandas"].Index):
        _write_index(value, node, writer)
    else:
        (_write_frame if value.ndim == 2 else _write_series)(value, node, writer)
        if not value.flags.allows_duplicate_labels:
            node["allows_duplicate_labels"] = False
        writer.import_name(type(value), f"pandas:{type(value).__name__}")
    writer.check_copy(node, value, _is_same)
    if getattr(value, "attrs", None):
        # Assigning them copies the dict.
        node["attrs"] = writer.write(dict(value.attrs))


def _label(label: Any, writer: Writing) -> Any:
    if type(label) not in _LABELS:
        raise NotTaggableError("a name that is no text or number")
    return writer.write(label)


# Frames


def _write_frame(frame: Any, node: Node, writer: Writing) -> None:
    rows, width = frame.shape
    if rows * width > MOST_CELLS or max(rows, width) > MOST_CELLS:
        raise NotTaggableError("a large frame")
    columns = [array_to_json(frame.iloc[:, place].array, writer) for place in range(width)]
    items, dtypes = [part for part, _ in columns], [dtype for _, dtype in columns]
    names = _names(frame.columns, writer)
    if names is not None:
        node["$pandas.DataFrame"] = dict(zip(names, items, strict=True))
        node["dtypes"] = dict(zip(names, dtypes, strict=True))
    else:
        node["$pandas.DataFrame"], node["dtypes"] = items, dtypes
        node["columns"] = _index_node(frame.columns, writer)
    if not columns or not _is_default(frame.index):
        node["index"] = _index_node(frame.index, writer)


def _names(labels: Any, writer: Writing) -> list[str] | None:
    """Return the names of columns if they can be keys of JSON and nothing else is to be said of them."""
    names = list(labels)
    if (
        not names
        or len(set(map(type, names))) > 1
        or type(names[0]) is not str
        or len(set(names)) < len(names)
    ):
        return None
    if any(name[:1] == "$" or writer.paths.stored_text(name) is not None for name in names):
        return None
    return names if _is_same(sys.modules["pandas"].Index(names), labels) else None


def _read_frame(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node, "dtypes", "columns", "index", "attrs", "allows_duplicate_labels")
    frame = reader.find("pandas:DataFrame")
    pandas = sys.modules["pandas"]
    parts, dtypes = node["$pandas.DataFrame"], node["dtypes"]
    if type(parts) is dict:
        if list(typed(dtypes, dict)) != list(parts) or "columns" in node:
            raise ValueError("the dtypes of a frame are not those of its columns")
        labels = pandas.Index(list(parts))
        parts, dtypes = list(parts.values()), list(dtypes.values())
    else:
        labels = _index_of(node["columns"], reader)
    if not len(labels) == len(typed(parts, list)) == len(typed(dtypes, list)):
        raise ValueError("the dtypes of a frame are not those of its columns")
    arrays = [array_of(items, dtype, reader) for items, dtype in zip(parts, dtypes, strict=True)]
    index = _index_in(node, reader, len(arrays[0]) if arrays else None)
    if any(len(array) != len(index) for array in arrays):
        raise ValueError("a frame with columns of different lengths")
    if arrays:
        made = frame({place: _series(array, index) for place, array in enumerate(arrays)}, index=index)
        made.columns = labels
    else:
        made = frame(index=index, columns=labels)
    return _finished(made, node, reader)


def _series(array: Any, index: Any, name: Any = None) -> Any:
    return sys.modules["pandas"].Series(array, index=index, dtype=array.dtype, name=name)


def _write_series(series: Any, node: Node, writer: Writing) -> None:
    if len(series) > MOST_CELLS:
        raise NotTaggableError("a long series")
    node["$pandas.Series"], node["dtype"] = array_to_json(series.array, writer)
    if series.name is not None:
        node["name"] = _label(series.name, writer)
    if not _is_default(series.index):
        node["index"] = _index_node(series.index, writer)


def _read_series(node: Node, reader: Reading, _anchor: int | None) -> Any:
    only_keys(node, "dtype", "name", "index", "attrs", "allows_duplicate_labels")
    reader.find("pandas:Series")
    array = array_of(node["$pandas.Series"], node["dtype"], reader)
    index = _index_in(node, reader, len(array))
    if len(index) != len(array):
        raise ValueError("a series with an index of another length")
    return _finished(_series(array, index, _name_in(node, reader)), node, reader)


def _finished(made: Any, node: Node, reader: Reading) -> Any:
    if "attrs" in node:
        made.attrs = typed(reader.read(node["attrs"]), dict)
    if "allows_duplicate_labels" in node:
        made.flags.allows_duplicate_labels = typed(node["allows_duplicate_labels"], bool)
    return made


# Indexes


def _is_default(index: Any) -> bool:
    """Return whether an index is what a frame has if nobody gives it one."""
    pandas: Any = sys.modules["pandas"]
    return type(index) is pandas.RangeIndex and _is_same(index, pandas.RangeIndex(len(index)))


def _index_node(index: Any, writer: Writing) -> Node:
    if tag_of(type(index)) is not INDEX:
        raise NotTaggableError(type(index))
    node: Node = {}
    _write_index(index, node, writer)
    return node


def _write_index(index: Any, node: Node, writer: Writing) -> None:
    name = type(index).__name__
    if len(index) > MOST_CELLS:
        raise NotTaggableError("a long index")
    if name == "RangeIndex":
        node["$pandas.RangeIndex"] = [index.start, index.stop, index.step]
    else:
        node[f"$pandas.{name}"], node["dtype"] = array_to_json(index.array, writer)
        if getattr(index, "freq", None) is not None:
            node["freq"] = index.freqstr
    if index.name is not None:
        node["name"] = _label(index.name, writer)
    writer.import_name(type(index), f"pandas:{name}")


def _index_in(node: Node, reader: Reading, length: int | None) -> Any:
    if "index" in node:
        return _index_of(node["index"], reader)
    if length is None:
        raise ValueError("a frame without columns and index")
    return sys.modules["pandas"].RangeIndex(length)


def _index_of(tree: Any, reader: Reading) -> Any:
    node = typed(tree, dict)
    if tag_named(next(iter(node), "")[1:]) is not INDEX:
        raise ValueError("an index that is none")
    return _read_index(node, reader, None)


def _read_index(node: Node, reader: Reading, _anchor: int | None) -> Any:
    tag = next(iter(node))
    cls = reader.find(f"pandas:{tag.partition('.')[2]}")
    if tag == "$pandas.RangeIndex":
        only_keys(node, "name")
        start, stop, step = (typed(part, int) for part in typed(node[tag], list))
        if len(range(start, stop, step)) > 10 * MOST_CELLS:
            raise ValueError("an index that is too long")
        return cls(start, stop, step, name=_name_in(node, reader))
    only_keys(node, "dtype", "freq", "name")
    array = array_of(node[tag], node["dtype"], reader)
    facts = {"freq": typed(node["freq"], str)} if "freq" in node else {}
    made = cls(array, dtype=array.dtype, name=_name_in(node, reader), **facts)
    if type(made) is not cls:
        raise ValueError(f"{tag} of another dtype")
    return made


def _name_in(node: Node, reader: Reading) -> Any:
    return typed(reader.read(node.get("name")), *_LABELS)


# Comparing


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values have the same types, labels, dtypes and elements. Their attributes do not count."""
    if type(one) is not type(other) or one.shape != other.shape:
        return False
    if one.ndim == 2:
        columns = ((one.iloc[:, place].array, other.iloc[:, place].array) for place in range(one.shape[1]))
        return (
            _is_same(one.columns, other.columns)
            and _have_same_rows(one, other)
            and all(starmap(is_same_array, columns))
        )
    if type(one.name) is not type(other.name) or repr(one.name) != repr(other.name):
        return False
    if hasattr(one, "index"):
        return _have_same_rows(one, other) and is_same_array(one.array, other.array)
    if getattr(one, "freq", None) != getattr(other, "freq", None):
        return False
    if type(one).__name__ == "RangeIndex":
        return (one.start, one.stop, one.step) == (other.start, other.stop, other.step)
    return is_same_array(one.array, other.array)


def _have_same_rows(one: Any, other: Any) -> bool:
    is_same = one.flags.allows_duplicate_labels == other.flags.allows_duplicate_labels
    return is_same and _is_same(one.index, other.index)


INDEX = Tag("pandas.Index", _write, _read_index, is_shared=True)
_TAGS = {
    "pandas.DataFrame": Tag("pandas.DataFrame", _write, _read_frame, is_shared=True),
    "pandas.Series": Tag("pandas.Series", _write, _read_series, is_shared=True),
    **{f"pandas.{name}Index": INDEX for name in ("", "Range", "Datetime", "Timedelta")},
}
