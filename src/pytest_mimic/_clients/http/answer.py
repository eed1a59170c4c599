"""Stored exchanges as the responses that clients get in a replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_mimic._clients.http.body import load_body
from pytest_mimic._clients.http.compression import deflate
from pytest_mimic._clients.http.message import header_of


class StoredResponse(NamedTuple):
    """A recorded response in the form in which it arrives over the network."""

    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    chunks: list[bytes]
    stopped: bool  # it was not read further than these chunks
    error: dict[str, Any] | None  # the exception that broke it after these chunks, as plain data

    @property
    def is_complete(self) -> bool:
        """Whether the response ends after its chunks, without an exception."""
        return not self.stopped and self.error is None

    def ending(
        self, load_error: Callable[[dict[str, Any]], Exception], exhausted: Callable[[], Exception]
    ) -> Exception | None:
        """Return the exception to raise after the chunks, or None if the response is complete.

        `load_error` turns plain data into the client's exception. `exhausted` returns the error for
        reading further than was recorded.
        """
        if self.error is not None:
            return load_error(self.error)
        return exhausted() if self.stopped else None


def is_whole(plain: dict[str, Any]) -> bool:
    """Check whether an exchange is a response that was read to its end, and whose body can be given decompressed."""
    if "status" not in plain or "error" in plain or "end" in plain:
        return False
    body = plain.get("body")
    return body is None or "compressed" in body or header_of(plain["headers"], "content-encoding") is None


def load_response(
    plain: dict[str, Any], method: str, *, decoded: bool = False, accepted: str | None = None
) -> StoredResponse:
    """Return the response of a stored exchange, with the `Content-Length` that it has now.

    The exchange has a status: one that is only an error has no response. The length in the response to a HEAD is
    left alone. With `decoded`, the chunks are decompressed, for a client whose reader gets them so. `accepted` is the
    `Accept-Encoding` of a client that does not decode: it gets a body plain that it has not asked for in its encoding.
    """
    if accepted is not None and "compressed" in (plain.get("body") or {}):
        plain = _as_accepted(plain, accepted)
    body, error = plain.get("body"), plain.get("error")
    stopped = plain.get("end") == "stopped"
    chunks = load_body(body)
    if body is not None and not decoded and body.get("compressed"):
        chunks = deflate(chunks, body["compressed"], complete=not stopped and error is None)
    size = None if body is None or method == "HEAD" else sum(map(len, chunks))
    headers, has_cookies = [], False
    for name, value in plain["headers"]:
        lower = name.lower()
        if lower == "content-length" and size is not None:
            declared = int(value) if value.isdigit() else 0
            # Of an incomplete body, more is announced than there is: the client must not take it for complete.
            value = str(max(declared, size + 1) if stopped or error else size)
        has_cookies = has_cookies or lower == "set-cookie"
        headers.append((name, value))
    if has_cookies:
        headers = _with_lasting_cookies(headers)
    return StoredResponse(plain["status"], plain["reason"], plain["version"], headers, chunks, stopped, error)


def _as_accepted(plain: dict[str, Any], accepted: str) -> dict[str, Any]:
    """Return an exchange without its `Content-Encoding`, unless that is accepted."""
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    if names & {plain["body"]["compressed"].strip().lower(), "*"}:
        return plain
    headers = [pair for pair in plain["headers"] if pair[0].lower() != "content-encoding"]
    return {**plain, "headers": headers, "body": {**plain["body"], "compressed": ""}}


def _with_lasting_cookies(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the expiry of cookies that were still valid when they were recorded, at the time in `Date`."""
    from http.cookiejar import http2time  # type: ignore[attr-defined]

    recorded = http2time(header_of(headers, "date") or "")
    if recorded is None:
        return headers

    def lasts(attribute: str) -> bool:
        name, _, value = attribute.partition("=")
        return name.strip().lower() != "expires" or (http2time(value) or 0) <= recorded

    return [
        (name, ";".join(filter(lasts, value.split(";"))) if name.lower() == "set-cookie" else value)
        for name, value in headers
    ]
