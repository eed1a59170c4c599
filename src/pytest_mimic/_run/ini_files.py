"""Finds an option whose path, in a word of its own, has made pytest read another ini file, or none.

pytest looks for its ini file before it knows the options of plugins. It looks above all words that are files or folders,
so also above the path in `--mimic-vault ../recordings`. Targets of an ini file that is not read run for real.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import split

import pytest

from pytest_mimic._core.configuration_files import has_configuration
from pytest_mimic.errors import MimicError


def check_ini_file(config: pytest.Config, options: Sequence[str]) -> None:
    """Refuse a path of one of these options if pytest reads another ini file because of it.

    pytest.UsageError: The path is a word of its own, and pytest has taken it for a folder of tests.
    """
    if config.option.inifilename:
        return
    start = config.invocation_params.dir
    paths, others = [], []
    words = iter([*split(os.environ.get("PYTEST_ADDOPTS", "")), *config.invocation_params.args])
    for word in words:
        if word in options:
            paths.append((word, next(words, "")))
        elif not word.startswith("-"):
            others.append(word.partition("::")[0])
    folders = list(_folders(start, others))
    for option, path in paths:
        if not list(_folders(start, [path])):
            continue
        wanted = _ini_folder(start, folders)
        found = config.inipath.parent if config.inipath and _configures(config.inipath.parent) else None
        if found != wanted:
            what = f"pytest has taken {path} for a folder of tests, and "
            what += (
                f"not read the configuration in {wanted}" if wanted else f"read the configuration in {found}"
            )
            raise pytest.UsageError(f"{what}: write {option}={path}")


def _folders(start: Path, words: Sequence[str]) -> Iterator[Path]:
    """Yield the folder of each word that is a file or a folder."""
    for word in words:
        path = Path(os.path.abspath(start / word))  # noqa: PTH100 - as pytest, which follows no links
        if os.path.exists(path):  # noqa: PTH110 - of a word that is too long for a name, Path.exists raises an error
            yield path if path.is_dir() else path.parent


def _ini_folder(start: Path, folders: Sequence[Path]) -> Path | None:
    """Return the folder of the ini file that pytest reads for tests in these folders, or None without one.

    Source: https://docs.pytest.org/en/stable/reference/customize.html#finding-the-rootdir
    """
    ancestor = start
    with suppress(ValueError):  # no folders, or they are on several drives of Windows
        ancestor = Path(os.path.commonpath(folders))
    chain = [ancestor, *ancestor.parents]
    below = [] if any((one / "setup.py").is_file() for one in chain) else folders
    places = [*chain, *(place for folder in below for place in (folder, *folder.parents))]
    return next(filter(_configures, places), None)


def _configures(folder: Path) -> bool:
    with suppress(MimicError):
        return has_configuration(folder)
    return False
