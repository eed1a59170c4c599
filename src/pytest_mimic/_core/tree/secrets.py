"""Texts under secret names, found so that no message shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.hiding import named
from pytest_mimic._core.redact.texts import bare_secret
from pytest_mimic._core.types.libraries import library_of, record_fields
from pytest_mimic._core.types.opening import is_pair, parts_of

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# How many parts of a value are searched.
_MOST = 5_000
_WITHOUT_PARTS = frozenset({bool, bytes, float, int, str, type(None)})
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
    skipped = 0
    while todo and len(seen) + skipped < _MOST:
        part, secret = todo.pop()
        if secret and issubclass(type(part), (str, bytes)):
            text = part.decode("latin-1") if isinstance(part, bytes) else str.__str__(part)
            found.add(bare_secret(text))
        elif id(part) not in seen:
            seen[id(part)] = part
            kind = type(part)
            if kind in _WITHOUT_PARTS:
                continue
            if kind is dict:
                hides = redactor.hides
                entries = [
                    (inner, secret or hides(name, inner)) for name, inner in islice(named(part), _MOST)
                ]
                held = [one for one in entries if one[1] or type(one[0]) not in _WITHOUT_PARTS]
                skipped += len(entries) - len(held)
                todo += reversed(held)
                continue
            parts = [*islice(_named_parts(part), _MOST)]
            # The first parts are searched first, as they are the ones that are shown.
            todo += ((inner, secret or redactor.hides(name, inner)) for name, inner in reversed(parts))
            if issubclass(type(part), (list, tuple)):
                # The value that follows `--password` in a command line.
                items = islice(type(part).__iter__(part), _MOST)
                todo += ((inner, True) for flag, inner in pairwise(items) if redactor.secret_flag(flag))
    return frozenset(found)


def is_secret_label(label: object, redactor: Redactor) -> bool:
    """Return whether the label of a row, or one of its levels, is a secret name."""
    return any(redactor.secret(name) for name in (label if isinstance(label, tuple) else (label,)))


def _named_parts(value: Any) -> Iterator[tuple[object, object]]:
    """Yield the parts with their names; the second item of a (name, value) pair is named by the first."""
    kind = type(value)
    if issubclass(kind, (type, str, bytes)):
        return
    if (fields := record_fields(value)) is not None:
        yield from fields.items()
        return
    is_container = issubclass(kind, (dict, list, tuple, set, frozenset))
    if not is_container and (library_of(kind) is not None or callable(value)):
        return
    for part in parts_of(value):
        if part.role in ("attribute", "entry", "field"):
            yield part.name, part.value
        elif part.role != "key":
            yield (value[0] if part.name == 1 and is_pair(value) else None), part.value
