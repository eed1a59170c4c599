"""Stores what a call gave back as JSON and pickles, and gives fresh copies of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from pytest_mimic.values.tree import Tree

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places


class Objects(Protocol):
    """Large parts that stand in files of their own, named by their content."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        """Write an object once, and give its name: `objects/9f/9f31….pkl`."""

    def read_object(self, name: str) -> bytes:
        """Give the bytes of an object.

        Raises:
            CorruptRecordingError: The object is gone or damaged.
        """


def store(
    value: object,
    objects: Objects,
    places: Places,
    hide: Callable[[Tree], Tree] | None = None,
) -> Tree:
    """Give the JSON from which a replay makes the value again.

    Raises:
        UnstorableOutcomeError: A part cannot be kept; nothing is left behind.
    """
    raise NotImplementedError


def load(
    tree: Tree, objects: Objects, places: Places, *, forbid: bool = False
) -> object:
    """Make the value that was stored.

    Args:
        tree: What `store` gave.
        objects: Where its pickles and large parts are.
        places: The folders of this run.
        forbid: Whether nothing may be unpickled.

    Raises:
        CorruptRecordingError: The tree or an object of it is damaged, or pickles are
            forbidden.
        StaleRecordingError: A class or name of it is gone or has other fields.
    """
    raise NotImplementedError


def player(
    tree: Tree, objects: Objects, places: Places, *, forbid: bool = False
) -> Callable[[], object]:
    """Give a function that makes a fresh copy at each call; see `load`."""
    raise NotImplementedError


def shelve(tree: Tree, objects: Objects) -> Tree:
    """Put long texts and large outcomes into objects of their own."""
    raise NotImplementedError


def unshelve(tree: Tree, objects: Objects) -> Tree:
    """Give the tree with what its objects hold."""
    raise NotImplementedError
