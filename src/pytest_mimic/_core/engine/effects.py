"""What a call of a function may change: its arguments, and files that an argument, or an item of one, names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

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


class Effects:
    """The arguments of a call, and the files that they name, as they were before it, but for files in those ignored."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._before = self._identities()
        # Where a path is, the absolute path, whether it is a text, and the facts of its file.
        self._files = [(step, path, is_text, _facts(path)) for step, path, is_text in _paths_in(call)]

    def _identities(self) -> dict[str, str | None]:
        call, identity = self._call, self._call.identity
        assert identity is not None
        return {
            name.lstrip("*"): identity.digest(place, value)
            for place, (name, value) in enumerate(zip(call.names, call.values, strict=True))
            if type(value) not in _UNCHANGEABLE
        }

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
        assert call.identity is not None
        if not self._before or call.identity.is_still(call.key, call.values):
            return
        now = self._identities()
        if changed := [name for name, identity in self._before.items() if identity != now[name]]:
            differences = argument_differences(call.arguments, call.plan.described(call))
            raise mutated(call.plan.target, mutations(changed, differences))


def _paths_in(call: Call) -> Iterator[tuple[str, str, bool]]:
    """Yield the paths that arguments or their items are, and the strings that may be some, with their place."""
    ignored = call.plan.options.ignore
    name: str
    value: Any
    for name, value in zip(call.names, call.values, strict=True):
        bare = name.lstrip("*")
        arguments: Any = [(bare, value)]
        if name != bare:  # those in `*rest` and `**extra` are arguments each
            is_extra = name.startswith("**")
            arguments = (
                value.items() if is_extra else [(f"{bare}[{at}]", one) for at, one in enumerate(value)]
            )
        for step, one in arguments:
            if bare not in ignored and step not in ignored:
                for inner, part in [(step, one), *_items(step, one)]:
                    if isinstance(part, PurePath) or (type(part) is str and len(part) <= _LONGEST):
                        yield inner, os.path.abspath(str(part)), type(part) is str  # noqa: PTH100


def _items(step: str, value: object) -> Iterator[tuple[str, object]]:
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = enumerate(value)
    for key, one in islice(parts, _MOST_ITEMS):
        yield f"{step}[{key!r}]", one


def _facts(path: str) -> tuple[int, int] | None:
    """Return the size of a file and the time of its last change; None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a string, at each call
    except (OSError, ValueError):  # ValueError: a null character, a lone surrogate
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
