"""Knows the ports on which this process and its forked children listen."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from pytest_mimic.engine.events import Events
from pytest_mimic.patch.clients import Edge

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORT = 80


class Listening:
    """What a forked child tells its parent."""

    def __init__(self, port: int) -> None:
        self.port = port


class OwnServers:
    """The servers of this process: what is sent to them goes to no service."""

    def __init__(self) -> None:
        self._sockets: WeakSet[Any] = WeakSet()
        self._ports_of_children: set[int] = set()

    def add(self, socket: Any) -> None:
        """Note a socket that listens."""
        self._sockets.add(socket)

    def add_child(self, listening: Listening) -> None:
        """Note a port of a forked child."""
        self._ports_of_children.add(listening.port)

    def has(self, host: str | None) -> bool:
        """Return whether one of them answers under a host, `localhost:8000`."""
        if not self._sockets and not self._ports_of_children:
            return False
        try:
            place = urlsplit(f"//{host or ''}")
            port = place.port or _DEFAULT_PORT
        except ValueError:  # No server has such an address.
            return False
        if place.hostname not in _THIS_MACHINE:
            return False
        own = {_port_of(socket) for socket in list(self._sockets)}
        return port in own | self._ports_of_children


def edge_of_servers(servers: OwnServers, events: Events) -> Edge:
    """Return the edge at which a server begins to listen."""
    process = os.getpid()

    def noting(listen: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(listen)
        def listen_and_note(socket: Any, *args: Any) -> None:
            if os.getpid() == process and events.tell is None:
                servers.add(socket)
            elif events.tell is not None:
                # It was bound before, and is told before anybody can reach it.
                events.tell(Listening(_port_of(socket)))
            listen(socket, *args)

        return listen_and_note

    return Edge("socket", ("socket", "listen"), noting)


def _port_of(socket: Any) -> int:
    """Return the port of a socket; 0: it is closed, or has none."""
    if socket.fileno() == -1:
        return 0
    name = socket.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0
