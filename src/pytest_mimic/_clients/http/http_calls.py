"""The shared half of all HTTP clients: it describes a request and decides about it.

A client's module has its edges. For each request an edge asks `RequestTaker.begin` for
a step, and follows its mode:

| mode | the edge |
|---|---|
| run | gives the real response to an `ExchangeRecorder` (responses.py) |
| replay | builds the client's response from a `StoredResponse` (responses.py) |
| verify | reads the real response, then builds the recorded one |

An exchange is stored as

    {"status": 200, "reason": "OK", "version": "HTTP/1.1",
     "headers": [["content-type", "application/json"]],
     "body": {"json": {"id": 1}}}

An empty body is left out. Two more parts tell of another end:

| part | beside a status | alone |
|---|---|---|
| `"end": "stopped"` | the reader left, or the test ended, before the end | – |
| `"end": "waiting"` | the reader waited for more until it was cancelled | no response |
| `"error": {…}` | the exception that broke the body off | raised instead |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pytest_mimic._clients.http.event_streams import events_in, only_line_in
from pytest_mimic._clients.http.headers import (
    ANYTHING,
    CHOOSING,
    header_of,
    header_parts,
    text_pairs,
    without_boundary,
)
from pytest_mimic._clients.http.http_secrets import (
    learned_from,
    logins_in,
    secrets_of,
    without_secret_items,
)
from pytest_mimic._clients.http.request_body import describe_body, hide_body, learn_body
from pytest_mimic._clients.http.response_body import content_of, load_body
from pytest_mimic._clients.http.urls import read_url, without_signature
from pytest_mimic.client import (
    NUMBER_START,
    START_IN_BASE64,
    Adapter,
    ClientCall,
    Edge,
    Events,
    Redactor,
    Secrets,
    clients_of,
    holds_placeholder,
    load_adapter,
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
_PARTS_OF_URI = ("scheme", "host", "port", "path", "query")
#: By the name of a matcher of vcrpy, the parts of a request that it compares. The
#: import of cassettes writes the names, and `HttpAdapter.matched` reads them.
MATCHERS: dict[str, tuple[str, ...]] = {
    "method": ("method",),
    "uri": _PARTS_OF_URI,
    "scheme": ("scheme",),
    "host": ("host",),
    "port": ("port",),
    "path": ("path",),
    "query": ("query",),
    "headers": ("headers",),
    "body": ("format", "body"),
}
# Headers that vcrpy's matcher `headers` does not compare here: clients add them
# themselves, with values that change with their version, the server or the body.
_HEADERS_OF_CLIENTS = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "user-agent",
}
# How placeholders begin in bodies, however they are encoded there, and JSON Web Tokens.
# A body without any of these is not searched further.
_STARTS_OF_PLACEHOLDERS_IN_BODY = (
    b"redacted",
    NUMBER_START.encode(),
    START_IN_BASE64.encode(),
    b"eyJ",
)
# How many URLs, and how many sets of headers, are cached for a client at most.
_CACHE_SIZE = 20_000


class HttpAdapter(Adapter):
    """The adapter of an HTTP client. A subclass adds the edges."""

    # A recording serves all clients of HTTP.
    recorded_as: ClassVar = "http"
    waits: ClassVar = True
    # `ignore=headers` leaves out what was taken from headers, the log-in as well.
    implied: ClassVar = {
        "body": ("format",),
        **dict.fromkeys(("headers", "headers.*"), (*CHOOSING, "login")),
        **{f"headers.{name}": (name,) for name in CHOOSING},
    }
    # With `compare=shape`, only the values of a body may differ.
    exact: ClassVar = frozenset({"status", "headers", "error"})

    def matched(
        self, parts: dict[str, Any], names: Sequence[str], redactor: Redactor
    ) -> dict[str, Any]:
        """Return the parts that the matchers of vcrpy name (not the option `match=`).

        By them, a call is found that was imported from a cassette of vcrpy. What a
        cassette may have been filtered of, such as a secret field, is left out.
        """
        names_of_parts: set[str] = set()
        for matcher in names:
            # The file may be edited by hand: `import` writes no other names.
            names_of_parts.update(MATCHERS.get(matcher, ()))
        matched_parts = {}
        for part_name in sorted(names_of_parts & parts.keys()):
            part = without_secret_items(parts[part_name], redactor)
            if part_name == "headers":
                part = _without_headers_of_clients(part)
            if part != {}:
                matched_parts[part_name] = part
        return matched_parts

    def comparable(self, exchange: Any, other_exchange: Any = None, /) -> Any:
        """Return what of a response is compared with another one of the same request.

        That is its status, content type and body, or the kind of the error that came.

        Of a body that was not read to its end, or of two that broke off, only the part
        that both readers read is compared: how much more had arrived is an accident.
        A stream of events is compared event by event, unless it was cut off, and the
        other body is none.

        Args:
            exchange: The response, or the error in place of one, as plain data.
            other_exchange: The response that it is compared with. None: a body that was
                not read to its end is returned as far as it was read.
        """
        if "status" not in exchange:
            if "error" in exchange:
                # The text of an error has addresses and ports, which differ each time.
                return {"error": exchange["error"]["type"]}
            # The reader waited until it was cancelled, and no response came.
            return exchange
        headers = {}
        content_type = header_of(exchange["headers"], "content-type")
        if content_type is not None:
            headers["content-type"] = without_boundary(content_type)
        comparable_exchange = {"status": exchange["status"], "headers": headers}
        is_other_cut = other_exchange is not None and "end" in other_exchange
        events = _events_of(exchange)
        other_events = None
        is_cut_early = False
        if other_exchange is not None:
            other_events = _events_of(other_exchange)
            # A stream may be cut within its first event: no event is left to compare.
            is_cut_early = other_events is None and (is_other_cut or "end" in exchange)
        if events is not None and not is_cut_early:
            if other_events is not None:
                are_both_whole = events.is_whole and other_events.is_whole
                if not are_both_whole:
                    # Only the events that both readers read are compared.
                    events.is_whole = False
                    del events[len(other_events) :]
            comparable_exchange["body"] = events
        else:
            comparable_exchange.update(_comparable_body(exchange, other_exchange))
        # A reader that left earlier has not seen whether the body broke off.
        if "error" in exchange and not is_other_cut:
            comparable_exchange["error"] = exchange["error"]["type"]
        return comparable_exchange

    def is_read_further(self, exchange: Any, other_exchange: Any, /) -> bool:
        """Return whether a body that was left early was read further another time.

        The engine asks it of the answer that a call has, before it records another one:
        the one that was read further stays. Events count if both bodies are streams of
        events, as their texts may differ. Else bytes count.
        """
        if "end" not in other_exchange or "error" in exchange:
            return False
        if exchange.get("status") != other_exchange.get("status"):
            return False
        if "end" not in exchange:
            # This body was read to its end, and the other one was left.
            return True
        events = _events_of(exchange)
        other_events = _events_of(other_exchange)
        if events is not None and other_events is not None:
            return len(events) > len(other_events)
        return _size_of_body(exchange) > _size_of_body(other_exchange)


class EveryHttpClient(HttpAdapter):
    """The adapter of `http`: the requests of every HTTP client that is installed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.covers = clients_of("http")

    def edges(self) -> Sequence[Edge]:
        """Return the edges of all HTTP clients, which stay the edges of each client.

        A request is recorded at the outermost client that takes it.
        """
        # As keys, edges that several clients name stand once.
        edges: dict[Edge, None] = {}
        for client in self.covers:
            for edge in load_adapter(client).edges():
                edge_of_client = edge._replace(origin=edge.origin or client)
                edges[edge_of_client] = None
        return list(edges)


