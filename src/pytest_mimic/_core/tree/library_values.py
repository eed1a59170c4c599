"""Arrays, frames and tensors in a few words, and compared by their own libraries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

# How much is shown of the text of a library's assertion: the number of lines, and of
# the characters of each line.
_LINES, _WIDTH = 5, 120
# The words of a drift for those of numpy's and pandas' assertions.
_WORDS = (
    *(
        ("[left]:", "recorded"),
        ("[right]:", "now"),
        ("DESIRED:", "recorded"),
        ("ACTUAL:", "now"),
    ),
    *(("(DESIRED)", "recorded"), ("(ACTUAL)", "now"), ("are different (", "differs (")),
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
    library = next(
        (
            top
            for base in type(recorded).__mro__
            if (top := _package(base)) in _BY_LIBRARY
        ),
        None,
    )
    if library is None:
        return "differs"
    try:
        for name in _FACTS.get(library, ()):
            old_fact = getattr(recorded, name, None)
            new_fact = getattr(actual, name, None)
            if old_fact != new_fact:
                raise AssertionError(f"{name} {old_fact} recorded, {new_fact} now")
        _BY_LIBRARY[library](
            recorded, actual, {"rtol": rtol, "atol": atol} if rtol or atol else {}
        )
    except AssertionError as error:
        return _shortened(str(error))
    except Exception as error:  # the library cannot compare such values
        return f"differs ({type(error).__name__}: {_shortened(str(error))})"
    return None


def form(value: Any) -> tuple[object, ...]:
    """Return what counts of a value with `compare=shape`.

    That is its dtypes, the names of its columns and the number of its dimensions.
    """
    types = getattr(
        value, "dtypes", getattr(value, "dtype", getattr(value, "type", ""))
    )
    columns = getattr(value, "columns", ())
    names = [str(name) for name in columns] if hasattr(columns, "__len__") else []
    type_names = (
        [str(one) for one in types] if hasattr(types, "__len__") else [str(types)]
    )
    return (*names, *type_names, len(getattr(value, "shape", ())))


def labels_of(value: Any) -> Iterator[object]:
    """Yield the names of a value, and of its columns, rows and fields."""
    labels = [
        getattr(value, "name", None),
        *_field_names(getattr(value, "dtype", None)),
    ]
    for axis in ("columns", "index", "column_names"):
        names = getattr(value, axis, ())
        if not callable(names):
            labels.extend(getattr(names, "names", ()))
            is_text = getattr(names, "dtype", object) in (
                object,
                "object",
                "str",
                "string",
            )
            labels.extend(names if is_text else ())
    for label in labels:
        yield from label if isinstance(label, tuple) else (label,)


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
            yield from _field_names(getattr(field, "dtype", None))
            yield from _field_names(getattr(field, "type", None))


def _package(kind: type) -> str:
    return str(kind.__module__).partition(".")[0]


# One function for each library compares two of its values, and raises AssertionError if
# they differ by more than the tolerances. Without tolerances, they must be equal.


def _numpy(recorded: Any, actual: Any, tolerances: dict[str, float]) -> None:
    testing = import_module("numpy.testing")
    if hasattr(recorded, "mask"):  # the assertions ignore it
        testing.assert_array_equal(actual.mask, recorded.mask, "the masks differ")
        recorded, actual = recorded.filled(0), actual.filled(0)
    if tolerances and recorded.dtype.kind in "fciu":
        testing.assert_allclose(actual, recorded, equal_nan=True, **tolerances)
    else:
        testing.assert_array_equal(actual, recorded)


def _pandas(recorded: Any, actual: Any, tolerances: dict[str, float]) -> None:
    testing = import_module("pandas.testing")
    for base in type(recorded).__mro__:
        check = getattr(testing, _PANDAS.get(base.__name__, ""), None)
        if check is not None:
            is_index = base.__name__ == "Index"  # which takes either
            exactly = {} if is_index and tolerances else {"check_exact": not tolerances}
            check(recorded, actual, **exactly, **tolerances)
            return
    if recorded != actual and recorded == recorded:  # a NaT equals itself
        raise AssertionError(f"{recorded!r} recorded, {actual!r} now")


def _polars(recorded: Any, actual: Any, tolerances: dict[str, float]) -> None:
    testing = import_module("polars.testing")
    check = (
        testing.assert_frame_equal
        if hasattr(recorded, "columns")
        else testing.assert_series_equal
    )
    from inspect import signature

    names = (
        ("rel_tol", "abs_tol")
        if "rel_tol" in signature(check).parameters
        else ("rtol", "atol")
    )
    check(
        recorded,
        actual,
        **(dict(zip(names, tolerances.values())) or {"check_exact": True}),
    )


def _scipy(recorded: Any, actual: Any, tolerances: dict[str, float]) -> None:
    # Two sparse matrices are equal if these arrays of their row form are: where each
    # row begins, the column of each entry, and the entries.
    sides = [side.tocsr().sorted_indices() for side in (recorded, actual)]
    for name in ("indptr", "indices", "data"):
        _numpy(getattr(sides[0], name), getattr(sides[1], name), tolerances)


# The attributes that must be the same besides the elements, by the library.
_FACTS = {
    "numpy": ("dtype", "shape"),
    "pyarrow": ("type", "schema"),
    "scipy": ("dtype", "shape"),
}
_PANDAS = {
    "DataFrame": "assert_frame_equal",
    "ExtensionArray": "assert_extension_array_equal",
    "Index": "assert_index_equal",
    "Series": "assert_series_equal",
}
_BY_LIBRARY: dict[str, Callable[[Any, Any, dict[str, float]], None]] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": lambda recorded, actual, tolerances: _pandas(
        recorded.to_pandas(), actual.to_pandas(), tolerances
    ),
    "scipy": _scipy,
    "torch": lambda recorded, actual, tolerances: import_module(
        "torch.testing"
    ).assert_close(
        actual, recorded, equal_nan=True, **(tolerances or {"rtol": 0, "atol": 0})
    ),
}


def _shortened(text: str) -> str:
    """Return the first lines of an assertion's text as one, in the words of a drift."""
    for words_of_library, words_of_drift in _WORDS:
        text = text.replace(words_of_library, words_of_drift)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    told_lines = [line for line in lines if not _HEADING.fullmatch(line)] or lines
    return "; ".join(line[:_WIDTH] for line in told_lines[:_LINES]) or "differs"


