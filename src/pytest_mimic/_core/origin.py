"""Tells the project's own code from that of the standard library and of installed distributions."""

from __future__ import annotations

import os
import re
from functools import cache
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.machinery import PACKAGE

if TYPE_CHECKING:
    from importlib.metadata import Distribution

# The folders in which distributions are installed.
_INSTALLED = r"(.*[/\\](?:site|dist)-packages)[/\\](.+)"
_NAME = r"""(?ms)^\[(?:project|tool\.poetry)\]$(?:(?!^\[).)*?^name\s*=\s*["']([^"']+)"""


# Taken now, before a test may replace the file system by a fake one.
_STDLIB = f"{realpath(Path(os.__file__).parent)}{os.sep}"


def is_in_stdlib(file: str) -> bool:
    # Distributions are installed inside the standard library's folder.
    return realpath(file).startswith(_STDLIB) and not re.match(_INSTALLED, file)


def is_in_project(file: str, rootdir: Path) -> bool:
    """Check whether a file belongs to the project: to what is installed nowhere or editable, or to what its rootdir builds.

    tox installs the distribution that the `pyproject.toml` in the rootdir names.
    """
    if file.startswith(PACKAGE):
        return False
    if re.match(_INSTALLED, file):
        name = _project_name(rootdir)
        found = None if name is None else _distribution_of(file)
        return found is not None and _normalised(found.name) == name
    return Path(file).is_absolute() and not is_in_stdlib(file)


def path_when_installed(file: str) -> str | None:
    """Return the path of an installed file in its folder of packages; None for one that is not installed."""
    place = re.match(_INSTALLED, file)
    return None if place is None else place[2].replace(os.sep, "/")


@cache
def _project_name(rootdir: Path) -> str | None:
    # tomllib is there from Python 3.11 on.
    try:
        found = re.search(_NAME, (rootdir / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if found is None else _normalised(found[1])


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _distribution_of(file: str) -> Distribution | None:
    from importlib.metadata import distributions

    place = re.match(_INSTALLED, file)
    if place is None:
        return None
    folder, path = place[1], place[2].replace(os.sep, "/")
    top = _normalised(path.partition("/")[0].removesuffix(".py"))
    alike: Distribution | None = None
    # Most distributions have the name of their package: those are read first.
    for one in sorted(distributions(path=[folder]), key=lambda one: _normalised(one.name) != top):
        if f"\n{path}," in f"\n{one.read_text('RECORD')}":
            return one
        if _normalised(one.name) == top:
            alike = one
    return alike
