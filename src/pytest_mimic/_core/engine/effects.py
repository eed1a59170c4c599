"""What a call of a function may change: its arguments, and files that an argument, or an item of one, names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.call import named
from pytest_mimic._core.files.places import LONGEST_PATH
from pytest_mimic._core.words import limited

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call

_SHOWN = 5
_MOST_ITEMS = 10_000
# The types of arguments that no call can change.
_UNCHANGEABLE = frozenset({bool, bytes, complex, float, int, str, type(None)})


class Effects:
    """The arguments of a call, and the files that they name, as they were before it, but for files in those ignored."""

    def __init__(self, call: Call) -> None:
        self._call = call
        may_change = not _UNCHANGEABLE.issuperset(map(type, call.values))
        self._before = self._identities() if may_change else {}
        # The path, whether it is a text, its argument, its key or place in that, and
        # the facts of its file.
        self._files = [(*found, _facts(found[0])) for found in _paths_in(call)]

    def _identities(self) -> dict[str, str | None]:
        call, identity = self._call, self._call.identity
        assert identity is not None
        return {
            name.lstrip("*"): identity.digest_of_content(place, value)
            for place, (name, value) in enumerate(
                zip(call.names, call.values, strict=True)
            )
            if type(value) not in _UNCHANGEABLE
        }

    def refuse_changes(self) -> None:
        """Raise MutatedInputError if the call has changed an argument, or a file that one names, or made such a file."""
        call, places, found = self._call, self._call.plan.places, list[str]()
        for path, is_text, name, key, before in self._files:
            after = _facts(path)
            if after == before:
                continue
            place = places.place_of(path)
            if (
                before is None and is_text and place is None
            ):  # most strings are no paths
                continue
            how = (
                "made" if before is None else "removed" if after is None else "changed"
            )
            step = name if key is None else f"{name}[{key!r}]"
            found.append(
                f"{step}: {path if place is None else place.text}: {how} by the call"
            )
        now = self._identities() if self._before else {}
        changed = [name for name, digits in self._before.items() if digits != now[name]]
        if found or changed:
            from pytest_mimic._core.tree.differing import argument_differences
            from pytest_mimic._core.tree.messages import mutated, mutations

            differences = argument_differences(
                call.arguments, call.plan.described(call)
            )
            raise mutated(
                call.plan.target,
                limited(found, _SHOWN) or mutations(changed, differences),
            )


def _paths_in(call: Call) -> Iterator[tuple[str, bool, str, object]]:
    """Yield the paths that arguments or their items are, and the strings that may be some, and where each is."""
    arguments: dict[str, Any] = {}
    for name, value in named(call, call.plan.options.ignore).items():
        is_rest = name.startswith("*") and name in call.names
        arguments |= (
            {f"{name[1:]}[{at}]": one for at, one in enumerate(value)}
            if is_rest
            else {name: value}
        )
    for name, value in arguments.items():
        items: Any = dict.items(value) if isinstance(value, dict) else [(None, value)]
        if isinstance(value, (list, tuple, set, frozenset)):
            items = enumerate(value)
        for key, part in islice(items, _MOST_ITEMS):
            is_text = type(part) is str
            if len(part) <= LONGEST_PATH if is_text else isinstance(part, PurePath):
                yield os.path.abspath(str(part)), is_text, name, key  # noqa: PTH100


def _facts(path: str) -> tuple[int, int] | None:
    """Return the size of a file and the time of its last change; None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a string, at each call
    except (OSError, ValueError):  # ValueError: a null character, a lone surrogate
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
