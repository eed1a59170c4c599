"""The patterns of `only`, `exclude` and `--mimic-only`, which match signatures of calls: `VERB resource`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase, translate

from pytest_mimic._core.seam.registry import HTTP_CLIENTS

_LONE_VERB = re.compile(r"[A-Z][A-Z0-9_*?-]*")
# `s3 PutObject bucket/key`: a service, its operation and what that is about.
_OPERATION = re.compile(
    r"(?P<service>[a-z][a-z0-9-]*) (?P<operation>[A-Z][A-Za-z0-9]*)(?: (?P<resource>.+))?"
)


class Selector:
    """Selects the calls that match any pattern of `only`, or all calls without `only`, but none of `exclude`.

    A pattern is a verb (`POST`), a resource (`/users/*`) or both (`GET /users`).
    """

    __slots__ = ("_exclude", "_only")

    def __init__(self, only: str | Iterable[str] = (), exclude: str | Iterable[str] = ()) -> None:
        self._only = [_Pattern(text) for text in split_list(only)]
        self._exclude = [_Pattern(text) for text in split_list(exclude)]

    def takes(self, signature: str, host: str | None = None) -> bool:
        """Check whether a call is selected: `GET /users/1` at a host, `SELECT users`, `shop.api:fetch`."""
        if not self._only and not self._exclude:
            return True
        readings = _readings(signature, host)

        def matches(pattern: _Pattern) -> bool:
            return any(pattern.matches(*reading) for reading in readings)

        return (not self._only or any(map(matches, self._only))) and not any(map(matches, self._exclude))


class Only:
    """The patterns of `--mimic-only`: each a pattern of `Selector`, or a target (`shop.api:fetch`, `httpx`).

    `note` is called with a pattern when it matches a call.
    """

    __slots__ = ("_note", "_patterns")

    def __init__(self, patterns: Iterable[str], note: Callable[[str], object]) -> None:
        self._patterns = [(pattern, Selector(pattern)) for pattern in patterns]
        self._note = note

    def selects(self, function: str) -> bool:
        """Check whether all calls of a function match, without noting it."""
        return bool(self._matching(function, function, None))

    def takes(self, target: str, signature: str, host: str | None = None) -> bool:
        """Check whether a call matches, and note the patterns that match it."""
        matched = self._matching(target, signature, host)
        for pattern in matched:
            self._note(pattern)
        return bool(matched)

    def _matching(self, target: str, signature: str, host: str | None) -> list[str]:
        names = (target, target.replace(":", "."), *(HTTP_CLIENTS if target == "http" else ()))
        return [
            pattern
            for pattern, selector in self._patterns
            if any(fnmatchcase(name, pattern) for name in names) or selector.takes(signature, host)
        ]


def split_list(patterns: str | Iterable[str]) -> tuple[str, ...]:
    """Return the patterns as a tuple. A string holds them separated by commas."""
    parts = patterns.split(",") if isinstance(patterns, str) else patterns
    return tuple(part.strip() for part in parts if part.strip())


def _split(text: str) -> tuple[str, str]:
    """Split into verb and resource. A single word is a verb if it is in capitals, else a resource."""
    first, blank, rest = text.strip().partition(" ")
    if blank:
        return first, rest.strip()
    return (first, "") if _LONE_VERB.fullmatch(first) else ("", first)


def _readings(signature: str, host: str | None) -> list[tuple[str, str, str | None]]:
    """Return verb, resource and host of a signature; for an operation of AWS, all that a pattern may mean by them."""
    found: list[tuple[str, str, str | None]] = [(*_split(signature), host)]
    match = _OPERATION.fullmatch(signature)
    if match is not None:
        service, operation, resource = match["service"], match["operation"], match["resource"] or ""
        # `s3`, `PutObject`, `s3 PutObject`
        found += [("", service, None), ("", operation, None), (service, operation, None)]
        # A bucket is the host of its keys: `bucket/*`, `PutObject bucket/*`, `s3 bucket/*`, `s3 PutObject bucket/*`
        bucket, slash, key = resource.partition("/")
        found += [(operation, resource, None), (service, resource, None)]
        if slash:
            path = f"/{key}"
            found += [
                (operation, path, bucket),
                (service, path, bucket),
                (service, path, f"{operation} {bucket}"),
            ]
    return found


class _Pattern:
    """One compiled pattern. The resource is compiled twice: as a whole, and as host and path."""

    __slots__ = ("_host", "_path", "_verb", "_whole")

    def __init__(self, text: str) -> None:
        verb, resource = _split(text)
        head, slash, path = resource.partition("/")
        self._verb = _glob(verb.upper() or "*")
        # `*.shop.com/*` must not match the path `/www.shop.com/x` of another host, so it has no pattern for the whole.
        # The `*` in `*/edit` names no host.
        names_host = bool(slash and head) and (
            head.startswith("*.") or not any(mark in head for mark in "*?[")
        )
        self._whole = _nothing if names_host else _glob(resource or "*")
        self._host = _glob(head.lower()) if head else _nothing
        self._path = _glob(f"/{path}" if slash else "*")

    def matches(self, verb: str, resource: str, host: str | None) -> bool:
        if not self._verb(verb.upper()):
            return False
        if self._whole(resource):
            return True
        if host is None or not self._path(resource):
            return False
        host = host.lower()  # with or without its port
        return bool(self._host(host) or self._host(host.rpartition(":")[0]))


def _glob(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


def _nothing(_: str) -> object:
    return None
