"""Which texts stand under secret names, so that they can be kept out of every message."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._describe.parts import attributes_of, is_pair, library_of
from pytest_mimic._redact.texts import bare_secret

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

_SEARCHED = 5_000


def secrets_in(value: object, redactor: Redactor) -> frozenset[str]:
    """The texts that stand under secret names somewhere in a value; of a very large one, in its beginning."""
    found: set[str] = set()
    todo: list[tuple[object, bool]] = [(value, False)]
    seen: dict[int, object] = {}
    while todo and len(seen) < _SEARCHED:
        part, secret = todo.pop()
        if secret and issubclass(type(part), (str, bytes)):
            found.add(bare_secret(_text(part)))
        elif id(part) not in seen:
            seen[id(part)] = part
            todo += ((inner, secret or redactor.secret(name)) for name, inner in _inside(part))
            todo += ((inner, True) for flag, inner in pairwise(_begin(part)) if redactor.secret_flag(flag))
    return frozenset(found)


def _begin(value: Any) -> list[object]:
    """The first items of what may be a command line."""
    kind = type(value)
    return list(islice(kind.__iter__(value), _SEARCHED)) if issubclass(kind, (list, tuple)) else []


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str.__str__(value)


def _inside(value: Any) -> Iterator[tuple[object, object]]:
    """The named parts of a value; items have no name, the second of a (name, value) pair has the first."""
    kind = type(value)
    if issubclass(kind, dict):
        yield from dict.items(value)
    elif is_pair(value):
        yield from ((None, value[0]), (value[0], value[1]))
    elif issubclass(kind, (list, tuple, set, frozenset)):
        yield from ((None, item) for item in kind.__iter__(value))
    elif not issubclass(kind, (type, str, bytes)) and library_of(kind) is None and not callable(value):
        yield from attributes_of(value).items()
