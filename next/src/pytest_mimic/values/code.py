"""Functions and classes as values: by name and source, with what they are bound to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic.values.tree import Tree
    from pytest_mimic.values.walk import Walk


def node_of_function(function: object, walk: Walk) -> Tree:
    """Give what stands for a function, a bound method, a partial or a builtin.

    For an outcome (`exact`) it is its name alone, where it is found under it. A function
    with neither source nor name is `Refused`.
    """
    raise NotImplementedError


def node_of_class(cls: type, walk: Walk) -> Tree:
    """Give what stands for a class, by the rules of a function."""
    raise NotImplementedError
