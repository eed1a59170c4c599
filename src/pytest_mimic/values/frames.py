"""Frames, series and indices of pandas: column by column, the same in each pandas.

A column is `{"$column": items, "dtype": name}`. Its items are a list, or beyond 50 an
array in a file of its own; texts are always a list. What another version of pandas
names otherwise is no part of an identity, and stands in what is kept:

- `default`: whether this version gives such items this dtype by itself. Another then
  gives them its own, if no item changes by it.
- `missing`: of a column of objects, what stands for a missing item: `nan`.
- `items`: of a column of objects, the class of its moments: `date`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from pytest_mimic.values import classes
from pytest_mimic.values.arrays import array_made, data_of, text_data
from pytest_mimic.values.rows import (
    MOMENT_FORM,
    Make,
    Opener,
    checked,
    content_of,
    text_of_form,
)
from pytest_mimic.values.tagged import tagged
from pytest_mimic.values.tree import SCALARS, Node, Tree

# How pandas spells the steps of an index: `D`, `15min`, `QE-DEC`, `WOM-3FRI`.
_FREQUENCY = r"-?(?!.*\d{7})[A-Za-z0-9]{1,20}(-[A-Z0-9]{1,5})?"
_OFFSET = r"(UTC)?([+-]\d\d:\d\d)?"
_ZONE = r"\w{1,30}([/+-]\w{1,30}){0,4}"
_NUMBERS = r"bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)"
_NULLABLE = r"boolean|U?Int(8|16|32|64)|Float(32|64)"
_TEXTS = r"str|string(\[(python|pyarrow)\])?|object"
_TIMES = r"(datetime|timedelta)64\[(s|ms|us|ns)\]"
_NAMES_OF_TIMES = {"M": "datetime64", "m": "timedelta64"}
# The units of the moments that stand as objects in a column.
_UNITS = {"datetime": "us", "date": "D", "Timestamp": "ns"}


# -- what this version of pandas does by itself


def _own_dtype_of_texts() -> Any:
    import pandas as pd

    return pd.Index(["text"]).dtype


@lru_cache
def _own_unit(kind: str) -> str:
    """Give the unit of moments (`M`) or spans (`m`): `ns`, from pandas 3 on `us`."""
    import pandas as pd

    one = [datetime(2000, 1, 1)] if kind == "M" else [timedelta(1)]
    unit: str = pd.Series(one).dt.unit
    return unit


def _sign_of(missing: object) -> str:
    return "None" if missing is None else str(missing)


def _signs() -> dict[str, object]:
    """Give what may stand for a missing item."""
    import pandas as pd

    return {"None": None, "nan": float("nan"), "<NA>": pd.NA, "NaT": pd.NaT}


def _zone_of(name: object) -> Any:
    """Give the time zone that pandas knows by a name.

    Raises:
        ValueError, TypeError, LookupError: There is none.
    """
    import pandas as pd

    text = text_of_form(name, f"{_OFFSET}|{_ZONE}")
    if re.fullmatch(_OFFSET, text) is None:
        from zoneinfo import ZoneInfo  # pandas would read any file for some names

        ZoneInfo(text)
    return pd.DatetimeTZDtype("ns", text).tz


def _is_own_zone(zone: Any) -> bool:
    try:
        return type(_zone_of(str(zone))) is type(zone)
    except (ValueError, TypeError, LookupError):
        return False  # It was read from a file.


# -- columns


def _column_node(items: Tree, dtype: Tree, **beside: Tree) -> Node:
    return {"$column": items, "dtype": dtype, **beside}


def _column(values: Any, walk: Opener) -> Node:
    """Open a column: an array of pandas."""
    import numpy as np
    import pandas as pd

    dtype = values.dtype
    if isinstance(values, pd.Categorical):
        codes = data_of(np.asarray(values.codes), walk)
        categories = walk.node(values.categories)
        more = {"categories": categories, "ordered": values.ordered}
        return _column_node(codes, "category", **more)
    if isinstance(dtype, pd.StringDtype):
        texts = values.to_numpy(dtype=object, na_value=None).tolist()
        name = str(dtype)
        own = _own_dtype_of_texts()
        if walk.is_kept and dtype not in (own, pd.StringDtype()):
            name += f"[{dtype.storage}]"
        return _texts(texts, name, walk, is_own=name == str(own))
    if isinstance(values, pd.arrays.NumpyExtensionArray):
        return _of_numpy(values.to_numpy(), walk)
    kinds = pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray
    if isinstance(values, kinds):
        return _nullable(values, walk)
    if hasattr(values, "asi8") and dtype.kind in "mM":
        return _times(values, walk)
    items: Tree
    if isinstance(values, pd.arrays.IntervalArray):
        items = [walk.node(values.left), walk.node(values.right)]
    else:  # It counts by what it gives to be pickled.
        items = walk.node(values)
    node = _column_node(items, str(dtype))
    walk.of_pickle(node)
    return node


def _of_numpy(array: Any, walk: Opener) -> Node:
    if array.dtype.kind == "O":
        return _objects(array, walk)
    return _column_node(data_of(array, walk), str(array.dtype))


def _texts(items: list[Any], name: str, walk: Opener, *, is_own: bool) -> Node:
    """Open texts, and `None` for each that is missing.

    Args:
        items: The texts.
        name: Their dtype.
        walk: Opens them.
        is_own: Whether this version gives texts this dtype by itself.
    """
    if walk.is_kept:
        node = _column_node(walk.node(items), name)
        return {**node, "default": True} if is_own else node
    # Of a column without a text only pandas 3 knows that it is one of texts.
    is_free = name in ("object", "str") and set(items) <= {None}
    return _column_node(text_data(items, walk), "text" if is_own or is_free else name)


def _nullable(values: Any, walk: Opener) -> Node:
    name = str(values.dtype)
    if len(values) <= walk.few:
        items = values.to_numpy(dtype=object, na_value=None).tolist()
        return _column_node([walk.node(item) for item in items], name)
    plain = "bool" if name == "boolean" else name.lower()
    numbers = data_of(values.to_numpy(dtype=plain, na_value=0), walk)
    return _column_node(numbers, name, missing=data_of(values.isna(), walk))


def _times(values: Any, walk: Opener) -> Node:
    """Open moments, those with a zone too, or spans."""
    dtype = values.dtype
    kind = "m" if dtype.kind == "m" else "M"
    array = values.asi8.view(f"{kind}8[{values.unit}]")
    zone = getattr(dtype, "tz", None)
    if not walk.is_kept:
        return _times_that_count(array, str(zone or ""), walk)
    node = _column_node(data_of(array, walk), str(array.dtype))
    if values.unit == _own_unit(kind):
        node["default"] = True
    if zone is not None:
        node["zone"] = str(zone)
        if not _is_own_zone(zone):
            walk.of_pickle(node)
    return node


def _times_that_count(array: Any, zone: str, walk: Opener) -> Node:
    """Give moments or spans in nanoseconds, where these reach so far."""
    exact, name = _in_unit(array, "ns"), _NAMES_OF_TIMES[array.dtype.kind]
    if exact is None:
        exact, name = array, str(array.dtype)
    node = _column_node(data_of(exact, walk), name)
    return {**node, "zone": zone} if zone else node


def _in_unit(array: Any, unit: str) -> Any:
    """Give moments or spans in a unit; `None`: one of them has none in it."""
    try:
        other = array.astype(f"{array.dtype.kind}8[{unit}]")
    except OverflowError:
        return None
    is_same = (other.astype(array.dtype).view("i8") == array.view("i8")).all()
    return other if is_same else None


def _objects(array: Any, walk: Opener) -> Node:
    """Open a column of objects: of texts, of moments, or of whatever has a tree."""
    import pandas as pd

    is_missing = pd.isna(array)
    present = array[~is_missing].tolist()
    kinds = {type(item).__name__ for item in present}
    are_moments = kinds <= _UNITS.keys() and all(isinstance(i, date) for i in present)
    signs = set(map(_sign_of, array[is_missing])) or {"None"}
    node = None
    if set(map(type, present)) <= {str} and (len(signs) == 1 or not walk.is_kept):
        is_own = bool(present) and not isinstance(_own_dtype_of_texts(), pd.StringDtype)
        # A text is not missing; whatever is stands as `None`.
        texts = [item if type(item) is str else None for item in array.tolist()]
        node = _texts(texts, "object", walk, is_own=is_own)
    elif are_moments and not walk.is_kept and "date" not in kinds:
        zones = {str(moment.tzinfo or "") for moment in present}
        if len(zones) == 1:
            instants = _instants(array, is_missing)
            return _times_that_count(instants, zones.pop(), walk)
    elif are_moments and len(kinds) == len(signs) == 1 and _are_alike(present):
        kind = kinds.pop()
        instants = _instants(array, is_missing).astype(f"M8[{_UNITS[kind]}]")
        node = {**_column_node(data_of(instants, walk), "object"), "items": kind}
    if node is None:
        return _column_node([walk.node(item) for item in array.tolist()], "object")
    if walk.is_kept and signs != {"None"}:
        node["missing"] = signs.pop()
    return node


def _are_alike(moments: list[Any]) -> bool:
    """Tell whether moments have no zone, and all that there is to them in one unit."""
    is_plain = not any(getattr(one, "tzinfo", None) for one in moments)
    units = {getattr(one, "unit", "ns") for one in moments}
    folds = {getattr(one, "fold", 0) for one in moments}
    return is_plain and units == {"ns"} and folds == {0}


def _instants(array: Any, is_missing: Any) -> Any:
    """Give the moments of a column of objects as those of numpy, in UTC."""
    import numpy as np

    made = [
        np.datetime64("NaT", "D") if is_gone else _instant(item)
        for item, is_gone in zip(array.tolist(), is_missing.tolist(), strict=True)
    ]
    return np.array(made)


def _instant(moment: Any) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(moment, pd.Timestamp):
        return moment.to_datetime64()
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return np.datetime64(moment)


# -- columns that are made


def _made_column(tree: Any, make: Make) -> Any:
    """Make an array of pandas or numpy.

    Raises:
        ValueError, TypeError, LookupError: A part is not what a column is made of.
    """
    import numpy as np
    import pandas as pd

    name = checked(checked(tree, dict)["dtype"], str)
    content = tree["$column"]
    if name == "category":
        codes = array_made(content, np.int64, make)
        categories = checked_index(make(tree["categories"]))
        is_ordered = checked(tree["ordered"], bool)
        return pd.Categorical.from_codes(codes, categories, is_ordered)
    if re.fullmatch(_TEXTS, name) is not None:
        return _made_objects(name, content, tree, make)
    if re.fullmatch(_NULLABLE, name) is not None:
        return _made_nullable(name, content, tree, make)
    if re.fullmatch(_TIMES, name) is not None:
        return _made_times(name, content, tree, make)
    if re.fullmatch(_NUMBERS, name) is None:
        raise TypeError(f"a column of {name} is not made of items")
    made = array_made(content, name, make)
    if str(made.dtype) != name:
        raise ValueError("its file holds another column")
    return made


def _made_objects(name: str, content: Any, tree: Node, make: Make) -> Any:
    import numpy as np
    import pandas as pd

    items: list[Any]
    if "items" in tree:
        items = _made_moments(content, tree["items"], make)
    else:
        items = checked(content, list)
        if not SCALARS.issuperset(map(type, items)):
            items = [make(item) for item in items]
    sign = _signs()[checked(tree.get("missing", "None"), str)]
    if sign is not None:
        items = [sign if item is None else item for item in items]
    made = np.fromiter(items, object, len(items))  # It asks none of them for anything.
    dtype: Any = pd.api.types.pandas_dtype(name)
    if tree.get("default") is True:
        dtype = _own_dtype_of_texts()
    if dtype.kind == "O" and not isinstance(dtype, pd.StringDtype):
        return made
    if not {str, float, type(None), type(pd.NA)}.issuperset(map(type, items)):
        raise TypeError("an item is no text")
    return pd.array(made, dtype=dtype)


def _made_moments(content: Any, name: object, make: Make) -> list[Any]:
    import pandas as pd

    kind = checked(name, str)
    array = array_made(content, f"M8[{_UNITS[kind]}]", make)
    items: list[Any] = array.tolist()
    if kind == "Timestamp":
        items = [None if item is pd.NaT else item for item in pd.DatetimeIndex(array)]
    return items


def _made_nullable(name: str, content: Any, tree: Node, make: Make) -> Any:
    import numpy as np
    import pandas as pd

    if type(content) is list:
        items = [checked(make(item), *SCALARS) for item in content]
        of_kind: Any = name
        return pd.array(items, dtype=of_kind)
    kinds: dict[str, Any] = {
        "b": pd.arrays.BooleanArray,
        "f": pd.arrays.FloatingArray,
        "i": pd.arrays.IntegerArray,
        "u": pd.arrays.IntegerArray,
    }
    numbers, missing = (
        checked(make(part), np.ndarray) for part in (content, tree["missing"])
    )
    made = kinds[numbers.dtype.kind](numbers, missing)
    if str(made.dtype) != name:
        raise ValueError("its file holds another column")
    return made


def _made_times(name: str, content: Any, tree: Node, make: Make) -> Any:
    import pandas as pd

    array = array_made(content, name, make)
    kind = array.dtype.kind
    if tree.get("default") is True:
        own = _in_unit(array, _own_unit(kind))
        array = array if own is None else own
    if "zone" in tree:
        in_utc = pd.DatetimeIndex(array, tz="UTC")
        return in_utc.tz_convert(_zone_of(tree["zone"])).array
    return array


# -- frames and series


def frame(value: Any, walk: Opener) -> Tree:
    """Open a frame."""
    return tagged(
        value,
        _columns(value, walk),
        walk,
        rows=len(value),
        columns=walk.node(value.columns),
        index=walk.node(value.index),
        **_flags(value, walk),
    )


def _columns(value: Any, walk: Opener) -> Tree:
    dtypes = set(map(str, value.dtypes)) if value.shape[1] > walk.few else set()
    if len(dtypes) == 1 and re.fullmatch(_NUMBERS, dtypes.pop()):
        # To open very many columns one by one takes long.
        return walk.node(value.to_numpy())
    columns: list[Tree] = [_column(one.array, walk) for _, one in value.items()]
    labels = list(value.columns)
    is_plain = all(type(label) is str and label[:1] != "$" for label in labels)
    if is_plain and len(set(labels)) == len(labels):
        return dict(zip(labels, columns, strict=True))
    return columns


def _flags(value: Any, walk: Opener) -> Node:
    flags: Node = {}
    if value.attrs:
        flags["attrs"] = walk.of_pickle(walk.node(value.attrs))
    if not value.flags.allows_duplicate_labels:
        flags["allows_duplicate_labels"] = walk.of_pickle(False)
    return flags


def make_frame(cls: Any, tree: Node, make: Make) -> object:
    """Make a frame; see `frame`."""
    import numpy as np
    import pandas as pd

    content = content_of(tree)
    index, columns = (checked_index(make(tree[name])) for name in ("index", "columns"))
    if type(content) is dict and next(iter(content), "")[:1] == "$":
        return cls(checked(make(content), np.ndarray), index=index, columns=columns)
    nodes = content.values() if type(content) is dict else checked(content, list)
    made = {}
    for place, node in enumerate(nodes):
        items = _made_column(node, make)
        # An array of objects would become one of texts.
        made[place] = pd.Series(items, index, dtype=items.dtype, copy=False)
    whole = cls(made, index=index, copy=False)
    whole.columns = columns
    return whole


def series(value: Any, walk: Opener) -> Tree:
    """Open a series."""
    beside = {"name": walk.node(value.name), "index": walk.node(value.index)}
    column = _column(value.array, walk)
    return tagged(value, column, walk, **beside, **_flags(value, walk))


def make_series(cls: Any, tree: Node, make: Make) -> object:
    """Make a series; see `series`."""
    items = _made_column(content_of(tree), make)
    index = checked_index(make(tree["index"]))
    name = _label(make(tree["name"]))
    return cls(items, index, dtype=items.dtype, name=name, copy=False)


def extension_array(values: Any, walk: Opener) -> Tree:
    """Open an array of pandas that stands by itself."""
    return tagged(values, _column(values, walk), walk)


# -- indices


def index(value: Any, walk: Opener) -> Tree:
    """Open an index: the steps of one are what its moments cannot say."""
    import pandas as pd

    if walk.is_kept and type(value) is pd.RangeIndex:
        column = walk.node(range(value.start, value.stop, value.step))
    else:
        column = _column(value.array, walk)
    beside: Node = {}
    if value.name is not None:
        beside["name"] = walk.node(value.name)
    if getattr(value, "freq", None) is not None:
        beside["freq"] = value.freqstr
    return tagged(value, column, walk, **beside)


def make_index(_cls: Any, tree: Node, make: Make) -> object:
    """Make an index; see `index`."""
    import numpy as np
    import pandas as pd

    name = _label(make(tree.get("name")))
    content = content_of(tree)
    if "$range" in content:
        return pd.RangeIndex(checked(make(content), range), name=name)
    items = _made_column(content, make)
    if type(items) is np.ndarray and items.dtype == object:
        for item in items.tolist():
            _label(item)
    made = pd.Index(items, dtype=items.dtype, name=name)
    if "freq" in tree:
        return pd.DatetimeIndex(made, freq=text_of_form(tree["freq"], _FREQUENCY))
    return made


def _label(made: Any) -> Any:
    """Give a label: to hash it runs no code.

    Raises:
        TypeError: It is none.
    """
    if not classes.is_key(made):
        raise TypeError("a label is no plain value")
    return made


def checked_index(made: Any) -> Any:
    """Give what is an index.

    Raises:
        TypeError: It is none.
    """
    import pandas as pd

    if not isinstance(made, pd.Index):
        raise TypeError("labels are no index")
    return made


def levels(value: Any, walk: Opener) -> Tree:
    """Open an index of several levels: by their labels, to be kept with their codes."""
    if not walk.is_kept:
        labels = [value.get_level_values(place) for place in range(value.nlevels)]
        return tagged(value, [walk.node(one) for one in labels], walk)
    content: Tree = [walk.node(level) for level in value.levels]
    codes: Tree = [data_of(codes, walk) for codes in value.codes]
    return tagged(value, content, walk, codes=codes, names=walk.node(list(value.names)))


def make_levels(cls: Any, tree: Node, make: Make) -> object:
    """Make an index of several levels; see `levels`."""
    import numpy as np

    return cls(
        [checked_index(make(level)) for level in checked(content_of(tree), list)],
        [array_made(codes, np.int64, make) for codes in checked(tree["codes"], list)],
        names=[_label(make(name)) for name in checked(tree["names"], list)],
    )


# -- single values


def stamp(value: Any, walk: Opener) -> Tree:
    """Open a moment."""
    content: Node = {"moment": value.isoformat()}
    if value.tzinfo is not None:
        content["zone"] = str(value.tzinfo)
        content["fold"] = value.fold
    if walk.is_kept:
        content["unit"] = value.unit
    return tagged(value, content, walk)


def make_stamp(cls: Any, tree: Node, _make: Make) -> object:
    """Make a moment; see `stamp`."""
    content = checked(content_of(tree), dict)
    made = cls(text_of_form(content["moment"], MOMENT_FORM))
    if "zone" in content:
        made = made.tz_convert(_zone_of(content["zone"]))
        made = made.replace(fold=checked(content["fold"], int))
    return made.as_unit(checked(content["unit"], str))


def constant(value: Any, walk: Opener) -> Tree:
    """Give the one value that has this name: `{"$pandas:NaT": None}`."""
    return tagged(value, None, walk)


def make_constant(value: Any, _tree: Node, _make: Make) -> object:
    """Give the one value; see `constant`."""
    return value
