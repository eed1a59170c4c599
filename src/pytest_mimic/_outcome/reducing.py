"""Ways to pickle a value that pickling by name and pickling by value share."""

from __future__ import annotations

import gc
import pickle
from collections import OrderedDict
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

from pytest_mimic._outcome import exceptions


def reduced(thing: Any) -> Any:
    """Return the reduction of a value that Python's own would not keep whole, or NotImplemented for any other."""
    if isinstance(thing, BaseException):
        return exceptions.reduce(thing)
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


def named(module: str, qualname: str) -> Any:
    """Represent a function whose name leads to its mimic wrapper (see `Admission`).

    It always raises UnpicklingError. Only pytest-mimic loads such a pickle, and never calls this.
    """
    raise pickle.UnpicklingError(f"{module}:{qualname} is loaded by pytest-mimic alone")


# The name that recordings have for it.
named.__module__ = "pytest_mimic._outcome.pickles"
