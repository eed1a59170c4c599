"""A service on loopback that factorises numbers and sends each prime as soon as it has it."""

from __future__ import annotations

import atexit
from functools import cache
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread


@cache
def address() -> tuple[str, int]:
    """Where the service answers; it is started the first time anybody asks."""
    server = Service(("127.0.0.1", 0), Factors)
    Thread(target=server.serve_forever, daemon=True).start()
    atexit.register(server.server_close)
    return "127.0.0.1", server.server_address[1]


class Service(ThreadingTCPServer):
    """A thread for each connection, none of which keeps the process."""

    daemon_threads = True
    block_on_close = False


class Factors(StreamRequestHandler):
    """Reads a number, sends its primes, a line each."""

    def handle(self) -> None:
        number, divisor = int(self.rfile.readline()), 2
        while divisor * divisor <= number:
            if number % divisor:
                divisor += 1 if divisor == 2 else 2
            else:
                number //= divisor
                self.wfile.write(b"%d\n" % divisor)
        self.wfile.write(b"%d\n" % number)
