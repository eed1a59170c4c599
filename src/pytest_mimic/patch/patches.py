"""Puts wrappers wherever a function is held, and restores every place exactly."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache, partial
from types import BuiltinFunctionType, MethodType
from typing import Any, NamedTuple

from pytest_mimic.patch.clients import Function
from pytest_mimic.patch.holders import (
    Holder,
    address_of,
    inside_of,
    is_machinery,
    namespace_of,
    places_that_hold,
    read,
    rebuilt,
    write,
)

# Functions that a class does not bind to its instances.
_NEVER_BOUND = (MethodType, BuiltinFunctionType, partial)


class NamedFunction(NamedTuple):
    """A function that a target or an edge names.

    Attributes:
        holder: Where it is looked up.
        name: Its name there.
        original: What the holder, or a base of it, holds while nothing is patched.
        function: The function inside of the original, which may be a descriptor.
        label: `module:path` as it was named.
        is_inherited: Whether only a base of the class holds it.
        may_be_elsewhere: Whether another module or class may hold it, too.
    """

    holder: Holder
    name: str
    original: Any
    function: Any
    label: str
    is_inherited: bool
    may_be_elsewhere: bool

    @property
    def key(self) -> object:
        """What tells it from others; what a class inherits is the class's own."""
        if self.is_inherited:
            return address_of(self.holder), self.name
        return address_of(self.function)


class _Patch(NamedTuple):
    holder: Holder
    name: str
    original: object
    substitute: object


class Patches:
    """What this run has put in the place of functions, descriptors and bound methods.

    With `shop` as `def rate(): …` and `class Cart` with `total = staticmethod(rate)`,
    and `app` with `from shop import rate`, the target `shop:rate` gets a wrapper `w`:

    | holder | name | original | substitute |
    |---|---|---|---|
    | `shop` | `rate` | `rate` | `w` |
    | `shop.Cart` | `total` | `staticmethod(rate)` | `staticmethod(w)` |
    | `app` | `rate` | `rate` | `w` |

    A class that inherits a function holds nothing itself before, and nothing after.
    """

    def __init__(self) -> None:
        self._patched: dict[tuple[int, str], _Patch] = {}
        # By the address of a substitute: the substitute, so that no other object gets
        # its address, and what it stands for.
        self._originals: dict[int, tuple[object, object]] = {}
        self._modules_before = frozenset(sys.modules)

    def is_patched(self, holder: Holder, name: str) -> bool:
        """Return whether a holder itself has a substitute under a name."""
        return address_of(read(holder, name)) in self._originals

    def original_of(self, held: object) -> Any:
        """Return what a substitute stands for; any other object as it is."""
        _, original = self._originals.get(address_of(held), (held, held))
        return original

    def original(self, holder: Holder, name: str) -> Any:
        """Return what a holder itself held before this run, or `NOT_HELD`.

        What other tools have put there since counts as its own.
        """
        held = read(holder, name)
        place = self._patched.get((address_of(holder), name))
        if place is not None and place.substitute is held:
            return place.original
        return self.original_of(held)

    def put(self, named: NamedFunction, wrapper: Function) -> None:
        """Put the wrapper, or what carries it, where a function is named."""
        holder, name, original, function, *_ = named
        substitute: object = wrapper
        if inside_of(original) is function:
            substitute = rebuilt(original, wrapper)
        elif not isinstance(holder, dict) and not _is_bound_by_classes(original):
            # A class binds each Python function, so the wrapper too.
            substitute = staticmethod(wrapper)
        self._originals.setdefault(address_of(substitute), (substitute, original))
        self._originals.setdefault(address_of(wrapper), (wrapper, function))
        place = _Patch(holder, name, read(holder, name), substitute)
        self._patched[address_of(holder), name] = place
        write(holder, name, substitute)

    def put_wherever_held(
        self,
        wrapped: Sequence[tuple[NamedFunction, Function]],
        since: str | None = None,
    ) -> None:
        """Put wrappers wherever modules and their classes hold the functions.

        Args:
            wrapped: Functions, each patched already where it is named.
            since: The first module to search, by order of import.
        """
        notes = {}
        for named, wrapper in wrapped:
            # What pytest defines is called by nobody else.
            if named.may_be_elsewhere and not is_machinery(named.label):
                notes[address_of(named.function)] = named, wrapper
                notes[address_of(named.original)] = named, wrapper
        if not notes:
            return
        for holder, name, held, (named, wrapper) in places_that_hold(
            notes, since=since
        ):
            self.put(named._replace(holder=holder, name=name, original=held), wrapper)

    def restore_place(self, holder: Holder, name: str) -> None:
        """Put back what a holder held, unless another tool has put something there."""
        place = self._patched.pop((address_of(holder), name), None)
        if place is not None and read(holder, name) is place.substitute:
            write(holder, name, place.original)

    def restore(self) -> None:
        """Restore all places, also the places into which a wrapper was copied."""
        for holder, name, *_ in list(self._patched.values()):
            self.restore_place(holder, name)
        notes = {address: one for address, (_, one) in self._originals.items()}
        if notes:
            leaves_out = cache(self._fetches_nothing)
            for holder, name, held, original in places_that_hold(notes, leaves_out):
                is_bare = address_of(held) in notes
                write(holder, name, original if is_bare else rebuilt(held, original))
        self._originals.clear()

    def _fetches_nothing(self, module: str) -> bool:
        """Return whether a module can hold no copy: a library that was there before."""
        if is_machinery(module):
            return True
        if module not in self._modules_before:
            return False
        if module.partition(".")[0] in sys.stdlib_module_names:
            return True
        file = str(namespace_of(sys.modules.get(module)).get("__file__"))
        return "site-packages" in file or "dist-packages" in file


def _is_bound_by_classes(function: object) -> bool:
    cls = type(function)
    return hasattr(cls, "__get__") and not issubclass(cls, _NEVER_BOUND)
