"""Targets: the grammar of one line, its options, and the errors that name the line."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partialmethod
from typing import Any, Literal, NamedTuple

from pytest_mimic._engine.binding import argument_names
from pytest_mimic._targets.modules import closest_module, module_exists
from pytest_mimic._targets.spelling import closest_name, did_you_mean
from pytest_mimic.boundaries.registry import BOUNDARIES, COMMON_PARTS, load_boundary
from pytest_mimic.errors import TargetError

__all__ = [
    "Options",
    "Reading",
    "Target",
    "check_options",
    "closest_name",
    "did_you_mean",
    "find_module",
    "missing_module",
    "parse_target",
    "refusal",
]

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Options(NamedTuple):
    """What may follow a target, normalised: of a list, each item is one path or pattern."""

    ignore: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    key: Callable[[Mapping[str, Any]], object] | None = None
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
        options: The options by keyword; they win over those in the line, None leaves them as they
            are, and an exclusion ignores them.

    Attributes:
        module: `shop.api`; of a boundary its client, `httpx`.
        path: The names that lead to the function in it, `("Client", "fetch")`; `"*"` as the last one
            stands for every public one; empty for a boundary.
        excluded: Whether it leaves out what an earlier target took in (`!shop.api:helper`).
        options: See `Options`.
        is_shared: Whether they were given for several targets together, not all of which need have each argument.
        dotted: Whether it was written in the older form, `shop.api.Client.fetch`.
        origin: Where it was written, for messages: `mimic_functions, line 3`.

    Raises:
        TargetError: The line is not in the grammar, an option is unknown or has a bad value, or
            the function has no importable name.
    """

    module: str
    path: tuple[str, ...]
    excluded: bool
    options: Options
    is_shared: bool = field(compare=False, repr=False)
    dotted: bool = field(compare=False, repr=False)
    origin: str = field(compare=False, repr=False)

    def __init__(self, line_or_function: str | Callable[..., object], **options: object) -> None:
        if isinstance(line_or_function, str):
            words = _words(line_or_function, "")
            if not words:
                raise refusal("", f"{line_or_function!r} names no target")
        else:
            words = [_name_of(line_or_function)]
        self._fill(words, options, "")

    def _fill(self, words: list[str], options: dict[str, object], origin: str) -> None:
        name = words[0]
        excluded = name.startswith("!")
        if excluded and words[1:]:
            raise refusal(origin, f"{name} leaves out, so it takes no options", target=name)
        given = {**_line_options(words, origin), **_python_options(options, name, origin)}
        chosen = Options() if excluded else Options(**given)
        reading, dotted = _parse_name(name.removeprefix("!"), origin)
        _check_kind(name, chosen, origin)
        self._set(
            **reading._asdict(),
            excluded=excluded,
            options=chosen,
            is_shared=False,
            dotted=dotted,
            origin=origin,
        )

    def _set(self, **attributes: object) -> None:
        for attribute, value in attributes.items():
            object.__setattr__(self, attribute, value)

    def with_options(self, **options: object) -> Target:
        """The same target with these options instead of its own; an exclusion takes none.

        Raises:
            TargetError: An option is unknown or has a bad value.
        """
        twin = self._with(options)
        if not twin.is_shared:
            _check_kind(twin.name, twin.options, "")
        return twin

    def _with(self, options: Mapping[str, object]) -> Target:
        given = _python_options(options, self.name, "")
        twin = object.__new__(Target)
        chosen = self.options if self.excluded else self.options._replace(**given)
        twin._set(**{**vars(self), "options": chosen})
        return twin

    def misfit(self, function: Callable[..., Any]) -> str:
        """The argument that its options name and a function does not have, in words; empty where there is none."""
        named = [(name, path) for name in ("ignore", "mutates") for path in getattr(self.options, name)]
        known = argument_names(function) if named and not self.is_shared and self.path[-1] != "*" else None
        if known is None:
            return ""
        for option, path in named:
            name = re.split(r"[.\[]", path)[0]
            if name not in known:
                hint = did_you_mean(name, known) or f" (it has {', '.join(known) or 'none'})"
                return f"{option}={path} names no argument{hint}"
        return ""

    @property
    def is_boundary(self) -> bool:
        """Whether it names a client library and not functions."""
        return not self.path

    @property
    def name(self) -> str:
        """`shop.api:Client.fetch`; of a boundary `httpx`."""
        return f"{self.module}:{'.'.join(self.path)}" if self.path else self.module

    def __str__(self) -> str:
        return f"!{self.name}" if self.excluded else self.name

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What it may mean, the longest module first; more than one for the older form only."""
        if not self.dotted:
            return (Reading(self.module, self.path),)
        parts = (*self.module.split("."), *self.path)
        return tuple(Reading(".".join(parts[:n]), parts[n:]) for n in range(len(parts) - 1, 0, -1))


def parse_target(line: str, *, origin: str = "") -> Target | None:
    """Read one line of `mimic_functions`; None for a line that holds only a comment.

    Raises:
        TargetError: The line is not in the grammar; the message starts with `origin`.
    """
    words = _words(line, origin)
    if not words:
        return None
    target = object.__new__(Target)
    target._fill(words, {}, origin)
    return target


def find_module(target: Target) -> bool:
    """Whether a target's module can be found, without importing it or its parents."""
    return any(module_exists(reading.module) for reading in target.readings)


