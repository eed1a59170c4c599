"""URLs of requests: their parts without secrets, and without those of a signature.

The parts of a signed URL, or of a signed form, depend on the time and on credentials.
Whoever signs a URL in advance makes another one each time. A scheme is known by names
that stand together, and only its own names are left out: what the URL asks for counts.

    /b/key?versionId=3&AWSAccessKeyId=AK&Expires=1795610776&Signature=x   counts as
    /b/key?versionId=3
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from pytest_mimic.client import Secrets, parse_form, pattern

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_IN_PARTS = re.compile(
    r"(?P<origin>[^:/?#]+://[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?"
)
# Besides letters and digits, the characters that a path may have as they are (RFC 3986,
# 3.3).
_ALLOWED_IN_PATH = "-._~!$&'()*+,;=:@/"
# A path without encoded characters and parameters.
_PLAIN_PATH = re.compile(rf"[A-Za-z0-9{re.escape(_ALLOWED_IN_PATH.replace(';', ''))}]*")
_ENCODED_CHARACTER = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)


class SigningScheme(NamedTuple):
    """By which parameters a service signs a URL or a form. Names are in lower case.

    None of them counts in the identity of a request that has those of `together`.

    Attributes:
        together: The names that must all be there, so that the parameters are taken for
            a signature.
        others: The names that a signature may have besides.
    """

    together: frozenset[str]
    others: frozenset[str] = frozenset()


def _signing_scheme(*, together: str, others: str = "") -> SigningScheme:
    """Return a scheme by its names, which are separated by blanks."""
    return SigningScheme(frozenset(together.split()), frozenset(others.split()))


#: The schemes, by the documentation of the services.
SIGNING_SCHEMES = {
    "AWS v4, in a query": _signing_scheme(
        together="x-amz-signature",
        others="x-amz-algorithm x-amz-credential x-amz-date x-amz-expires"
        " x-amz-signedheaders x-amz-security-token",
    ),
    "AWS v4, in a form": _signing_scheme(
        together="x-amz-signature policy",
        others="x-amz-algorithm x-amz-credential x-amz-date x-amz-security-token",
    ),
    "AWS v2, in a query": _signing_scheme(
        together="awsaccesskeyid expires signature",
        others="x-amz-security-token",
    ),
    "AWS v2, in a form": _signing_scheme(
        together="awsaccesskeyid policy signature",
        others="x-amz-security-token",
    ),
    "AWS v2, of a query API": _signing_scheme(
        together="awsaccesskeyid signature signatureversion signaturemethod",
        others="timestamp expires securitytoken",
    ),
    "Google v4, in a query": _signing_scheme(
        together="x-goog-signature",
        others="x-goog-algorithm x-goog-credential x-goog-date x-goog-expires"
        " x-goog-signedheaders",
    ),
    "Google v4, in a form": _signing_scheme(
        together="x-goog-signature policy",
        others="x-goog-algorithm x-goog-credential x-goog-date",
    ),
    "Google v2, in a query": _signing_scheme(
        together="googleaccessid expires signature"
    ),
    "Google v2, in a form": _signing_scheme(together="googleaccessid policy signature"),
    # The names `together` tell that a URL is signed. Then these and the `others` are
    # left out of its identity, as they differ each time.
    "CloudFront, canned policy": _signing_scheme(
        together="key-pair-id expires signature",
        others="hash-algorithm",
    ),
    "CloudFront, custom policy": _signing_scheme(
        together="key-pair-id policy signature",
        others="hash-algorithm",
    ),
    "Azure SAS": _signing_scheme(
        together="sv se sig",
        others="st skoid sktid skt ske sks skv",
    ),
    "Azure SAS, stored policy": _signing_scheme(
        together="sv si sig",
        others="st se",
    ),
    "Alibaba OSS v1, in a query": _signing_scheme(
        together="ossaccesskeyid expires signature",
        others="security-token",
    ),
    "Alibaba OSS v1, in a form": _signing_scheme(
        together="ossaccesskeyid policy signature",
        others="x-oss-security-token",
    ),
    "Alibaba OSS v2 and v4": _signing_scheme(
        together="x-oss-signature x-oss-signature-version",
        others="x-oss-access-key-id x-oss-additional-headers x-oss-credential"
        " x-oss-date x-oss-expires x-oss-security-token policy",
    ),
    "Alibaba, RPC": _signing_scheme(
        together="accesskeyid signature signaturenonce timestamp",
        others="signaturemethod signatureversion securitytoken",
    ),
    # Each name alone may be data of the application, which counts.
    "Tencent COS": _signing_scheme(
        together="q-signature q-sign-time q-ak",
        others="q-sign-algorithm q-key-time q-header-list q-url-param-list"
        " x-cos-security-token",
    ),
    "Tencent Cloud API": _signing_scheme(
        together="secretid signature timestamp nonce",
        others="signaturemethod token",
    ),
    "Huawei OBS": _signing_scheme(
        together="accesskeyid expires signature",
        others="x-obs-security-token",
    ),
    "Volcengine TOS": _signing_scheme(
        together="x-tos-signature",
        others="x-tos-algorithm x-tos-credential x-tos-date x-tos-expires"
        " x-tos-signedheaders x-tos-security-token",
    ),
    "Akamai, EdgeAuth": _signing_scheme(together="hdnts"),
    "Akamai, media": _signing_scheme(together="hdnea"),
    "Cloudinary": _signing_scheme(together="api_key timestamp signature"),
}
# Bunny signs by names that mean something else elsewhere, so the moment tells.
_NAMES_OF_BUNNY = frozenset({"token", "expires"})
# The names of a signature by itself.
_NAMES_OF_SIGNATURES = frozenset({"signature", "sig"})
# A query without any of these holds no signature, and is not looked at further.
_SIGN_OF_SIGNATURE = pattern("(?i)sig|hdn|token")
_EPOCH_IN_SECONDS = pattern(r"[0-9]{10}(?:\.[0-9]+)?")
_EPOCH_IN_MILLISECONDS = pattern(r"[0-9]{13}")
_SECONDS_OF_DAY = 86_400


def read_url(secrets: Secrets, url: str) -> tuple[dict[str, Any], str]:
    """Return the parts of a URL without secrets, and its text up to the query.

    The parts count in the identity of the request: a change of them makes its
    recordings misses. The text is only shown. A URL without a query has no part
    `query`. Of a signed URL, the fields of the signature are left out, since they
    differ each time.

    Args:
        secrets: The secrets of the call, which are hidden in the path and the query.
        url: The URL.

    Raises:
        ValueError: The URL is not of HTTP, has no host, or has an impossible host or
            port.
    """
    match = _URL_IN_PARTS.match(url)
    if match is None:
        raise ValueError(f"{url} has no host")
    origin, path, query = match.groups()
    parts_of_origin, shown_origin = read_origin(origin)
    # A plain path needs no quoting. It has no secret if none is known, and if no JSON
    # Web Token begins in it, `eyJ`.
    if secrets.stand_in_by_secret or "eyJ" in path or not _PLAIN_PATH.fullmatch(path):
        path = quote(path, safe=f"{_ALLOWED_IN_PATH}%")
        path = _ENCODED_CHARACTER.sub(_in_upper_case, path)
        path = secrets.path(path)
    parts_of_url = {**parts_of_origin, "path": path or "/"}
    if query:
        # A query has the grammar of a form.
        fields = parse_form(query)
        if may_be_signed(query):
            fields = without_signature(fields)
        if fields:
            parts_of_url["query"] = secrets.redactor.scrub(
                fields, values=secrets.stand_in_by_secret
            )
    return parts_of_url, shown_origin + parts_of_url["path"]


def _in_upper_case(encoded_character: re.Match[str]) -> str:
    """Return `%2F` for `%2f`: the two are one path."""
    return encoded_character[0].upper()


@lru_cache(maxsize=1_000)
def read_origin(origin: str) -> tuple[dict[str, Any], str]:
    """Return the scheme, host and port of `HTTPS://Shop.com:443`, and its shown text.

    The first three count in the identity of a request, with a default port, too. The
    text has no port where that is the usual one: `https://shop.com`.

    Raises:
        ValueError: The origin is not of HTTP, or has an impossible host or port.
    """
    split_origin = urlsplit(origin)
    scheme = split_origin.scheme
    host = (split_origin.hostname or "").lower()
    if not host.isascii():
        host = host.encode("idna").decode()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{origin} is no URL of HTTP")
    default_port = _DEFAULT_PORTS[scheme]
    port = split_origin.port or default_port
    shown_origin = f"{scheme}://{host}"
    if ":" in host:
        # An address of IPv6 stands in brackets.
        shown_origin = f"{scheme}://[{host}]"
    if port != default_port:
        shown_origin = f"{shown_origin}:{port}"
    return {"scheme": scheme, "host": host, "port": port}, shown_origin


def may_be_signed(query: str) -> bool:
    """Check fast whether a query may have a signature, which most have not."""
    return _SIGN_OF_SIGNATURE.search(query) is not None


def without_signature(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a query or a form without those of a signature.

    The fields that stay count in the identity of the request. Without a signature,
    fields of these names mean something else, and stay.
    """
    values_by_name = {name.lower(): value for name, value in fields.items()}
    names_of_signature: set[str] = set()
    for scheme in SIGNING_SCHEMES.values():
        if scheme.together <= values_by_name.keys():
            names_of_signature |= scheme.together | scheme.others
    has_names_of_bunny = values_by_name.keys() >= _NAMES_OF_BUNNY
    if has_names_of_bunny and _is_epoch_in_seconds(values_by_name["expires"]):
        names_of_signature |= _NAMES_OF_BUNNY
    # A service that is not in the table may sign by a field of a usual name.
    if not names_of_signature and not _NAMES_OF_SIGNATURES.isdisjoint(values_by_name):
        names_of_signature = {*_NAMES_OF_SIGNATURES, "nonce"}
        timestamp = values_by_name.get("timestamp")
        if timestamp is not None and _is_within_a_day(timestamp):
            names_of_signature.add("timestamp")
    if not names_of_signature:
        # The URL or form is not signed.
        return fields
    counted_fields = {}
    for name, value in fields.items():
        if name.lower() not in names_of_signature:
            counted_fields[name] = value
    return counted_fields


