"""Texts under secret names, found so that no message shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.redact.redactor import bare_secret
from pytest_mimic._core.redact.secret_names import named
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.opening import is_pair, parts_of

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# How many parts of a value are searched.
_MOST = 5_000
# How many characters are searched at least, where only the first few are shown: those of a URL with a long password.
_LEAST_SEARCHED = 1_000


def beginning(text: str | bytes | bytearray, limit: int, secrets: Collection[str], redactor: Redactor) -> str:
    """Return the beginning of a text of which `limit` characters are shown. It has all of a secret that begins there."""
    length = max(4 * limit, _LEAST_SEARCHED) + max(redactor.environment.longest, *map(len, secrets), 0)
    start = text[:length] if isinstance(text, str) else text[:length].decode("latin-1")
    return redactor.environment.without_start(start) if len(text) > length else start


def secrets_in(value: object, redactor: Redactor) -> frozenset[str]:
    """Return the texts under secret names anywhere in a value, of a huge one in the first few thousand parts."""
    found: set[str] = set()
    todo: list[tuple[Any, bool]] = [(value, False)]
    seen: dict[int, object] = {}
    looked_at = 0
    while todo and looked_at < _MOST:
        part, secret = todo.pop()
        if secret and issubclass(type(part), (str, bytes)):
            text = part.decode("latin-1") if isinstance(part, bytes) else str.__str__(part)
            found.add(bare_secret(text))
        elif type(part) not in SCALARS and id(part) not in seen:
            seen[id(part)] = part
            parts = [*islice(_named_parts(part), _MOST)]
            looked_at += len(parts)
            inner = [(one, secret or redactor.hides(name, one)) for name, one in parts]
            # The first parts are searched first, as they are the ones that are shown.
            todo += (each for each in reversed(inner) if each[1] or type(each[0]) not in SCALARS)
            if issubclass(type(part), (list, tuple)):
                # The value that follows `--password` in a command line.
                items = islice(type(part).__iter__(part), _MOST)
                todo += ((one, True) for flag, one in pairwise(items) if redactor.secret_flag(flag))
    return frozenset(found)


def _named_parts(value: Any) -> Iterator[tuple[object, object]]:
    """Yield the parts with their names; the second item of a (name, value) pair is named by the first."""
    kind = type(value)
    if kind is dict:
        yield from named(value)
        return
    if issubclass(kind, (type, str, bytes)):
        return
    is_container = issubclass(kind, (dict, list, tuple, set, frozenset))
    if not is_container and (library_of(kind) is not None or callable(value)):
        return
    for part in parts_of(value):
        if part.role in ("attribute", "entry", "field"):
            yield part.name, part.value
        elif part.role != "key":
            yield (value[0] if part.name == 1 and is_pair(value) else None), part.value
