"""A trial load of a pickle, with fakes for everything it imports: it shows whether the pickle would change an import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic._core.outcome.placed_paths import NEUTRAL
from pytest_mimic._core.outcome.unpickling import NAMED, Admission, RefusedError, load_all


def rehearse(stream: Any, buffers: Iterable[Any], *, count: int) -> None:
    """Load pickles as `load_all` does, without importing or running anything.

    Raises:
        RefusedError: A class or another imported object would be given a state or items.
        Exception: The pickle is damaged.
    """
    load_all(stream, buffers, _Fakes(), count=count)


def imports_in(stream: Any, buffers: Iterable[Any], *, count: int) -> set[str]:
    """Return the names that loading pickles would import, `module:name`. Nothing is imported or run.

    Raises:
        Exception: The pickle is damaged.
    """
    found: set[str] = set()
    load_all(stream, buffers, _NotingFakes(found), count=count, paths=NEUTRAL)
    return found


class _NotingFakes(Admission):
    def __init__(self, found: set[str]) -> None:
        super().__init__()
        self._noted = found

    def find(self, module: str, qualname: str, _resolve: object = None, /) -> Any:
        self._noted.add(f"{module}:{qualname}")
        return self._by_name if (module, qualname) == NAMED else _Made

    def _by_name(self, module: Any, qualname: Any) -> Any:
        return self.find(str(module), str(qualname))


class _Fakes(Admission):
    def find(self, module: str, qualname: str, _resolve: object = None, /) -> Any:
        # These two return an imported object when they are called.
        return _Finder if (module, qualname) in {NAMED, ("builtins", "type")} else _Imported


class _Strict(type):
    """The type of fake imports: they may be called, and not be changed."""

    gives: Any

    def __call__(cls, *_: object, **__: object) -> object:
        return cls.gives

    def _refuse(cls, *_: object) -> Any:
        raise RefusedError("it changes a class or an object that it imports")

    # The attributes by which pickle gives an object a state or items.
    __setstate__ = append = extend = add = property(_refuse)
    __setitem__ = _refuse


class _Loose(type):
    """The type of fake results: every operation is allowed and does nothing."""

    def __call__(cls, *_: object, **__: object) -> object:
        return cls

    def _ignore(cls, *_: object) -> None:
        pass

    __setitem__ = __setstate__ = append = extend = add = _ignore


# The fakes are classes, because pickle calls `__new__` on them. One fake represents all objects of its type.


class _Made(metaclass=_Loose):
    def __new__(cls, *_: object, **__: object) -> Any:
        return cls


class _Imported(metaclass=_Strict):
    gives = _Made

    def __new__(cls, *_: object, **__: object) -> Any:
        return cls.gives


class _Finder(_Imported):
    gives = _Imported