def _events_of(exchange: dict[str, Any]) -> Events | None:
    """Return the events of an exchange as they are compared; None: it has none."""
    events = events_in(exchange)
    body = exchange.get("body")
    if events is not None or body is None or exchange.get("end") is None:
        return events
    # A stream whose reader left behind its first line is stored as JSON. To verify it,
    # that line is an event again.
    content_type = header_of(exchange["headers"], "content-type")
    media_type, _ = header_parts(content_type)
    charset = body.get("charset", "utf-8")
    text = b"".join(load_body(body)).decode(charset, "backslashreplace")
    return only_line_in(text, media_type)


def _comparable_body(exchange: Any, other_exchange: Any) -> dict[str, Any]:
    """Return the part of a body that both readers read, and how many chunks these are.

    `HttpAdapter.comparable` asks for it: a difference is a drift.

    Args:
        exchange: The exchange of which the body is compared.
        other_exchange: Another exchange of the same call, if there is one.
    """
    other = exchange
    if other_exchange is not None:
        other = other_exchange
    is_other_cut = other_exchange is not None and "end" in other_exchange
    are_both_broken = "error" in exchange and "error" in other
    if not (is_other_cut or are_both_broken or "end" in exchange):
        # The body is whole, so that it is compared by its content, such as JSON.
        return {"body": content_of(exchange.get("body"))}
    chunks = load_body(exchange.get("body"))
    other_chunks = load_body(other.get("body"))
    bytes_of_body = b"".join(chunks)
    if is_other_cut or are_both_broken:
        bytes_of_body = bytes_of_body[: sum(map(len, other_chunks))]
    comparable_body: dict[str, Any] = {
        "body": bytes_of_body.decode("utf-8", "backslashreplace")
    }
    # How many chunks came before each reader stopped.
    chunk_counts = []
    if exchange.get("end") == "stopped":
        chunk_counts.append(len(chunks))
    if other.get("end") == "stopped":
        chunk_counts.append(len(other_chunks))
    if chunk_counts:
        comparable_body["chunks"] = min(chunk_counts)
    return comparable_body


