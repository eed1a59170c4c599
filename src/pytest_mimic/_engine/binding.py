"""Binds a call's arguments: the same values in the same order, however they were passed."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from inspect import Parameter
from inspect import signature as signature_of
from keyword import iskeyword
from types import MethodType
from typing import Any, Final, NamedTuple

LEFT_OUT: Final = object()
"""Stands where a parameter has no default."""

_SIGNATURE_OPTIONS: dict[str, Any] = {}
if sys.version_info >= (3, 14):  # pragma: no cover (needs that Python)
    from annotationlib import Format

    # Annotations are evaluated on demand there, and need not be evaluable.
    _SIGNATURE_OPTIONS = {"annotation_format": Format.FORWARDREF}

_UNKNOWN_PARAMETERS = (
    Parameter("args", Parameter.VAR_POSITIONAL),
    Parameter("kwargs", Parameter.VAR_KEYWORD),
)


class Bound(NamedTuple):
    """How one function's calls are bound.

    Attributes:
        names: The parameters in order, `*rest` and `**extra` with their stars.
        defaults: Parallel to `names`: the function's own default object, `LEFT_OUT` where it has none.
        bind: Takes a call's arguments, gives their values parallel to `names`. Raises the
            function's own TypeError for a call that does not fit.
    """

    names: tuple[str, ...]
    defaults: tuple[object, ...]
    bind: Callable[..., tuple[object, ...]]


def compile_binder(function: Callable[..., object], *, drop_first: bool = False) -> Bound:
    """Generate the binder of a function from its signature.

    Args:
        function: Any callable. One without a signature binds as `(*args, **kwargs)`.
        drop_first: The first parameter is bound already: it is neither passed nor given back.
    """
    if isinstance(function, MethodType):
        return compile_binder(function.__func__, drop_first=True)
    return _compile(function, _parameters(function), drop_first=drop_first)


def argument_names(function: Callable[..., object]) -> list[str] | None:
    """The names of a function's arguments; None where it may take others too."""
    parameters = _parameters(function)
    if hasattr(function, "__wrapped__"):  # a decorator may take arguments of its own
        parameters += _parameters(function, follow_wrapped=False)
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return list(dict.fromkeys(parameter.name for parameter in parameters))


def _parameters(function: Callable[..., object], *, follow_wrapped: bool = True) -> tuple[Parameter, ...]:
    """The parameters that a caller is told about, by default with decorators looked through."""
    try:
        signature = signature_of(function, follow_wrapped=follow_wrapped, **_SIGNATURE_OPTIONS)
    except (ValueError, TypeError):
        return _UNKNOWN_PARAMETERS
    return tuple(signature.parameters.values())


def _compile(
    function: Callable[..., object], parameters: tuple[Parameter, ...], *, drop_first: bool
) -> Bound:
    """Compile one binder; its defaults are set afterwards, so the code refers to no name of ours."""
    aliases = [_alias(parameter, index) for index, parameter in enumerate(parameters)]
    given = slice(1 if drop_first and parameters and not _is_variable(parameters[0]) else 0, None)
    source = f"def bind({_declaration(parameters, aliases)}):\n return ({''.join(f'{a}, ' for a in aliases[given])})"
    namespace: dict[str, Any] = {"__name__": getattr(function, "__module__", None) or __name__}
    exec(compile(source, "<mimic binder>", "exec"), namespace)
    bind = namespace["bind"]
    bind.__defaults__ = tuple(p.default for p in parameters if _is_positional(p) and _has_default(p)) or None
    bind.__kwdefaults__ = {
        p.name: p.default for p in parameters if p.kind is Parameter.KEYWORD_ONLY and _has_default(p)
    } or None
    bind.__name__, bind.__qualname__ = _names_of(function)
    shown = parameters[given]
    return Bound(
        names=tuple(_stars(p) + p.name for p in shown),
        defaults=tuple(p.default if _has_default(p) else LEFT_OUT for p in shown),
        bind=MethodType(bind, LEFT_OUT) if given.start else bind,
    )


def _declaration(parameters: tuple[Parameter, ...], aliases: list[str]) -> str:
    """The parameter list as source, each default written as None."""
    parts: list[str] = []
    previous: Any = None
    for parameter, alias in zip(parameters, aliases, strict=True):
        kind = parameter.kind
        if previous is Parameter.POSITIONAL_ONLY and kind is not Parameter.POSITIONAL_ONLY:
            parts.append("/")
        if kind is Parameter.KEYWORD_ONLY and previous not in (
            Parameter.KEYWORD_ONLY,
            Parameter.VAR_POSITIONAL,
        ):
            parts.append("*")
        parts.append(_stars(parameter) + alias + ("=None" if _has_default(parameter) else ""))
        previous = kind
    if previous is Parameter.POSITIONAL_ONLY:
        parts.append("/")
    return ", ".join(parts)


def _alias(parameter: Parameter, index: int) -> str:
    """The parameter's own name; C functions may have positional ones named like a keyword."""
    return f"_{index}_{parameter.name}" if iskeyword(parameter.name) else parameter.name


def _stars(parameter: Parameter) -> str:
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return "*"
    return "**" if parameter.kind is Parameter.VAR_KEYWORD else ""


def _is_positional(parameter: Parameter) -> bool:
    return parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def _is_variable(parameter: Parameter) -> bool:
    return parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _has_default(parameter: Parameter) -> bool:
    return parameter.default is not Parameter.empty


def _names_of(function: Callable[..., object]) -> tuple[str, str]:
    """Its `__name__` and `__qualname__`, a partial's and an instance's from what they call."""
    while isinstance(function, functools.partial):
        function = function.func
    if not isinstance(getattr(function, "__qualname__", None), str):
        function = type(function).__call__
    return function.__name__, function.__qualname__
