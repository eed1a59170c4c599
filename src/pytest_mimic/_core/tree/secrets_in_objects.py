"""Texts under secret names in Python objects, found so that no message shows them.

The objects are arguments and outcomes of functions. Secrets in the plain data of
clients are found by `places` of `_core/redact/secret_names.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.short_scalars import SCALARS
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.secret_names import named_values_of
from pytest_mimic._core.redact.secret_values import bare_secret
from pytest_mimic._core.types.attributes_and_parts import (
    is_pair,
    items_of_container,
    parts_of,
)
from pytest_mimic._core.types.libraries import library_of

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# Of a value, at most so many parts are searched.
_MOST_PARTS = 5_000
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

    Descriptions hide the secrets in it, and cut it then. A secret that begins in these
    characters is there as a whole.
    """
    # The beginning of a value of the environment may stand at the end.
    longest_of_environment = redactor.environment.longest
    longest_secret = max(map(len, secrets), default=0)
    searched = max(4 * limit, _LEAST_SEARCHED) + longest_secret + longest_of_environment
    start = text[:searched]
    if not isinstance(start, str):
        start = start.decode("latin-1")
    if not longest_of_environment or len(text) <= searched:
        return start
    # What may be half a value of the environment is left out.
    return redactor.environment.text(start)[:-longest_of_environment]


def secrets_in(
    value: object,
    redactor: Redactor,
    dicts_without_secret_names: dict[int, object] | None = None,
) -> frozenset[str]:
    """Return the texts under secret names anywhere in a value.

    Of a huge value the first few thousand parts are read.

    Args:
        value: The value.
        redactor: Knows the secret names.
        dicts_without_secret_names: Gets the dicts in which no value has a secret name,
            by their ids.
    """
    if dicts_without_secret_names is None:
        dicts_without_secret_names = {}
    secrets: set[str] = set()
    pending: list[tuple[Any, bool]] = [(value, False)]
    searched: dict[int, object] = {}
    looked_at = 0
    while pending and looked_at < _MOST_PARTS:
        part, is_secret = pending.pop()
        kind = type(part)
        # Texts below a secret name are secret, however deep they stand.
        if is_secret and issubclass(kind, (str, bytes)):
            secrets.add(bare_secret(_searched_text(part)))
            continue
        if kind in SCALARS or id(part) in searched:
            continue
        searched[id(part)] = part
        inner_parts: list[tuple[Any, bool]] = []
        for name, inner_part in islice(_named_parts(part), _MOST_PARTS):
            is_hidden = is_secret or redactor.hides(name, inner_part)
            inner_parts.append((inner_part, is_hidden))
        looked_at += len(inner_parts)
        has_hidden_part = any(is_hidden for _, is_hidden in inner_parts)
        is_dict_searched_whole = kind is dict and len(part) < _MOST_PARTS
        if is_dict_searched_whole and not has_hidden_part:
            # The table keeps the dict alive, so that no other object gets its id.
            dicts_without_secret_names[id(part)] = part
        # The first parts are searched first, as they are the ones that are shown: the
        # last one of `pending` is next.
        for inner_part, is_hidden in reversed(inner_parts):
            if is_hidden or type(inner_part) not in SCALARS:
                pending.append((inner_part, is_hidden))
        if issubclass(kind, (list, tuple)):
            for inner_part in _values_of_flags(part, redactor):
                pending.append((inner_part, True))
    return frozenset(secrets)


def has_secret_text(
    described: str, values: Sequence[object], redactor: Redactor
) -> bool:
    """Return whether redaction hides something in the texts of a function's call.

    A recording keeps no digest of the arguments of such a call, which might tell the
    secret.

    Args:
        described: The description of the call, as JSON.
        values: The values whose texts are searched whole. Bytes count as a text. Of
            other values, the items of lists, tuples and dicts are searched: of these
            alone, `kept_parts` keeps more than a digest.
        redactor: The rules for secrets.
    """
    if PLACEHOLDER in described:
        return True
    # The list grows by the parts of each container in it, of which none holds itself:
    # such a value is not kept whole.
    pending: list[Any] = list(values)
    for part in pending:
        kind = type(part)
        if issubclass(kind, (str, bytes)):
            text = _searched_text(part)
            if redactor.environment.text(redactor.scrub_text(text)) != text:
                return True
        elif kind is dict:
            pending += part.keys()
            pending += part.values()
        elif kind in (list, tuple):
            pending += part
    return False


def _searched_text(secret: str | bytes) -> str:
    """Return a text as a plain `str`, or bytes as Latin-1.

    The class of the text may have a `__str__` of its own, which does not run.
    """
    if isinstance(secret, bytes):
        return secret.decode("latin-1")
    return str.__str__(secret)


def _values_of_flags(items: Any, redactor: Redactor) -> Iterator[object]:
    """Yield the values that follow `--password` and the like in a command line."""
    first_items = islice(items_of_container(items), _MOST_PARTS)
    for flag, value in pairwise(first_items):
        if redactor.secret_flag(flag):
            yield value


def _named_parts(value: Any) -> Iterable[tuple[object, object]]:
    """Return the parts of a value, each with its name."""
    kind = type(value)
    if kind is dict:
        return named_values_of(value)
    is_container = issubclass(kind, (dict, list, tuple, set, frozenset))
    if not is_container and _is_closed(value):
        return ()
    return _named_parts_of_object(value)


def _is_closed(value: object) -> bool:
    """Return whether the parts of a value are not searched.

    Those of functions, classes and values of libraries are not.
    """
    kind = type(value)
    if issubclass(kind, (type, str, bytes)):
        return True
    # To read all of a frame, or what a function refers to, would take long.
    return library_of(kind) is not None or callable(value)


def _named_parts_of_object(value: Any) -> Iterator[tuple[object, object]]:
    """Yield the parts of a container or an object, each with its name, or None.

    The first item of a (name, value) pair is the name of the second item.
    """
    name_in_pair = value[0] if is_pair(value) else None
    for part in parts_of(value):
        if part.role == "key":
            # The entry of this key has it as its name.
            continue
        name = None
        if part.role in _NAMED:
            name = part.name
        elif part.name == 1:
            name = name_in_pair
        yield name, part.value
