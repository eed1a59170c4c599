"""Knows where this process and its child processes listen."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from stat import S_ISSOCK
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakSet

from pytest_mimic.engine.events import Events
from pytest_mimic.patch.clients import Edge, noting

_DEFAULT_PORT = 80
_UNIX = "unix:"
Address: TypeAlias = int | str
"""A port, or the path of a Unix socket. No server listens on port 0."""


class Listening(NamedTuple):
    """What a child process tells its parent."""

    address: Address


class OwnServers:
    """The servers of this process: what is sent to them goes to no service.

    Attributes:
        sockets: The sockets that listen.
        of_children: Where child processes listen.
    """

    def __init__(self) -> None:
        self.sockets: WeakSet[Any] = WeakSet()
        self.of_children: set[Address] = set()
        # What was open before the tests. None: the system is not asked.
        self._sockets_before: dict[int, int] | None = None
        # What the system has said of an address on this machine since a test began.
        self._listens = cache(self._is_listening)
        self._left_out: set[str] = set()

    def edge(self, events: Events) -> Edge:
        """Give the edge at which a server begins to listen.

        From now on the system is asked of servers that are written in C.
        """
        process = os.getpid()
        self._sockets_before = _sockets()

        def note(socket: Any, *_args: Any) -> None:
            if events.to_parent is not None:
                # It was bound before, and is told before anybody can reach it.
                events.to_parent(Listening(_address_of(socket)))
            elif os.getpid() == process:
                self.sockets.add(socket)

        return Edge("socket", ("socket", "listen"), noting(note))

    def ask_again(self) -> None:
        """Ask the system anew: a fixture may have started a server."""
        self._listens.cache_clear()

    def has(self, host: str | None) -> bool:
        """Return whether one of them answers at `localhost:80` or `unix:/app.sock`."""
        address = _address_on_this_machine(host or "")
        if not address:
            return False
        # Most tests have no server, and even none takes long to go through.
        if self.sockets and address in map(_address_of, list(self.sockets)):
            return True
        # What the system says is kept, also of a server that closes meanwhile.
        return address in self.of_children or self._listens(address)

    def leave_out(self, host: str | None) -> None:
        """Note that a line leaves out calls of a host; None: the host is unknown."""
        with suppress(ValueError):
            self._left_out.add(urlsplit(f"//{host or ''}").hostname or "")

    def is_left_out(self, host: str) -> bool:
        """Return whether a line may have left out what is asked of a host."""
        return not self._left_out.isdisjoint({"", host.lower()})

    def _is_listening(self, address: Address) -> bool:
        """Whether a server of this process that is written in C listens there."""
        before = self._sockets_before
        if before is None:
            return False
        new = [number for inode, number in _sockets().items() if inode not in before]
        return address in map(_address_at, new)


def tell_servers(path: str) -> None:
    """Tell in a file where this process begins to listen, as forked children do."""
    import socket

    from pytest_mimic.engine.children import tell

    listen = socket.socket.listen

    def told_listen(server: Any, *args: Any) -> None:
        tell(path, Listening(_address_of(server)))
        listen(server, *args)

    socket.socket.listen = told_listen  # type: ignore[method-assign]


def is_of_this_machine(host: str) -> bool:
    """Tell whether a name or an address belongs to this machine itself."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host in ("localhost", "")
    return address.is_loopback or address.is_unspecified


def _address_on_this_machine(host: str) -> Address:
    """Return where a server listens; 0: on another machine, or nowhere."""
    try:
        if host.startswith(_UNIX):
            return os.path.realpath(host.removeprefix(_UNIX))
        return _port_on_this_machine(host)
    except ValueError:  # No server has such an address.
        return 0


@cache
def _port_on_this_machine(host: str) -> int:
    address = urlsplit(f"//{host}")
    is_here = address.hostname and is_of_this_machine(address.hostname)
    return (address.port or _DEFAULT_PORT) if is_here else 0


def _sockets() -> dict[int, int]:
    """Return the numbers of the sockets of this process, as far as the system tells.

    They stand under the numbers of their inodes, which no later socket has.
    """
    numbers = {}
    with suppress(OSError), os.scandir("/proc/self/fd") as files:
        for file in files:
            with suppress(OSError):
                status = os.fstat(int(file.name))
                if S_ISSOCK(status.st_mode):
                    numbers[status.st_ino] = int(file.name)
    return numbers


def _address_at(number: int) -> Address:
    """Return where the socket of a number listens; 0: it does not."""
    # The class of Python may be replaced.
    import _socket

    with suppress(OSError):  # It was closed.
        # Without a type, a default timeout would change it.
        held = _socket.socket(type=_socket.SOCK_NONBLOCK, fileno=number)
        try:
            is_open = held.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN)
            return _address_of(held) if is_open else 0
        finally:
            held.detach()
    return 0


def _address_of(socket: Any) -> Address:
    """Return where a socket listens; 0: it is closed, or has no name."""
    if socket.fileno() == -1:
        return 0
    name = socket.getsockname()
    if isinstance(name, str) and name:
        return os.path.realpath(name)
    return int(name[1]) if isinstance(name, tuple) else 0
