"""Knows where this process and its child processes listen."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakSet

from pytest_mimic.engine.events import Events
from pytest_mimic.patch.clients import Edge, noting

_DEFAULT_PORT = 80
_UNIX = "unix:"
# The flags of a Unix socket that listens.
_ACCEPTS = "00010000"
Place: TypeAlias = int | str
"""A port, or the path of a Unix socket. No server listens on port 0."""


class Listening(NamedTuple):
    """What a child process tells its parent."""

    place: Place


class OwnServers:
    """The servers of this process: what is sent to them goes to no service.

    Attributes:
        sockets: The sockets that listen.
        of_children: Where child processes listen.
    """

    def __init__(self) -> None:
        self.sockets: WeakSet[Any] = WeakSet()
        self.of_children: set[Place] = set()
        # What was open before the tests. None: the system is not asked.
        self._sockets_before: set[str] | None = None
        # What the system has said of a place on this machine since a test began.
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
                events.to_parent(Listening(_place_of(socket)))
            elif os.getpid() == process:
                self.sockets.add(socket)

        return Edge("socket", ("socket", "listen"), noting(note))

    def ask_again(self) -> None:
        """Ask the system anew: a fixture may have started a server."""
        self._listens.cache_clear()

    def has(self, host: str | None) -> bool:
        """Return whether one of them answers at `localhost:80` or `unix:/app.sock`."""
        place = _place_on_this_machine(host or "")
        if not place:
            return False
        own = {_place_of(socket) for socket in list(self.sockets)}
        return place in own | self.of_children or self._listens(place)

    def leave_out(self, host: str | None) -> None:
        """Note that a line leaves out calls of a host; None: the host is unknown."""
        with suppress(ValueError):
            self._left_out.add(urlsplit(f"//{host or ''}").hostname or "")

    def is_left_out(self, host: str) -> bool:
        """Return whether a line may have left out what is asked of a host."""
        return not self._left_out.isdisjoint({"", host.lower()})

    def _is_listening(self, place: Place) -> bool:
        """Whether a server of this process that is written in C listens there."""
        if self._sockets_before is None:
            return False
        listening = _listening(place) - self._sockets_before
        return bool(listening) and not listening.isdisjoint(_sockets())


def is_of_this_machine(host: str) -> bool:
    """Tell whether a name or an address belongs to this machine itself."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host in ("localhost", "")
    return address.is_loopback or address.is_unspecified


def _place_on_this_machine(host: str) -> Place:
    """Return where a server listens; 0: on another machine, or nowhere."""
    try:
        if host.startswith(_UNIX):
            return os.path.realpath(host.removeprefix(_UNIX))
        return _port_on_this_machine(host)
    except ValueError:  # No server has such an address.
        return 0


@cache
def _port_on_this_machine(host: str) -> int:
    place = urlsplit(f"//{host}")
    is_here = place.hostname and is_of_this_machine(place.hostname)
    return (place.port or _DEFAULT_PORT) if is_here else 0


def _sockets() -> set[str]:
    """Return the names of the sockets of this process, as far as the system tells."""
    names = set()
    with suppress(OSError):
        for file in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                names.add(str(file.readlink()))
    return {name for name in names if name.startswith("socket:")}


def _listening(place: Place) -> set[str]:
    """Return the names of the sockets of this machine that listen there.

    Linux has a row for each socket, `0: 0100007F:1F90 00000000:0000 0A ...`, with its
    address, its state (0A: it listens), and as the tenth word the inode by which the
    files of a process name it; of a Unix socket its path comes last, and the inode
    before it; see proc(5).
    """
    if isinstance(place, str):
        # A path that holds a line end has rows without these words.
        rows = [row.split(maxsplit=7) for row in _rows("unix")]
        paths = {row[6]: row[7] for row in rows if row[3:4] == [_ACCEPTS] and row[7:]}
        inodes = [one for one in paths if os.path.realpath(paths[one]) == place]
    else:
        rows = [row.split() for row in (*_rows("tcp"), *_rows("tcp6"))]
        port = f":{place:04X}"
        inodes = [row[9] for row in rows if row[1].endswith(port) and row[3] == "0A"]
    return {f"socket:[{inode}]" for inode in inodes}


def _rows(table: str) -> list[str]:
    """Return the rows of a table of the system, as far as there is one."""
    with suppress(OSError):
        content = Path("/proc/self/net", table).read_bytes()
        return os.fsdecode(content).split("\n")[1:-1]
    return []


def _place_of(socket: Any) -> Place:
    """Return where a socket listens; 0: it is closed, or has no name."""
    if socket.fileno() == -1:
        return 0
    name = socket.getsockname()
    if isinstance(name, str) and name:
        return os.path.realpath(name)
    return int(name[1]) if isinstance(name, tuple) else 0
