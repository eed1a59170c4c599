"""Requests as the functions of a suite know them from vcrpy, and vcrpy's filters of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic._clients.http.message import media_type, text_pairs

_PORTS = {"http": 80, "https": 443}
_MULTIPART_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)
_FIELD = re.compile(rb';\s*name="([^"]*)"')

Replacement = Any
"""A text, None to remove the value, or a function of `key`, `value` and `request` that returns one of them."""


class VcrHeaders(MutableMapping[str, str]):
    """Headers by name, whose case does not count."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, tuple[str, str]] = {}
        for name, value in pairs:
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        known = self._values.get(name.lower())
        self._values[name.lower()] = (
            known[0] if known else name,
            value[0] if isinstance(value, (list, tuple)) else value,
        )

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][1]

    def __delitem__(self, name: str) -> None:
        del self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._values.values())

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> VcrHeaders:
        return VcrHeaders(self.items())


class VcrRequest:
    """A request with the attributes of vcrpy's, which functions in `vcr_config` read and set."""

    def __init__(
        self, method: str, uri: str, body: bytes | str | None, headers: Iterable[tuple[str, str]]
    ) -> None:
        self.method = method
        self.uri = uri
        self.headers = VcrHeaders(headers)
        self.body = body

    @classmethod
    def of(cls, request: HttpRequest) -> VcrRequest:
        """Return the request that a client sends."""
        return cls(request.method, request.url, request.body or None, text_pairs(request.headers))

    @property
    def body(self) -> Any:
        """The body as bytes, None without one."""
        return self._body

    @body.setter
    def body(self, body: Any) -> None:
        self._body = body.encode() if isinstance(body, str) else body

    @property
    def url(self) -> str:
        return self.uri

    @property
    def scheme(self) -> str:
        return urlsplit(self.uri).scheme

    protocol = scheme

    @property
    def host(self) -> str | None:
        return urlsplit(self.uri).hostname

    @property
    def port(self) -> int | None:
        """The port of the URI, or the usual one of its scheme."""
        return urlsplit(self.uri).port or _PORTS.get(self.scheme)

    @property
    def path(self) -> str:
        return urlsplit(self.uri).path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters of the URI, sorted."""
        return sorted(parse_qsl(urlsplit(self.uri).query))

    def copy(self) -> VcrRequest:
        return VcrRequest(self.method, self.uri, self.body, self.headers.items())

    def sent(self) -> HttpRequest:
        """Return the request as clients know it."""
        return HttpRequest(self.method, self.uri, tuple(self.headers.items()), bytes(self.body or b""))

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.method} request>"


Filter = Callable[[VcrRequest], "VcrRequest | None"]
"""A change to a request, in place or to a copy. None: the request is not mimicked."""


def header_filter(names: Iterable[Any]) -> Filter:
    """Return vcrpy's `filter_headers`."""
    replacements = _replacements(names)

    def apply(request: VcrRequest) -> VcrRequest:
        for name, given in replacements.items():
            if name in request.headers:
                value = request.headers.pop(name)
                replaced = _replaced(given, name, value, request)
                if replaced is not None:
                    request.headers[name] = replaced
        return request

    return apply


def query_filter(names: Iterable[Any]) -> Filter:
    """Return vcrpy's `filter_query_parameters`."""
    replacements = _replacements(names)

    def apply(request: VcrRequest) -> VcrRequest:
        parts = urlsplit(request.uri)
        query = parse_qsl(parts.query, keep_blank_values=True)
        if any(name in replacements for name, _ in query):
            kept = _kept(query, replacements, request)
            request.uri = urlunsplit(parts._replace(query=urlencode(kept)))
        return request

    return apply


