"""Which texts stand under secret names, so that they can be kept out of every message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_mimic._describe.parts import attributes_of, is_pair, library_of
from pytest_mimic._vault.redact import bare_secret

if TYPE_CHECKING:
    from pytest_mimic._vault.redact import Redactor

_SEARCHED = 5_000


def secrets_in(value: object, redactor: Redactor) -> frozenset[str]:
    """The texts that stand under secret names somewhere in a value; of a very large one, in its beginning."""
    found: set[str] = set()
    todo: list[tuple[object, bool]] = [(value, False)]
    seen: dict[int, object] = {}
    while todo and len(seen) < _SEARCHED:
        part, secret = todo.pop()
        if isinstance(part, (str, bytes)):
            if secret:
                found.add(bare_secret(part if isinstance(part, str) else part.decode("latin-1")))
        elif id(part) not in seen:
            seen[id(part)] = part
            todo += ((inner, secret or redactor.secret(name)) for name, inner in _inside(part))
    return frozenset(found)


def _inside(value: object) -> Iterator[tuple[object, object]]:
    """The named parts of a value; items have no name, those of a (name, value) pair the pair's."""
    kind = type(value)
    if issubclass(kind, dict):
        yield from dict.items(value)  # type: ignore[arg-type]  # mypy does not follow issubclass
    elif issubclass(kind, (list, tuple, set, frozenset)):
        name = value[0] if is_pair(value) else None  # type: ignore[index]  # a pair is a tuple
        yield from ((name, item) for item in value)  # type: ignore[attr-defined]  # see above
    elif not issubclass(kind, type) and library_of(kind) is None and not callable(value):
        yield from attributes_of(value).items()
