"""The functions that are patched now: their places, and how each is restored."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partialmethod
from types import MethodType
from typing import Any, NamedTuple

from pytest_mimic._patch.descriptors import CARRIERS, as_attribute, behind, carried, rebuilt
from pytest_mimic._patch.holders import (
    MISSING,
    Holder,
    all_classes,
    all_namespaces,
    held_by,
    identity_of,
    modules_now,
    read,
    write,
)
from pytest_mimic._patch.lookup import Found
from pytest_mimic._patch.memory import Memory


class Place(NamedTuple):
    """A name of a holder, what it held (MISSING: nothing), and what it holds from us."""

    holder: Holder
    name: str
    before: object
    ours: object


class Patch:
    """One function and its wrapper.

    Attributes:
        named: How the function was found first.
        label: Its `module:qualname`.
        covers: How many activations want it.
        places: Where it was put, first where it was named.
        modules: What tells which modules there were before it was patched.
        originals: Each object of ours by its id, with what it stands for.
    """

    def __init__(
        self, named: Found, label: str, wrapper: Callable[..., Any], modules: tuple[int, ...]
    ) -> None:
        self.named = named
        self.modules = modules
        self.label = label
        self.wrapper = wrapper
        self.covers = 0
        self.places: list[Place] = []
        self.originals: dict[int, tuple[object, object]] = {id(wrapper): (wrapper, named.original)}
        self._replacements: dict[tuple[int, bool], object] = {}
        self._references = 0

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = self.named.function
        return function

    @property
    def is_inherited(self) -> bool:
        """Whether it is one class's alone, whose base keeps its own function."""
        return self.named.held is MISSING and isinstance(self.named.holder, type)

    @property
    def sought(self) -> list[object]:
        """What is replaced wherever it is held: the function, and what it was found as."""
        if self.is_inherited:
            return []
        original = self.named.original
        inside = carried(original)
        is_carrier = inside is not None and behind(inside) is self.function
        return [self.function, original, *([inside] if is_carrier else [])]

    def count_references(self) -> None:
        """Count the references to the wrapper while nothing holds it but the engine and this patch."""
        self._references = sys.getrefcount(self.wrapper)

    @property
    def is_held_elsewhere(self) -> bool:
        """Whether anything of ours may be held somewhere, now that all places are restored."""
        ours = [*self._replacements.values(), *(place.ours for place in self.places)]
        known = Counter(map(id, ours))
        del ours
        # A descriptor of ours has one reference in `originals`, and one is that of the question.
        carriers = [pair for pair in self.originals.values() if pair[0] is not self.wrapper]
        if any(sys.getrefcount(pair[0]) > known[id(pair[0])] + 2 for pair in carriers):
            return True
        expected = self._references + known[id(self.wrapper)] + len(carriers)
        return sys.getrefcount(self.wrapper) > expected

    def replacement(self, held: object, *, in_class: bool) -> object:
        """What stands for `held`, the function itself or what carries it; the same each time."""
        key = (id(held), in_class)
        if key not in self._replacements:
            ours = self._build(held, in_class=in_class)
            self._replacements[key] = ours
            self.originals.setdefault(id(ours), (ours, held))
        return self._replacements[key]

    def _build(self, held: object, *, in_class: bool) -> object:
        if isinstance(held, partialmethod) and held is self.named.original:
            return as_attribute(self.function, self.wrapper)
        if held is not self.function and carried(held) is not None:
            return rebuilt(held, self.wrapper)
        return as_attribute(held, self.wrapper) if in_class else self.wrapper


