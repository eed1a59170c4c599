"""The texts of values that are shown by one text: dates, numbers, paths, functions, arrays."""

from __future__ import annotations

from typing import Any

# How many items of an array or columns of a table are few enough to show.
_FEW = 6


def library_text(value: Any) -> str:
    """Return `ndarray float64 1797x64`: type, dtype and shape of a library's value; small arrays with their items."""
    element, shape = library_facts(value)
    text = " ".join(filter(None, [type(value).__qualname__, element, "x".join(map(str, shape))]))
    if type(value).__qualname__ == "ndarray" and value.dtype.kind in "biufc" and value.size <= _FEW:
        return f"{text} {value.tolist()}"
    columns = getattr(value, "columns", None) if len(shape) == 2 else None
    if columns is None or not 0 < len(columns) <= _FEW or not all(isinstance(name, str) for name in columns):
        return text
    return f"{text}: {', '.join(columns)}"


def library_facts(value: object) -> tuple[str, tuple[int, ...]]:
    """Return the dtype, type or mode of the elements of a library's value, empty if it has none, and its shape."""
    kinds = [getattr(value, name, None) for name in ("dtype", "type", "mode")]
    # A frame gives its column of that name.
    elements = [
        kind for kind in kinds if kind is not None and not callable(kind) and not getattr(kind, "ndim", 0)
    ]
    return str(elements[0]) if elements else "", _shape(value)


def _shape(value: Any) -> tuple[int, ...]:
    for name in ("shape", "size"):
        shape = getattr(value, name, None)
        if isinstance(shape, tuple):
            return tuple(shape)
    try:
        return (len(value),)
    except Exception:  # a single rotation of scipy has no length, and __len__ of any class may fail
        return ()
