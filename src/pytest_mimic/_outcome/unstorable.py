"""The part of a value that cannot be stored, and its name for people."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

from pytest_mimic._outcome.reducing import lazy_remedy
from pytest_mimic._values.opening import parts_of
from pytest_mimic._values.words import words_for


def find_part(value: object, path: str, storable: Callable[[object], bool]) -> tuple[str, object]:
    """Return the path of the first innermost part that cannot be stored, and that part."""
    seen: set[int] = set()
    while True:
        seen.add(id(value))
        if lazy_remedy(value) is not None:
            return path, value
        for part in parts_of(value):
            if id(part.value) not in seen and not storable(part.value):
                path, value = path + part.step, part.value
                break
        else:
            return path, value


def describe(part: object) -> str:
    """Return what a part is: `an open file`, `a Session object`."""
    kind = type(part)
    if kind is FunctionType:
        from pytest_mimic._outcome.by_value import lacks_class

        if lacks_class(part):
            return "a method whose class is not complete, so that its super() fails"
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    what = words_for(kind) or f"{article} {kind.__name__} object"
    return what if lazy_remedy(part) is None else f"{what}, which reads files later"
