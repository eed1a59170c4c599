"""Puts the wrappers of functions wherever these are held, and restores all that when the run ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import MethodType
from typing import Any

from pytest_mimic._core.origin import is_machinery
from pytest_mimic._core.patch.descriptors import CARRIERS, as_attribute, behind, carried, rebuilt
from pytest_mimic._core.patch.find import Found
from pytest_mimic._core.patch.holders import (
    MISSING,
    Holder,
    all_holders,
    held_by,
    identity_of,
    is_library,
    read,
    write,
)

Wrapper = Callable[..., object]
# The types that may carry a function in a module and in a class.
_IN_MODULE = frozenset({identity_of(MethodType)})
_IN_CLASS = frozenset(map(identity_of, CARRIERS))


class Patches:
    """What this run has put in the place of functions, of descriptors and of bound methods."""

    def __init__(self) -> None:
        self._places: list[
            tuple[Holder, str, object, object]
        ] = []  # what was held there before, and what is ours
        self._ours: dict[int, tuple[object, object]] = {}  # by id: one of ours, and what it stands for
        self._made: dict[
            tuple[int, int, bool], object
        ] = {}  # by the ids of a wrapper and of what it stands for
        self._added: set[tuple[int, str]] = set()  # by the id of a holder: names that it did not hold itself
        self._alone: set[int] = set()  # the ids of those of ours that nothing copies
        self._before: frozenset[str] = frozenset()  # the modules that were there before the others of ours

    def original(self, held: object) -> object:
        """Return the object that stood where one of ours is held; another object as it is."""
        return self._ours.get(identity_of(held), (held, held))[1]

    def held(self, holder: Holder, name: str) -> object:
        """Return what a holder itself held under a name before this run, or was given by others; else MISSING."""
        return MISSING if (identity_of(holder), name) in self._added else self.original(read(holder, name))

    def is_ours(self, held: object) -> bool:
        return identity_of(held) in self._ours

    def install(
        self, fresh: Iterable[tuple[Found, Wrapper]], holders: Iterable[Holder] | None = None
    ) -> None:
        """Put wrappers where their functions were found, and wherever these holders have the functions.

        With None, nothing else holds the functions, or will copy their wrappers.
        """
        known = len(self._ours)
        wanted: dict[int, tuple[object, Wrapper]] = {}
        for found, wrapper in fresh:
            self._put(found.holder, found.name, found.original, found.function, wrapper)
            if found.is_own:  # else its base keeps it
                inside = carried(found.original)
                for thing in (found.function, found.original, inside):
                    if thing is not None and (thing is not inside or behind(inside) is found.function):
                        wanted[identity_of(thing)] = found.function, wrapper
        if holders is None:
            self._alone.update([*self._ours][known:])
            return
        self._before = self._before or frozenset(sys.modules)
        for holder, name, held, (function, wrapper) in _holding(wanted, holders):
            self._put(holder, name, held, function, wrapper)

    def _put(self, holder: Holder, name: str, original: object, function: object, wrapper: Wrapper) -> None:
        key = identity_of(wrapper), identity_of(original), isinstance(holder, type)
        if key not in self._made:
            inside = carried(original)
            if inside is not None and behind(inside) is function:
                ours = rebuilt(original, wrapper)
            else:
                ours, inside = as_attribute(original, wrapper) if key[2] else wrapper, original
            self._made[key] = ours
            self._ours.setdefault(identity_of(ours), (ours, original))
            self._ours.setdefault(identity_of(wrapper), (wrapper, inside))
        before, ours = read(holder, name), self._made[key]
        if before is not ours:
            if before is MISSING:
                self._added.add((identity_of(holder), name))
            write(holder, name, ours)
            self._places.append((holder, name, before, ours))

    def give_back(self, key: tuple[int, str]) -> None:
        """Let a class inherit a function again."""
        self._added.discard(key)
        for place in [place for place in self._places if (identity_of(place[0]), place[1]) == key]:
            self._places.remove(place)
            if read(place[0], place[1]) is place[3]:
                write(place[0], place[1], place[2])

    def restore(self) -> None:
        """Restore all places, and those into which a wrapper was copied. What others put there stays."""
        while self._places:  # the last one first, as one may have replaced what another had put there
            holder, name, before, ours = self._places.pop()
            if read(holder, name) is ours:
                write(holder, name, before)
        copied = {key: original for key, (_, original) in self._ours.items() if key not in self._alone}
        libraries = cache(is_library)

        def is_unchanged(module: str) -> bool:  # a library's that was imported before copies no wrapper
            return is_machinery(module) or (module in self._before and libraries(module.partition(".")[0]))

        for holder, name, held, original in _holding(copied, all_holders(cache(is_unchanged))):
            write(holder, name, original if self.is_ours(held) else rebuilt(held, original))
        for memory in (self._ours, self._made, self._added, self._alone):
            memory.clear()
        self._before = frozenset()


def _holding(wanted: dict[int, Any], holders: Iterable[Holder]) -> Iterator[tuple[Holder, str, object, Any]]:
    """Yield every place that holds one of these objects, or a descriptor around one, with what is noted for it."""
    for holder in holders if wanted else ():
        carriers = _IN_MODULE if isinstance(holder, dict) else _IN_CLASS
        values = held_by(holder).values()
        # Most holders are skipped here. Objects and types go by identity: some have no hash, or an `__eq__` that raises.
        if wanted.keys().isdisjoint(map(identity_of, values)) and carriers.isdisjoint(
            map(identity_of, map(type, values))
        ):
            continue
        for name, held in list(held_by(holder).items()):
            key = identity_of(held)
            if key not in wanted and identity_of(type(held)) in carriers:
                key = identity_of(carried(held))
            if key in wanted:
                yield holder, name, held, wanted[key]
