"""Where functions were held the last time: looked for again only if they may be held elsewhere by now."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .descriptors import CARRIERS
from .holders import Holder, held_by, identity_of, is_ours, module_name, read

if TYPE_CHECKING:
    from .patches import Patch, Place

#: From a wrapper's closure to what says how the function is mimicked, and to its attributes.
_STEPS = 2


class _Remembered(NamedTuple):
    """A function, the modules that there were, and the places but the one by which the function is named."""

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
            self._known[id(patch.function)] = _Remembered(patch.function, patch.modules, patch.places[1:])

    def places(self, patches: Sequence[Patch]) -> dict[Patch, list[Place]]:
        """The places of those functions that nothing else can hold now, but the one by which each is named."""
        found = {}
        for patch in patches:
            known = self._known.get(id(patch.function))
            if known is not None and all(_is_as_it_was(place) for place in known.places):
                found[patch] = known.places
        doubtful = [patch for patch in found if not self._is_nowhere_else(patch)]
        if _may_be_elsewhere(doubtful, found):
            return {patch: places for patch, places in found.items() if patch not in doubtful}
        return found

    def _is_nowhere_else(self, patch: Patch) -> bool:
        """Whether each reference to a function is one of its places', or one of ours."""
        known = self._known[id(patch.function)]
        if patch.named.original is not patch.function or any(
            place.before is not patch.function for place in known.places
        ):
            return False  # what carries it may have come to other places
        expected = _references(patch, known)
        return sys.getrefcount(patch.named.function) - _ASKING == expected


def _references(patch: Patch, known: _Remembered) -> int:
    """How many references to a function there are that we know of."""
    ours = (patch.named, known, *known.places, *patch.originals.values(), _held_by(patch.wrapper))
    return 1 + len(known.places) + sum(thing is patch.function for group in ours for thing in group)


def _is_as_it_was(place: Place) -> bool:
    return read(place.holder, place.name) is place.before


class _Probe:
    """Holds an object that nothing else does."""

    held = object()


#: How many references the question for their number takes itself.
_ASKING = sys.getrefcount(_Probe.held) - 1


def _held_by(wrapper: object) -> list[object]:
    """What a wrapper holds: in its attributes, by its closure, and in the objects of ours behind that."""
    held = list(vars(wrapper).values())
    found = [cell.cell_contents for cell in getattr(wrapper, "__closure__", None) or ()]
    for _ in range(_STEPS):
        held += found
        found = [part for thing in found if is_ours(module_name(type(thing))) for part in _attributes(thing)]
    return held + found


def _attributes(thing: object) -> Iterable[object]:
    return vars(thing).values() if hasattr(thing, "__dict__") else gc.get_referents(thing)


def _may_be_elsewhere(patches: Sequence[Patch], known: dict[Patch, list[Place]]) -> bool:
    """Whether a holder may hold one of these functions, or a carrier of one, in a place that is not known.

    The garbage collector knows who refers to an object, but for those that it was told to leave alone.
    """
    sought = [thing for patch in patches for thing in patch.sought]
    sought += [place.before for patch in patches for place in known[patch]]
    wanted = {identity_of(thing): thing for thing in sought}
    if not wanted:
        return False
    if gc.get_freeze_count():
        return True
    places = set(_places(patches, known))
    for referrer in gc.get_referrers(*wanted.values()):
        if isinstance(referrer, dict):
            names = [name for name, value in dict.items(referrer) if identity_of(value) in wanted]
            is_new = any((identity_of(referrer), name) not in places for name in names)
            if is_new and _is_of_a_holder(referrer):
                return True
        elif type(referrer) in CARRIERS and identity_of(referrer) not in wanted:
            return True
    return False


def _is_of_a_holder(names: dict[object, object]) -> bool:
    """Whether a dict is a namespace, other than the machinery's, or what a carrier keeps."""
    if dict.__contains__(names, "__qualname__"):  # the attributes of a function, that functools.wraps has set
        return False
    module = dict.get(names, "__name__", dict.get(names, "__module__"))
    if module is None:
        return dict.__contains__(names, "func")
    return not (isinstance(module, str) and is_ours(module))


def _places(patches: Iterable[Patch], known: dict[Patch, list[Place]]) -> Iterator[tuple[int, str]]:
    for patch in patches:
        yield identity_of(_dict_of(patch.named.holder)), patch.named.name
        for place in known[patch]:
            yield identity_of(_dict_of(place.holder)), place.name


def _dict_of(holder: Holder) -> dict[str, object]:
    """The dict behind a class's namespace, which Python shows as a proxy."""
    if isinstance(holder, dict):
        return holder
    namespace: dict[str, object] = gc.get_referents(held_by(holder))[0]
    return namespace
