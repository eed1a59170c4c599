"""Targets: the grammar of one line, its options, and whether its module exists."""

from __future__ import annotations

import difflib
import importlib.machinery
import math
import pkgutil
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .errors import TargetError

BOUNDARIES = ("httpx", "httpx2", "requests", "aiohttp", "sqlalchemy", "redis")


class Options(NamedTuple):
    """What may follow a target, normalised. Lists are tuples, each item one path or pattern."""

    ignore: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    key: Callable[[dict[str, object]], object] | None = None
    sequence: bool = False
    mutates: tuple[str, ...] = ()
    rtol: float = 0.0
    atol: float = 0.0
    volatile: tuple[str, ...] = ()
    compare: Literal["exact", "shape"] = "exact"
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Reading(NamedTuple):
    """One way to read a target: a module, and the names that lead to the function in it."""

    module: str
    path: tuple[str, ...]


@dataclass(frozen=True, init=False)
class Target:
    """What is to be mimicked: a function, the functions of a module or class, or a boundary.

    Args:
        line_or_function: A line as in `mimic_functions` (`shop.api:fetch_rates ignore=session`),
            or the function itself.
        options: The options by keyword; they win over those in the line.

    Attributes:
        module: `shop.api`; of a boundary its client, `httpx`.
        path: The names that lead to the function in it, `("Client", "fetch")`; `"*"` last stands
            for every public one; empty for a boundary.
        excluded: Whether the target leaves out what an earlier one took in (`!shop.api:helper`).
        options: See `Options`.
        given: The names of the options that were given.
        origin: Where it was written, for messages: `mimic_functions, line 3`.

    Raises:
        TargetError: The line is not in the grammar, an option is unknown or has a bad value, or
            the function has no importable name.
    """

    module: str
    path: tuple[str, ...]
    excluded: bool
    options: Options
    given: frozenset[str] = field(compare=False, repr=False)
    origin: str = field(compare=False, repr=False)
    dotted: bool = field(compare=False, repr=False)

    def __init__(self, line_or_function: str | Callable[..., object], **options: object) -> None:
        self._fill(line_or_function, options, origin="")

    def _fill(self, subject: object, options: dict[str, object], *, origin: str) -> None:
        if isinstance(subject, str):
            words = _words(subject, origin)
            if not words:
                raise refusal(origin, f"{subject!r} names no target")
            name, given = words[0], _line_options(words, origin)
        else:
            name, given = _name_of(subject, origin), {}
        excluded = name.startswith("!")
        reading, dotted = _parse_name(name.removeprefix("!"), origin)
        given.update(_python_options(options, name, origin))
        if excluded and given:
            raise refusal(origin, f"{name} leaves out, and takes no options", target=name)
        values = {
            "module": reading.module,
            "path": reading.path,
            "excluded": excluded,
            "options": Options(**given),
            "given": frozenset(given),
            "origin": origin,
            "dotted": dotted,
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)

    def with_options(self, **options: object) -> Target:
        """The same target with more options, which win over its own.

        Raises:
            TargetError: An option is unknown or has a bad value.
        """
        if not options:
            return self
        given = _python_options(options, self.name, self.origin)
        other = object.__new__(Target)
        for attribute in ("module", "path", "excluded", "origin", "dotted"):
            object.__setattr__(other, attribute, getattr(self, attribute))
        object.__setattr__(other, "options", self.options._replace(**given))
        object.__setattr__(other, "given", self.given | frozenset(given))
        return other

    @property
    def is_boundary(self) -> bool:
        """Whether it names a client library and not functions."""
        return not self.path

    @property
    def name(self) -> str:
        """`shop.api:Client.fetch`; of a boundary `httpx`."""
        return f"{self.module}:{'.'.join(self.path)}" if self.path else self.module

    def __str__(self) -> str:
        return ("!" if self.excluded else "") + self.name

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What it may mean, longest module first; more than one for the older dotted form only."""
        if not self.dotted:
            return (Reading(self.module, self.path),)
        parts = (*self.module.split("."), *self.path)
        return tuple(Reading(".".join(parts[:n]), parts[n:]) for n in range(len(parts) - 1, 0, -1))


def parse_target(line: str, *, origin: str = "") -> Target | None:
    """Read one line of `mimic_functions`; None for a line that holds only a comment.

    Raises:
        TargetError: The line is not in the grammar; the message starts with `origin`.
    """
    if not _words(line, origin):
        return None
    target = object.__new__(Target)
    target._fill(line, {}, origin=origin)
    return target


def refusal(origin: str, what: str, **data: str) -> TargetError:
    """The error about a target, one line that names where it was written."""
    return TargetError(f"{origin}: {what}" if origin else what, **data)


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """The existing name that was most likely meant."""
    names = sorted(set(names))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {known.lower(): known for known in names}
    return folded.get(name.lower())


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The closest name as an end of a sentence, nothing where none is close."""
    close = closest_name(name, names)
    return f" (did you mean {close}?)" if close else ""


