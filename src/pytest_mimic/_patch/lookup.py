"""What a target names in a module that is loaded: where it is held, as what, and its function."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partialmethod
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from pytest_mimic._target import did_you_mean

from .descriptors import carried, kind_of, unbound
from .holders import MISSING, Holder, held_by, is_writable, namespace_of, read

Raw = Callable[[object], object]
"""Gives what a place held before we put something there."""


class Found(NamedTuple):
    """A function that a target names.

    Attributes:
        holder: The module's namespace or the class by which it is named.
        name: Its name there.
        held: What the holder has under that name now; MISSING where a class inherits it.
        original: What was held, there or in the base, before we put something there.
        function: The function to be mimicked.
        kind: As what it is called: function, method, classmethod, staticmethod, property, cached_property.
        label: `module:path` as it was named.
    """

    holder: Holder
    name: str
    held: object
    original: object
    function: Any
    kind: str
    label: str


class NotFoundError(Exception):
    """Why a target names nothing that can be mimicked; the reason follows the target's name."""


def look_up(module: str, path: Sequence[str], raw: Raw) -> list[Found]:
    """What a target names; more than one for `*`.

    Raises:
        NotFoundError: It names nothing, or nothing that can be mimicked.
    """
    *parents, last = path
    holder: Holder = _namespace(module)
    for depth, name in enumerate(parents, 1):
        holder = _step(holder, name, ".".join((module, *parents[: depth - 1])), raw)
    if last != "*":
        return [_found(holder, last, module, path, raw)]
    names = list(_public_names(holder, module, raw))
    if not names:
        raise NotFoundError("names no public function")
    return [_found(holder, name, module, (*parents, name), raw) for name in names]


def resolves_to(module: str, path: Sequence[str], function: object, raw: Raw) -> bool:
    """Whether a name leads to this very function."""
    if sys.modules.get(module) is None:
        return False
    try:
        return look_up(module, path, raw)[0].function is function
    except NotFoundError:
        return False


def _namespace(module: str) -> dict[str, object]:
    namespace = namespace_of(sys.modules[module])
    if namespace is None:
        raise NotFoundError("is in a module that holds nothing itself")
    return namespace


def _step(holder: Holder, name: str, where: str, raw: Raw) -> Holder:
    """The class, or module, of that name."""
    held, _ = _lookup(holder, name)
    if held is MISSING:
        raise _missing(holder, name, where, raw)
    if isinstance(held, type):
        return held
    if isinstance(held, ModuleType):
        return namespace_of(held) or {}
    cls = f"{type(held).__module__}:{type(held).__qualname__}"
    raise NotFoundError(f"cannot be patched, {name} is an object, name the method of its class {cls}")


def _lookup(holder: Holder, name: str) -> tuple[object, object]:
    """What a name stands for, and what the holder itself has under it."""
    own = read(holder, name)
    if own is not MISSING or isinstance(holder, dict):
        return own, own
    for base in holder.__mro__[1:]:
        inherited = read(base, name)
        if inherited is not MISSING:
            return inherited, MISSING
    return MISSING, MISSING


def _found(holder: Holder, name: str, module: str, path: Sequence[str], raw: Raw) -> Found:
    label = f"{module}:{'.'.join(path)}"
    attribute = _mangled(holder, name)
    current, held = _lookup(holder, attribute)
    where = ".".join((module, *path[:-1]))
    if current is MISSING:
        raise _missing(holder, name, where, raw)
    original = raw(current)
    function = _function(holder, attribute, original, label)
    if not is_writable(holder):
        raise NotFoundError(f"cannot be patched, {path[-2]} is a class written in C")
    if held is MISSING:
        function = _own_copy(function, holder, attribute)
    kind = kind_of(original, in_class=not isinstance(holder, dict))
    return Found(holder, attribute, held, original, function, kind, label)


def _mangled(holder: Holder, name: str) -> str:
    """The name that a class holds for `__private`."""
    if isinstance(holder, dict) or not name.startswith("__") or name.endswith("__"):
        return name
    return f"_{holder.__name__.lstrip('_')}{name}"


def _function(holder: Holder, name: str, original: object, label: str) -> Any:
    if isinstance(original, type):
        raise NotFoundError(f"is a class, which cannot be mimicked, name its methods: {label}.*")
    if isinstance(original, partialmethod) and not isinstance(holder, dict):
        return unbound(original, holder, name)
    inside = carried(original) if not callable(original) or isinstance(original, staticmethod) else None
    function = original if inside is None else inside
    if isinstance(original, property) and inside is None:
        raise NotFoundError("is a property that cannot be read")
    if not callable(function):
        raise NotFoundError(f"is not callable, it is {_article(type(original).__name__)}")
    return function


def _own_copy(function: Any, cls: type, name: str) -> Any:
    """A function of its own for a class that inherits it, so that the base keeps its function."""
    if isinstance(function, FunctionType):
        twin = FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        twin.__kwdefaults__ = function.__kwdefaults__
        twin.__annotations__ = dict(function.__annotations__)
        twin.__dict__.update(function.__dict__)
        twin.__doc__ = function.__doc__
    else:

        @functools.wraps(function)
        def twin(*args: object, **kwargs: object) -> object:
            return function(*args, **kwargs)

    twin.__module__, twin.__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"
    return twin


def _public_names(holder: Holder, module: str, raw: Raw) -> Iterator[str]:
    in_class = not isinstance(holder, dict)
    for name, held in list(held_by(holder).items()):
        if name.startswith("_"):
            continue
        original = raw(held)
        if _is_method(original) if in_class else _is_function_of(original, module):
            yield name


def _is_method(held: object) -> bool:
    return not isinstance(held, type) and (
        isinstance(held, (staticmethod, classmethod, partialmethod)) or (callable(held) and hasattr(held, "__name__"))
    )


def _is_function_of(held: object, module: str) -> bool:
    return (
        callable(held)
        and not isinstance(held, type)
        and getattr(held, "__module__", None) == module
        and isinstance(getattr(held, "__name__", None), str)
    )


def _missing(holder: Holder, name: str, where: str, raw: Raw) -> NotFoundError:
    if isinstance(holder, dict):
        names = [known for known in holder if not known.startswith("__")]
    else:
        names = [known for known in dir(holder) if not known.startswith("__")]
    return NotFoundError(f"does not exist in {where}{did_you_mean(name, names)}")


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