# -- as a text

# An array of so many items, or a table of so many columns, is shown with them.
_FEW = 6


def library_text(value: Any) -> str:
    """Return the type, dtype and shape of a library's value: `ndarray float64 1797x64`.

    A small array is shown with its items, a small table with the names of its columns.
    """
    shape = _shape(value)
    kinds: list[Any] = [
        getattr(value, name, None) for name in ("dtype", "type", "mode")
    ]
    # A frame with a column `type` gives this column, which has dimensions.
    kinds = [
        kind
        for kind in kinds
        if not (kind is None or callable(kind) or getattr(kind, "ndim", False))
    ]
    element = str(kinds[0]) if kinds else ""
    text = " ".join(
        filter(None, [type(value).__qualname__, element, "x".join(map(str, shape))])
    )
    if (
        type(value).__qualname__ == "ndarray"
        and value.dtype.kind in "biufc"
        and value.size <= _FEW
    ):
        return f"{text} {value.tolist()}"
    columns = getattr(value, "columns", None) if len(shape) == 2 else None
    if (
        columns is None
        or not 0 < len(columns) <= _FEW
        or not all(isinstance(name, str) for name in columns)
    ):
        return text
    return f"{text}: {', '.join(columns)}"


def _shape(value: Any) -> tuple[int, ...]:
    for name in ("shape", "size"):
        shape = getattr(value, name, None)
        if isinstance(shape, tuple):
            return tuple(shape)
    try:
        return (len(value),)
    except (
        Exception
    ):  # a single rotation of scipy has no length, and __len__ of any class may fail
        return ()
