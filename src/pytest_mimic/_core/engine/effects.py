"""What a call of a function may change: its arguments, and files that an argument, or an item of one, names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.tree.differing import argument_differences
from pytest_mimic._core.tree.messages import mutated, mutations
from pytest_mimic._core.words import limited

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call

_SHOWN = 5
_MOST_ITEMS = 10_000
# The most bytes of a path on Linux.
_LONGEST = 4096
# The types of arguments that no call can change.
_UNCHANGEABLE = frozenset({bool, bytes, complex, float, int, str, type(None)})


class _Argument(NamedTuple):
    """One argument of a call; those in `*rest` and `**extra` are arguments each."""

    place: int  # the index of its parameter in the signature
    parameter: str  # the parameter's name, without stars
    name: str  # the argument's own name: `rest[0]`, or its key in `**extra`
    value: Any
    as_bound: object  # as the parameter holds it: `(value,)`, `{name: value}`, or the value


class Effects:
    """The arguments of a call, and the files that they name, as they were before it, but for files in those ignored."""

    def __init__(self, call: Call) -> None:
        self._call = call
        arguments = list(_arguments(call.names, call.values))
        self._arguments = [one for one in arguments if type(one.value) not in _UNCHANGEABLE]
        self._before = self._identities()
        ignored = call.plan.options.ignore
        # Where a path is, the absolute path, whether it is a text, and the facts of its file.
        self._files = [
            (step, path, is_text, _facts(path))
            for one in arguments
            if one.parameter not in ignored and one.name not in ignored
            for step, path, is_text in _paths_in(one)
        ]

    def _identities(self) -> dict[str, str | None]:
        identity: Any = self._call.identity
        return {one.name: identity.digest(one.place, one.as_bound) for one in self._arguments}

    def refuse_changes(self) -> None:
        """Raise MutatedInputError if the call has changed an argument, or a file that one names, or made such a file."""
        call, places = self._call, self._call.plan.places
        found = []
        for step, path, is_text, before in self._files:
            after = _facts(path)
            if after == before:
                continue
            place = places.place_of(path)
            if before is None and is_text and place is None:  # most strings are no paths
                continue
            how = "made" if before is None else "removed" if after is None else "changed"
            found.append(f"{step}: {path if place is None else place.text}: {how} by the call")
        if found:
            raise mutated(call.plan.target, limited(found, _SHOWN))
        identity: Any = call.identity
        if not self._before or identity.is_still(call.key, call.values):
            return
        after_it = self._identities()
        if changed := [name for name, before_it in self._before.items() if before_it != after_it[name]]:
            differences = argument_differences(call.arguments, call.plan.described(call))
            raise mutated(call.plan.target, mutations(changed, differences))


def _arguments(names: Iterable[str], values: Iterable[Any]) -> Iterator[_Argument]:
    """Yield the arguments of a call, given the names of the parameters, with their stars, and what they hold."""
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        parameter = name.lstrip("*")
        if name.startswith("**"):
            for key, one in value.items():
                yield _Argument(place, parameter, key, one, {key: one})
        elif name.startswith("*"):
            for at, one in enumerate(value):
                yield _Argument(place, parameter, f"{parameter}[{at}]", one, (one,))
        else:
            yield _Argument(place, name, name, value, value)


def _paths_in(argument: _Argument) -> Iterator[tuple[str, str, bool]]:
    """Yield the paths that an argument or its items are, and the strings that may be some, with their place in it."""
    name, value = argument.name, argument.value
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = enumerate(value)
    items = [(f"{name}[{key!r}]", one) for key, one in islice(parts, _MOST_ITEMS)]
    for step, one in [(name, value), *items]:
        if isinstance(one, PurePath) or (type(one) is str and len(one) <= _LONGEST):
            yield step, os.path.abspath(str(one)), type(one) is str  # noqa: PTH100


def _facts(path: str) -> tuple[int, int] | None:
    """Return the size of a file and the time of its last change; None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a string, at each call
    except (OSError, ValueError):  # ValueError: a null character, a lone surrogate
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