# The line


def _words(line: str, origin: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise refusal(origin, f"{line.strip()} cannot be read: {str(error).lower()}") from error


def _parse_name(name: str, origin: str) -> tuple[Reading, bool]:
    """The reading of a target's name, and whether it is in the older dotted form."""
    if name in BOUNDARIES:
        return Reading(name, ()), False
    module, colon, path = name.partition(":")
    dotted = not colon
    if dotted:
        module, _, path = name.rpartition(".")
    if not module and dotted and path.isidentifier():
        hint = did_you_mean(path, BOUNDARIES)
        raise refusal(origin, f"{path} is neither package.module:function nor a boundary{hint}", target=name)
    names = tuple(path.split("."))
    if not _is_dotted_name(module) or not _is_path(names):
        raise refusal(origin, f"{name} is no target, write it as package.module:function", target=name)
    return Reading(module, names), dotted


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _is_path(names: Sequence[str]) -> bool:
    *first, last = names
    return all(name.isidentifier() for name in first) and (last == "*" or last.isidentifier())


def _name_of(function: object, origin: str) -> str:
    """The name by which a function can be imported."""
    if isinstance(function, type):
        name = f"{function.__module__}:{function.__qualname__}"
        raise refusal(origin, f"{name} is a class, name its methods: {name}.*", target=name)
    function = _inner(function)
    module = getattr(function, "__module__", None)
    path = getattr(function, "__qualname__", None)
    if not callable(function) or not isinstance(module, str) or not isinstance(path, str):
        raise refusal(origin, f"{function!r} is no function with an importable name, give package.module:name")
    if "<lambda>" in path or "<locals>" in path:
        raise refusal(origin, f"{path} of {module} cannot be imported by its name, only a module's or a class's can be a target")
    return f"{module}:{path}"


def _inner(function: object) -> object:
    """The function in a descriptor as a class's dict holds it."""
    if isinstance(function, property):
        return function.fget
    if isinstance(function, (staticmethod, classmethod)):
        return function.__func__
    return getattr(function, "func", function) if not callable(function) else function


# The options


def _line_options(words: list[str], origin: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for word in words[1:]:
        name, equals, text = word.partition("=")
        if name in given:
            raise refusal(origin, f"{words[0]}: {name} is given twice", target=words[0])
        if name == "key":
            raise refusal(origin, f"{words[0]}: key= takes a function, so it works in Python only", target=words[0])
        given[name] = _value(name, text if equals else None, words[0], origin)
    return given


def _python_options(options: dict[str, object], target: str, origin: str) -> dict[str, Any]:
    return {name: _value(name, value, target, origin) for name, value in options.items()}


def _value(name: str, value: object, target: str, origin: str) -> Any:
    """One option's value, checked; None stands for an option written without one."""
    if name not in _READERS:
        hint = did_you_mean(name, _READERS)
        raise refusal(origin, f"{target} takes no option {name}{hint}", target=target, option=name)
    reader, wanted = _READERS[name]
    try:
        return reader(value)
    except (TypeError, ValueError, KeyError) as error:
        shown = "no value" if value is None else repr(value)
        what = f"{target}: {name}= takes {wanted}, not {shown}"
        raise refusal(origin, what, target=target, option=name) from error


def _read_paths(value: object) -> tuple[str, ...]:
    paths = _read_list(value)
    if not all(all(re.sub(r"\[(\w+)\]", r".\1", path).split(".")) for path in paths):
        raise ValueError(value)
    return paths


def _read_list(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        items = [item.strip() for item in value.split(",")]
    elif isinstance(value, Iterable):
        items = [_read_text(item) for item in value]
    else:
        raise TypeError(value)
    if not all(items):
        raise ValueError(value)
    return tuple(items)


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.strip()


def _read_switch(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    return {"true": True, "false": False}[str(value).lower()]


def _read_tolerance(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    number = float(value)
    if not number >= 0 or math.isinf(number):
        raise ValueError(value)
    return number


def _read_comparison(value: object) -> str:
    if value not in ("exact", "shape"):
        raise ValueError(value)
    return str(value)


def _read_function(value: object) -> object:
    if not callable(value):
        raise TypeError(value)
    return value


_READERS: dict[str, tuple[Callable[[object], object], str]] = {
    "ignore": (_read_paths, "arguments or paths in them"),
    "match": (_read_paths, "parts of a request"),
    "key": (_read_function, "a function"),
    "sequence": (_read_switch, "true or false"),
    "mutates": (_read_paths, "names of arguments"),
    "rtol": (_read_tolerance, "a number of 0 or more"),
    "atol": (_read_tolerance, "a number of 0 or more"),
    "volatile": (_read_paths, "paths in the outcome"),
    "compare": (_read_comparison, "exact or shape"),
    "only": (_read_list, "patterns on calls"),
    "exclude": (_read_list, "patterns on calls"),
}


# Whether the module exists


def find_module(target: Target) -> bool:
    """Whether a target's module can be found, without importing it or its parents."""
    return any(module_exists(reading.module) for reading in target.readings)


def missing_module(target: Target) -> TargetError | None:
    """The error that names the closest module there is; None where the target's own is found."""
    if find_module(target):
        return None
    module = target.module
    hint = f" (did you mean {closest}?)" if (closest := _closest_module(module)) else ""
    what = f"{target} does not exist, there is no module {module}{hint}"
    return refusal(target.origin, what, target=target.name)


def module_exists(name: str) -> bool:
    """Whether a module is imported or can be found along the path; nothing is imported."""
    if name in sys.modules:
        return sys.modules[name] is not None
    return _find_spec(name) is not None


def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """As `importlib.util.find_spec`, which would import the parents."""
    parent = name.rpartition(".")[0]
    path = _search_path(parent) if parent else None
    if parent and path is None:
        return None
    for finder in list(sys.meta_path):
        spec = _ask(finder, name, path)
        if spec is not None:
            return spec
    return None


def _search_path(package: str) -> Sequence[str] | None:
    """Where a package's modules are looked for; None for what is no package."""
    if package in sys.modules:
        path = getattr(sys.modules[package], "__path__", None)
    else:
        spec = _find_spec(package)
        path = spec.submodule_search_locations if spec else None
    return None if path is None else list(path)


def _ask(finder: Any, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    if finder is importlib.machinery.PathFinder:
        return _find_on_path(name, sys.path if path is None else path)
    try:
        spec: importlib.machinery.ModuleSpec | None = finder.find_spec(name, path)
    except Exception:  # finders are other people's code, and expect the parents to be imported
        return None
    return spec


def _find_on_path(name: str, path: Sequence[str]) -> importlib.machinery.ModuleSpec | None:
    """As PathFinder, which needs the parent of a namespace package to be imported."""
    portions: list[str] = []
    for entry in path:
        finder = pkgutil.get_importer(entry)
        spec = finder.find_spec(name) if finder else None
        if spec and spec.loader:
            return spec
        if spec:
            portions.extend(spec.submodule_search_locations or ())
    if not portions:
        return None
    namespace = importlib.machinery.ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace


def _closest_module(name: str) -> str | None:
    """The module that was most likely meant: the first part that is missing, put right."""
    parent, _, last = name.rpartition(".")
    if parent and not module_exists(parent):
        parent = _closest_module(parent) or ""
        if not parent:
            return None
        if module_exists(f"{parent}.{last}"):
            return f"{parent}.{last}"
    close = closest_name(last, _siblings(parent))
    if close is None:
        return None
    return f"{parent}.{close}" if parent else close


def _siblings(parent: str) -> set[str]:
    """The names of the modules in a package, of those at the top without one."""
    path = _search_path(parent) if parent else None
    if parent and path is None:
        return set()
    names = {module.name for module in pkgutil.iter_modules(path)}
    return names if parent else names | set(sys.stdlib_module_names)
