"""HTTP/1.1 as the standard library reads it, for clients that are built on `http.client`."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.failures import CUT_OFF, system_error, system_failure

if TYPE_CHECKING:
    from pytest_mimic._clients.http.answer import StoredResponse
    from pytest_mimic._clients.http.recorder import ExchangeRecorder

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
