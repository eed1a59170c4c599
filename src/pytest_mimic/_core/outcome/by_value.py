"""Functions and classes without an importable name, pickled by value. It imports cloudpickle, so it is loaded late."""

from __future__ import annotations

import io
import types
from typing import Any, ClassVar

import cloudpickle  # type: ignore[import-untyped]

from pytest_mimic._core.outcome.names import importable, name_of
from pytest_mimic._core.outcome.reducing import named, reduced


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, except that anything with an importable name goes by it, also in `__main__`.

    `by_value` has the names of the functions and classes stored by value.
    """

    # cloudpickle stores an open file as its text and a memoryview as bytes. Neither is what the call returned.
    dispatch_table: ClassVar[dict[type, Any]] = {
        kind: reduce
        for kind, reduce in cloudpickle.Pickler.dispatch_table.items()
        if kind not in (io.TextIOWrapper, memoryview)
    }

    def __init__(self, file: object, protocol: int, *, buffer_callback: object) -> None:
        super().__init__(file, protocol=protocol, buffer_callback=buffer_callback)
        self.by_value: set[str] = set()

    def reducer_override(self, obj: object) -> Any:
        """Return the reduction of a value, or NotImplemented to leave it to the pickler."""
        if not isinstance(obj, (type, types.FunctionType)):
            return reduced(obj)
        if (constant := reduced(obj)) is not NotImplemented:
            return constant
        found = importable(obj)
        if found is obj:
            return NotImplemented
        if found is not None:
            return named, tuple(name_of(obj).split(":"))
        by_value: Any = super().reducer_override(obj)
        # cloudpickle fetches some types of the interpreter by name, such as NoneType.
        is_builtin = isinstance(obj, type) and obj.__module__ == "builtins"
        if by_value is not NotImplemented and not is_builtin:
            self.by_value.add(name_of(obj))
            if isinstance(obj, type):
                # cloudpickle leaves out the qualified name.
                make, arguments, (attributes, slots), *rest = by_value
                attributes = {**attributes, "__qualname__": obj.__qualname__}
                return make, arguments, (attributes, slots), *rest
        return by_value
