"""Texts under secret names, found so that no message shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.redact.secret_names import bare_secret, named
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.opening import is_pair, parts_of

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# How many parts of a value are searched.
_MOST = 5_000
# At least so many characters of a text are searched, even if only the first few are
# shown: a URL may have a long password.
_LEAST_SEARCHED = 1_000
# The roles of parts that have names.
_NAMED = ("attribute", "entry", "field")


def beginning(
    text: str | bytes | bytearray,
    limit: int,
    secrets: Collection[str],
    redactor: Redactor,
) -> str:
    """Return the beginning of a text of which `limit` characters are shown.

    A secret that begins in these characters is there as a whole.
    """
    longest = (
        redactor.environment.longest
    )  # the beginning of such a value may be at the end
    length = (
        max(4 * limit, _LEAST_SEARCHED) + max(map(len, secrets), default=0) + longest
    )
    start = text[:length] if isinstance(text, str) else text[:length].decode("latin-1")
    return (
        redactor.environment.text(start)[:-longest]
        if longest and len(text) > length
        else start
    )


def secrets_in(
    value: object, redactor: Redactor, clean: dict[int, object] | None = None
) -> frozenset[str]:
    """Return the texts under secret names anywhere in a value.

    Of a huge value the first few thousand parts are read. `clean` gets the dicts in
    which no value has a secret name, by their ids.
    """
    secrets: set[str] = set()
    pending: list[tuple[Any, bool]] = [(value, False)]
    searched: dict[int, object] = {}
    looked_at = 0
    while pending and looked_at < _MOST:
        part, is_secret = pending.pop()
        if is_secret and issubclass(type(part), (str, bytes)):
            text = (
                part.decode("latin-1") if isinstance(part, bytes) else str.__str__(part)
            )
            secrets.add(bare_secret(text))
        elif type(part) not in SCALARS and id(part) not in searched:
            searched[id(part)] = part
            named_parts = islice(_named_parts(part), _MOST)
            inner = [
                (inner_part, is_secret or redactor.hides(name, inner_part))
                for name, inner_part in named_parts
            ]
            looked_at += len(inner)
            if (
                clean is not None
                and type(part) is dict
                and len(part) < _MOST
                and not any(part_and_flag[1] for part_and_flag in inner)
            ):
                clean[id(part)] = part
            # The first parts are searched first, as they are the ones that are shown.
            pending += (
                part_and_flag
                for part_and_flag in reversed(inner)
                if part_and_flag[1] or type(part_and_flag[0]) not in SCALARS
            )
            if issubclass(type(part), (list, tuple)):
                # The value that follows `--password` in a command line.
                items = islice(type(part).__iter__(part), _MOST)
                pending += (
                    (inner_part, True)
                    for flag, inner_part in pairwise(items)
                    if redactor.secret_flag(flag)
                )
    return frozenset(secrets)


def _named_parts(value: Any) -> Iterable[tuple[object, object]]:
    """Return the parts of a value, each with its name.

    The first item of a (name, value) pair is the name of the second item.
    """
    kind = type(value)
    if kind is dict:
        return named(value)
    is_container = issubclass(kind, (dict, list, tuple, set, frozenset))
    is_closed = (
        issubclass(kind, (type, str, bytes))
        or library_of(kind) is not None
        or callable(value)
    )
    if is_closed and not is_container:
        return ()
    pair: Any = value  # `callable` has narrowed it
    name_in_pair = pair[0] if is_pair(pair) else None
    return (
        (
            part.name
            if part.role in _NAMED
            else name_in_pair
            if part.name == 1
            else None,
            part.value,
        )
        for part in parts_of(value)
        if part.role != "key"
    )
