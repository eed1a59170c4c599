"""The shared half of all HTTP clients: a request is described, by the parts that count or that `--match` names, and decided about.

A client's module has its edges. For each request an edge asks `Exchange.begin` for a
step. If the step is to run, the
edge gives the real response to an `ExchangeRecorder` (responses.py). If it is to
replay, the edge builds the client's
response from a `StoredResponse` (the same). To verify, it does both, and reads the real
response first. An exchange is
stored as

    {"status": 200, "reason": "OK", "version": "HTTP/1.1", "headers": [["content-type",
    "application/json"]],
     "body": {"json": {"id": 1}}}

without `body` if it is empty. `"end": "stopped"` marks a stream that was not read to
its end, or not before its test had ended, `"end": "waiting"` one whose reader
waited for more until it was cancelled; alone, that no response came until then.
`"error"` is the exception that broke it, or, alone,
the exception that was raised instead of a response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote, urlsplit

from pytest_mimic._clients.http.body import content_of, load_body
from pytest_mimic._clients.http.event_streams import events_in
from pytest_mimic._clients.http.http_secrets import (
    learned_from,
    logins_in,
    secrets_of,
    text_pairs,
)
from pytest_mimic._clients.http.media_types import header_of, without_framing
from pytest_mimic._clients.http.request_body import (
    ANYTHING,
    CHOOSING,
    describe_body,
    hide_body,
    learn_body,
)
from pytest_mimic._clients.http.signed_urls import may_be_signed, without_signature
from pytest_mimic.client import (
    NUMBER_START,
    Adapter,
    ClientCall,
    Redactor,
    Secrets,
    holds_placeholder,
    parse_form,
)

if TYPE_CHECKING:
    from pytest_mimic.client import KnownSecrets, Port, Step

#: The parts of a request that count.
IDENTITY = (
    "method",
    "scheme",
    "host",
    "port",
    "path",
    "query",
    "format",
    "body",
    *CHOOSING,
    # Two users at one URL are told apart by the tokens that they were issued.
    "login",
)
_URI = ("scheme", "host", "port", "path", "query")
#: What each matcher of vcrpy compares.
MATCHERS: dict[str, tuple[str, ...]] = {
    "method": ("method",),
    "uri": _URI,
    **{name: (name,) for name in (*_URI, "headers")},
    "body": ("format", "body"),
}
# Headers that clients add themselves, with values that change with their version, the
# server or the body.
_OF_CLIENTS = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "user-agent",
}
# How placeholders begin in the body of a request, and JSON Web Tokens.
_PLACEHOLDER_STARTS = (b"redacted", NUMBER_START.encode(), b"eyJ")
_CACHE_SIZE = 20_000
# The modules whose connections open a socket as their class says. Other classes may
# lead into this process.
_CONNECTING = ("http.client", "urllib3.connection", "httplib2")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<origin>[^:/?#]+://[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?"
)
# Besides letters and digits, the characters that a path may have as they are (RFC 3986,
# 3.3).
_ALLOWED = "-._~!$&'()*+,;=:@/"
# A path without encoded characters and parameters.
_PLAIN = re.compile(rf"[A-Za-z0-9{re.escape(_ALLOWED.replace(';', ''))}]*")
_ENCODED = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)


class HttpAdapter(Adapter):
    """The adapter of an HTTP client. A subclass adds the edges."""

    recorded_as: ClassVar = "http"
    waits: ClassVar = True
    implied: ClassVar = {
        "body": ("format",),
        **dict.fromkeys(("headers", "headers.*"), (*CHOOSING, "login")),
        **{f"headers.{name}": (name,) for name in CHOOSING},
    }
    exact: ClassVar = frozenset({"status", "headers", "error"})

    def matched(
        self, parts: dict[str, Any], names: Sequence[str], redactor: Redactor
    ) -> dict[str, Any]:
        """Return the parts that the matchers of vcrpy name, without what a cassette may have been filtered of."""
        wanted = {part for name in names for part in MATCHERS.get(name, ())}
        found = {
            name: _without_secrets(value, redactor)
            for name, value in parts.items()
            if name in wanted
        }
        if "headers" in found:
            found["headers"] = {
                name: found["headers"][name]
                for name in found["headers"].keys() - _OF_CLIENTS
            }
        return {name: found[name] for name in sorted(found) if found[name] != {}}

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Return status, content type and body, or the type of the exception that came instead.

        Of a body that was not read to its end, or of two that broke off, only the part
        that both readers read is
        compared; how much more had arrived is an accident. Without another exchange
        beside it, such a body is compared
        as it is. A stream of events is compared event by event.
        """
        if "status" not in plain:
            return {"error": plain["error"]["type"]} if "error" in plain else plain
        kind = header_of(plain["headers"], "content-type")
        headers = {} if kind is None else {"content-type": without_framing(kind)}
        found = {
            "status": plain["status"],
            "headers": headers,
            "body": content_of(plain.get("body")),
        }
        other = plain if beside is None else beside
        is_cut = beside is not None and "end" in beside
        is_broken = "error" in plain and "error" in other
        events, others = events_in(plain), None if beside is None else events_in(beside)
        if events is not None and not (
            is_cut and others is None
        ):  # it may be cut within its first event
            found["body"] = events
            if others is not None and not (events.is_whole and others.is_whole):
                events.is_whole = False
                del events[len(others) :]
        elif is_cut or is_broken or "end" in plain:
            bodies = [load_body(one.get("body")) for one in (plain, other)]
            size = sum(map(len, bodies[1])) if is_cut or is_broken else None
            found["body"] = b"".join(bodies[0])[:size].decode(
                "utf-8", "backslashreplace"
            )
            read = [
                len(body)
                for body, one in zip(bodies, (plain, other))
                if one.get("end") == "stopped"
            ]
            if read:
                found["chunks"] = min(read)
        if "error" in plain and not is_cut:
            found["error"] = plain["error"]["type"]
        return found


