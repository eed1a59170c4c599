"""Arrays, frames and tensors in a few words, and compared by their own libraries.

Verifying compares real outcomes with recorded ones so. No identity depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

# The dtypes of labels that may be texts.
_DTYPES_OF_TEXTS = (object, "object", "str", "string")
# How many lines are shown of the text of a library's assertion.
_MOST_LINES = 5
# How many characters are shown of each line.
_LONGEST_LINE = 120
# The words of a drift for those of numpy's and pandas' assertions.
_WORDS_OF_DRIFT = (
    ("[left]:", "recorded"),
    ("[right]:", "now"),
    ("DESIRED:", "recorded"),
    ("ACTUAL:", "now"),
    ("(DESIRED)", "recorded"),
    ("(ACTUAL)", "now"),
    ("are different (", "differs ("),
)
# The lines of an assertion's text that say no more than that something differs.
_HEADING = re.compile(
    r"Arrays are not equal|Not equal to tolerance.*|.* (are|is) different"
)


def library_difference(
    recorded: Any, actual: Any, *, rtol: float, atol: float
) -> str | None:
    """Return in a line how two values of one library's type differ.

    None: they are equal within the tolerances.
    """
    library = _comparing_library(type(recorded))
    if library is None:
        # Their identities have told that they differ, and nothing tells how.
        return "differs"
    tolerances: dict[str, float] = {}
    if rtol or atol:
        tolerances = {"rtol": rtol, "atol": atol}
    try:
        # The assertions of these libraries compare elements alone, or convert them.
        for name in _ATTRIBUTES_COMPARED.get(library, ()):
            old_fact = getattr(recorded, name, None)
            new_fact = getattr(actual, name, None)
            if old_fact != new_fact:
                raise AssertionError(f"{name} {old_fact} recorded, {new_fact} now")
        _COMPARE_BY_LIBRARY[library](recorded, actual, tolerances)
    except AssertionError as error:
        return _assertion_in_a_line(str(error))
    # The library may be unable to compare such values, and raise anything.
    except Exception as error:
        return f"differs ({type(error).__name__}: {_assertion_in_a_line(str(error))})"
    return None


def _comparing_library(kind: type) -> str | None:
    """Return the library of a type, or of a base of it, that compares its values.

    None: no library does, so that a drift only says that they differ.
    """
    for base in kind.__mro__:
        package = _library_of_class(base)
        if package in _COMPARE_BY_LIBRARY:
            return package
    return None


def library_shape(value: Any) -> tuple[object, ...]:
    """Return what counts of a library's value with `compare=shape`.

    Its dtypes, the names of its columns and the number of its dimensions count. A value
    in which one of them differs has drifted.
    """
    dtypes: Any = ""
    for name in ("dtypes", "dtype", "type"):
        if hasattr(value, name):
            dtypes = getattr(value, name)
            break
    if not hasattr(dtypes, "__len__"):
        # An array or a column has one dtype, and a frame has several.
        dtypes = [dtypes]
    columns: Any = getattr(value, "columns", ())
    if not hasattr(columns, "__len__"):
        columns = ()
    dimensions = len(getattr(value, "shape", ()))
    return (*map(str, columns), *map(str, dtypes), dimensions)


def labels_of(value: Any) -> Iterator[object]:
    """Yield the names of a value, and of its columns, rows and fields.

    A secret name among them hides values in descriptions and drifts.
    """
    labels = [
        getattr(value, "name", None),
        *_field_names(getattr(value, "dtype", None)),
    ]
    for axis in ("columns", "index", "column_names"):
        names = getattr(value, axis, ())
        if callable(names):
            # The `index` of a list-like class is a method.
            continue
        labels.extend(getattr(names, "names", ()))
        if getattr(names, "dtype", object) in _DTYPES_OF_TEXTS:
            labels.extend(names)
    for label in labels:
        if isinstance(label, tuple):
            # A label of several levels.
            yield from label
        else:
            yield label


def _field_names(dtype: Any) -> Iterator[str]:
    """Yield the names of the fields of a structured dtype, also of fields in fields.

    numpy has a mapping of the fields, polars and pyarrow have a list.
    """
    fields = getattr(dtype, "fields", None)
    if isinstance(fields, Mapping):
        for name, (field_dtype, *_) in fields.items():
            yield name
            yield from _field_names(field_dtype)
    elif isinstance(fields, (list, tuple)):
        for field in fields:
            yield field.name
            # A field of polars has its dtype as `dtype`, one of pyarrow as `type`.
            yield from _field_names(getattr(field, "dtype", None))
            yield from _field_names(getattr(field, "type", None))


def _library_of_class(kind: type) -> str:
    return str(kind.__module__).partition(".")[0]


# One function for each library compares two of its values, and raises AssertionError if
# they differ by more than the tolerances. Without tolerances, they must be equal.


def _difference_by_numpy(
    recorded: Any, actual: Any, tolerances: dict[str, float]
) -> None:
    testing = import_module("numpy.testing")
    if hasattr(recorded, "mask"):
        # The assertions ignore the mask.
        testing.assert_array_equal(actual.mask, recorded.mask, "the masks differ")
        recorded, actual = recorded.filled(0), actual.filled(0)
    if tolerances and recorded.dtype.kind in "fciu":
        testing.assert_allclose(actual, recorded, equal_nan=True, **tolerances)
    else:
        testing.assert_array_equal(actual, recorded)


def _difference_by_pandas(
    recorded: Any, actual: Any, tolerances: dict[str, float]
) -> None:
    testing = import_module("pandas.testing")
    for base in type(recorded).__mro__:
        assert_equal = getattr(testing, _PANDAS_ASSERTIONS.get(base.__name__, ""), None)
        if assert_equal is None:
            continue
        options: dict[str, object] = {"check_exact": not tolerances}
        if base.__name__ == "Index" and tolerances:
            # The assertion of an index takes either option.
            options = {}
        assert_equal(recorded, actual, **options, **tolerances)
        return
    # The values are scalars of pandas, such as a `Timestamp`. NaT differs from itself.
    is_missing = recorded != recorded
    if recorded != actual and not is_missing:
        raise AssertionError(f"{recorded!r} recorded, {actual!r} now")


def _difference_by_polars(
    recorded: Any, actual: Any, tolerances: dict[str, float]
) -> None:
    from inspect import signature

    testing = import_module("polars.testing")
    assert_equal = testing.assert_series_equal
    if hasattr(recorded, "columns"):
        assert_equal = testing.assert_frame_equal
    options: dict[str, object] = {"check_exact": True}
    if tolerances and "rel_tol" in signature(assert_equal).parameters:
        options = {"rel_tol": tolerances["rtol"], "abs_tol": tolerances["atol"]}
    elif tolerances:
        # An older polars has the names of numpy.
        options = {**tolerances}
    assert_equal(recorded, actual, **options)


def _difference_by_scipy(
    recorded: Any, actual: Any, tolerances: dict[str, float]
) -> None:
    # Two sparse matrices are equal if these arrays of their row form are: where each
    # row begins, the column of each entry, and the entries.
    sides = [side.tocsr().sorted_indices() for side in (recorded, actual)]
    for name in ("indptr", "indices", "data"):
        _difference_by_numpy(
            getattr(sides[0], name), getattr(sides[1], name), tolerances
        )


def _difference_by_arrow(
    recorded: Any, actual: Any, tolerances: dict[str, float]
) -> None:
    _difference_by_pandas(recorded.to_pandas(), actual.to_pandas(), tolerances)


def _difference_by_torch(
    recorded: Any, actual: Any, tolerances: dict[str, float]
) -> None:
    testing = import_module("torch.testing")
    if not tolerances:
        tolerances = {"rtol": 0, "atol": 0}
    testing.assert_close(actual, recorded, equal_nan=True, **tolerances)


# The attributes that must be the same besides the elements, by the library.
_ATTRIBUTES_COMPARED = {
    "numpy": ("dtype", "shape"),
    "pyarrow": ("type", "schema"),
    "scipy": ("dtype", "shape"),
}
_PANDAS_ASSERTIONS = {
    "DataFrame": "assert_frame_equal",
    "ExtensionArray": "assert_extension_array_equal",
    "Index": "assert_index_equal",
    "Series": "assert_series_equal",
}
_COMPARE_BY_LIBRARY: dict[str, Callable[[Any, Any, dict[str, float]], None]] = {
    "numpy": _difference_by_numpy,
    "pandas": _difference_by_pandas,
    "polars": _difference_by_polars,
    "pyarrow": _difference_by_arrow,
    "scipy": _difference_by_scipy,
    "torch": _difference_by_torch,
}


def _assertion_in_a_line(text: str) -> str:
    """Return the first lines of an assertion's text as one, in the words of a drift."""
    for words_of_library, words_of_drift in _WORDS_OF_DRIFT:
        text = text.replace(words_of_library, words_of_drift)
    lines: list[str] = []
    lines_without_headings: list[str] = []
    for line in text.splitlines():
        folded_line = " ".join(line.split())
        if not folded_line:
            continue
        lines.append(folded_line[:_LONGEST_LINE])
        if not _HEADING.fullmatch(folded_line):
            lines_without_headings.append(folded_line[:_LONGEST_LINE])
    if not lines_without_headings:
        # A text of nothing but headings says more than none.
        lines_without_headings = lines
    return "; ".join(lines_without_headings[:_MOST_LINES]) or "differs"


