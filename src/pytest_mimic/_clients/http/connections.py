"""Connections of `http.client`, on which urllib3 is built too: real responses that are watched, and recorded ones as bytes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.failures import CUT_OFF, system_error, system_failure
from pytest_mimic._clients.http.responses import load_response

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder, StoredResponse
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


# The sizes with which a file is read to its end.
_ALL = ((), (None,), (-1,))


class RecordedFile:
    """Replaces the file from which a real response is read, and records the bytes that are read.

    Its end, or its closing, ends the exchange. With `chunked`, the body has chunks (RFC 9112, 7.1). `length` is
    the number of bytes that the body has according to its head; None if that is unknown.
    """

    def __init__(self, file: Any, recorder: ExchangeRecorder, *, chunked: bool, length: int | None) -> None:
        self._file = file
        self._recorder = recorder
        self._chunked = chunked
        self._length = length
        self._wire: list[bytes] = []
        self._at_end = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._file, name)
        if name not in ("read1", "readline"):
            return found
        return lambda *size: self._recorded(found, size)

    def _recorded(self, read: Callable[..., bytes], size: tuple[Any, ...]) -> bytes:
        try:
            data = read(*size)
        except OSError as error:
            self._end(system_failure(error))
            raise
        except BaseException:
            self._recorder.abandon()
            raise
        if not data and size != (0,):
            self._at_end = True
        self._wire.append(data)
        return data

    def read(self, *size: Any) -> bytes:
        data = self._recorded(self._file.read, size)
        # Fewer bytes than were asked for are the last ones.
        self._at_end = self._at_end or size in _ALL or len(data) < size[0]
        return data

    def readinto(self, buffer: Any) -> int:  # pragma: no cover (urllib3 reads so in Python 3.10 only)
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the real file, and end the exchange."""
        self._file.close()
        self._end(None)

    def _end(self, error: dict[str, Any] | None) -> None:
        recorder = self._recorder
        if recorder.done:
            return
        wire = b"".join(self._wire)
        if self._chunked:
            recorder.chunks, complete = unframe(wire)
        else:
            recorder.chunks = [wire]
            complete = self._at_end if self._length is None else len(wire) >= self._length
        if complete:
            recorder.complete()
        elif error or self._at_end:
            recorder.fail(error or CUT_OFF)
        else:
            recorder.stop()


def unframe(wire: bytes) -> tuple[list[bytes], bool]:
    """Return the chunks of a chunked body (RFC 9112, 7.1), and whether the last one has arrived."""
    chunks: list[bytes] = []
    position = 0
    while True:
        end = wire.find(b"\r\n", position)
        if end < 0:
            return chunks, False
        size = int(wire[position:end].partition(b";")[0] or b"0", 16)
        if size == 0:
            return chunks, True
        chunks.append(wire[end + 2 : end + 2 + size])
        position = end + 2 + size + 2


class UnopenedSocket:
    """Replaces the socket of a connection that is not connected: takes any request, and keeps settings."""

    def __init__(self) -> None:
        self._settings: list[tuple[str, tuple[Any, ...]]] = []

    def apply_to(self, socket: Any) -> None:
        """Give the settings to the real socket."""
        for name, values in self._settings:
            getattr(socket, name)(*values)

    def sendall(self, _: Any) -> None:
        """Take a part of the request."""

    def settimeout(self, timeout: float | None) -> None:
        self._settings.append(("settimeout", (timeout,)))

    def setsockopt(self, *option: Any) -> None:
        """Keep a setting."""
        self._settings.append(("setsockopt", option))

    def shutdown(self, _: int) -> None:
        """Nothing is connected."""

    def close(self) -> None:
        """Nothing is open."""


class RecordedSocket(UnopenedSocket):
    """Replaces the socket of a connection, and gives the bytes of a recorded response.

    Closing it does not end the files made of it, as with a real socket.
    """

    def __init__(self, answer: StoredResponse, exhausted: Callable[[], Exception]) -> None:
        super().__init__()
        self._answer = answer
        self._exhausted = exhausted

    def makefile(self, *_: Any) -> io.BufferedReader:
        """Return a file with the response."""
        return io.BufferedReader(RecordedBytes(_wire_of(self._answer), self._end))

    def _end(self) -> Exception | None:
        error = self._answer.error
        # The client finds out by itself that a body ends before its end.
        is_cut_off = error is not None and error["type"] in ("closed", "malformed") and "errno" not in error
        return None if is_cut_off else self._answer.ending(system_error, self._exhausted)


def _wire_of(answer: StoredResponse) -> list[bytes]:
    """Return the pieces in which a response arrives."""
    chunked = any(
        name.lower() == "transfer-encoding" and "chunked" in value.lower() for name, value in answer.headers
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    # The standard library reads no other versions.
    version = "HTTP/1.0" if answer.version == "HTTP/1.0" else "HTTP/1.1"
    pieces = [f"{version} {answer.status} {answer.reason}\r\n{head}\r\n".encode("latin-1")]
    pieces += [b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk for chunk in answer.chunks]
    if chunked and answer.is_complete:
        pieces.append(b"0\r\n\r\n")
    return pieces


class RecordedBytes(io.RawIOBase):
    """The file of a socket. A read returns at most one piece, and the end may be an error."""

    def __init__(self, pieces: list[bytes], end: Callable[[], Exception | None]) -> None:
        self._pieces = [piece for piece in reversed(pieces) if piece]
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._pieces:
            error = self._end()
            if error is not None:
                raise error
            return 0
        piece = self._pieces.pop()
        size = min(len(buffer), len(piece))
        buffer[:size] = piece[:size]
        if size < len(piece):
            self._pieces.append(piece[size:])
        return size
