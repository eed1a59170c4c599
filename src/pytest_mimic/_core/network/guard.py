"""Refuses connections and name lookups while the network is blocked."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command
from pytest_mimic._core.hosts import AllowedHosts, address_of, is_local, plain_host
from pytest_mimic.errors import MimicError, MissingRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.run_state import RunState

_INTERNET = (socket.AF_INET, socket.AF_INET6)


class NetworkGuard:
    """Refuses connections that nothing mimics, in `block`. Outside of it, it lets everything through.

    This machine, the hosts that a rule allows, and the calls that are being recorded are let through.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._names: defaultdict[str, set[str]] = defaultdict(set)  # of the addresses that were looked up
        self._is_open: ContextVar[bool] = ContextVar("pytest_mimic_network_open", default=False)
        self._own_names: set[str] = set()  # names of this machine that lookups have shown
        self._passing: list[str] = []
        self._looked_up: set[str] = set()
        self._allowed: list[AllowedHosts] = []

    @contextmanager
    def block(self, allowed: AllowedHosts) -> Iterator[None]:
        """Block the network in this block, but for hosts that are allowed. In nested blocks, each one's are."""
        self._allowed.append(allowed)
        try:
            yield
        finally:
            self._allowed.remove(allowed)

    @property
    def is_blocking(self) -> bool:
        return bool(self._allowed) and not (self._is_open.get() or self._state.is_nested)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Open the network in this block to the current thread or task."""
        token = self._is_open.set(True)
        try:
            yield
        finally:
            with suppress(ValueError):  # a coroutine may be closed in another context than it was awaited in
                self._is_open.reset(token)

    # -- checks

    def check_socket(self, sock: Any, address: object) -> None:
        """Raise MissingRecordingError for connecting or sending to an address that is not allowed."""
        if self._allowed and sock.family in _INTERNET and isinstance(address, tuple) and len(address) > 1:
            self.check_address(address[0], address[1])

    def check_address(self, host: object, port: object) -> None:
        """Refuse to connect to a name or an IP address. See `check_socket`."""
        if not self.is_blocking:
            return
        name, number = plain_host(host), _port_number(port)
        if not (self._allows(name, number) or self._is_known(name, number)):
            raise self._refuse(self._shown(name), port)

    def check_lookup(self, host: object, port: object = None, *, is_reverse: bool = False) -> None:
        """Refuse to look up a name that is not allowed; if it `is_reverse`, also an address. See `check_socket`."""
        if not self.is_blocking:
            return
        name = plain_host(host)
        is_free = name in self._passing or (address_of(name) is not None and not is_reverse)
        if not is_free and not self._allows(name, _port_number(port) or None):
            raise self._refuse(name, port)

    @contextmanager
    def passing(self, host: object) -> Iterator[None]:
        """Let lookups of a host through in this block, also those of the threads of an event loop."""
        name = plain_host(host)
        self._passing.append(name)
        try:
            yield
        finally:
            self._passing.remove(name)

    def learn(self, host: object, addresses: Iterable[object]) -> None:
        name = plain_host(host)
        for address in map(plain_host, addresses):
            self._names[address].add(name)

    def learn_names(self, host: object, names: Iterable[object]) -> None:
        """Note the other names of a host. Those of this machine lead to it, too, such as that of `socket.getfqdn`."""
        if is_local(plain_host(host)):
            self._own_names.update(map(plain_host, names))

    def _allows(self, host: str, port: int | None) -> bool:
        is_own = is_local(host) or host in self._own_names
        return is_own or any(one.allows(host, port) for one in self._allowed)

    def _is_known(self, address: str, port: int | None) -> bool:
        """Check whether an address is that of an allowed name."""
        if address_of(address) is None:
            return False
        if self._has_allowed_name(address, port):
            return True
        # The name may have been looked up by a library in C, or before the run began.
        for name in {name for allowed in self._allowed for name in allowed.names} - self._looked_up:
            self._looked_up.add(name)
            with suppress(OSError), self.passing(name):
                socket.getaddrinfo(name, None)
        return self._has_allowed_name(address, port)

    def _has_allowed_name(self, address: str, port: int | None) -> bool:
        return any(self._allows(name, port) for name in self._names_of(address))

    def _names_of(self, address: str) -> list[str]:
        return sorted(self._names.get(address, ()))  # a copy: other threads add names

    # -- errors

    def _shown(self, address: str) -> str:
        return next(iter(self._names_of(address)), address)

    def _refuse(self, host: str, port: object) -> MimicError:
        """Return the error for a connection, which the running test fails for even if its code catches it."""
        where = f"[{host}]" if ":" in host else host
        label = f"connection to {where}:{_text(port)}" if port else f"connection to {where}"
        test = self._state.test
        then = f"in mimic_functions, then {command('--mimic-record', test)}"
        error = MissingRecordingError(
            f"no recording of a {label}, and the network is blocked",
            remedies=[
                f"to record it: name its client (http for any HTTP client), or your function that makes it, {then}",
                f"to let it through: mimic_allow_hosts = {host}",
            ],
            call=label,
            test=test,
        )
        return self._state.fail_for(error, label, by_option=False)


def _port_number(port: object) -> int | None:
    """Return the number of a port, which may be the name of a service."""
    text = _text(port)
    if text.isdigit():
        return int(text)
    with suppress(OSError):
        return socket.getservbyname(text)
    return None


def _text(port: object) -> str:
    return port.decode("ascii", "replace") if isinstance(port, bytes) else str(port or "")
