"""Finds every place that holds a function, puts its wrapper there, and restores each place exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partialmethod
from itertools import chain
from types import MethodType
from typing import Any, NamedTuple

from pytest_mimic._core.patch.descriptors import CARRIERS, as_attribute, behind, carried, inner, rebuilt
from pytest_mimic._core.patch.holders import (
    MISSING,
    Holder,
    all_classes,
    all_namespaces,
    frames_with,
    held_by,
    identity_of,
    modules_now,
    read,
    references_of,
    unknown_references,
    write,
)
from pytest_mimic._core.patch.lookup import FoundFunction


class PatchedPlace:
    """A name of a holder, the object it held before (MISSING: nothing), and the one put in its place."""

    __slots__ = ("before", "holder", "name", "ours")

    def __init__(self, holder: Holder, name: str, before: object, ours: object) -> None:
        self.holder = holder
        self.name = name
        self.before = before
        self.ours = ours


class Patch:
    """One function and its wrapper.

    Attributes:
        modules: The modules that were imported when the wrapper was put there, if anything else held it then.
        originals: By id, each object that replaces another, with the one it replaces.
        replacements: Each object that replaces another, by the id of that, and by whether a class holds it.
    """

    def __init__(self, named: FoundFunction, label: str, wrapper: Callable[..., object]) -> None:
        self.named = named  # how the function was found first
        self.label = label  # its `module:qualname`
        self.wrapper = wrapper
        self.covers = 0  # how many activations want it
        self.places: list[PatchedPlace] = []  # where the wrapper was put, first where the function was named
        self.modules: tuple[int, ...] = ()
        self.originals: dict[int, tuple[object, object]] = {id(wrapper): (wrapper, named.original)}
        self.replacements: dict[tuple[int, bool], object] = {}
        self._holders_of_wrapper = 0
        self._frames_before = 0  # of these, the frames

    @property
    def function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self.named.function
        return function

    def held_elsewhere(self, ended: Iterable[Patch]) -> list[Sought]:
        """Return what to search if anything else may hold the function, now that its known places hold the wrapper.

        Note how often the wrapper is held besides these places. `ended` are earlier patches of the function that are kept.
        """
        things = list({id(held): held for _, held in self.originals.values()}.values())
        # The function may be inside of a descriptor, which then is held where the function was found.
        if all(thing is not self.function for thing in things):
            things.append(self.function)
        # A plain descriptor directly around the function refers to it once.
        is_odd = any(
            thing is not self.function
            and not (identity_of(type(thing)) in _IN_CLASS and inner(thing) is self.function)
            for thing in things
        )
        things.append(self.wrapper)
        *of_function, of_wrapper = unknown_references(things, lambda: _references([self, *ended]))
        places = sum(place.ours is self.wrapper for place in self.places)
        self._holders_of_wrapper = of_wrapper - places
        if self._holders_of_wrapper:
            self.modules = modules_now()
            self._frames_before = frames_with(self.wrapper)
        if not is_odd and not any(of_function):
            return []
        counts = {} if is_odd else dict(zip(map(identity_of, things), of_function, strict=False))
        return [Sought(thing, self, counts.get(identity_of(thing), -1)) for thing in self._replaceable()]

    def _replaceable(self) -> list[object]:
        """Return the objects to replace wherever they are held: the function, and the descriptor it was found in.

        Empty for a function that one class inherits: its base keeps it.
        """
        if self.named.held is MISSING and isinstance(self.named.holder, type):
            return []
        original = self.named.original
        inside = carried(original)
        is_carrier = inside is not None and behind(inside) is self.function
        return [self.function, original, *([inside] if is_carrier else [])]

    def left_elsewhere(self, modules: tuple[int, ...]) -> list[Sought]:
        """Return what to search if anything else may hold the wrapper, now that all its places are restored."""
        things: list[object] = [self.wrapper]
        things += [ours for ours, _ in self.originals.values() if ours is not self.wrapper]
        counts = unknown_references(things, lambda: _references([self]))
        of_wrapper, *of_carriers = counts
        # One that held it before may be gone, and a module imported since may hold it instead.
        is_unsure = self._holders_of_wrapper and self.modules != modules
        is_carried = any(count > 0 for count in of_carriers)
        new = of_wrapper - self._holders_of_wrapper
        if not (is_unsure or is_carried or new > 0):
            return []
        if not (is_unsure or is_carried) and new == frames_with(self.wrapper) - self._frames_before:
            counts = [0] * len(things)  # the traceback of a failure holds it, and no module does
        return [Sought(thing, self, count) for thing, count in zip(things, counts, strict=True)]

    def replacement(self, held: object, *, in_class: bool) -> object:
        """Return the object to put in the place of the function or of its descriptor; the same each time."""
        key = (id(held), in_class)
        if key not in self.replacements:
            ours = self._build(held, in_class=in_class)
            self.replacements[key] = ours
            self.originals.setdefault(id(ours), (ours, held))
        return self.replacements[key]

    def _build(self, held: object, *, in_class: bool) -> object:
        if isinstance(held, partialmethod) and held is self.named.original:
            return as_attribute(self.function, self.wrapper)
        if held is not self.function and carried(held) is not None:
            return rebuilt(held, self.wrapper)
        return as_attribute(held, self.wrapper) if in_class else self.wrapper


def _references(patches: Sequence[Patch]) -> list[object]:
    """Return each object that patches, their wrappers and their descriptors refer to, once for each reference."""
    pairs = [thing for patch in patches for pair in patch.originals.values() for thing in pair]
    carriers = {id(thing): thing for thing in pairs}
    found = [
        *chain.from_iterable({id(patch.named): patch.named for patch in patches}.values()),
        *pairs,
        *map(inner, carriers.values()),
        *references_of(*(patch.wrapper for patch in patches)),
    ]
    for patch in patches:
        found += [patch.wrapper, *patch.replacements.values()]
        found += [
            held for place in patch.places for held in (place.before, place.holder, place.name, place.ours)
        ]
    return found


class Sought(NamedTuple):
    """An object to be searched in all modules and classes for a patch."""

    thing: object
    patch: Patch
    references: int  # how many to it are unknown; negative if that is unknown itself


class Patches:
    """All patches in force, and the places of those that have ended."""

    def __init__(self) -> None:
        self._by_function: dict[int, Patch] = {}
        self._ours: dict[int, Patch] = {}
        # By their ids, the patches that may have replaced what another patch had put there.
        self._stacked: dict[int, Patch] = {}
        # By a function's id: the function, and the places to look at first when it is patched again.
        self._last_places: dict[int, tuple[object, list[PatchedPlace]]] = {}
        self._last_modules: tuple[int, ...] = ()
        self._ended: list[Patch] = []

    def of(self, function: object) -> Patch | None:
        return self._by_function.get(id(function))

    def holding(self, held: object) -> Patch | None:
        return self._ours.get(id(held))

    def original(self, held: object) -> object:
        """Return the object that a patch has replaced with this one; without a patch, the same object."""
        patch = self._ours.get(id(held))
        return patch.originals[id(held)][1] if patch is not None else held

    def install(self, patches: Sequence[Patch]) -> None:
        """Put the wrappers wherever their functions are held.

        First come the name that led to the function and the places that held it the last time. All other holders
        are searched, in one pass for all patches, only for functions that something else refers to.
        """
        if not patches:
            return
        everywhere: list[Sought] = []
        for patch in patches:
            self._by_function[id(patch.function)] = patch
            named = patch.named
            self._put(patch, named.holder, named.name, named.held, named.original)
            self._put_where_last(patch)
            everywhere += patch.held_elsewhere(
                [each for each in self._ended if each.function is patch.function]
            )
        for holder, name, held, patch in _holding(everywhere):
            self._put(patch, holder, name, held, held)

    def _put_where_last(self, patch: Patch) -> None:
        function, places = self._last_places.pop(id(patch.function), (None, []))
        for place in places if function is patch.function else ():
            if read(place.holder, place.name) is place.before:
                self._put(patch, place.holder, place.name, place.before, place.before)

    def _put(self, patch: Patch, holder: Holder, name: str, held: object, original: object) -> None:
        ours = patch.replacement(original, in_class=isinstance(holder, type))
        if id(held) in self._ours:
            self._stacked[id(patch)] = patch
        self._ours[id(patch.wrapper)] = self._ours[id(ours)] = patch
        write(holder, name, ours)
        patch.places.append(PatchedPlace(holder, name, held, ours))

    def remove(self, patches: Iterable[Patch]) -> None:
        """Restore the places of patches that no activation wants; objects that others put there stay."""
        ended = [patch for patch in patches if not patch.covers]
        if not ended:
            return
        # Backwards, as one patch may have replaced what another had put there.
        for patch in reversed(ended):
            for place in reversed(patch.places):
                if read(place.holder, place.name) is place.ours:
                    write(place.holder, place.name, self._before(place))
        # A wrapper may have been copied: by a module imported since, or by code that keeps a reference.
        modules = modules_now()
        left = [sought for patch in ended for sought in patch.left_elsewhere(modules)]
        for holder, name, held, patch in _holding(left):
            write(holder, name, _without(patch, held))
        self._forget(ended)
        self._ended += {id(sought.patch): sought.patch for sought in left}.values()
        if modules != self._last_modules:  # else functions that are gone would be kept forever
            self._last_places.clear()
            self._last_modules = modules
        for patch in ended:
            # Without the wrapper: a reference kept here would count as one that was there before the next block.
            places = [
                PatchedPlace(place.holder, place.name, place.before, MISSING)
                for place in patch.places
                if place.before is not MISSING
            ]
            self._last_places[id(patch.function)] = (patch.function, places)

    def sweep(self) -> None:
        """Restore places into which a wrapper was put back after its end, as monkeypatch does when a test ends."""
        for patch in self._ended:
            for place in patch.places if self.of(patch.function) is None else ():
                if read(place.holder, place.name) is place.ours:
                    write(place.holder, place.name, place.before)
        self._ended.clear()

    def forget_places(self) -> None:
        """Drop the places of patches that have ended, and with them their functions."""
        self._last_places.clear()
        self._ended.clear()

    def _before(self, place: PatchedPlace) -> object:
        """Return the object to put back: another patch's only while that patch is in force."""
        patch = self._ours.get(id(place.before))
        return place.before if patch is None or patch.covers else self.original(place.before)

    def _forget(self, ended: Sequence[Patch]) -> None:
        for patch in self._stacked.values():
            for place in patch.places:
                place.before = self._before(place)
        for patch in ended:
            self._stacked.pop(id(patch), None)
            self._by_function.pop(id(patch.function), None)
            for key in patch.originals:
                self._ours.pop(key, None)


