"""Bind a call's arguments: the same values, however they were passed.

The names of the parameters count in identities: a function that is bound by other names
misses its recordings.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from inspect import signature as signature_of
from keyword import iskeyword
from types import MethodType
from typing import Any

from pytest_mimic._core.named_fields import NamedFields

_SIGNATURE_OPTIONS: dict[str, Any] = {}
if sys.version_info >= (3, 14):  # pragma: no cover (needs that Python)
    from annotationlib import Format

    # Python 3.14 evaluates annotations on demand, and some cannot be evaluated (PEP
    # 649).
    _SIGNATURE_OPTIONS = {"annotation_format": Format.FORWARDREF}

# What a function takes that does not say what it takes, as many in C.
_ANY_PARAMETERS = (
    Parameter("args", Parameter.VAR_POSITIONAL),
    Parameter("kwargs", Parameter.VAR_KEYWORD),
)
# Stands for the object that a method is bound to. It counts nowhere.
_BOUND_ALREADY = object()
# What stands before the name of a parameter that takes any number of arguments.
_STARS_OF_KINDS: dict[Any, str] = {
    Parameter.VAR_POSITIONAL: "*",
    Parameter.VAR_KEYWORD: "**",
}


class Binding(NamedFields):
    """How one function's calls are bound.

    Attributes:
        names: The parameters in order, `*rest` and `**extra` with their stars.
        defaults: Parallel to `names`, the function's own default object, or
            `Parameter.empty`.
        bind: Takes a call's arguments and returns their values parallel to `names`.
            Raises the function's own TypeError for arguments that do not fit.
    """

    names: tuple[str, ...]
    defaults: tuple[object, ...]
    bind: Callable[..., tuple[object, ...]]


def compile_binder(
    function: Callable[..., object], *, drop_first: bool = False
) -> Binding:
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
    parameters = _shown_parameters(function)
    has_first = bool(parameters) and parameters[0].kind not in _STARS_OF_KINDS
    start = int(drop_first and has_first)
    bind = _compiled_binder(parameters, start, getattr(function, "__module__", None))
    # The TypeError of a call that does not fit names the function, also inside a
    # partial.
    innermost: Any = function
    while isinstance(innermost, functools.partial):
        innermost = innermost.func
    name = getattr(innermost, "__qualname__", type(innermost).__qualname__)
    bind.__name__ = name
    bind.__qualname__ = name
    if start:
        # The binder has the first parameter, too. What is bound to it is not looked at.
        bind = MethodType(bind, _BOUND_ALREADY)
    names = []
    defaults = []
    for parameter in parameters[start:]:
        stars = _STARS_OF_KINDS.get(parameter.kind, "")
        names.append(stars + parameter.name)
        defaults.append(parameter.default)
    return Binding(tuple(names), tuple(defaults), bind)


def _compiled_binder(parameters: tuple[Parameter, ...], start: int, module: Any) -> Any:
    """Return a function with these parameters that returns their values from one on.

    Args:
        parameters: All parameters of the function whose calls are bound.
        start: The number of the first one whose value is returned.
        module: The name of the function's module, for tracebacks; it may be missing.
    """
    binder_parameters = []
    aliases = []
    # The defaults, as a function keeps them in `__kwdefaults__` and `__defaults__`.
    keyword_defaults = {}
    positional_defaults = []
    for number, parameter in enumerate(parameters):
        alias = parameter.name
        if iskeyword(alias):
            # C functions may have positional parameters that are named like a keyword.
            alias = f"_{number}_{alias}"
        aliases.append(alias)
        default: object = Parameter.empty
        if parameter.default is not Parameter.empty:
            # The source has None for each default. They are set below, as objects.
            default = None
            if parameter.kind is Parameter.KEYWORD_ONLY:
                keyword_defaults[parameter.name] = parameter.default
            else:
                positional_defaults.append(parameter.default)
        binder_parameters.append(Parameter(alias, parameter.kind, default=default))
    values = "".join(f"{alias}, " for alias in aliases[start:])
    source = f"def bind{Signature(binder_parameters)}: return ({values})"
    namespace: dict[str, Any] = {"__name__": module or __name__}
    exec(compile(source, "<mimic binder>", "exec"), namespace)
    bind = namespace["bind"]
    bind.__defaults__ = tuple(positional_defaults) or None
    bind.__kwdefaults__ = keyword_defaults or None
    return bind


def argument_names(function: Callable[..., object]) -> list[str] | None:
    """Return the names of a function's arguments; None if it may take others, too.

    The paths of `ignore=` and `content=` are checked by these names, see
    `Target.message_about_argument`.
    """
    parameters = _shown_parameters(function)
    if hasattr(function, "__wrapped__"):
        # A decorator may take additional arguments.
        parameters += _shown_parameters(function, follow_wrapped=False)
    names: dict[str, None] = {}
    for parameter in parameters:
        if parameter.kind is Parameter.VAR_KEYWORD:
            # A call may give an argument of any name.
            return None
        names[parameter.name] = None
    return list(names)


def _shown_parameters(
    function: Callable[..., object], *, follow_wrapped: bool = True
) -> tuple[Parameter, ...]:
    """Return the parameters that a function shows.

    By default, they are those of the function inside its decorators. A function without
    a signature may take any.
    """
    try:
        signature = signature_of(
            function, follow_wrapped=follow_wrapped, **_SIGNATURE_OPTIONS
        )
    except (ValueError, TypeError):
        return _ANY_PARAMETERS
    return tuple(signature.parameters.values())
