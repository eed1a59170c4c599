"""One request and its response on a connection of `http.client`, on which urllib3 is built too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.wire import RecordedFile, RecordedSocket

if TYPE_CHECKING:
    from pytest_mimic._clients.http.answer import StoredResponse
    from pytest_mimic._clients.http.recorder import ExchangeRecorder
    from pytest_mimic._core.seam.base import Port

# The modules whose connections open a socket as their class says. Other classes may lead into this process.
_CONNECTING = ("http.client", "urllib3.connection", "httplib2")


def connects_by_itself(connection: Any) -> bool:
    """Check whether the class of a connection has its own `connect`: what that opens is not known."""
    return is_of_another(type(connection))


def is_of_another(connection_class: Any) -> bool:
    """Check whether a class of connections has its own `connect`, as that of vcrpy inside a cassette."""
    return getattr(getattr(connection_class, "connect", None), "__module__", None) not in _CONNECTING


def report_vcrpy(connection: Any, port: Port) -> None:
    """Say that vcrpy answers a request, if the connection is its own."""
    if type(connection).__module__.startswith("vcr."):
        remedy = "to mimic them, run pytest-mimic import once, then pip uninstall pytest-recording"
        port.report(f"requests inside cassettes of vcrpy are left to vcrpy: {remedy}")


def judge_certificate(connection: Any) -> None:
    """Set whether urllib3 would verify a certificate, on which a warning depends. Connecting finds it out."""
    if hasattr(connection, "is_verified") and hasattr(connection, "cert_reqs"):
        required = sys.modules["urllib3.util.ssl_"].resolve_cert_reqs(connection.cert_reqs)
        verifies = required == sys.modules["ssl"].CERT_REQUIRED
        connection.is_verified = verifies or bool(connection.assert_fingerprint)


def origin(scheme: str, host: str, port: int | None) -> str:
    """Return the beginning of a URL."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}" if port else f"{scheme}://{shown}"


class WatchedAttempt:
    """A block in which the recorder sees the response that a connection reads.

    The recorder gets the response before any client has read its body.
    """

    def __init__(self, connection: Any, recorder: ExchangeRecorder) -> None:
        self._connection = connection
        self._recorder = recorder
        self._make = connection.response_class
        self._is_own = "response_class" in vars(connection)
        self._response: Any = None

    def __enter__(self) -> WatchedAttempt:
        self._connection.response_class = self._response_of
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_own:
            self._connection.response_class = self._make
        else:
            vars(self._connection).pop("response_class", None)

    @contextmanager
    def when_sent(self) -> Iterator[None]:
        """Return a block in which the connection is watched while it gets the response, but not while it sends.

        botocore's connections choose the class of the response when they send a request.
        """
        connection = self._connection

        def getresponse(*args: Any, **options: Any) -> Any:
            self._make, self._is_own = connection.response_class, "response_class" in vars(connection)
            with self:
                return type(connection).getresponse(connection, *args, **options)

        connection.getresponse = getresponse
        try:
            yield
        finally:
            del connection.getresponse

    def _response_of(self, *args: Any, **options: Any) -> Any:
        response = self._make(*args, **options)
        begin = response.begin

        def watched_begin() -> None:
            vars(response).pop("begin", None)
            begin()
            self._watch(response)

        response.begin = watched_begin  # not called for the answer of a proxy to CONNECT
        return response

    def _watch(self, response: Any) -> None:
        recorder, self._response = self._recorder, response
        version = "HTTP/1.0" if response.version == 10 else "HTTP/1.1"
        recorder.start(response.status, response.reason, version, response.headers.items())
        is_empty = response.length == 0 and (not response.chunked or response._method == "HEAD")
        if is_empty or response.fp is None:
            recorder.complete()
        else:
            response.fp = RecordedFile(
                response.fp, recorder, chunked=response.chunked, length=response.length
            )

    def read(self) -> None:
        """Read of the real response what the recording has, to compare it."""
        response, recorder = self._response, self._recorder
        response.read(recorder.wanted)
        if not recorder.done:
            response.close()

    @property
    def is_over(self) -> bool:
        """Whether the response was read to its end, so that its connection can be used again."""
        response = self._response
        return response is not None and response.isclosed() and not response.will_close


@contextmanager
def recorded_on(
    connection: Any, answer: StoredResponse, exhausted: Callable[[], Exception]
) -> Iterator[None]:
    """Return a block in which a connection is open, and leads to a recorded response. After it, it is as it was."""
    socket = connection.sock
    connection.sock = RecordedSocket(answer, exhausted)
    try:
        yield
    finally:
        connection.sock = socket
