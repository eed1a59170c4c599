"""A server on loopback that speaks HTTP/2 alone, as the client knows (RFC 9113, 3.3)."""

from __future__ import annotations

from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from h2.connection import H2Connection
    from h2.events import Event


class Handler(BaseRequestHandler):
    """Answers each request with the number of its stream."""

    def handle(self) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        self.request.sendall(connection.data_to_send())
        with suppress(OSError):
            while data := self.request.recv(65_536):
                for event in connection.receive_data(data):
                    _answer(connection, event)
                self.request.sendall(connection.data_to_send())


def _answer(connection: H2Connection, event: Event) -> None:
    from h2.events import RequestReceived

    if isinstance(event, RequestReceived):
        head = [(":status", "200"), ("content-type", "text/plain")]
        connection.send_headers(event.stream_id, head)
        body = b"stream %d" % event.stream_id
        connection.send_data(event.stream_id, body, end_stream=True)


class Http2Server(ThreadingTCPServer):
    """A server of HTTP/2.

    Attributes:
        url: The address, without a slash at the end.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        """Close the port, also for a second time."""
        self.shutdown()
        self.server_close()
