"""Pickling what has no importable name, by value; loaded only when something needs it."""

from __future__ import annotations

import io
import types
from typing import Any, ClassVar

import cloudpickle  # type: ignore[import-untyped]

from pytest_mimic._outcome.names import importable, name_of
from pytest_mimic._outcome.pickles import named, reduced


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, except that whatever has an importable name goes by it, `__main__`'s too.

    Attributes:
        by_value: The names of the functions and classes stored by value.
    """

    # cloudpickle stores an open file as its text, a memoryview as bytes: neither is what was returned.
    dispatch_table: ClassVar[dict[type, Any]] = {
        kind: reduce
        for kind, reduce in cloudpickle.Pickler.dispatch_table.items()
        if kind not in (io.TextIOWrapper, memoryview)
    }

    def __init__(self, file: Any, protocol: int, *, buffer_callback: Any) -> None:
        super().__init__(file, protocol=protocol, buffer_callback=buffer_callback)
        self.by_value: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        thing = obj
        if not isinstance(thing, (type, types.FunctionType)):
            return reduced(thing)
        found = importable(thing)
        if found is thing:
            return NotImplemented
        if found is not None:
            return named, tuple(name_of(thing).split(":"))
        by_value = super().reducer_override(thing)
        if by_value is not NotImplemented and not _is_builtin(thing):
            self.by_value.add(name_of(thing))
            if isinstance(thing, type):
                return _with_qualified_name(by_value, thing)
        return by_value


def _with_qualified_name(reduced: Any, cls: type) -> Any:
    """cloudpickle's reduction of a class, which leaves out where in its module the class stood."""
    make, arguments, state, *rest = reduced
    attributes, slots = state
    return make, arguments, ({**attributes, "__qualname__": cls.__qualname__}, slots), *rest


def _is_builtin(thing: Any) -> bool:
    """Whether the thing is a type of the interpreter that cloudpickle fetches by name, such as NoneType."""
    return isinstance(thing, type) and thing.__module__ == "builtins"
