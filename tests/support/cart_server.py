"""A real HTTP server on loopback with a state: one shopping cart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from support import loopback
from support.loopback import serving


class Handler(loopback.Handler):
    """Empties the cart, adds an item or shows the items, and notes each request in `server.seen`."""

    server: CartServer

    def handle_any(self) -> None:
        server = self.server
        body = self.body().decode()
        with server.lock:
            item = json.loads(body)["item"] if body else ""
            server.seen.append(f"{self.command} {self.path} {item}".rstrip())
            items = server.items.setdefault(self.path.partition("?")[0], [])
            if self.command == "DELETE":
                items.clear()
            elif self.command == "POST":
                items.append(item)
            text = json.dumps(items)
        self.answer(200, text, "application/json")

    do_GET = do_POST = do_DELETE = handle_any


class CartServer(loopback.Server):
    """A server with one cart for each path.

    Attributes:
        seen: The requests: `POST /cart tea`.
        items: The items in each cart.
    """

    def __init__(self) -> None:
        super().__init__(Handler)
        self.items: dict[str, list[str]] = {}

    def take(self) -> list[str]:
        """Return the requests since the last call."""
        with self.lock:
            taken, self.seen = self.seen, []
        return taken


@contextmanager
def cart_server() -> Iterator[CartServer]:
    """Run a server until the block ends."""
    with serving(CartServer()) as server:
        yield server
