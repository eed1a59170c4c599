"""Reference counts: whether anything refers to an object besides the holders that are known."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from types import BuiltinMethodType

from pytest_mimic._core.machinery import is_machinery
from pytest_mimic._core.patch.holders import identity_of, module_name

# A wrapper's closure holds a Mimicked object, which holds the function, and a plan, which holds it too.
_LEVELS = 2


def unknown_references(things: list[object], known: Callable[[], list[object]]) -> list[int]:
    """Return for each thing how many references to it are not among the known ones.

    The numbers are exact, so a new holder is noticed even where another one has gone. For example, two modules hold
    the function `fetch`, and one of them has been patched. CPython then counts these references to `fetch`::

        shop.fetch                         1   a holder that is still to be found
        FoundFunction.original, .function  2   known, as the patch refers to them
        Mimicked.function, its closure     2   known, as the wrapper refers to them
        the list `things`, this function   2   measured with an object that nothing else refers to

    `things` has each thing once. No other list may refer to them while they are counted. `known` returns each object that
    a known holder refers to, once for each reference. It is called after counting, as its list refers to them, too.
    """
    things.append(object())
    *counts, unavoidable = map(sys.getrefcount, things)
    things.pop()
    expected = list(map(identity_of, known())).count
    return [
        count - unavoidable - expected(identity_of(thing))
        for thing, count in zip(things, counts, strict=True)
    ]


def references_of(wrapper: object) -> list[object]:
    """Return what a wrapper refers to: by its attributes, its closure, and the plugin's objects in these."""
    cells = getattr(wrapper, "__closure__", None) or ()
    found = [*getattr(wrapper, "__dict__", {}).values(), *(cell.cell_contents for cell in cells)]
    every = found.copy()
    seen: set[int] = set()
    for _ in range(_LEVELS):
        parts: list[object] = []
        for thing in found:
            if _is_transparent(thing.__class__) and identity_of(thing) not in seen:
                seen.add(identity_of(thing))
                parts += _attributes(thing)
        every += parts
        found = parts
    return every


@lru_cache(maxsize=256)
def _is_transparent(kind: type) -> bool:
    """Return whether it is the plugin's own class, a partial, or a method as `cache_info` of functools.lru_cache."""
    return kind in (BuiltinMethodType, partial) or is_machinery(module_name(kind))


def _attributes(thing: object) -> Iterable[object]:
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    return list(vars(thing).values()) if hasattr(thing, "__dict__") else gc.get_referents(thing)
