"""Binds a call to its parameters, however its arguments were passed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any

_ANY_PARAMETERS = [
    Parameter("args", Parameter.VAR_POSITIONAL),
    Parameter("kwargs", Parameter.VAR_KEYWORD),
]


class Binder:
    """Binds calls of one function.

    Attributes:
        names: The names of the parameters, without stars.
        rest: The name of `*rest`, or "".
        extra: The name of `**extra`, or "". Its arguments stand under their own names
            beside the others; one that a parameter has taken is `**name`.
        defaults: The defaults by name, the function's own objects.
        bind: Takes a call's arguments, and gives them by name, with the defaults of
            those that are left out. It raises the error of the call itself, where they
            do not fit.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = _parameters_of(function)
        self.names = tuple(parameter.name for parameter in parameters)
        self.rest = self.extra = ""
        self.defaults: dict[str, object] = {}
        for parameter in parameters:
            if parameter.kind is Parameter.VAR_POSITIONAL:
                self.rest = parameter.name
            if parameter.kind is Parameter.VAR_KEYWORD:
                self.extra = parameter.name
            if parameter.default is not Parameter.empty:
                self.defaults[parameter.name] = parameter.default
        self.bind: Callable[..., dict[str, object]] = self._compiled(parameters)
        name = getattr(function, "__qualname__", None)
        if isinstance(name, str):  # Python names it in the error of a wrong call.
            self.bind.__qualname__ = name

    def _compiled(self, parameters: list[Parameter]) -> Callable[..., Any]:
        """Make a function with given parameters that gives its arguments as a mapping.

        No parameter hides a default, which is looked up when the function is made.
        """
        join = "join"
        while join in self.names:
            join += "_"
        items = [f"{name!r}: {name}" for name in self.names if name != self.extra]
        body = f"{{{', '.join(items)}}}"
        if self.extra:
            body = f"{join}({body}, {self.extra})"
        names: dict[str, Any] = {join: _with_extra}
        named: list[Parameter] = []
        for parameter in parameters:
            bare = parameter.replace(annotation=Parameter.empty)
            if parameter.name in self.defaults:
                name = f"default_{parameter.name}"
                names[name] = parameter.default
                bare = bare.replace(default=_Name(name))
            named.append(bare)
        exec(f"def bind{inspect.Signature(named)}: return {body}", names)
        bind: Callable[..., Any] = names["bind"]
        return bind


class _Name(str):
    """A name, which stands in a signature as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def _parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        # Annotations are evaluated when they are read, and may name what is not there.
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    try:
        return list(inspect.signature(function, **options).parameters.values())
    except (TypeError, ValueError):  # A builtin that tells none.
        return _ANY_PARAMETERS


def _with_extra(
    bound: dict[str, object], extra: Mapping[str, object]
) -> dict[str, object]:
    for name, value in extra.items():
        bound[f"**{name}" if name in bound else name] = value
    return bound
