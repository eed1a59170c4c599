"""The ids of tests, and of what holds them, as recordings and messages name them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def plain_id(node: Any) -> str:
    """The id of a test, or of what holds tests: the way from the rootdir to its file, wherever that is, and its name.

    pytest shortens the way to a file outside of the rootdir, to what may be that of another file as well.
    """
    nodeid = without_group(node.nodeid)
    rootdir = node.config.rootpath
    if not nodeid or str(node.path).startswith(f"{rootdir}{os.sep}"):
        return nodeid
    _, colons, name = nodeid.partition("::")
    return f"{way_to(node.path, start=rootdir)}{colons}{name}"


def without_group(nodeid: str) -> str:
    """A test's id without the `@group` that xdist's `--dist loadgroup` appends."""
    head, at, group = nodeid.rpartition("@")
    return head if at and "::" in head and not set("[]/:") & set(group) else nodeid


def way_to(path: Path, *, start: Path) -> str:
    """The way from a folder to a file or folder, `../x/test_a.py`."""
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # pragma: no cover (on another drive of Windows)
        return path.as_posix()
