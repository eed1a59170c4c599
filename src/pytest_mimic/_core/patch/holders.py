"""What modules and classes hold: read and written without triggering any of their code, patched, and restored."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property, partial, partialmethod
from types import BuiltinFunctionType, MethodType
from typing import Any, Final, NamedTuple, TypeAlias

from pytest_mimic._core.modules import is_machinery, path_when_installed

Holder: TypeAlias = "dict[str, object] | type"
"""A module's namespace, or a class."""

Wrapper = Callable[..., object]

MISSING: Final = object()  # the result for a name that a holder does not hold itself

# The identity of an object as a number. `id` would call audit hooks (PEP 578) each
# time.
identity_of = object.__hash__

# The types that may carry a function.
_TYPES = (
    staticmethod,
    classmethod,
    property,
    cached_property,
    partialmethod,
    MethodType,
)
_CARRIERS = frozenset(map(identity_of, _TYPES))
_IMMUTABLE_TYPE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE
_class_namespace = type.__dict__["__dict__"].__get__


# -- holders


def namespace_of(module: object) -> dict[str, object] | None:
    """Return the namespace of a module, or None if it has none.

    A lazy module is not loaded.
    """
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


def _write(holder: Holder, name: str, value: object) -> None:
    """Set a name or, for MISSING, delete that of a class."""
    if isinstance(holder, dict):
        holder[name] = value
    elif value is MISSING:
        delattr(holder, name)
    else:
        setattr(holder, name, value)


