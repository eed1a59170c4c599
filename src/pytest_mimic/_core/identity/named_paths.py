"""The folders of `tmp_path` and `mktemp` that the arguments of a call name by paths, and by strings, at any depth."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.opening import walk

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places

# The most values that are looked at in the arguments of one call.
MOST_PARTS = 10_000
# Modules of the standard library whose classes hold what their user gives them. Others have parts of their own: sockets, loggers.
_HOLDERS = frozenset({"argparse", "builtins", "collections", "functools", "types"})


def given_folders(argument: object, places: Places) -> list[str]:
    """Return the folders of `tmp_path` or `mktemp` in which the paths in an argument are, one for each path.

    The order is the same for equal arguments.
    """
    path_class = getattr(sys.modules.get("pathlib"), "PurePath", ())
    found: list[tuple[str, str, str]] = []
    for where, part in walk(argument, MOST_PARTS, _is_opened):
        if type(part) is str:
            place = places.place_of_text(part)
        elif isinstance(part, path_class):
            place = places.place_of(os.fspath(part))
        else:
            continue
        if place is not None and place.given:
            found.append((where.path, place.rest, place.given))
    return [given for _, _, given in sorted(found)]


def _is_opened(part: Any) -> bool:
    kind = type(part)
    module = str(kind.__module__)
    if module.partition(".")[0] in sys.stdlib_module_names:
        return module in _HOLDERS
    return library_of(kind) is None
