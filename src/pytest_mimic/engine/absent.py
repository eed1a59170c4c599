"""Says what a line names that does not exist: a module, a client, an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import Parameter, signature
from typing import Any

from pytest_mimic.errors import TargetError, did_you_mean
from pytest_mimic.patch.modules import closest_module, module_exists
from pytest_mimic.patch.patches import NamedFunction
from pytest_mimic.patch.targets import Target, steps_of


def missing_modules(targets: Iterable[Target]) -> list[TargetError]:
    """Return an error for each function without a module; imports nothing."""
    errors = []
    for target in targets:
        if not target.is_client and not module_exists(target.module):
            what = f"{target.name} does not exist: there is no module {target.module}"
            close = closest_module(target.module)
            hint = f" (did you mean {close}?)" if close else ""
            errors.append(target.error(what + hint))
    return errors


def absent_clients(targets: Iterable[Target]) -> list[str]:
    """Return the clients among targets that are not installed, once each."""
    absent = {}
    for target in targets:
        is_there = target.module == "http" or module_exists(target.module)
        if target.is_client and not is_there:
            absent[target.module] = True
    return list(absent)


def absent_client(client: str) -> TargetError:
    """Return the error for a client that is not installed."""
    package = {"grpc": "grpcio"}.get(client, client)
    return TargetError(
        f"the client {client} is not installed",
        remedies=[("to install it", f"pip install {package}")],
    )


def argument_problem(line: Target, function: NamedFunction) -> str:
    """Say which argument that options name a function lacks, or give an empty text.

    `ignore=` would leave out nothing.
    """
    ignore, content = line.options.ignore, line.options.content
    is_named = bool(ignore or content) and line.path[-1] != "*"
    if not is_named or line.is_one_of_several:
        return ""
    given = [("ignore", path) for path in ignore]
    given += [("content", path) for path in content]
    names = _argument_names(function.function)
    for option, path in given:
        name = steps_of(path)[0]
        if names is not None and name not in (*names, "*"):
            hint = did_you_mean(name, names)
            hint = hint or f" (it has {', '.join(names) or 'none'})"
            return f"{option}={path} names no argument{hint}"
    return ""


def _argument_names(function: Callable[..., Any]) -> list[str] | None:
    """Return the names of a function's arguments; None if it may take others, too."""
    names: dict[str, bool] = {}
    # A decorator may take more arguments than the function that it shows.
    for follow_wrapped in (True, False):
        try:
            parameters = signature(function, follow_wrapped=follow_wrapped).parameters
        except (TypeError, ValueError):
            return None
        for parameter in parameters.values():
            if parameter.kind is Parameter.VAR_KEYWORD:
                return None
            names[parameter.name] = True
    return list(names)