def missing_module(target: Target) -> TargetError | None:
    """The error that names the closest module there is; None where the target's own is found."""
    if find_module(target):
        return None
    if target.is_boundary:
        return refusal(
            target.origin, f"{target}: the client {target.module} is not installed", target=target.name
        )
    close = closest_module(target.module)
    hint = f" (did you mean {close}?)" if close else ""
    what = f"{target} does not exist, there is no module {target.module}{hint}"
    return refusal(target.origin, what, target=target.name)


def as_targets(
    given: Iterable[str | Target | Callable[..., Any]], options: Mapping[str, Any] | None = None
) -> list[Target]:
    """Targets given as lines, functions or Targets, with these options for all of them.

    Raises:
        TargetError: As for `Target`.
    """
    targets = [one if isinstance(one, Target) else Target(one) for one in given]
    if not options:
        return targets
    if len(targets) == 1:
        return [targets[0].with_options(**options)]
    shared = [target._with(options) for target in targets]
    for target in shared:
        target._set(is_shared=True)
    return shared


def check_options(options: dict[str, object], whose: str) -> None:
    """Whether options given by keyword are known, and their values good.

    Raises:
        TargetError: One is not; the message starts with `whose`.
    """
    _python_options(options, whose, "")


def refusal(origin: str, what: str, **data: str) -> TargetError:
    """The error about a target: one line that begins with where it was written."""
    return TargetError(f"{origin}: {what}" if origin else what, **data)


# The name


