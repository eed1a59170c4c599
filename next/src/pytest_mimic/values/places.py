"""Paths below the folders of a run: a place that is the same in each, and what it names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic.values.tree import Tree


class Places:
    """The rootdir and the temporary folder of a run.

    A place is `["root", "data/in.csv"]` or `["tmp", "in.csv"]`, below the folder that
    `tmp_path` or `tmp_path_factory` gave. Where a call names several of these folders,
    a number stands behind: `["tmp", "in.csv", 1]`; in an outcome, a folder that its call
    does not name stands by its name: `["tmp", "in.csv", "shared"]`.

    Attributes:
        tmp_path: The folder of the running test, once it was given.
        starts: How a text starts that may be a path below the temporary folder.
    """

    tmp_path: str
    starts: tuple[str, ...]

    def __init__(self, rootdir: str | os.PathLike[str] = "") -> None:
        raise NotImplementedError

    def set_temporary(self, base: str | os.PathLike[str]) -> None:
        """Take the base temporary folder of pytest, as soon as it is made."""
        raise NotImplementedError

    def of_call(self) -> Places:
        """Give the places for one call: the folders that its arguments name are kept."""
        raise NotImplementedError

    def node_of_path(self, path: PurePath, *, with_content: bool) -> Tree:
        """Give what stands for a path: `{"$path": [...], "content": ...}`."""
        raise NotImplementedError

    def node_of_text(self, text: str, *, with_content: bool) -> Tree:
        """Give what stands for a text: itself, or `{"$str": [...], "content": ...}`."""
        raise NotImplementedError

    def path_of(self, place: list[Tree]) -> str:
        """Give the path of a place in this run."""
        raise NotImplementedError


def content_of(path: str) -> Tree:
    """Give what a path names: a digest of a file or folder, or that nothing is there."""
    raise NotImplementedError


def stamps_of(values: Iterable[object]) -> dict[str, object]:
    """Give size and time of each file that a value names, and of a folder's items."""
    raise NotImplementedError
