"""Values of which a table says that they differ: each has an identity of its own, or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from support.face import fingerprint

from pytest_mimic import UnstableIdentityError

_refused: Iterator[int] = count()


def identity_or_refusal(value: object) -> str:
    """Return the identity of a value, or a text that no other value has."""
    try:
        return fingerprint(value)
    except UnstableIdentityError:
        return f"refused {next(_refused)}"


def is_refused(value: object) -> bool:
    """Return whether a value has no identity."""
    return identity_or_refusal(value).startswith("refused")


def told_apart(value: object, again: object, others: Iterable[object]) -> None:
    """Assert that a value has the identity of one made again and of no other one, or none."""
    assert is_refused(value) == is_refused(again)
    if not is_refused(value):
        assert fingerprint(value) == fingerprint(again)
    found = [identity_or_refusal(one) for one in (value, *others)]
    assert len(set(found)) == len(found)
