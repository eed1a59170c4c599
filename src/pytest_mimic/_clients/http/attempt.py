"""One request and its response on a connection of `http.client`, on which urllib3 is built too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.answer import load_response
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


class Watch:
    """Lets the recorder see the next response of a connection, before any client has read its body.

    To verify, the response is read here, and gets the recorded bytes. `load_error` returns the exception for a recorded
    error, `within` a block in which the real response is read; `accepted` is as for `load_response`.
    """

    def __init__(
        self,
        connection: Any,
        recorder: ExchangeRecorder,
        load_error: Callable[[Mapping[str, Any]], Exception],
        within: Callable[[], AbstractContextManager[Any]] = nullcontext,
        accepted: str | None = None,
    ) -> None:
        self._connection = connection
        self._recorder = recorder
        self._load_error = load_error
        self._within = within
        self._accepted = accepted

    def begin(self) -> None:
        """Watch from now on."""
        connection = self._connection
        self._make = connection.response_class
        self._is_own = "response_class" in vars(connection)
        connection.response_class = self._response_of

    def leave(self) -> None:
        """Watch no longer."""
        if self._connection.response_class == self._response_of:
            del self._connection.response_class
            if self._is_own:
                self._connection.response_class = self._make

    @contextmanager
    def when_sent(self) -> Iterator[None]:
        """Return a block in which the connection is watched while it gets the response, but not while it sends.

        botocore's connections choose the class of the response when they send a request.
        """
        connection = self._connection

        def getresponse(*args: Any, **options: Any) -> Any:
            self.begin()
            try:
                return type(connection).getresponse(connection, *args, **options)
            finally:
                self.leave()

        connection.getresponse = getresponse
        try:
            yield
        finally:
            del connection.getresponse

    def _response_of(self, *args: Any, **options: Any) -> Any:
        self.leave()
        response = self._make(*args, **options)
        begin = response.begin

        def watched_begin() -> None:
            vars(response).pop("begin", None)
            with self._within():
                begin()
                self._see(response)
                if self._recorder.is_verifying:
                    self._read(response)
            if self._recorder.is_verifying:
                self._replace(response)

        response.begin = watched_begin  # not called for the answer of a proxy to CONNECT
        return response

    def _see(self, response: Any) -> None:
        recorder = self._recorder
        version = "HTTP/1.0" if response.version == 10 else "HTTP/1.1"
        recorder.start(response.status, response.reason, version, response.headers.items())
        is_empty = response.length == 0 and (not response.chunked or response._method == "HEAD")
        if is_empty or response.fp is None:
            recorder.complete()
        else:
            response.fp = RecordedFile(
                response.fp, recorder, chunked=response.chunked, length=response.length
            )

    def _read(self, response: Any) -> None:
        """Read of a real response what the recording has, to compare it."""
        response.read(self._recorder.wanted)
        if not self._recorder.done:
            response._close_conn()

    def _replace(self, response: Any) -> None:
        """Let a real response that was read become the recorded one."""
        connection, plain = self._connection, self._recorder.recorded()
        if (not response.isclosed() or response.will_close) and connection.sock is not None:
            socket, connection.sock = connection.sock, None  # more may come on it
            socket.close()
        if "status" not in plain:
            raise self._load_error(plain["error"])
        answer = load_response(plain, response._method, accepted=self._accepted)
        base: Any = sys.modules["http.client"].HTTPResponse
        base.__init__(response, RecordedSocket(answer, self._recorder.exhausted), method=response._method)
        response.begin()


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
