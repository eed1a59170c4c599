"""Bind a call's arguments: the same values in the same order, however they were passed."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from inspect import signature as signature_of
from keyword import iskeyword
from types import MethodType
from typing import Any, NamedTuple

_SIGNATURE_OPTIONS: dict[str, Any] = {}
if sys.version_info >= (3, 14):  # pragma: no cover (needs that Python)
    from annotationlib import Format

    # Python 3.14 evaluates annotations on demand, and some cannot be evaluated (PEP
    # 649).
    _SIGNATURE_OPTIONS = {"annotation_format": Format.FORWARDREF}

_ANY_PARAMETERS = (
    Parameter("args", Parameter.VAR_POSITIONAL),
    Parameter("kwargs", Parameter.VAR_KEYWORD),
)
_STARS: dict[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


class Bound(NamedTuple):
    """How one function's calls are bound.

    Attributes:
        bind: Takes a call's arguments and returns their values parallel to `names`.
            Raises the function's own
            TypeError for a call that does not fit.
    """

    names: tuple[
        str, ...
    ]  # the parameters in order, `*rest` and `**extra` with their stars
    defaults: tuple[
        object, ...
    ]  # parallel to `names`: the function's own default object, or `Parameter.empty`
    bind: Callable[..., tuple[object, ...]]


def compile_binder(
    function: Callable[..., object], *, drop_first: bool = False
) -> Bound:
    """Generate the binder of a function from its signature.

    The binder is compiled, because it runs at each replay: `Signature.bind` takes about
    fifty times as long. A callable
    without a signature binds as `(*args, **kwargs)`. With `drop_first`, the first
    parameter is bound already.
    """
    if isinstance(function, MethodType):
        return compile_binder(function.__func__, drop_first=True)
    parameters = _parameters(function)
    # C functions may have positional parameters that are named like a keyword.
    aliases = [
        f"_{i}_{p.name}" if iskeyword(p.name) else p.name
        for i, p in enumerate(parameters)
    ]
    # The source names no default: they are set below, as objects.
    declared = [
        Parameter(alias, p.kind, default=None if _has_default(p) else Parameter.empty)
        for alias, p in zip(aliases, parameters, strict=True)
    ]
    first = 1 if drop_first and parameters and parameters[0].kind not in _STARS else 0
    values = "".join(f"{alias}, " for alias in aliases[first:])
    namespace: dict[str, Any] = {
        "__name__": getattr(function, "__module__", None) or __name__
    }
    exec(
        compile(
            f"def bind{Signature(declared)}: return ({values})",
            "<mimic binder>",
            "exec",
        ),
        namespace,
    )
    bind = namespace["bind"]
    with_default = [p for p in parameters if _has_default(p)]
    by_keyword = {
        p.name: p.default for p in with_default if p.kind is Parameter.KEYWORD_ONLY
    }
    bind.__defaults__ = (
        tuple(p.default for p in with_default if p.name not in by_keyword) or None
    )
    bind.__kwdefaults__ = by_keyword or None
    # The TypeError of a call that does not fit names the function, also inside a
    # partial.
    named: Any = function
    while isinstance(named, functools.partial):
        named = named.func
    bind.__name__ = bind.__qualname__ = getattr(
        named, "__qualname__", type(named).__qualname__
    )
    shown = parameters[first:]
    return Bound(
        names=tuple(_STARS.get(p.kind, "") + p.name for p in shown),
        defaults=tuple(p.default for p in shown),
        bind=MethodType(bind, ...) if first else bind,
    )


def argument_names(function: Callable[..., object]) -> list[str] | None:
    """Return the names of a function's arguments, or None if it may take others as well."""
    parameters = _parameters(function)
    if hasattr(function, "__wrapped__"):  # a decorator may take additional arguments
        parameters += _parameters(function, follow_wrapped=False)
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return list(dict.fromkeys(parameter.name for parameter in parameters))


def _parameters(
    function: Callable[..., object], *, follow_wrapped: bool = True
) -> tuple[Parameter, ...]:
    """Return the parameters that a function shows, by default those of the function inside its decorators."""
    try:
        signature = signature_of(
            function, follow_wrapped=follow_wrapped, **_SIGNATURE_OPTIONS
        )
    except (ValueError, TypeError):
        return _ANY_PARAMETERS
    return tuple(signature.parameters.values())


def _has_default(parameter: Parameter) -> bool:
    return parameter.default is not Parameter.empty
