"""The patterns of `only` and `exclude`, which select calls by their signatures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate

_LONE_VERB = r"[A-Z][A-Z0-9_*?-]*"

_Matches = Callable[[str], object]


class Patterns:
    """Selects the calls that match a pattern of `only`, and none of `exclude`.

    Without `only`, all calls match. A pattern is a verb (`POST`), a resource
    (`/users/*`, `api.shop.com/users`) or both (`GET /users`).

    Attributes:
        take_all: Whether there are no patterns.
    """

    def __init__(self, only: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        self._only = [_Pattern(text) for text in only]
        self._exclude = [_Pattern(text) for text in exclude]
        self.take_all = not self._only and not self._exclude

    def takes(self, signature: str, host: str | None = None) -> bool:
        """Return whether a call is selected: `GET /users/1`, `shop.api:fetch`.

        The host of a request has its port if the URL names one, `api.shop.com:8080`.
        """
        verb, resource = _verb_and_resource(signature)
        if any(one.matches(verb, resource, host) for one in self._exclude):
            return False
        matching = (one.matches(verb, resource, host) for one in self._only)
        return not self._only or any(matching)


def _verb_and_resource(text: str) -> tuple[str, str]:
    """Split a signature or a pattern: a single word in capitals is a verb."""
    first, blank, rest = text.strip().partition(" ")
    if blank:
        return first, rest.strip()
    return (first, "") if re.fullmatch(_LONE_VERB, first) else ("", first)


class _Pattern:
    """One pattern, whose resource is compiled as a whole, and as host and path.

    | pattern | verb | whole | host | path |
    |---|---|---|---|---|
    | `GET /users/*` | `GET` | `/users/*` | none | `/users/*` |
    | `shop.com/users` | `*` | none | `shop.com` | `/users` |
    | `shop.api:fetch` | `*` | `shop.api:fetch` | `shop.api:fetch` | `*` |
    """

    def __init__(self, text: str) -> None:
        verb, resource = _verb_and_resource(text)
        head, slash, path = resource.partition("/")
        # `*.shop.com/*` must not match the path `/www.shop.com/x` of another host, so
        # it has no pattern for the whole. The `*` in `*/edit` names no host.
        is_plain = not any(sign in head for sign in "*?[")
        names_host = bool(slash and head) and (is_plain or head.startswith("*."))
        self._verb = _matcher(verb.upper() or "*")
        self._whole = _nothing if names_host else _matcher(resource or "*")
        self._host = _matcher(head.lower()) if head else _nothing
        self._path = _matcher(f"/{path}" if slash else "*")

    def matches(self, verb: str, resource: str, host: str | None) -> bool:
        if not self._verb(verb.upper()):
            return False
        if self._whole(resource):
            return True
        # The resource of a request is its path, and the pattern may name its host too.
        if host is None or not self._path(resource):
            return False
        return any(self._host(spelling) for spelling in _spellings(host.lower()))


def _spellings(host: str) -> list[str]:
    """Return a host with and without its port; a host alone has the usual ports."""
    name, colon, _ = host.rpartition(":")
    return [host, name] if colon else [host, f"{host}:80", f"{host}:443"]


def _matcher(pattern: str) -> _Matches:
    return re.compile(translate(pattern)).match


def _nothing(_text: str) -> object:
    return None
