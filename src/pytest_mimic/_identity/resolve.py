"""Type → Kind: who is asked, in which order."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from pytest_mimic._identity.kinds import Kind, registered_kind
from pytest_mimic._identity.refused import Unstable
from pytest_mimic._identity.source import code_kind
from pytest_mimic._identity.state import state_kind
from pytest_mimic._identity.stdlib import Roots, stdlib_kind

# Top-level module of a type → the room here that knows its library, imported when such a value comes.
LIBRARIES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "polars": "arrow",
    "pyarrow": "arrow",
    "torch": "torch",
    "scipy": "scipy",
    "PIL": "pillow",
}


class Resolver:
    """Finds the kind of a type.

    Args:
        roots: Gives (absolute folder, token) pairs; paths under one count relative to it.
        layout: Whether the memory layout of arrays counts, and what else a replay gives back: in an outcome.
    """

    __slots__ = ("layout", "roots")

    def __init__(self, roots: Callable[[], Roots], *, layout: bool = False) -> None:
        self.roots = roots
        self.layout = layout

    def __call__(self, type_: type) -> Kind:
        """The kind of a type that is neither a scalar nor a plain container.

        Raises:
            Unstable: It has no module, and so no name that another process would know it by.
        """
        return (
            registered_kind(type_)
            or code_kind(type_)
            or self._library_kind(type_)
            or stdlib_kind(type_, self.roots, layout=self.layout)
            or state_kind(type_)
        )

    def _library_kind(self, type_: type) -> Kind | None:
        """The kind of a library's type, where its room has a rule for it."""
        if type(type_.__module__) is not str:
            raise Unstable(f"an object of {type_.__qualname__}, a class without a module", type_)
        for base in type_.__mro__:
            room = LIBRARIES.get(str(base.__module__).partition(".")[0])
            if room is not None:
                module = import_module(f"pytest_mimic._identity.{room}")
                kind: Kind | None = module.library_kind(type_, base, self.layout)
                if kind is not None:
                    return kind
        return None
