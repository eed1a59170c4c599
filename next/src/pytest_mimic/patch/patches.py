"""Finds functions in modules and classes, replaces them wherever they are held, and restores them exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

Holder: TypeAlias = "dict[str, Any] | type"
"""A module's namespace, or a class."""


class NamedFunction(NamedTuple):
    """A function that a target names.

    Attributes:
        holder: Where the target looks the function up.
        name: Its name there.
        original: What stands there while nothing is patched; perhaps a descriptor.
        function: The function inside of it.
        label: `module:path` as in the target.
        is_inherited: Whether only a base of the class holds it.
    """

    holder: Holder
    name: str
    original: Any
    function: Any
    label: str
    is_inherited: bool


class Patches:
    """What this run has put in the place of functions, descriptors and bound methods."""

    def restore(self) -> None:
        """Restore all places, and those into which a wrapper was copied."""
        raise NotImplementedError


Wrapper: TypeAlias = Callable[..., Any]