def _size_of_body(exchange: dict[str, Any]) -> int:
    """Return how many bytes the body of an exchange has."""
    return sum(map(len, load_body(exchange.get("body"))))


def _without_headers_of_clients(headers: dict[str, Any]) -> dict[str, Any]:
    """Return the headers that an application has set, for the matcher `headers`."""
    headers_of_application = dict(headers)
    for name in _HEADERS_OF_CLIENTS:
        headers_of_application.pop(name, None)
    return headers_of_application


class HttpRequest(NamedTuple):
    """A request that a client is about to send.

    Attributes:
        headers: Text from most clients, bytes from httpx.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] | tuple[tuple[bytes, bytes], ...]
    body: bytes

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.method} request>"


class _Headers(NamedTuple):
    """The headers of a request by their names in lower case.

    Headers of the same name are joined.

    Attributes:
        sent: The headers as they are sent.
        shown: The same without secrets. They count only where a line names them, as
            `match=headers` does.
        choosing: The headers that choose one of several answers, without secrets. They
            count in the identity.
        logins: What stands for the log-ins whose tokens the headers return. It counts
            in the identity.
        may_send_issued: Whether a header has the placeholder of a secret, as a replay
            has given it.
    """

    sent: dict[str, str]
    shown: dict[str, str]
    choosing: dict[str, str]
    logins: list[str]
    may_send_issued: bool


class RequestTaker:
    """Takes the requests of one client: answers them in place of the library.

    It describes each request without secrets, and decides whether the client sends it.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        # Clients send the same URLs and headers again and again, and reading them takes
        # longest.
        secrets = Secrets(port.redactor.by_look())
        self._read_url = lru_cache(_CACHE_SIZE)(partial(read_url, secrets))
        self._read_headers = lru_cache(_CACHE_SIZE)(partial(_read_headers, secrets))

    def begin(self, request: HttpRequest) -> Step | None:
        """Return a step for a request, or None if the client has to send it as usual.

        The client sends a request as usual if the line excludes it, if it is the
        upgrade to a WebSocket, or if its URL is invalid (`https://`, port 123456), of
        which the client will complain.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run the
                request. Or the request would be sent with a placeholder, which a replay
                gave in place of a secret.
        """
        call = self.describe(request)
        if call is None:
            return None
        step = self.port.begin(call)
        if step is not None and step.mode == "replay":
            return step
        headers = text_pairs(request.headers)
        if holds_placeholder(request.url, headers, request.body):
            if step is not None:
                # A service must not be sent a placeholder: `refuse` raises an error.
                step.refuse()
            # No line takes the request, so that it is sent, and the run says so.
            self.port.report(
                f"http {call.signature} was left out, and sent with the placeholder"
                " of a secret that a replay gave"
            )
        return step

    def describe(self, request: HttpRequest) -> ClientCall | None:
        """Return the call that a request is.

        None: the request is the upgrade to a WebSocket, or its URL is invalid.
        """
        method, url, sent_headers, body = request
        redactor = self.port.redactor
        headers = self._read_headers(sent_headers)
        # In a replay, the secrets of the test say only what placeholders stand for.
        may_send_issued = headers.may_send_issued or _may_send_issued(url, body)
        known_secrets = None
        if may_send_issued or not self.port.is_replaying:
            known_secrets = self.port.secrets
        if known_secrets is not None and (
            may_send_issued or known_secrets.has_any(redactor.issued)
        ):
            # The request may send back a secret that an earlier answer has issued, or
            # its placeholder. So it is read again with the secrets of the test: the
            # placeholder counts in the identity, and the secret is not kept.
            secrets = Secrets(redactor.by_look(), known=known_secrets)
            headers = _read_headers(secrets, sent_headers)
            read_url_of_request: Callable[[str], tuple[dict[str, Any], str]]
            read_url_of_request = partial(read_url, secrets)
        else:
            read_url_of_request = self._read_url
        if "websocket" in headers.sent.get("upgrade", "").lower():
            return None
        try:
            parts_of_url, shown_url = read_url_of_request(url)
        except ValueError:
            return None
        # What messages show of the request, and what the recording keeps beside it.
        described: dict[str, Any] = {"method": method, "url": shown_url}
        # What the request is identified by.
        parts = {
            "method": method,
            **parts_of_url,
            "headers": headers.shown,
            **headers.choosing,
        }
        if "query" in parts:
            described["query"] = parts["query"]
        for name, value in headers.choosing.items():
            described[f"headers.{name}"] = value
        if headers.logins:
            # A service may answer each user in another way.
            parts["login"] = headers.logins
            described["login"] = headers.logins
        learn_secrets_of_body: Callable[[Secrets], None] | None = None
        # An empty body is no part.
        if body:
            body_format, plain_body = describe_body(
                body,
                headers.sent.get("content-type"),
                headers.sent.get("content-encoding"),
            )
            learn_secrets_of_body = partial(learn_body, body_format, plain_body)
            if body_format in ("form", "multipart"):
                # A signature differs each time, and would make each request a miss.
                plain_body = without_signature(plain_body)
            secrets = secrets_of(redactor, headers.sent, known_secrets)
            hidden_body = hide_body(body_format, plain_body, secrets)
            parts["format"] = body_format
            parts["body"] = hidden_body
            described["body"] = hidden_body
        # The secrets are learned when an answer comes, which may repeat them.
        learn_secrets = partial(
            _learned_from,
            redactor,
            request,
            headers.sent,
            known_secrets,
            learn_secrets_of_body,
        )
        # No service can be sent what a replay gave in place of a secret. A placeholder
        # of another test, such as one in a cookie that a client has kept, is not there
        # when this test is recorded by itself.
        needs_earlier = False
        if may_send_issued and known_secrets is not None and self.port.is_replaying:
            texts_of_request = [url, body.decode("latin-1")]
            texts_of_request += [value for _, value in text_pairs(sent_headers)]
            needs_earlier = known_secrets.has_issued_in(texts_of_request)
        # The host has its port, unless that is the usual one. The patterns of `only=`
        # and `exclude=` are compared with it.
        host = shown_url.split("/", 3)[2]
        return ClientCall(
            f"{method} {parts['path']}",
            parts,
            identity=IDENTITY,
            described=described,
            host=host,
            secrets=learn_secrets,
            needs_earlier=needs_earlier,
        )


