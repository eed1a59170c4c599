"""A service on loopback that factorises numbers and sends each prime as soon as it is found."""

from __future__ import annotations

import atexit
from functools import cache
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread


@cache
def address() -> tuple[str, int]:
    """Start the service at the first call and return its address."""
    server = Service(("127.0.0.1", 0), Factors)
    Thread(target=server.serve_forever, daemon=True).start()
    atexit.register(server.server_close)
    return "127.0.0.1", server.server_address[1]


class Service(ThreadingTCPServer):
    """A server with one thread per connection.

    Its threads do not keep the process alive.
    """

    daemon_threads = True
    block_on_close = False


class Factors(StreamRequestHandler):
    """Read a number and send its primes, one per line."""

    def handle(self) -> None:
        number, divisor = int(self.rfile.readline()), 2
        while divisor * divisor <= number:
            if number % divisor:
                divisor += 1 if divisor == 2 else 2
            else:
                number //= divisor
                self.wfile.write(b"%d\n" % divisor)
        self.wfile.write(b"%d\n" % number)