def _is_epoch_in_seconds(value: object) -> bool:
    """Check whether a value is a moment in seconds since the epoch, `1795610776`."""
    return isinstance(value, str) and _EPOCH_IN_SECONDS.fullmatch(value) is not None


def _is_within_a_day(value: object) -> bool:
    """Check whether a value is a moment within a day of the clock.

    A `timestamp` beside a signature then says when the request was signed, and does not
    count. An older or a later one is data that the request is about. Where a test has
    set the clock, the client has signed by that clock, too.
    """
    moment = _seconds_since_epoch(str(value))
    return moment is not None and abs(moment - time.time()) <= _SECONDS_OF_DAY


def _seconds_since_epoch(text: str) -> float | None:
    """Return the moment that a text says, in seconds since the epoch.

    1795610776              1795610776.0
    1795610776123           1795610776.123
    2026-11-25T12:46:16Z    1795610776.0

    None: the text is no moment.
    """
    if _EPOCH_IN_SECONDS.fullmatch(text):
        return float(text)
    if _EPOCH_IN_MILLISECONDS.fullmatch(text):
        return float(text) / 1000
    try:
        date_and_time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if date_and_time.tzinfo is None:
        date_and_time = date_and_time.replace(tzinfo=timezone.utc)
    return date_and_time.timestamp()