def is_writable(holder: Holder) -> bool:
    """Return whether its names can be set; those of most classes written in C cannot."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def _holders(
    is_left_out: Callable[[str], bool], since: str | None = None
) -> Iterator[Holder]:
    """Yield the namespace of every imported module, the last one first, and every class in it that can be written.

    `since` is the first module of those to look at. Modules are left out by their
    names, with their classes.
    """
    seen: set[int] = set()
    for name, module in reversed(list(sys.modules.items())):
        waiting: list[Holder] = (
            [] if is_left_out(name) else [namespace_of(module) or {}]
        )
        while waiting:
            holder = waiting.pop()
            yield holder
            # By its type: on Python 3.10, `list[int]` says that it is a class.
            for cls in [
                one
                for one in list(held_by(holder).values())
                if issubclass(type(one), type)
            ]:
                if identity_of(cls) not in seen:
                    seen.add(identity_of(cls))
                    if is_writable(cls) and not is_left_out(
                        str(_class_namespace(cls).get("__module__"))
                    ):
                        waiting.append(cls)
        if name == since:
            return


def _is_library(package: str) -> bool:
    """Return whether an imported package belongs to the standard library or is installed."""
    file = (namespace_of(sys.modules.get(package)) or {}).get("__file__")
    is_installed = isinstance(file, str) and path_when_installed(file) is not None
    return is_installed or package in sys.stdlib_module_names


# -- descriptors and bound methods


def _inner(held: object) -> Any:
    """Return the object directly inside a descriptor or bound method; None for anything else."""
    if isinstance(held, (staticmethod, classmethod, MethodType)):
        return held.__func__
    if isinstance(held, property):
        return held.fget
    return held.func if isinstance(held, (cached_property, partialmethod)) else None


def carried(held: object) -> object:
    """Return the function inside a descriptor or bound method, also a nested one; None for anything else."""
    inside = _inner(held)
    return None if inside is None else carried(inside) or inside


def _rebuilt(held: Any, wrapper: Wrapper) -> Any:
    """Return a descriptor or bound method like `held`, with the wrapper in place of its function."""
    inside = _inner(held)
    if inside is None:
        return wrapper
    replacement = _rebuilt(inside, wrapper)
    if isinstance(held, MethodType):
        return MethodType(replacement, held.__self__)
    kind: Any = type(held)
    # Its `__init__` may be a subclass's, with other parameters. Since Python 3.14,
    # `partialmethod.__new__` wants a function.
    maker: Any = object if isinstance(held, (cached_property, partialmethod)) else kind
    twin = maker.__new__(kind)
    if isinstance(held, property):
        property.__init__(twin, replacement, held.fset, held.fdel, held.__doc__)
    elif isinstance(held, (staticmethod, classmethod)):
        (staticmethod if isinstance(held, staticmethod) else classmethod).__init__(
            twin, replacement
        )
    state = {
        name: replacement if one is inside else one
        for name, one in getattr(held, "__dict__", {}).items()
    }
    getattr(twin, "__dict__", {}).update(state)
    return twin


# -- patches


class Found(NamedTuple):
    """A function that a target names."""

    holder: Holder
    name: str
    original: object  # what is held there, or in the base, while nothing is patched
    function: Any  # inside of descriptors
    label: str  # `module:path` as in the target
    is_own: bool  # whether the holder itself holds it; if not, a class inherits it

    @property
    def key(self) -> int | tuple[int, str]:
        """What tells functions apart: one that a class inherits is its own, by class and name."""
        return (
            identity_of(self.function)
            if self.is_own
            else (identity_of(self.holder), self.name)
        )


class Patches:
    """What this run has put in the place of functions, of descriptors and of bound methods."""

    def __init__(self) -> None:
        # By the id of a holder, and the name: what was held there before, or MISSING,
        # and what is ours.
        self._places: dict[tuple[int, str], tuple[Holder, str, object, object]] = {}
        # By its id: one of ours, what it stands for, and whether the holder itself held
        # that.
        self._ours: dict[int, tuple[object, object, bool]] = {}
        self._before: frozenset[str] = (
            frozenset()
        )  # the modules that were there before what they may copy

    def is_ours(self, held: object) -> bool:
        return identity_of(held) in self._ours

    def original(self, held: object) -> object:
        """Return the object that stood where one of ours is held; another object as it is."""
        return self._ours.get(identity_of(held), (held, held))[1]

    def own(self, holder: Holder, name: str) -> object:
        """Return what a holder itself held under a name before this run, or was given by others; else MISSING."""
        held = read(holder, name)
        _, original, is_own = self._ours.get(identity_of(held), (held, held, True))
        return original if is_own else MISSING

    def spread(
        self, fresh: Iterable[tuple[Found, Wrapper]], since: str | None = None
    ) -> None:
        """Put wrappers wherever modules and their classes have the functions: those imported since one, or all."""
        self._before = self._before or frozenset(sys.modules)
        wanted: dict[int, tuple[Wrapper, Found]] = {}
        for found, wrapper in fresh:
            for thing in (found.function, found.original):
                wanted[identity_of(thing)] = wrapper, found
        for holder, name, held, (wrapper, found) in _holding(
            wanted, _holders(is_machinery, since)
        ):
            self.put(holder, name, held, wrapper, found)

    def put(
        self,
        holder: Holder,
        name: str,
        original: object,
        wrapper: Wrapper,
        found: Found,
    ) -> None:
        """Put the wrapper of a function, or what holds the function, in the place of the original."""
        if carried(original) is found.function:
            ours = _rebuilt(original, wrapper)
        else:  # a class binds the wrapper to instances if it binds the function itself
            kind, never = type(original), (MethodType, BuiltinFunctionType, partial)
            binds = hasattr(kind, "__get__") and not issubclass(kind, never)
            ours = (
                wrapper if binds or isinstance(holder, dict) else staticmethod(wrapper)
            )
        self._ours.setdefault(identity_of(ours), (ours, original, found.is_own))
        self._ours.setdefault(
            identity_of(wrapper), (wrapper, found.function, found.is_own)
        )
        self._places[identity_of(holder), name] = holder, name, read(holder, name), ours
        _write(holder, name, ours)

    def give_back(self, key: tuple[int, str]) -> None:
        """Put back what a holder, by its id, held under a name.

        What others put there stays.
        """
        if place := self._places.pop(key, None):
            holder, name, before, ours = place
            if read(holder, name) is ours:
                _write(holder, name, before)

    def restore(self) -> None:
        """Restore all places, and those into which a wrapper was copied."""
        for key in [*self._places]:
            self.give_back(key)
        copied = (
            {key: original for key, (_, original, _) in self._ours.items()}
            if self._before
            else {}
        )
        libraries = cache(_is_library)

        def is_unchanged(
            module: str,
        ) -> bool:  # a library's that was imported before copies no wrapper
            return is_machinery(module) or (
                module in self._before and libraries(module.partition(".")[0])
            )

        for holder, name, held, original in _holding(
            copied, _holders(cache(is_unchanged))
        ):
            _write(
                holder,
                name,
                original if self.is_ours(held) else _rebuilt(held, original),
            )
        self._ours.clear()
        self._before = frozenset()


def _holding(
    wanted: dict[int, Any], searched: Iterable[Holder]
) -> Iterator[tuple[Holder, str, object, Any]]:
    """Yield every place that holds one of these objects, or a descriptor around one, with what is noted for it."""
    for holder in searched if wanted else ():
        values = held_by(holder).values()
        # Most holders are skipped here. Objects and types go by identity: some have no
        # hash, or an `__eq__` that raises.
        if wanted.keys().isdisjoint(map(identity_of, values)) and _CARRIERS.isdisjoint(
            map(identity_of, map(type, values))
        ):
            continue
        for name, held in list(held_by(holder).items()):
            key = identity_of(held)
            if key not in wanted and identity_of(type(held)) in _CARRIERS:
                key = identity_of(carried(held))
            if key in wanted:
                yield holder, name, held, wanted[key]
