"""A request of HTTP as plain data, what counts of it, and how it is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from pytest_mimic.client import Plain
from pytest_mimic.clients.http import answers, bodies
from pytest_mimic.secrets.placeholders import OWN
from pytest_mimic.values.made_anew import made_anew

# Headers that choose an answer, or say what to do: those of HTTP and WebDAV, then those
# of AWS, SOAP, Azure Storage, Dropbox, Google and PostgREST.
_COUNTED_HEADERS = frozenset(
    """
    accept range if-match if-none-match if-modified-since if-unmodified-since if-range
    prefer x-http-method-override depth
    x-amz-target soapaction x-ms-range dropbox-api-arg x-goog-fieldmask accept-profile
    """.split()
)
# What clients and SDKs set themselves, by family: of the connection and the encoding,
# their name, version and platform, dates, traces and ids of requests, checks of bytes.
_OF_CLIENTS = re.compile(
    r"""
      host|connection|keep-alive|te|upgrade|expect|transfer-encoding|content-\S+
    | accept-encoding|cache-control|pragma|x-stainless-\S+|x-goog-api-client
    | x-b3-\S+|baggage|amz-sdk-\S+
    | (\S*[-_])?
      (agent|version|sdk|client|client-info|platform|runtime|os|arch|lang|date
      |timestamp|trace\w*|span\w*|request-?id|correlation-?id|invocation-?id
      |retry-count|attempt|nonce|checksum|sha256|digest|idempotency-key)
    """,
    re.X,
)
# The forms of a body that have fields.
_OF_FIELDS = ("form", "parts")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_UNRESERVED = "-._~!$&'()*+,;=:@/"
# The scheme, host with port, path and query of an address (RFC 3986, appendix B).
_ADDRESS = r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?"
_HOST_AND_PORT = r"(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?"
_PLAIN_PATH = "[A-Za-z0-9/._~-]+"

# By which parameters a service signs a URL or a form, by the documentation of the
# services. A request with all names before the colon is signed, and none of the names
# of the line counts: they depend on the time and on credentials.
_SIGNED = """
    x-amz-signature: x-amz-algorithm x-amz-credential x-amz-date x-amz-expires x-amz-signedheaders x-amz-security-token
    x-amz-signature policy: x-amz-algorithm x-amz-credential x-amz-date x-amz-security-token
    awsaccesskeyid expires signature: x-amz-security-token
    awsaccesskeyid policy signature: x-amz-security-token
    awsaccesskeyid signature signatureversion signaturemethod: timestamp expires securitytoken
    x-goog-signature: x-goog-algorithm x-goog-credential x-goog-date x-goog-expires x-goog-signedheaders
    x-goog-signature policy: x-goog-algorithm x-goog-credential x-goog-date
    googleaccessid expires signature:
    googleaccessid policy signature:
    key-pair-id expires signature: hash-algorithm
    key-pair-id policy signature: hash-algorithm
    sv se sig: st skoid sktid skt ske sks skv
    sv si sig: st se
    ossaccesskeyid expires signature: security-token
    ossaccesskeyid policy signature: x-oss-security-token
    x-oss-signature x-oss-signature-version: x-oss-access-key-id x-oss-additional-headers x-oss-credential x-oss-date x-oss-expires x-oss-security-token policy
    accesskeyid signature signaturenonce timestamp: signaturemethod signatureversion securitytoken
    q-signature q-sign-time q-ak: q-sign-algorithm q-key-time q-header-list q-url-param-list x-cos-security-token
    secretid signature timestamp nonce: signaturemethod token
    accesskeyid expires signature: x-obs-security-token
    x-tos-signature: x-tos-algorithm x-tos-credential x-tos-date x-tos-expires x-tos-signedheaders x-tos-security-token
    signature: nonce
