"""The one walk that opens a value into a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from pytest_mimic.values.tree import Path, Tree

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places

Purpose: TypeAlias = Literal["identity", "exact", "proof"]
T = TypeVar("T")


def deeply(work: Callable[[], T]) -> T:
    """Give what `work` gives, in a thread with a deep stack if this one is too short."""
    raise NotImplementedError


class Walk:
    """One walk over the parts of values.

    Purposes:
        identity: What counts in a call. The order of mappings does not.
        exact: What a replay can make again, in its order. What has no readable form
            is a leaf `Raw` that holds the value.
        proof: As identity, in the order of mappings, with the names of public
            attributes: two values with equal proof trees are the same to a program.
    """

    def __init__(self, purpose: Purpose = "identity", places: Places | None = None):
        self.purpose = purpose
        self.places = places

    def node(self, value: object, paths: Sequence[Path] = ()) -> Tree:
        """Give the tree of a value, without what stands at the paths.

        A part without identity is a leaf `Refused`.
        """
        raise NotImplementedError
