"""Replaces the functions that wait, wherever modules hold them, for a part of a test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

from pytest_mimic._core.patch.holders import all_namespaces, modules_now, read, write

_MODULES = ("time", "asyncio", "trio")


class _Place(NamedTuple):
    """A name in a module, the function that it held, and the one put in its place."""

    namespace: dict[str, object]
    name: str
    original: object
    wrapper: object


class Sleeps:
    """The functions that wait, and the places that hold them.

    A run may have thousands of tests with a miss, so each module is searched only once. This is why `_patch`, which
    looks at all modules and classes each time, is not used. A function that somebody else has put in place of a sleep
    is left alone.

    Args:
        wrap: Returns the wrapper of a function that waits.
    """

    def __init__(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._wrap = wrap
        self._wrapped: dict[int, tuple[object, object]] = {}  # a sleep and its wrapper, by the ids of both
        self._places: list[_Place] = []
        self._searched: dict[int, dict[str, object]] = {}
        self._modules: tuple[int, ...] = ()

    def replace(self) -> None:
        """Put the wrappers into all modules that hold a sleep."""
        for name in _MODULES:
            sleep: Any = getattr(sys.modules.get(name), "sleep", None)
            if _is_genuine(sleep, name) and id(sleep) not in self._wrapped:
                self._searched.clear()
                self._modules = ()
                pair = sleep, self._wrap(sleep)
                self._wrapped |= dict.fromkeys(map(id, pair), pair)
        self._search()
        for place in self._places:
            if read(place.namespace, place.name) is place.original:
                write(place.namespace, place.name, place.wrapper)

    def restore(self) -> None:
        """Put the sleeps back, also in modules that were imported since."""
        self._search()
        for place in self._places:
            if read(place.namespace, place.name) is place.wrapper:
                write(place.namespace, place.name, place.original)

    def _search(self) -> None:
        modules = modules_now()
        if modules == self._modules:  # as after most tests
            return
        self._modules = modules
        for namespace in all_namespaces():
            if id(namespace) in self._searched:
                continue
            self._searched[id(namespace)] = namespace  # kept, so that no other one gets its id
            if self._wrapped.keys().isdisjoint(map(id, namespace.values())):
                continue
            for name, held in list(namespace.items()):
                if id(held) in self._wrapped:
                    self._places.append(_Place(namespace, name, *self._wrapped[id(held)]))


def _is_genuine(sleep: object, module: str) -> bool:
    """Check whether a sleep is its module's own, and not one that somebody has put in its place."""
    if isinstance(sleep, FunctionType):
        return str(sleep.__globals__.get("__name__")).partition(".")[0] == module
    return isinstance(sleep, BuiltinFunctionType) and sleep.__module__ == module
