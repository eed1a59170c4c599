"""Where functions were held the last time: looked for again unless each reference to them is accounted for."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from types import BuiltinMethodType
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._patch.descriptors import CARRIERS, inner
from pytest_mimic._patch.holders import MISSING, Holder, held_by, identity_of, module_name, read
from pytest_mimic._patch.machinery import is_machinery

if TYPE_CHECKING:
    from pytest_mimic._patch.patches import Patch, Place

#: From a wrapper's closure to what says how the function is mimicked, and to its attributes.
_STEPS = 2


class _Remembered(NamedTuple):
    """A function, the modules that there were, and the places that held it."""

    function: object
    modules: tuple[int, ...]
    places: list[Place]


class Memory:
    """The places of functions that are not patched now."""

    def __init__(self) -> None:
        self._known: dict[int, _Remembered] = {}

    def keep(self, patches: Sequence[Patch], modules: tuple[int, ...]) -> None:
        """Keep where functions are held, as long as no module is imported."""
        self._known = {key: known for key, known in self._known.items() if known.modules == modules}
        for patch in patches:
            places = [place for place in patch.places if place.before is not MISSING]
            self._known[id(patch.function)] = _Remembered(patch.function, patch.modules, places)

    def places(self, patches: Sequence[Patch]) -> dict[Patch, list[Place]]:
        """The places of those functions that nothing else can hold now, but the one by which each is named."""
        found = {}
        for patch in patches:
            known = self._known.get(id(patch.function))
            if known is not None and all(_is_as_it_was(place) for place in known.places):
                others = [place for place in known.places if not _is_named(patch, place)]
                if not patch.sought or _is_nowhere_else(patch, known, others):
                    found[patch] = others
        return found


def _is_as_it_was(place: Place) -> bool:
    return read(place.holder, place.name) is place.before


def _is_named(patch: Patch, place: Place) -> bool:
    return place.holder is patch.named.holder and place.name == patch.named.name


class _Probe:
    """Holds an object that nothing else does."""

    held = object()


def _is_nowhere_else(patch: Patch, known: _Remembered, others: Sequence[Place]) -> bool:
    """Whether each reference to a function, and to what carries it, is one of its places', or one of ours."""
    things = [*_distinct((patch.function, patch.named.original, *(place.before for place in others)))]
    things.append(_Probe.held)
    # The list and the question refer to each of them too: to the last, nothing else but its class.
    *counts, last = map(sys.getrefcount, things)
    things.pop()
    carriers = [thing for thing in things if thing is not patch.function]
    if any(not _is_carrier(thing) or inner(thing) is not patch.function for thing in carriers):
        return False  # it may be inside of what was put elsewhere
    places = [(patch.named.holder, patch.named.name), *((place.holder, place.name) for place in others)]
    groups = [
        patch.named,
        known,
        *known.places,
        *patch.originals.values(),
        _held_by(patch.wrapper),
        [_held_at(holder, name) for holder, name in places],
        map(inner, carriers),
    ]
    expected = Counter(identity_of(thing) for group in groups for thing in group)
    return all(
        count - (last - 1) == expected[identity_of(thing)]
        for thing, count in zip(things, counts, strict=True)
    )


def _distinct(things: Iterable[object]) -> Iterable[object]:
    return {identity_of(thing): thing for thing in things}.values()


def _is_carrier(thing: object) -> bool:
    return any(type(thing) is kind for kind in CARRIERS)


def _held_at(holder: Holder, name: str) -> object:
    """What a place itself refers to: a namespace of another kind may show more than it has."""
    return dict.get(holder, name) if isinstance(holder, dict) else held_by(holder).get(name)


def _held_by(wrapper: object) -> list[object]:
    """What a wrapper holds: in its attributes, by its closure, and in what is behind that, each thing's once."""
    cells = getattr(wrapper, "__closure__", None) or ()
    held = found = [*vars(wrapper).values(), *(cell.cell_contents for cell in cells)]
    seen: set[int] = set()
    for _ in range(_STEPS):
        opened = {identity_of(thing): thing for thing in found if _is_known_to_hold(thing)}
        found = [part for key, thing in opened.items() if key not in seen for part in _attributes(thing)]
        seen |= opened.keys()
        held = held + found
    return held


def _is_known_to_hold(thing: object) -> bool:
    """Whether it is one of ours, or a method of a function written in C, as those of functools.lru_cache."""
    return type(thing) is BuiltinMethodType or is_machinery(module_name(type(thing)))


def _attributes(thing: object) -> Iterable[object]:
    return list(vars(thing).values()) if hasattr(thing, "__dict__") else gc.get_referents(thing)