def post_filter(names: Iterable[Any], *, nested: bool = False) -> Filter:
    """Return vcrpy's `filter_post_data_parameters`: fields of a form, or keys of a JSON object, in a POST.

    With `nested`, keys count at any depth, as with `filter_nested_post_data_parameters`.
    """
    replacements = _replacements(names)

    def apply(request: VcrRequest) -> VcrRequest:
        body = request.body
        if request.method != "POST" or not body:
            return request
        kind = media_type(request.headers.get("Content-Type"))
        if kind == "application/json" or (not kind and body[:1] == b"{"):
            try:
                value = json.loads(body)
            except ValueError:
                return request
            kept = _kept_in(value, replacements, request, nested=nested)
            if kept != value:
                request.body = json.dumps(kept)
        elif kind == "multipart/form-data":
            request.body = _kept_parts(body, replacements, request)
        else:
            request.body = _kept_fields(body, replacements, request)
        return request

    return apply


def host_filter(hosts: Iterable[str | re.Pattern[str]]) -> Filter:
    """Return vcrpy's `ignore_hosts`: these are not mimicked. A compiled pattern matches whole names."""
    given = list(hosts)
    names = {host for host in given if isinstance(host, str)}
    patterns = [host for host in given if isinstance(host, re.Pattern)]

    def apply(request: VcrRequest) -> VcrRequest | None:
        host = request.host
        is_ignored = host in names or any(one.fullmatch(host or "") for one in patterns)
        return None if is_ignored else request

    return apply


def _kept_in(value: Any, replacements: dict[str, Replacement], request: VcrRequest, *, nested: bool) -> Any:
    """Return JSON with the values of keys replaced, without those to remove."""
    if isinstance(value, dict):
        pairs = dict(_kept(value.items(), replacements, request)).items()
        if not nested:
            return dict(pairs)
        return {
            name: inner if name in replacements else _kept_in(inner, replacements, request, nested=True)
            for name, inner in pairs
        }
    if isinstance(value, list) and nested:
        return [_kept_in(inner, replacements, request, nested=True) for inner in value]
    return value


def _kept_fields(body: bytes, replacements: dict[str, Replacement], request: VcrRequest) -> bytes:
    """Return a form with the values of fields replaced, without those to remove."""
    kept = []
    for name, equals, value in (field.partition(b"=") for field in body.split(b"&")):
        key = name.decode("utf-8", "surrogateescape")
        key = key if key in replacements else unquote_plus(key)
        if equals and key in replacements:
            replaced = _replaced(replacements[key], key, value.decode("utf-8", "replace"), request)
            if replaced is None:
                continue
            value = str(replaced).encode()
        kept.append(name + equals + value)
    return b"&".join(kept)


def _kept_parts(body: bytes, replacements: dict[str, Replacement], request: VcrRequest) -> bytes:
    """Return a multipart form with the values of fields replaced, without those to remove."""
    found = _MULTIPART_BOUNDARY.search(request.headers.get("Content-Type", ""))
    if found is None:
        return body
    delimiter = b"--" + found[1].encode()
    preamble, *parts = body.split(delimiter)
    kept = [preamble]
    for part in parts:
        head, blank, content = part.partition(b"\r\n\r\n")
        field = _FIELD.search(head)
        key = field[1].decode("utf-8", "replace") if field and blank else None
        if key is not None and key in replacements:
            value = content.removesuffix(b"\r\n").decode("utf-8", "replace")
            replaced = _replaced(replacements[key], key, value, request)
            if replaced is None:
                continue
            part = head + blank + str(replaced).encode() + b"\r\n"
        kept.append(part)
    return delimiter.join(kept)


def _replacements(names: Iterable[Any]) -> dict[str, Replacement]:
    return dict((name, None) if isinstance(name, str) else tuple(name) for name in names)


def _kept(
    pairs: Iterable[tuple[str, Any]], replacements: dict[str, Replacement], request: VcrRequest
) -> list[tuple[str, Any]]:
    """Return pairs with their values replaced, without those to remove."""
    found = []
    for name, value in pairs:
        if name in replacements:
            value = _replaced(replacements[name], name, value, request)
            if value is None:
                continue
        found.append((name, value))
    return found


def _replaced(given: Replacement, name: str, value: Any, request: VcrRequest) -> Any:
    return given(key=name, value=value, request=request) if callable(given) else given
