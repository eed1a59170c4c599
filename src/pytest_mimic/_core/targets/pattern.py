"""The patterns of `only` and `exclude`, which match signatures: `VERB resource`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate

_LONE_VERB = re.compile(r"[A-Z][A-Z0-9_*?-]*")
# Takes a verb, a resource, a host or a path, and gives a true value if it matches.
_Match = Callable[[str], object]


class Selector:
    """Selects the calls that match a pattern of `only`, and none of `exclude`.

    Without `only`, all calls match.

    A pattern is a verb (`POST`), a resource (`/users/*`) or both (`GET /users`).
    """

    __slots__ = ("_exclude", "_only")

    def __init__(
        self, only: str | Iterable[str] = (), exclude: str | Iterable[str] = ()
    ) -> None:
        self._only = [_Pattern(text) for text in split_list(only)]
        self._exclude = [_Pattern(text) for text in split_list(exclude)]

    def takes(self, signature: str, host: str | None = None) -> bool:
        """Check whether a call is selected: `GET /users/1`, `shop.api:fetch`.

        The `host` of a request has its port if it names one, `api.shop.com:8080`.
        """
        if not self._only and not self._exclude:
            return True
        verb, resource = _verb_and_resource(signature)

        def matches(pattern: _Pattern) -> bool:
            return pattern.matches(verb, resource, host)

        if any(map(matches, self._exclude)):
            return False
        return not self._only or any(map(matches, self._only))


def split_list(patterns: str | Iterable[str]) -> tuple[str, ...]:
    """Return the patterns as a tuple. A string holds them separated by commas."""
    if isinstance(patterns, str):
        patterns = patterns.split(",")
    stripped_patterns = [pattern.strip() for pattern in patterns]
    return tuple(filter(None, stripped_patterns))


def _verb_and_resource(text: str) -> tuple[str, str]:
    """Split a signature or a pattern into verb and resource, `GET` and `/users/1`.

    A single word is a verb if it is in capitals, else a resource.
    """
    first, blank, rest = text.strip().partition(" ")
    if blank:
        return first, rest.strip()
    if _LONE_VERB.fullmatch(first):
        return first, ""
    return "", first


class _Pattern:
    """One compiled pattern of `only` or `exclude`.

    The resource of the pattern is compiled twice: as a whole, and as host and path.

    | pattern | verb | whole | host | path |
    |---|---|---|---|---|
    | `GET /users/*` | `GET` | `/users/*` | none | `/users/*` |
    | `shop.com/users` | `*` | none | `shop.com` | `/users` |
    | `shop.api:fetch` | `*` | `shop.api:fetch` | `shop.api:fetch` | `*` |

    "None" matches nothing.
    """

    __slots__ = ("_host", "_path", "_verb", "_whole")

    def __init__(self, text: str) -> None:
        verb, resource = _verb_and_resource(text)
        head, slash, path = resource.partition("/")
        self._verb = _matcher_of_pattern(verb.upper() or "*")
        # `*.shop.com/*` must not match the path `/www.shop.com/x` of another host, so
        # it has no pattern for the whole. The `*` in `*/edit` names no host.
        is_plain = not any(mark in head for mark in "*?[")
        names_host = bool(slash and head) and (is_plain or head.startswith("*."))
        self._whole: _Match = _matches_nothing
        if not names_host:
            self._whole = _matcher_of_pattern(resource or "*")
        self._host: _Match = _matches_nothing
        if head:
            self._host = _matcher_of_pattern(head.lower())
        self._path = _matcher_of_pattern("*")
        if slash:
            self._path = _matcher_of_pattern(f"/{path}")

    def matches(self, verb: str, resource: str, host: str | None) -> bool:
        """Check a call by its signature in two parts, and the host of a request."""
        if not self._verb(verb.upper()):
            return False
        if self._whole(resource):
            return True
        # The resource of a request is its path, so the pattern may name its host, too.
        if host is None or not self._path(resource):
            return False
        host = host.lower()
        name, colon, _ = host.rpartition(":")
        # A pattern without a port means any. A host has the usual port of its scheme if
        # it names none.
        spellings = [host, f"{host}:80", f"{host}:443"]
        if colon:
            spellings = [host, name]
        return any(map(self._host, spellings))


def _matcher_of_pattern(pattern: str) -> _Match:
    """Return what matches the texts that `/users/*` stands for."""
    return re.compile(translate(pattern)).match


def _matches_nothing(_text: str) -> object:
    """Match no text: what a `_Pattern` has for a part that it does not name."""
    return None