"""  # noqa: E501


def read(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]],
    body: bytes = b"",
) -> Plain:
    """Return a request as plain data, with its secrets.

    Args:
        method: In any case.
        url: The whole address.
        headers: As they are sent; those of one name are joined.
        body: As it is sent; a compressed one is read.
    """
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    plain: Plain = {"method": method.upper(), "url": url, "headers": joined}
    if body:
        data = answers.decompressed(body, joined.get("content-encoding", ""))
        content_type = joined.get("content-type", "")
        plain["body"] = bodies.read_sent(body if data is None else data, content_type)
    return plain


def parts_of(request: Plain) -> Plain:
    """Return a stored request by the parts that `ignore=` and `match=` can name."""
    scheme, server, path, query = split(request["url"])
    address, name, port = _host_and_port(server)
    parts: Plain = {
        "method": request["method"],
        "scheme": scheme,
        "host": address or name,
        "path": _normal_path(path),
    }
    port = port or _DEFAULT_PORTS.get(scheme, "")
    if port:
        parts["port"] = int(port)
    sent = bodies.read_fields(query) if query else {}
    if sent is None:
        parts["query"] = query
    elif sent:
        parts["query"] = _unsigned(sent)
    parts["headers"] = request.get("headers", {})
    if "body" in request:
        held = bodies.held(request["body"])
        form = bodies.form(request["body"])
        parts["body"] = _unsigned(held) if form in _OF_FIELDS else held
        if form != "json":
            # A form with the same fields is another request than their JSON.
            parts["form"] = form
    return parts


def counted(parts: Plain, matched: Iterable[str] = ()) -> Plain:
    """Return the parts of a request that tell it from others.

    Args:
        parts: All parts.
        matched: The headers that count besides the usual ones.
    """
    names = _COUNTED_HEADERS | {name.lower() for name in matched}
    sent = parts.get("headers", {})
    headers = {name: sent[name] for name in sorted(names & sent.keys())}
    if headers.get("accept") == "*/*":
        # Clients that say nothing accept anything, too.
        del headers["accept"]
    counted = {**parts, "headers": headers}
    if "body" not in parts:
        counted.pop("form", None)
    return counted


def uncounted(now: Plain, recorded: Plain) -> list[str]:
    """Return the headers that differ, do not count, and are none of a client's own.

    Secrets, and what looks made anew, are left out.

    Args:
        now: The headers of a request.
        recorded: Those of the recording that answers it.
    """
    found = []
    for name in sorted({*now, *recorded} - _COUNTED_HEADERS):
        values = [now.get(name, ""), recorded.get(name, "")]
        if values[0] == values[1] or _OF_CLIENTS.fullmatch(name):
            continue
        texts = [value for value in values if isinstance(value, str)]
        is_told = any(OWN in text or made_anew(text) for text in texts)
        if len(texts) == len(values) and not is_told:
            found.append(name)
    return found


@lru_cache(maxsize=64)
def split(url: str) -> tuple[str, str, str, str]:
    """Return scheme, host with port, path and query of an address."""
    match = re.match(_ADDRESS, url)
    assert match is not None  # it matches any text
    scheme, server, path, query = match.groups("")
    return scheme.lower(), server.rpartition("@")[2].lower(), path, query


@lru_cache(maxsize=64)
def _host_and_port(server: str) -> tuple[str, ...]:
    match = re.match(_HOST_AND_PORT, server)
    assert match is not None  # it matches any text
    return match.groups("")


def _normal_path(path: str) -> str:
    """Return a path in which only what must be is encoded (RFC 3986, 6.2.2)."""
    if re.fullmatch(_PLAIN_PATH, path):
        return path
    # An encoded slash is no separator of segments.
    segments = re.split("%2[Ff]", path)
    plain = (quote(unquote_to_bytes(segment), safe=_UNRESERVED) for segment in segments)
    return "%2F".join(plain) or "/"


def _unsigned(fields: Plain) -> Plain:
    """Return fields without those by which they are signed."""
    names = {name.lower() for name in fields}
    if not any("sig" in name for name in names):
        return fields
    left_out: set[str] = set()
    for line in _SIGNED.strip().split("\n"):
        together, _, others = line.partition(":")
        if set(together.split()) <= names:
            left_out.update(together.split(), others.split())
    if not left_out:
        return fields
    return {
        name: value for name, value in fields.items() if name.lower() not in left_out
    }