def _words(line: str, origin: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise refusal(origin, f"{line.strip()} cannot be read: {str(error).lower()}") from error


def _parse_name(name: str, origin: str) -> tuple[Reading, bool]:
    """What a target's name means, and whether it is in the older dotted form."""
    if name in BOUNDARIES:
        return Reading(name, ()), False
    if name.isidentifier():
        hint = did_you_mean(name, BOUNDARIES)
        raise refusal(origin, f"{name} is neither package.module:function nor a boundary{hint}", target=name)
    module, colon, path = name.partition(":") if ":" in name else name.rpartition(".")
    names = tuple(path.split("."))
    if not _are_names(module.split(".")) or not _are_names(names[:-1]) or not _are_names([names[-1]], "*"):
        raise refusal(origin, f"{name} is no target, write it as package.module:function", target=name)
    return Reading(module, names), colon == "."


def _are_names(parts: Sequence[str], wildcard: str = "") -> bool:
    return all(part.isidentifier() or (part == wildcard != "") for part in parts)


def _name_of(thing: object) -> str:
    """The name by which a function can be imported."""
    if isinstance(thing, type):
        name = f"{thing.__module__}:{thing.__qualname__}"
        raise refusal(
            "", f"{name} is a class, which cannot be mimicked, name its methods: {name}.*", target=name
        )
    function = _inside(thing)
    module = getattr(function, "__module__", None)
    path = getattr(function, "__qualname__", None)
    if not callable(function) or not isinstance(module, str) or not isinstance(path, str):
        raise refusal(
            "", f"{thing!r} is no function with an importable name, give it as 'package.module:name'"
        )
    if "<" in path:
        raise refusal("", f"{path} in {module} is local or a lambda, and cannot be imported by its name")
    name = getattr(function, "__name__", "")
    held = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    # A method bound to an object of the module's own, as random.randint is, goes by its name there.
    return f"{module}:{name if held is function else path}"


def _inside(thing: object) -> object:
    """The function in a descriptor, as its class gives or holds it."""
    if isinstance(thing, property):
        return thing.fget
    if isinstance(thing, (staticmethod, classmethod)):
        return thing.__func__
    if isinstance(thing, (cached_property, partialmethod)):
        return thing.func
    return thing


# The options


def _line_options(words: list[str], origin: str) -> dict[str, Any]:
    target = words[0]
    given: dict[str, Any] = {}
    for word in words[1:]:
        name, equals, text = word.partition("=")
        if name in given:
            raise refusal(origin, f"{target}: {name} is given twice", target=target, option=name)
        if name == "key":
            raise refusal(
                origin, f"{target}: key= takes a function, so it works in Python only", target=target
            )
        given[name] = _value(name, text if equals else None, target, origin)
    return given


def _check_kind(target: str, options: Options, origin: str) -> None:
    """Whether a target of this kind, a function or a boundary, has what its options name.

    Raises:
        TargetError: It has not.
    """
    is_boundary = target in BOUNDARIES
    unfit = {"mutates": "a function", "key": "a function"} if is_boundary else {"match": "a boundary"}
    for name, whose in unfit.items():
        if getattr(options, name):
            raise refusal(origin, f"{target}: {name}= is an option of {whose}", target=target, option=name)
    for name in ("ignore", "match") if is_boundary else ():
        for path in getattr(options, name):
            parts = load_boundary(target).parts
            word = re.split(r"[.\[]", path)[0]
            if word not in (*parts, *COMMON_PARTS, "*"):
                hint = did_you_mean(word, parts) or f" (it has {', '.join(parts)})"
                what = f"{target}: {name}={path} names no part of a call{hint}"
                raise refusal(origin, what, target=target, option=name)


def _python_options(options: Mapping[str, object], target: str, origin: str) -> dict[str, Any]:
    return {
        name: _value(name, value, target, origin)
        for name, value in options.items()
        if value is not None or name not in _READERS
    }


def _value(name: str, value: object, target: str, origin: str) -> Any:
    """One option's value, checked; None stands for an option written without one."""
    if name not in _READERS:
        hint = did_you_mean(name, _READERS)
        raise refusal(origin, f"{target}: there is no option {name}{hint}", target=target, option=name)
    read, wanted = _READERS[name]
    try:
        return read(value)
    except (TypeError, ValueError, KeyError):  # which say no more
        shown = "nothing" if value is None else repr(value)
        if isinstance(value, Iterator):
            shown = "an iterator, which is empty once it was read"
        what = f"{target}: {name}= takes {wanted}, not {shown}"
        raise refusal(origin, what, target=target, option=name) from None


def _read_paths(value: object) -> tuple[str, ...]:
    from pytest_mimic._identity import parse_path

    paths = _read_list(value)
    for path in paths:
        parse_path(path)
    return paths


def _read_list(value: object) -> tuple[str, ...]:
    if not isinstance(value, Iterable) or isinstance(
        value, Iterator
    ):  # it is read again for each target and test
        raise TypeError(value)
    items = tuple(_read_text(item) for item in (value.split(",") if isinstance(value, str) else value))
    if not all(items):
        raise ValueError(value)
    return items


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.strip()


def _read_switch(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    return {"true": True, "false": False}[_read_text(value).lower()]


def _read_tolerance(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(value)
    return number


def _read_comparison(value: object) -> str:
    return {"exact": "exact", "shape": "shape"}[_read_text(value)]


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
    "rtol": (_read_tolerance, "a number from 0 on"),
    "atol": (_read_tolerance, "a number from 0 on"),
    "volatile": (_read_paths, "paths in the outcome"),
    "compare": (_read_comparison, "exact or shape"),
    "only": (_read_list, "patterns on calls"),
    "exclude": (_read_list, "patterns on calls"),
}
