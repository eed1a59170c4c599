"""A fake of the exchange rates of api.frankfurter.dev, for processes that reach it by a proxy on loopback."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support import loopback
from support.loopback import Server, serving

CERTIFICATE = Path(__file__).with_name("frankfurter.pem")
RATES = {"EUR": 0.862, "GBP": 0.757}


class Handler(loopback.Handler):
    """Tells the rates of the dollar, through a tunnel with TLS."""

    server: RatesServer

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        time.sleep(self.server.delay)
        asked = parse_qs(urlsplit(self.path).query)
        rates = {name: RATES[name] for name in asked["symbols"]}
        told = {"amount": 1.0, "base": "USD", "date": "2026-11-27", "rates": rates}
        self.json(told)


class RatesServer(Server):
    """Tells rates after some seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(Handler)
        self.delay = delay


@contextmanager
def proxied_rates(delay: float = 0) -> Iterator[dict[str, str]]:
    """Run the server, and yield the variables by which a process comes to it."""
    with serving(RatesServer(delay)) as server:
        yield {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), server.url),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
            "SSL_CERT_FILE": str(CERTIFICATE),
        }
