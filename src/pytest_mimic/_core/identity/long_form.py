"""Digests values that have no short form: column by column, or part by part if they are too large or cyclic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pytest_mimic._core.identity.walk import HoldsMark, TooLarge, Walk

if TYPE_CHECKING:
    from pytest_mimic._core.identity.resolve import Resolver


def digest(value: object, resolver: Resolver, *, ordered: bool = False) -> bytes:
    """Return the digest of a value. If it is `ordered`, the order of dicts counts."""
    walk = partial(Walk, resolver, ordered=ordered)
    try:
        return _digest_by(value, partial(walk, marks=resolver.places.marks))
    except HoldsMark:
        return _digest_by(value, partial(walk, locate=resolver.locator()))


def _digest_by(value: object, walk: Callable[[], Walk]) -> bytes:
    try:
        return walk().digest([value])
    except TooLarge:
        from pytest_mimic._core.identity.graph import digest as digest_graph

        return digest_graph(value, walk())
