"""Binds a call to its parameters, however its arguments were passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Binder:
    """Binds calls of one function.

    Attributes:
        names: The names of the parameters; that of `*rest` without its star. Arguments
            of `**extra` stand under their own names beside them.
        defaults: The defaults by name, the function's own objects.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, object]

    def __init__(self, function: Callable[..., Any]) -> None:
        raise NotImplementedError

    def __call__(
        self, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> dict[str, object]:
        """Give the arguments by name, with the defaults of those that are left out.

        Raises:
            TypeError: The error of the call itself, where the arguments do not fit.
        """
        raise NotImplementedError
