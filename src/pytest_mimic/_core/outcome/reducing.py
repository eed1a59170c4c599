"""Ways to pickle a value that pickling by name and pickling by value share."""

from __future__ import annotations

import gc
import pickle
import re
from collections import OrderedDict
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

from pytest_mimic._core.outcome import exceptions

# Values that read files later, by package and class, and how to get their data.
_LAZY = {
    ("polars", "LazyFrame"): "collect()",
    ("pyarrow", "FileSystemDataset"): "to_table()",
}
_SCAN = re.compile(r"\s*[\w ]*\bSCAN\b")


class LazyValueError(TypeError):
    """A value cannot be stored, because it reads files later."""


def reduced(thing: Any) -> Any:
    """Return the reduction of a value that Python's own would not keep whole, or NotImplemented for any other."""
    if isinstance(thing, BaseException):
        return exceptions.reduce(thing)
    if (remedy := lazy_remedy(thing)) is not None:
        raise LazyValueError(remedy)
    # Python 3.10 loses the scope.
    if type(thing).__name__ == "IPv6Address" and getattr(thing, "scope_id", None):
        return type(thing), (str(thing),)
    if type(thing).__name__ in _VIEWS and isinstance(thing, _VIEW_TYPES):
        # The dict itself, so that the view shows its later changes. `mapping` is a proxy of it.
        return view, (gc.get_referents(thing)[0], _VIEWS[type(thing).__name__])
    return NotImplemented


_VIEWS = {f"{kind}_{name}": name for kind in ("dict", "odict") for name in ("keys", "values", "items")}
_VIEW_TYPES = (KeysView, ValuesView, ItemsView)


def view(mapping: dict[Any, Any], name: str) -> Any:
    """Return a view of a dict: its `keys`, `values` or `items`."""
    kind = OrderedDict if isinstance(mapping, OrderedDict) else dict
    if name not in _VIEWS.values():
        raise pickle.UnpicklingError(f"a dict has no view {name!r}")
    return getattr(kind, name)(mapping)


def lazy_remedy(thing: Any) -> str | None:
    """Return how to get the data of a value that reads files later, which may be gone then. None for any other value."""
    kind = type(thing)
    remedy = _LAZY.get((str(kind.__module__).partition(".")[0], kind.__name__))
    is_lazy = remedy is not None and (kind.__name__ != "LazyFrame" or _scans(thing))
    return remedy if is_lazy else None


def _scans(frame: Any) -> bool:
    """Return whether the plan of a polars LazyFrame reads anything besides frames in memory."""
    try:
        plan: str = frame.explain(optimized=False)
    except Exception:  # the file is gone already, or the plan is wrong
        return True
    return any(_SCAN.match(line) for line in plan.splitlines())


def named(module: str, qualname: str) -> Any:
    """Represent a function whose name leads to its mimic wrapper (see `Admission`).

    It always raises UnpicklingError. Only pytest-mimic loads such a pickle, and never calls this.
    """
    raise pickle.UnpicklingError(f"{module}:{qualname} is loaded by pytest-mimic alone")


# The name that recordings have for it.
named.__module__ = "pytest_mimic._core.outcome.pickles"
