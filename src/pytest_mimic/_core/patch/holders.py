"""Reads and writes what modules and classes hold, without triggering any of their code, and counts the references to it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from types import BuiltinMethodType, FrameType
from typing import Any, Final, TypeAlias

from pytest_mimic._core.machinery import is_machinery

Holder: TypeAlias = "dict[str, object] | type"
"""A module's namespace, or a class."""

MISSING: Final = object()
"""The result for a name that a holder does not hold itself."""

# The identity of an object as a number. `id` would call audit hooks (PEP 578), such as filelock's, each time.
identity_of = object.__hash__

# A wrapper's closure holds a Mimicked object, which holds the function, and a plan, which holds it too.
_LEVELS = 2
_IMMUTABLE_TYPE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE

_class_namespace = type.__dict__["__dict__"].__get__
_subclasses: Callable[[type], list[type]] = type.__subclasses__


def namespace_of(module: object) -> dict[str, object] | None:
    """Return the namespace of a module, or None if it has none. A lazy module is not loaded."""
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    return namespace if isinstance(namespace, dict) else None


def held_by(holder: Holder) -> Any:
    """Return the mapping of names to the objects that the holder itself holds, descriptors unbound."""
    return holder if isinstance(holder, dict) else _class_namespace(holder)


def read(holder: Holder, name: str) -> object:
    """Return the object that the holder itself has under a name, or MISSING."""
    return held_by(holder).get(name, MISSING)


def write(holder: Holder, name: str, value: object) -> None:
    """Set or, for MISSING, delete a name, past any `__setattr__` of a module or metaclass."""
    if isinstance(holder, dict):
        if value is MISSING:
            holder.pop(name, None)
        else:
            holder[name] = value
    elif value is MISSING:
        _past_metaclass(type.__delattr__, delattr, holder, name)
    else:
        _past_metaclass(type.__setattr__, setattr, holder, name, value)


def _past_metaclass(plain: Callable[..., None], ordinary: Callable[..., None], *arguments: object) -> None:
    """Change a class as `type` does; a metaclass written in C accepts only its own method."""
    try:
        plain(*arguments)
    except TypeError:
        ordinary(*arguments)


def is_writable(holder: Holder) -> bool:
    """Return whether its names can be set; those of most classes written in C cannot."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def modules_now() -> tuple[int, ...]:
    """Return a value that changes when a module is imported."""
    return tuple(map(identity_of, list(sys.modules.values())))


def all_namespaces() -> Iterator[dict[str, object]]:
    """Yield the namespace of every imported module, the last one first, without the packages that run the tests."""
    seen = set()
    for name, module in reversed(list(sys.modules.items())):
        namespace = None if is_machinery(name) else namespace_of(module)
        if namespace is not None and identity_of(namespace) not in seen:
            seen.add(identity_of(namespace))
            yield namespace


def all_classes() -> Iterator[type]:
    """Yield every writable class, nested and local ones included, except for the packages that run the tests."""
    seen = {identity_of(object)}  # a class with several bases is a subclass of each
    waiting: list[type] = [object]
    while waiting:
        for cls in _subclasses(waiting.pop()):
            if identity_of(cls) not in seen:
                seen.add(identity_of(cls))
                waiting.append(cls)
                if is_writable(cls) and not is_machinery(module_name(cls)):
                    yield cls


def module_name(cls: type) -> str:
    """Return the `__module__` of a class, or an empty text."""
    name = _class_namespace(cls).get("__module__")
    return name if isinstance(name, str) else ""


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
    # Why so: a search of all modules and classes takes 37 ms of CPU in a process with 1,264 modules, and each marked test
    # would need two. Most functions are held by nothing else, which these numbers prove.
    things.append(object())
    *counts, unavoidable = map(sys.getrefcount, things)
    things.pop()
    expected = list(map(identity_of, known())).count
    return [
        count - unavoidable - expected(identity_of(thing))
        for thing, count in zip(things, counts, strict=True)
    ]


def frames_with(thing: object) -> int:
    """Return how many frames refer to a thing, such as those that a traceback keeps."""
    return sum(type(each) is FrameType for each in gc.get_referrers(thing))


def references_of(*wrappers: object) -> list[object]:
    """Return what wrappers refer to: by their attributes, their closures, and the plugin's objects in these."""
    found: list[Any] = []
    for wrapper in wrappers:
        cells = getattr(wrapper, "__closure__", None) or ()
        found += [*getattr(wrapper, "__dict__", {}).values(), *(cell.cell_contents for cell in cells)]
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
    return list(vars(thing).values()) if type(thing).__dictoffset__ else gc.get_referents(thing)
