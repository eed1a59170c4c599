"""Binds a call to its parameters, however its arguments were passed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Any

_ANY_CALL = inspect.signature(lambda *args, **kwargs: None)
_STARS = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


class Binder:
    """Binds calls of one function.

    Attributes:
        names: The names of the parameters, those of `*rest` and `**extra` without stars.
        extra: The name of `**extra`, or "". Its arguments stand under their own names
            beside the others; one that a parameter has taken is `**name`.
        defaults: The defaults by name, the function's own objects.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = _signature_of(function).parameters.values()
        self.names = tuple(parameter.name for parameter in parameters)
        self.extra = ""
        self.defaults: dict[str, object] = {}
        for parameter in parameters:
            if parameter.kind is Parameter.VAR_KEYWORD:
                self.extra = parameter.name
            if parameter.default is not Parameter.empty:
                self.defaults[parameter.name] = parameter.default
        self._bind = self._compiled(list(parameters))
        name = getattr(function, "__qualname__", None)
        if isinstance(name, str):  # Python names it in the error of a wrong call.
            self._bind.__qualname__ = name

    def __call__(
        self, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> dict[str, object]:
        """Give the arguments by name, with the defaults of those that are left out.

        Raises:
            TypeError: The error of the call itself, where the arguments do not fit.
        """
        bound: dict[str, object] = self._bind(*args, **kwargs)
        return bound

    def _compiled(self, parameters: list[Parameter]) -> Callable[..., Any]:
        """Make a function with these parameters that gives them as a mapping.

        A default is looked up where the function is defined, so that no parameter can
        hide it.
        """
        join = "join"
        while join in self.names:
            join += "_"
        items = [f"{name!r}: {name}" for name in self.names if name != self.extra]
        body = f"{{{', '.join(items)}}}"
        if self.extra:
            body = f"{join}({body}, {self.extra})"
        source = f"def bind({_header(parameters)}): return {body}"
        names = {join: _with_extra}
        defaults = {f"default_{name}": one for name, one in self.defaults.items()}
        # A local scope keeps the defaults out of the globals that the body sees.
        made: dict[str, Any] = dict(defaults)
        exec(source, names, made)
        bind: Callable[..., Any] = made["bind"]
        return bind


def _signature_of(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # A builtin that tells none.
        return _ANY_CALL


def _header(parameters: list[Parameter]) -> str:
    """Write the parameters of a `def`, with its `/` and `*`."""
    parts: list[str] = []
    kinds = [parameter.kind for parameter in parameters]
    for parameter in parameters:
        kind = parameter.kind
        first_by_keyword = kind is Parameter.KEYWORD_ONLY and "*" not in parts
        if first_by_keyword and Parameter.VAR_POSITIONAL not in kinds:
            parts.append("*")
        text = _STARS.get(kind, "") + parameter.name
        if parameter.default is not Parameter.empty:
            text += f"=default_{parameter.name}"
        parts.append(text)
    by_position = kinds.count(Parameter.POSITIONAL_ONLY)
    if by_position:
        parts.insert(by_position, "/")
    return ", ".join(parts)


def _with_extra(
    bound: dict[str, object], extra: Mapping[str, object]
) -> dict[str, object]:
    for name, value in extra.items():
        bound[f"**{name}" if name in bound else name] = value
    return bound