def _without(patch: Patch, held: object) -> object:
    """Return the object to restore where a wrapper, or a descriptor with it, came to be held."""
    if id(held) in patch.originals:
        return patch.originals[id(held)][1]
    return rebuilt(held, patch.function)


def _holding(sought: Sequence[Sought]) -> Iterator[tuple[Holder, str, object, Patch]]:
    """Yield every place that holds one of these objects, or a descriptor around one.

    The search ends once all references to all objects are found. Most are in a module that was imported last.
    """
    wanted = {identity_of(each.thing): each.patch for each in sought}
    missing = {identity_of(each.thing): each.references for each in sought if each.references}
    holders: Iterable[Holder] = chain(all_namespaces(), all_classes()) if missing else ()
    for holder in holders:
        carriers = _IN_MODULE if isinstance(holder, dict) else _IN_CLASS
        values = held_by(holder).values()
        # Most holders are skipped here. Objects and types go by identity: some have no hash, or an `__eq__` that raises.
        if wanted.keys().isdisjoint(map(identity_of, values)) and carriers.isdisjoint(
            map(identity_of, map(type, values))
        ):
            continue
        for name, held in list(held_by(holder).items()):
            key = identity_of(held)
            patch = wanted.get(key)
            if patch is None and identity_of(type(held)) in carriers:
                patch = wanted.get(identity_of(carried(held)))
            elif patch is not None and key in missing:
                missing[key] -= 1
                if not missing[key]:
                    del missing[key]
            if patch is not None:
                yield holder, name, held, patch
        if not missing:
            return


# The types that may carry a function in a module and in a class.
_IN_MODULE = frozenset({identity_of(MethodType)})
_IN_CLASS = frozenset(map(identity_of, CARRIERS))