class HttpRequest(NamedTuple):
    """A request that a client is about to send."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] | tuple[tuple[bytes, bytes], ...]
    body: bytes

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.method} request>"


class _Headers(NamedTuple):
    """The headers of a request by their names in lower case, those of the same name joined.

    Attributes:
        shown: The same without secrets.
        choosing: Those that choose one of several answers.
        logins: What stands for the log-ins whose tokens the headers return.
        returns_secret: Whether one has the placeholder of a secret, as a replay has
            given it.
    """

    sent: dict[str, str]
    shown: dict[str, str]
    choosing: dict[str, str]
    logins: list[str]
    returns_secret: bool


class Exchange:
    """The requests of one client: their descriptions, which are without secrets, and the secrets that they share."""

    def __init__(self, port: Port) -> None:
        self.port = port
        # Clients send the same URLs and headers again and again, and reading them takes
        # longest.
        secrets = Secrets(port.redactor.by_look())
        self._read_url = lru_cache(_CACHE_SIZE)(partial(read_url, secrets))
        self._read_headers = lru_cache(_CACHE_SIZE)(partial(_read_headers, secrets))

    def begin(self, request: HttpRequest) -> Step | None:
        """Return a step to replay, run or verify a request, or None if the client has to send it as usual.

        It is sent as usual if it is excluded, if it is the upgrade to a WebSocket, or
        if its URL is invalid
        (`https://`, port 123456) and the client will complain.

        Raises:
            MissingRecordingError: There is no recording and the mode does not run the
                request, or it would be sent
                with the placeholder that a replay gave in place of a secret.
        """
        call = self.describe(request)
        if call is None:
            return None
        step = self.port.begin(call)
        if step is not None and step.mode == "replay":
            return step
        headers = text_pairs(request.headers)
        holds_one = holds_placeholder(request.url, headers) or (
            b"<redacted:" in request.body
        )
        if holds_one and step is not None:
            step.refuse()
        if holds_one:
            self.port.report(
                f"http {call.signature} was left out, and sent with the placeholder"
                " of a secret that a replay gave"
            )
        return step

    def describe(self, request: HttpRequest) -> ClientCall | None:
        """Return the call that a request is, or None if it is the upgrade to a WebSocket, or if its URL is invalid."""
        method, url, sent, body = request
        redactor = self.port.redactor
        headers = self._read_headers(sent)
        # In a replay, the secrets of the test say only what placeholders stand for.
        returns_secret = headers.returns_secret or _returns_secret(url, body)
        known = None
        if returns_secret or not self.port.is_replaying:
            known = self.port.secrets
        if known is not None and (returns_secret or known.has_any(redactor.issued)):
            # What is kept may hold a secret that a server has issued since.
            secrets = Secrets(redactor.by_look(), known=known)
            headers = _read_headers(secrets, sent)
            read: Callable[[str], tuple[dict[str, Any], str]]
            read = partial(read_url, secrets)
        else:
            read = self._read_url
        if "websocket" in headers.sent.get("upgrade", "").lower():
            return None
        try:
            of_url, shown = read(url)
        except ValueError:
            return None
        described: dict[str, Any] = {"method": method, "url": shown}
        parts = {
            "method": method,
            **of_url,
            "headers": headers.shown,
            **headers.choosing,
        }
        if "query" in parts:
            described["query"] = parts["query"]
        for name, chosen in headers.choosing.items():
            described[f"headers.{name}"] = chosen
        if headers.logins:
            described["login"] = parts["login"] = headers.logins
        learn_from_body: Callable[[Secrets], None] | None = None
        if body:
            body_format, value = describe_body(
                body,
                headers.sent.get("content-type"),
                headers.sent.get("content-encoding"),
            )
            learn_from_body = partial(learn_body, body_format, value)
            if body_format in ("form", "multipart"):
                value = without_signature(value)
            secrets = secrets_of(redactor, headers.sent, known)
            parts["format"] = body_format
            parts["body"] = described["body"] = hide_body(body_format, value, secrets)
        learned = partial(
            _learned_from, redactor, request, headers.sent, known, learn_from_body
        )
        host = shown.split("/", 3)[2]  # with its port, unless that is the usual one
        return ClientCall(
            f"{method} {parts['path']}",
            parts,
            IDENTITY,
            described,
            host,
            False,
            learned,
        )


def _learned_from(
    redactor: Redactor,
    request: HttpRequest,
    headers: dict[str, str],
    known: KnownSecrets | None,
    learn_from_body: Callable[[Secrets], None] | None,
) -> Secrets:
    """Return the secrets of a request: in its URL, its headers, which are also given by name, and its body."""
    secrets = learned_from(redactor, request.url, request.headers, None, headers, known)
    if learn_from_body is not None:
        learn_from_body(secrets)
    return secrets


def _returns_secret(url: str, body: bytes) -> bool:
    """Check whether a URL or a body may have the placeholder of a secret, as a replay has given it."""
    if holds_placeholder(url, ()) or "eyJ" in url:
        return True
    return any(start in body for start in _PLACEHOLDER_STARTS)


def _without_secrets(plain: Any, redactor: Redactor) -> Any:
    """Return plain data without the values of secret names."""
    if isinstance(plain, dict):
        return {
            name: _without_secrets(value, redactor)
            for name, value in plain.items()
            if not redactor.hides(name, value)
        }
    return (
        [_without_secrets(value, redactor) for value in plain]
        if isinstance(plain, list)
        else plain
    )


# The exchanges of clients that are built on HTTP clients, while they send a request,
# from the outside in. It belongs to the first of them that takes it.
SENDERS: ContextVar[tuple[Exchange, ...]] = ContextVar(
    "pytest_mimic_senders", default=()
)


def _read_headers(secrets: Secrets, headers: Iterable[tuple[Any, Any]]) -> _Headers:
    given: dict[str, list[str]] = {}
    shown: dict[str, list[str]] = {}
    pairs = text_pairs(headers)
    for name, value in pairs:
        given.setdefault(name.lower(), []).append(value)
        shown.setdefault(name.lower(), []).append(secrets.header(name, value))
    sent = {name: ", ".join(values) for name, values in given.items()}
    joined = {name: ", ".join(values) for name, values in shown.items()}
    # Most clients add `Accept: */*`, which is as good as none.
    choosing = {
        name: joined[name]
        for name in CHOOSING
        if joined.get(name, ANYTHING) != ANYTHING
    }
    shows_token = any(
        "eyJ" in value and not secrets.redactor.hides(name, value)
        for name, value in pairs
    )
    returns_secret = shows_token or holds_placeholder("", pairs)
    logins = logins_in(
        (name, value)
        for name, value in joined.items()
        if secrets.redactor.hides(name, value)
    )
    return _Headers(sent, joined, choosing, logins, returns_secret)


def connects_by_itself(connection_class: Any) -> bool:
    """Check whether a class of connections has its own `connect`, as that of vcrpy inside a cassette: what it opens is unknown."""
    return (
        getattr(getattr(connection_class, "connect", None), "__module__", None)
        not in _CONNECTING
    )


def read_url(secrets: Secrets, url: str) -> tuple[dict[str, Any], str]:
    """Return the parts of a URL without secrets, those of a query only if it has one, and its text up to the query.

    ValueError: it is none of HTTP, has no host, or its host or port is impossible.
    """
    match = _URL.match(url)
    if match is None:
        raise ValueError(f"{url} has no host")
    origin, path, query = match.groups()
    parts, shown = read_origin(origin)
    if secrets.values or "eyJ" in path or not _PLAIN.fullmatch(path):
        path = _ENCODED.sub(
            lambda octet: octet[0].upper(), quote(path, safe=f"{_ALLOWED}%")
        )
        path = secrets.path(path)
    parts = {**parts, "path": path or "/"}
    counted = parse_form(query) if query else {}
    if query and may_be_signed(query):
        counted = without_signature(counted)
    if counted:
        parts["query"] = secrets.redactor.scrub(counted, values=secrets.values)
    return parts, shown + parts["path"]


@lru_cache(maxsize=1_000)
def read_origin(origin: str) -> tuple[dict[str, Any], str]:
    """Return a URL's scheme, host and port, and its shown text."""
    parts = urlsplit(origin)
    host = (parts.hostname or "").lower()
    if not host.isascii():
        host = host.encode("idna").decode()
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{origin} is no URL of HTTP")
    usual = _DEFAULT_PORTS[parts.scheme]
    port = parts.port or usual
    shown = f"{parts.scheme}://" + (f"[{host}]" if ":" in host else host)
    found = {"scheme": parts.scheme, "host": host, "port": port}
    return found, shown if port == usual else f"{shown}:{port}"


# -- recorded outcomes
