"""The identity of a value and of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places
    from pytest_mimic.values.tree import Path, Tree

_T = TypeVar("_T")


class CallRules(NamedTuple):
    """What of the arguments of a call counts.

    Attributes:
        ignore: Arguments and parts that do not count: `("self",)`, `("rows", "*", "id")`.
        key: Takes the arguments by name; what it returns counts in their place.
        content: Arguments that name files or folders whose content counts.
        unset: The parameters whose default is a bare `object()`, with that default.
    """

    ignore: tuple[Path, ...] = ()
    key: Callable[[dict[str, Any]], object] | None = None
    content: frozenset[str] = frozenset()
    unset: Mapping[str, object] = {}


def fingerprint(value: object, places: Places | None = None) -> str:
    """Give the identity of any value, as hex.

    Raises:
        UnstableIdentityError: The value, or a part of it, has none.
    """
    raise NotImplementedError


def arguments_of(
    target: str, bound: Mapping[str, object], rules: CallRules, places: Places
) -> dict[str, Tree]:
    """Give the tree of each argument that counts.

    Raises:
        UnstableIdentityError: A part has no identity. It names argument, path and one
            way out.
    """
    raise NotImplementedError


def identity_of(target: str, arguments: Tree) -> str:
    """Give the identity of a call, from its arguments in full or as they are stored."""
    raise NotImplementedError


def quick_identity(target: str, bound: Mapping[str, object]) -> str | None:
    """Give the identity of a call whose arguments are few plain values, else `None`."""
    raise NotImplementedError


def register_fingerprint(type_: type[_T], reduce: Callable[[_T], object]) -> None:
    """Teach a type: `reduce(value)` gives plainer data that stands for the value."""
    raise NotImplementedError
