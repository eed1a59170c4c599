"""The files and folders that the arguments of a call name: paths, and strings, at any depth."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.identity.libraries import library_of
from pytest_mimic._core.identity.opening import Part, parts_of

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places

# The most values that are looked at in the arguments of one call.
MOST_PARTS = 10_000
# The most bytes of a path on Linux.
_LONGEST = 4096

_SCALARS = frozenset({int, float, complex, bool, bytes, bytearray, type(None)})
_CONTAINERS = (dict, list, tuple, set, frozenset)
# Classes of the standard library that hold what their user gives them. Others have parts of their own: sockets, loggers.
_HOLDERS = frozenset(
    {
        "argparse.Namespace",
        "collections.ChainMap",
        "collections.UserDict",
        "collections.UserList",
        "collections.deque",
        "configparser.ConfigParser",
        "configparser.RawConfigParser",
        "functools.partial",
        "types.SimpleNamespace",
    }
)


class NamedPath(NamedTuple):
    """A path, or a string that may be one."""

    where: object  # the argument's name, or the place of what holds it, with its role and name in there
    text: str
    is_text: bool  # whether it is a string

    @property
    def step(self) -> str:
        """The path to it in the argument, with the argument's name: `files[0]`."""
        steps: list[str] = []
        where = self.where
        while type(where) is tuple:
            where, role, name = where
            steps.append(Part(role, name, None).step)
        return f"{where}{''.join(reversed(steps))}"


def named_paths(name: str, argument: object) -> Iterator[NamedPath]:
    """Yield the paths in an argument, in an order that is the same in every run. Values of libraries are not opened."""
    path_class = getattr(sys.modules.get("pathlib"), "PurePath", ())
    left, seen = MOST_PARTS, set()
    todo: list[tuple[Any, Any]] = [(name, argument)]
    while todo:
        where, value = todo.pop()
        kind = type(value)
        if kind is str:
            if 0 < len(value) <= _LONGEST and "\n" not in value and "\0" not in value:
                yield NamedPath(where, value, is_text=True)
        elif kind in _SCALARS:
            continue
        elif isinstance(value, path_class):
            yield NamedPath(where, str(value), is_text=False)
        elif id(value) not in seen and _is_opened(kind):
            seen.add(id(value))
            parts = _parts(value, left)
            left -= len(parts)
            todo += reversed(
                [((where, role, key), part) for role, key, part in parts if type(part) not in _SCALARS]
            )


def given_folders(name: str, argument: object, places: Places) -> list[str]:
    """Return the folders of `tmp_path` or `mktemp` in which the paths in an argument are, one for each path.

    The order is the same for equal arguments.
    """
    found = [
        (one.step, place.given)
        for one in named_paths(name, argument)
        if (place := (places.place_of_text if one.is_text else places.place_of)(one.text)) is not None
    ]
    return [given for _, given in sorted(found) if given]


def _is_opened(kind: type) -> bool:
    if kind in _CONTAINERS:
        return True
    if issubclass(kind, _CONTAINERS):
        return True
    module = str(kind.__module__)
    if module.partition(".")[0] in sys.stdlib_module_names:
        return f"{module}.{kind.__qualname__}" in _HOLDERS
    return library_of(kind) is None


def _parts(value: object, most: int) -> Sequence[tuple[str, Any, Any]]:
    if isinstance(value, (list, tuple)) and _SCALARS.issuperset(map(type, value)):
        return []
    if type(value) is dict and 2 * len(value) <= most:  # what `parts_of` yields, four times as fast
        return [*(("entry", key, part) for key, part in value.items()), *(("key", key, key) for key in value)]
    if isinstance(value, (set, frozenset)):
        ordered = sorted((one for one in value if isinstance(one, (str, os.PathLike))), key=str)
        return [Part("item", index, one) for index, one in enumerate(ordered[:most])]
    found: list[Part] = []
    for part in parts_of(value):
        if len(found) == most:
            break
        found.append(part)
    return found