# -- as a text

# An array of so many items, or a table of so many columns, is shown with them.
_MOST_SHOWN = 6


def library_text(value: Any) -> str:
    """Return the type, dtype and shape of a library's value: `ndarray float64 1797x64`.

    Descriptions, and the previews of pickled outcomes, show values so. A small array is
    shown with its items, a small table with the names of its columns.
    """
    class_name = type(value).__qualname__
    shape = _shape_of(value)
    words = [class_name, _element_type(value), "x".join(map(str, shape))]
    text = " ".join(filter(None, words))
    is_array = class_name == "ndarray" and value.dtype.kind in "biufc"
    if is_array and value.size <= _MOST_SHOWN:
        return f"{text} {value.tolist()}"
    columns = getattr(value, "columns", None)
    if len(shape) != 2 or columns is None or not 0 < len(columns) <= _MOST_SHOWN:
        return text
    if not all(isinstance(name, str) for name in columns):
        return text
    return f"{text}: {', '.join(columns)}"


def _element_type(value: Any) -> str:
    """Return the type of the elements of a value in words; empty if it has none."""
    for name in ("dtype", "type", "mode"):
        element_type = getattr(value, name, None)
        if element_type is None or callable(element_type):
            continue
        # A frame with a column `type` gives this column, which has dimensions.
        if not getattr(element_type, "ndim", False):
            return str(element_type)
    return ""


def _shape_of(value: Any) -> tuple[int, ...]:
    """Return the extent of a value in each dimension; empty if it has none."""
    for name in ("shape", "size"):
        shape = getattr(value, name, None)
        if isinstance(shape, tuple):
            return tuple(shape)
    try:
        return (len(value),)
    except Exception:
        # A single rotation of scipy has no length, and `__len__` of a class may fail.
        return ()
