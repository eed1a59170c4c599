"""Two services of a shop on loopback, which remember what they did: payments and parcels."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any

from support.loopback import Handler, Server, serving


class _Handler(Handler):
    """Makes payments and parcels, and shows payments."""

    server: Services

    def do_GET(self):
        made = self.server.made.get(self.path.rpartition("/")[2])
        self.json(made or {"error": "unknown"}, 404 if made is None else 200)

    def do_POST(self):
        body = self.body()
        self.server.seen.append(f"{self.path} {body.decode()}")
        kind = "payment" if self.path == "/payments" else "parcel"
        number = f"{kind}-{len(self.server.made) + 1}"
        self.server.made[number] = {
            "id": number,
            **(json.loads(body) if kind == "payment" else {}),
        }
        self.json(self.server.made[number], 201)


class Services(Server):
    """Both services on one port.

    Attributes:
        made: What they made, by its id.
        seen: The POST requests so far, path and body.
    """

    def __init__(self):
        super().__init__(_Handler)
        self.made: dict[str, dict[str, Any]] = {}


@contextmanager
def running_services():
    """Run both services in a thread."""
    with serving(Services()) as server:
        yield server
