"""Binds a call to its parameters, however its arguments were passed."""

from __future__ import annotations

import inspect
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
        self.extra = ""
        self.defaults: dict[str, object] = {}
        for parameter in parameters:
            if parameter.kind is Parameter.VAR_KEYWORD:
                self.extra = parameter.name
            if parameter.default is not Parameter.empty:
                self.defaults[parameter.name] = parameter.default
        self.bind: Callable[..., dict[str, object]] = self._compiled(parameters)
        name = getattr(function, "__qualname__", None)
        if isinstance(name, str):  # Python names it in the error of a wrong call.
            self.bind.__qualname__ = name

    def _compiled(self, parameters: list[Parameter]) -> Callable[..., Any]:
        """Make a function with these parameters that gives them as a mapping.

        No parameter hides a default, which is looked up when the function is made.
        """
        join = "join"
        while join in self.names:
            join += "_"
        items = [f"{name!r}: {name}" for name in self.names if name != self.extra]
        body = f"{{{', '.join(items)}}}"
        if self.extra:
            body = f"{join}({body}, {self.extra})"
        source = f"def bind({_header(parameters)}): return {body}"
        names: dict[str, Any] = {join: _with_extra}
        for name, default in self.defaults.items():
            names[f"default_{name}"] = default
        exec(source, names)
        bind: Callable[..., Any] = names["bind"]
        return bind


def _parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # A builtin that tells none.
        return _ANY_PARAMETERS


def _header(parameters: list[Parameter]) -> str:
    """Write the parameters of a `def`, with its `/` and `*`."""
    parts: list[str] = []
    kinds = [parameter.kind for parameter in parameters]
    for parameter in parameters:
        is_by_keyword = parameter.kind is Parameter.KEYWORD_ONLY
        if is_by_keyword and not {"*", Parameter.VAR_POSITIONAL} & {*parts, *kinds}:
            parts.append("*")
        parts.append(_declaration(parameter))
    by_position = kinds.count(Parameter.POSITIONAL_ONLY)
    if by_position:
        parts.insert(by_position, "/")
    return ", ".join(parts)


def _declaration(parameter: Parameter) -> str:
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is Parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    if parameter.default is Parameter.empty:
        return parameter.name
    return f"{parameter.name}=default_{parameter.name}"


def _with_extra(
    bound: dict[str, object], extra: Mapping[str, object]
) -> dict[str, object]:
    for name, value in extra.items():
        bound[f"**{name}" if name in bound else name] = value
    return bound
