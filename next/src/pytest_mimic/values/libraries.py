"""Values of numpy, pandas, polars and pyarrow: by dtype, shape, labels and content."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pytest_mimic.values.tree import Tree
    from pytest_mimic.values.walk import Walk


class Rule(NamedTuple):
    """How values of a class are opened.

    Attributes:
        body: Gives the parts of a value. They stand behind the tag of its class:
            `{"$numpy:ndarray": body}`; attributes of a subclass count beside them.
        make: Makes a value of its class from the body of an `exact` walk, where a
            readable outcome can hold it; else the value is pickled.
    """

    body: Callable[[Any, Walk], Tree]
    make: Callable[[type, Any], object] | None = None


def rule_of(cls: type) -> Rule | None:
    """Give the rule for exactly this class, or for the class of a library it derives from."""
    raise NotImplementedError
