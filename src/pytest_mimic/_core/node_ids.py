"""The ids of tests, modules and packages as recordings and messages have them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def plain_id(node: Any) -> str:
    """Return the id of a test, module, package or class, with the path of its file relative to the rootdir.

    pytest's own id of a file outside of the rootdir is shortened, so that two files may have the same.
    """
    nodeid = without_group(node.nodeid)
    rootdir = node.config.rootpath
    if not nodeid or str(node.path).startswith(f"{rootdir}{os.sep}"):
        return nodeid
    _, colons, name = nodeid.partition("::")
    return f"{relative_path(node.path, start=rootdir)}{colons}{name}"


def without_group(nodeid: str) -> str:
    """Return a test's id without the `@group` that xdist's `--dist loadgroup` appends."""
    head, at, group = nodeid.rpartition("@")
    return head if at and "::" in head and not set("[]/:") & set(group) else nodeid


def relative_path(path: Path, *, start: Path) -> str:
    """Return the path from a folder to a file or folder, with slashes: `../x/test_a.py`."""
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # pragma: no cover (on another drive of Windows)
        return path.as_posix()
