"""A pickle loaded with stand-ins for all that it imports, which shows whether it would change any of that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic._outcome.loading import NAMED, Admission, RefusedError, load_all

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


def rehearse(stream: Any, buffers: Iterable[Any], *, count: int) -> None:
    """Load pickles, as `load_all` does, where nothing can happen.

    Raises:
        RefusedError: A class, or another thing that stands under a name, would be given a state or items.
        Exception: Whatever loading raises.
    """
    load_all(stream, buffers, _StandIns(), count=count)


class _StandIns(Admission):
    def __init__(self) -> None:
        super().__init__((), ())

    def find(self, module: str, qualname: str) -> Any:
        # Calling these two gives what has a name again.
        return _Finder if (module, qualname) in (NAMED, ("builtins", "type")) else _Imported


class _Strict(type):
    """Of what is imported: it may be called, and nothing about it changed."""

    gives: Any

    def __call__(cls, *_: object, **__: object) -> object:
        return cls.gives

    def _refuse(cls, *_: object) -> Any:
        raise RefusedError("it changes a class or an object that it imports")

    # pickle takes the first of them that there is, each on what it gives a state or fills.
    __setstate__ = append = extend = add = property(_refuse)
    __setitem__ = _refuse


class _Loose(type):
    """Of what came of it: whatever is done with it is right, and does nothing."""

    def __call__(cls, *_: object, **__: object) -> object:
        return cls

    def __setitem__(cls, key: object, value: object) -> None:
        pass

    def __setstate__(cls, state: object) -> None:
        pass

    append = extend = add = __setstate__


# Classes, because pickle makes objects of them; and no objects, as one stand-in does for all.


class _Made(metaclass=_Loose):
    def __new__(cls, *_: object, **__: object) -> Any:
        return cls


class _Imported(metaclass=_Strict):
    gives = _Made

    def __new__(cls, *_: object, **__: object) -> Any:
        return cls.gives


class _Finder(_Imported):
    gives = _Imported
