"""Which calls `only` and `exclude` take: patterns on signatures, `VERB resource`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate

_LONE_VERB = re.compile(r"[A-Z][A-Z0-9_*?-]*")


class Selector:
    """The calls that are taken: any of `only` (none given: all), but none of `exclude`.

    Args:
        only: Patterns, each a verb (`POST`), a resource (`/users/*`) or both (`GET /users`).
        exclude: Patterns of calls that are left out, whatever `only` says.
    """

    __slots__ = ("_exclude", "_only")

    def __init__(self, only: str | Iterable[str] = (), exclude: str | Iterable[str] = ()) -> None:
        self._only = [_Pattern(text) for text in split_list(only)]
        self._exclude = [_Pattern(text) for text in split_list(exclude)]

    def takes(self, signature: str, host: str | None = None) -> bool:
        """Whether the call is taken.

        Args:
            signature: `GET /users/1`, `SELECT users`, `GET user:1`; a function's `shop.api:fetch`.
            host: Where a path leads, `api.shop.com` or `localhost:8000`; None for what has no host.
        """
        verb, resource = _split(signature)
        if self._only and not any(pattern.matches(verb, resource, host) for pattern in self._only):
            return False
        return not any(pattern.matches(verb, resource, host) for pattern in self._exclude)


def split_list(patterns: str | Iterable[str]) -> tuple[str, ...]:
    """The patterns one by one; a string holds them separated by commas."""
    parts = patterns.split(",") if isinstance(patterns, str) else patterns
    return tuple(part.strip() for part in parts if part.strip())


def _split(text: str) -> tuple[str, str]:
    """Verb and resource; a lone word is a verb where it is in capitals, else a resource."""
    first, blank, rest = text.strip().partition(" ")
    if blank:
        return first, rest.strip()
    return (first, "") if _LONE_VERB.fullmatch(first) else ("", first)


class _Pattern:
    """One pattern, compiled: the verb; the resource as a whole; the resource as host and path."""

    __slots__ = ("_host", "_path", "_verb", "_whole")

    def __init__(self, text: str) -> None:
        verb, resource = _split(text)
        head, slash, path = resource.partition("/")
        self._verb = _glob(verb.upper() or "*")
        self._whole = _nothing if slash and _names_host(head) else _glob(resource or "*")
        self._host = _glob(head.lower()) if head else _nothing
        self._path = _glob(f"/{path}" if slash else "*")

    def matches(self, verb: str, resource: str, host: str | None) -> bool:
        if not self._verb(verb.upper()):
            return False
        if self._whole(resource):
            return True
        return host is not None and self._leads_to(host.lower(), resource)

    def _leads_to(self, host: str, path: str) -> bool:
        """Whether the pattern names this host, with or without its port, and the path there."""
        if not self._path(path):
            return False
        return bool(self._host(host) or self._host(host.rpartition(":")[0]))


def _names_host(head: str) -> bool:
    """Whether what stands before the first `/` can be no part of a path, as `*` in `*/edit` can."""
    return bool(head) and (head.startswith("*.") or not any(mark in head for mark in "*?["))


def _glob(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


def _nothing(_: str) -> object:
    return None