def _learned_from(
    redactor: Redactor,
    request: HttpRequest,
    headers: dict[str, str],
    known_secrets: KnownSecrets | None,
    learn_secrets_of_body: Callable[[Secrets], None] | None,
) -> Secrets:
    """Return the secrets of a request: of its URL, its headers and its body.

    Args:
        redactor: The rules for secrets.
        request: The request.
        headers: The headers of the request by name.
        known_secrets: The secrets of the test. None: the request sends none of them.
        learn_secrets_of_body: Learns the secrets of the body, if there is one.
    """
    secrets = learned_from(
        redactor, request.url, request.headers, headers, known_secrets
    )
    if learn_secrets_of_body is not None:
        learn_secrets_of_body(secrets)
    return secrets


def _may_send_issued(url: str, body: bytes) -> bool:
    """Check fast whether a URL or a body may have a placeholder of a replay.

    Such a request is described with the secrets of the test, which takes longer.
    """
    if body and any(start in body for start in _STARTS_OF_PLACEHOLDERS_IN_BODY):
        return True
    if "eyJ" in url:
        # A replay may have given this JSON Web Token.
        return True
    has_start_of_text = "redacted" in url or START_IN_BASE64 in url
    may_hold_placeholder = has_start_of_text or NUMBER_START in url
    return may_hold_placeholder and holds_placeholder(url, ())


