"""Bind a call's arguments: the same values, however they were passed."""

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
# Stands for the object that a method is bound to. It counts nowhere.
_BOUND_ALREADY = object()
_STARS: dict[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


class Bound(NamedTuple):
    """How one function's calls are bound.

    Attributes:
        names: The parameters in order, `*rest` and `**extra` with their stars.
        defaults: Parallel to `names`, the function's own default object, or
            `Parameter.empty`.
        bind: Takes a call's arguments and returns their values parallel to `names`.
            Raises the function's own TypeError for a call that does not fit.
    """

    names: tuple[str, ...]
    defaults: tuple[object, ...]
    bind: Callable[..., tuple[object, ...]]


def compile_binder(
    function: Callable[..., object], *, drop_first: bool = False
) -> Bound:
    """Generate the binder of a function from its signature.

    The binder is compiled, because it runs at each replay: `Signature.bind` takes about
    fifty times as long. A callable without a signature binds as `(*args, **kwargs)`.
    With `drop_first`, the first parameter is bound already.

    An example: of `def fetch(base, *, day=TODAY)`, the names are `("base", "day")`, the
    defaults `(Parameter.empty, TODAY)`, and the binder is

        def bind(base, *, day=TODAY): return (base, day, )

    so that `fetch("EUR")` and `fetch(base="EUR", day=TODAY)` both give `("EUR",
    TODAY)`.
    """
    if isinstance(function, MethodType):
        return compile_binder(function.__func__, drop_first=True)
    parameters = _parameters(function)
    has_first = bool(parameters) and parameters[0].kind not in _STARS
    start = 1 if drop_first and has_first else 0
    bind = _compiled(parameters, start, getattr(function, "__module__", None))
    # The TypeError of a call that does not fit names the function, also inside a
    # partial.
    named: Any = function
    while isinstance(named, functools.partial):
        named = named.func
    name = getattr(named, "__qualname__", type(named).__qualname__)
    bind.__name__ = name
    bind.__qualname__ = name
    shown = parameters[start:]
    return Bound(
        names=tuple(_STARS.get(each.kind, "") + each.name for each in shown),
        defaults=tuple(each.default for each in shown),
        # The binder has the first parameter, too. What is bound to it is not looked at.
        bind=MethodType(bind, _BOUND_ALREADY) if start else bind,
    )


def _compiled(parameters: tuple[Parameter, ...], start: int, module: Any) -> Any:
    """Return a function with these parameters that returns their values from one on."""
    # C functions may have positional parameters that are named like a keyword.
    aliases = []
    for number, parameter in enumerate(parameters):
        name = parameter.name
        aliases.append(f"_{number}_{name}" if iskeyword(name) else name)
    # The source names no default: they are set below, as objects.
    declared = []
    for alias, parameter in zip(aliases, parameters, strict=True):
        default = None if _has_default(parameter) else Parameter.empty
        declared.append(Parameter(alias, parameter.kind, default=default))
    values = "".join(f"{alias}, " for alias in aliases[start:])
    source = f"def bind{Signature(declared)}: return ({values})"
    namespace: dict[str, Any] = {"__name__": module or __name__}
    exec(compile(source, "<mimic binder>", "exec"), namespace)
    bind = namespace["bind"]
    with_default = [each for each in parameters if _has_default(each)]
    by_keyword = {}
    by_place = []
    for parameter in with_default:
        if parameter.kind is Parameter.KEYWORD_ONLY:
            by_keyword[parameter.name] = parameter.default
        else:
            by_place.append(parameter.default)
    bind.__defaults__ = tuple(by_place) or None
    bind.__kwdefaults__ = by_keyword or None
    return bind


def argument_names(function: Callable[..., object]) -> list[str] | None:
    """Return the names of a function's arguments; None if it may take others, too."""
    parameters = _parameters(function)
    if hasattr(function, "__wrapped__"):
        # A decorator may take additional arguments.
        parameters += _parameters(function, follow_wrapped=False)
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return list(dict.fromkeys(parameter.name for parameter in parameters))


def _parameters(
    function: Callable[..., object], *, follow_wrapped: bool = True
) -> tuple[Parameter, ...]:
    """Return the parameters that a function shows.

    By default, those of the function inside its decorators.
    """
    try:
        signature = signature_of(
            function, follow_wrapped=follow_wrapped, **_SIGNATURE_OPTIONS
        )
    except (ValueError, TypeError):
        return _ANY_PARAMETERS
    return tuple(signature.parameters.values())


def _has_default(parameter: Parameter) -> bool:
    return parameter.default is not Parameter.empty
