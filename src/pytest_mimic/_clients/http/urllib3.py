"""The adapter of urllib3: one attempt of a connection pool, below its retries and redirects.

Read against urllib3 1.26 and 2.0 to 2.8. A replay runs urllib3's own code with the recorded bytes in place of a socket.
Connections whose class connects by itself (UNIX sockets, in-process servers) are left alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import isgenerator, signature
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from pytest_mimic._clients.http.connections import (
    Watch,
    connects_by_itself,
    judge_certificate,
    origin,
    recorded_on,
    report_vcrpy,
)
from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.failures import is_before_sending, urllib3_error, urllib3_failure
from pytest_mimic._clients.http.responses import load_response
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port, Step


class Urllib3Adapter(HttpAdapter):
    """The adapter of `urllib3`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that makes one attempt, and the one that connects to a proxy before it."""
        pools = "urllib3.connectionpool"
        return [
            Edge(pools, ("HTTPConnectionPool", "_make_request"), _wrap_make_request),
            Edge(pools, ("HTTPSConnectionPool", "_prepare_proxy"), _wrap_prepare_proxy),
        ]


class _Attempt(NamedTuple):
    """One attempt of a pool to send a request.

    `run` makes it, and may be called again. `changed` are its arguments for a recorded response.
    """

    pool: Any
    conn: Any
    sent: HttpRequest
    run: Callable[..., Any]
    changed: dict[str, Any]
    load_error: Callable[[Mapping[str, Any]], Exception]


def _wrap_make_request(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    own = Exchange(port)
    names = list(signature(original).parameters)[4:]  # after the pool, the connection, the method and the URL
    unsent: WeakKeyDictionary[Any, _Body] = WeakKeyDictionary()

    @wraps(original)
    def make_request(pool: Any, conn: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        exchange = own.deciding()
        if not exchange.port.taking():
            return original(pool, conn, method, url, *args, **options)
        if connects_by_itself(conn):
            report_vcrpy(conn, exchange.port)
            return original(pool, conn, method, url, *args, **options)
        options.update(zip(names, args))
        given = options.get("body")
        body = (unsent.pop(given, None) if isgenerator(given) else None) or _Body(given)

        def run(**changed: Any) -> Any:
            return original(pool, conn, method, url, **{**options, "body": body.again(), **changed})

        sent = HttpRequest(method, _absolute(pool, url), header_pairs(options.get("headers")), body.data)
        changed = _without_expectation(options.get("headers"))
        load_error = partial(urllib3_error, pool=pool, conn=conn, url=url)
        attempt = _Attempt(pool, conn, sent, run, changed, load_error)
        step = exchange.begin(sent)
        try:
            if step is None:
                return run()
            if step.mode == "replay":
                judge_certificate(conn)
                return _replayed(attempt, step.outcome(), step)
            return _ran(attempt, exchange, step)
        except Exception as error:
            if isgenerator(given) and is_before_sending(error):
                unsent[given] = body  # urllib3 may try again, with the same generator
            raise

    return make_request


def _ran(attempt: _Attempt, exchange: Exchange, step: Step) -> Any:
    """Make an attempt for real."""
    recorder = exchange.recorder(step, attempt.sent)
    watch = Watch(attempt.conn, recorder, attempt.load_error)
    response = None
    with recorder.recording_errors(urllib3_failure), step.running(), watch.when_sent():
        response = attempt.run()
    if response is not None:
        return response
    attempt.conn.close()
    attempt.pool.num_requests -= 1  # the real attempt has counted
    return _replayed(attempt, recorder.recorded(), step)  # it has failed, and is only compared


def _replayed(attempt: _Attempt, plain: dict[str, Any], step: Step) -> Any:
    """Return the recorded response as urllib3 makes it of the bytes, or raise the recorded exception."""
    if "status" not in plain:
        attempt.pool.num_requests += 1
        raise attempt.load_error(plain["error"])
    with recorded_on(attempt.conn, load_response(plain, attempt.sent.method), step.exhausted):
        return attempt.run(**attempt.changed)


def _wrap_prepare_proxy(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    own = Exchange(port)

    @wraps(original)
    def prepare_proxy(pool: Any, conn: Any) -> Any:
        if not own.deciding().port.taking() or connects_by_itself(conn):
            return original(pool, conn)
        conn.connect = lambda: None  # the attempt connects, if it is made
        try:
            return original(pool, conn)
        finally:
            del conn.connect

    return prepare_proxy


def _absolute(pool: Any, url: str) -> str:
    """Return the whole URL of a request. The one that a proxy forwards is whole already."""
    if not url.startswith("/"):
        return url
    return origin(pool.scheme, pool.host, pool.port) + url


def header_pairs(headers: Mapping[Any, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request as texts."""
    return tuple((_text(name), _text(value)) for name, value in (headers or {}).items())


def _without_expectation(headers: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Return the headers as an argument without `Expect: 100-continue`, or nothing to change.

    botocore's connections would wait for an answer of their socket.
    """
    if headers is None or all(_text(name).lower() != "expect" for name in headers):
        return {}
    return {"headers": {name: value for name, value in headers.items() if _text(name).lower() != "expect"}}


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class _Body:
    """The body of a request, read once."""

    def __init__(self, body: Any) -> None:
        self._make: Callable[[], Any] = lambda: body
        if body is None or isinstance(body, (str, bytes)):
            self.data = encoded(body or b"")
            return
        pieces: list[Any]
        if hasattr(body, "read"):
            pieces = list(iter(lambda: body.read(65536) or None, None))
            content = type(pieces[0])().join(pieces) if pieces else b""
            self._make = lambda: io.StringIO(content) if isinstance(content, str) else io.BytesIO(content)
        else:
            try:
                pieces = [bytes(memoryview(body))]
            except TypeError:
                pieces = list(body)
                self._make = lambda: iter(pieces)
        self.data = b"".join(map(encoded, pieces))  # its bytes

    def again(self) -> Any:
        """Return a body of the same kind, which urllib3 frames in the same way, at its beginning."""
        return self._make()


def encoded(piece: Any) -> bytes:
    """Return a part of a body as bytes."""
    return piece.encode() if isinstance(piece, str) else bytes(piece)