#: The takers of the clients that are sending a request now, from the outside in:
#: requests calls urllib3, and each has a taker of its own. The first one whose client
#: is mimicked takes the request.
OUTER_TAKERS: ContextVar[tuple[RequestTaker, ...]] = ContextVar(
    "pytest_mimic_outer_takers", default=()
)


def _read_headers(secrets: Secrets, headers: Iterable[tuple[Any, Any]]) -> _Headers:
    """Return the headers of a request as `_Headers` has them.

    `RequestTaker` caches the result, so that it depends on the headers alone.
    """
    redactor = secrets.redactor
    header_pairs = text_pairs(headers)
    sent_values: dict[str, list[str]] = {}
    shown_values: dict[str, list[str]] = {}
    shows_token = False
    for name, value in header_pairs:
        sent_values.setdefault(name.lower(), []).append(value)
        shown_values.setdefault(name.lower(), []).append(secrets.header(name, value))
        # A JSON Web Token under a harmless name may be one that a replay has given.
        if "eyJ" in value and not redactor.hides(name, value):
            shows_token = True
    # Several headers of one name count as one (RFC 9110, 5.3).
    sent_headers = {name: ", ".join(values) for name, values in sent_values.items()}
    shown_headers = {name: ", ".join(values) for name, values in shown_values.items()}
    # Most clients add `Accept: */*`, which is as good as none.
    choosing_headers = {}
    for name in CHOOSING:
        if shown_headers.get(name, ANYTHING) != ANYTHING:
            choosing_headers[name] = shown_headers[name]
    # In these, placeholders tell which log-in has issued the credentials.
    secret_headers = []
    for name, value in shown_headers.items():
        if redactor.hides(name, value):
            secret_headers.append((name, value))
    may_send_issued = shows_token or holds_placeholder("", header_pairs)
    return _Headers(
        sent_headers,
        shown_headers,
        choosing_headers,
        logins_in(secret_headers),
        may_send_issued,
    )