class Patches:
    """All patches in force."""

    def __init__(self) -> None:
        self._by_function: dict[int, Patch] = {}
        self._ours: dict[int, Patch] = {}
        self._memory = Memory()
        self._ended: list[Patch] = []

    def of(self, function: object) -> Patch | None:
        """The patch of a function."""
        return self._by_function.get(id(function))

    def holding(self, held: object) -> Patch | None:
        """The patch that an object of ours belongs to."""
        return self._ours.get(id(held))

    def original(self, held: object) -> object:
        """What an object of ours stands for; anything else stands for itself."""
        patch = self._ours.get(id(held))
        return patch.originals[id(held)][1] if patch is not None else held

    def install(self, patches: Sequence[Patch]) -> None:
        """Put the wrappers wherever their functions are held, in one pass over all holders."""
        known = self._memory.places(patches)
        everywhere: list[tuple[object, Patch]] = []
        for patch in patches:
            patch.count_references()
            self._by_function[id(patch.function)] = patch
            named = patch.named
            self._put(patch, named.holder, named.name, named.held, named.original)
            if patch not in known:
                everywhere += [(thing, patch) for thing in patch.sought]
            for place in known.get(patch, ()):
                self._put(patch, place.holder, place.name, place.before, place.before)
        for holder, name, held, patch in _holding(everywhere):
            self._put(patch, holder, name, held, held)

    def _put(self, patch: Patch, holder: Holder, name: str, held: object, original: object) -> None:
        ours = patch.replacement(original, in_class=isinstance(holder, type))
        self._ours[id(patch.wrapper)] = self._ours[id(ours)] = patch
        write(holder, name, ours)
        patch.places.append(Place(holder, name, held, ours))

    def remove(self, patches: Iterable[Patch]) -> None:
        """Restore the places of patches that nobody wants any more; what others put there stays."""
        ended = [patch for patch in patches if not patch.covers]
        for patch in reversed(ended):
            for place in reversed(patch.places):
                if read(place.holder, place.name) is place.ours:
                    write(place.holder, place.name, self._before(place))
        modules = modules_now()
        outside = [patch for patch in ended if patch.is_held_elsewhere]
        spread = [patch for patch in ended if patch.modules != modules or patch in outside]
        left = [(ours, patch) for patch in spread for ours, _ in patch.originals.values()]
        for holder, name, held, patch in _holding(left):
            write(holder, name, _without(patch, held))
        self._forget(ended)
        self._memory.keep([patch for patch in ended if patch not in spread], modules)
        self._ended += outside

    def sweep(self) -> None:
        """Restore what somebody has put back since the patches were removed, as monkeypatch does at a test's end."""
        for patch in self._ended:
            for place in patch.places if self.of(patch.function) is None else ():
                if read(place.holder, place.name) is place.ours:
                    write(place.holder, place.name, place.before)
        self._ended.clear()

    def _before(self, place: Place) -> object:
        """What to put back: what another patch had put there stays only as long as that does."""
        patch = self._ours.get(id(place.before))
        return place.before if patch is None or patch.covers else self.original(place.before)

    def _forget(self, ended: Sequence[Patch]) -> None:
        for patch in self._by_function.values():
            patch.places = [place._replace(before=self._before(place)) for place in patch.places]
        for patch in ended:
            self._by_function.pop(id(patch.function), None)
            for key in patch.originals:
                self._ours.pop(key, None)


def _without(patch: Patch, held: object) -> object:
    """What belongs where something of ours came to be held while it was in force."""
    if id(held) in patch.originals:
        return patch.originals[id(held)][1]
    return rebuilt(held, patch.function)


def _holding(sought: Sequence[tuple[object, Patch]]) -> Iterator[tuple[Holder, str, object, Patch]]:
    """Every place that holds one of these objects, or a descriptor around one."""
    if not sought:
        return
    wanted = {identity_of(thing): patch for thing, patch in sought}
    for holder, carriers in _all_holders():
        values = held_by(holder).values()
        if wanted.keys().isdisjoint(map(identity_of, values)) and carriers.are_absent(values):
            continue
        for name, held in list(held_by(holder).items()):
            patch = wanted.get(identity_of(held))
            if patch is None and identity_of(type(held)) in carriers.identities:
                patch = wanted.get(identity_of(carried(held)))
            if patch is not None:
                yield holder, name, held, patch


class _Carriers:
    """The types of what may carry a function in a holder of some kind."""

    __slots__ = ("_types", "identities")

    def __init__(self, types: frozenset[type]) -> None:
        self._types = types
        self.identities = frozenset(map(identity_of, types))

    def are_absent(self, values: Iterable[object]) -> bool:
        """Whether none of these values is one; in doubt they may be."""
        try:
            return self._types.isdisjoint(map(type, values))
        except Exception:  # a metaclass keeps its classes from being hashed or compared
            return False


_IN_MODULE = _Carriers(frozenset({MethodType}))
_IN_CLASS = _Carriers(CARRIERS)


def _all_holders() -> Iterator[tuple[Holder, _Carriers]]:
    """Every holder, with what may carry a function there."""
    for namespace in all_namespaces():
        yield namespace, _IN_MODULE
    for cls in all_classes():
        yield cls, _IN_CLASS
