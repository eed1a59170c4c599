"""The functions that connect and look names up, and the wrappers that ask the guard first."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pytest_mimic._core.network.guard import NetworkGuard

Function = Callable[..., Any]


class GuardedFunction(NamedTuple):
    """A function to patch, and what makes its wrapper."""

    module: str
    path: tuple[str, ...]
    wrap: Callable[[NetworkGuard, Function], Function]


def guarded_functions() -> list[GuardedFunction]:
    """Return the functions to patch: those of the standard library, and of uvloop, which connects in C."""
    methods = {"connect": _connect, "connect_ex": _connect, "sendto": _sendto, "sendmsg": _sendmsg}
    lookups = {"getaddrinfo": _getaddrinfo, "gethostbyname": _gethostbyname}
    lookups |= {"gethostbyname_ex": _gethostbyaddr, "gethostbyaddr": _gethostbyaddr}
    lookups |= {"getnameinfo": _getnameinfo}
    present = [name for name in methods if hasattr(socket.socket, name)]  # Windows has no `sendmsg`
    loop = {"create_connection": _uvloop_connection, "create_datagram_endpoint": _uvloop_datagrams}
    loop |= {"sock_connect": _uvloop_sock_connect}
    loop_lookups = {"getaddrinfo": _loop_getaddrinfo, "getnameinfo": _loop_getnameinfo}
    return [
        *(GuardedFunction("socket", ("socket", name), methods[name]) for name in present),
        *(GuardedFunction("socket", (name,), wrap) for name, wrap in lookups.items()),
        *(
            GuardedFunction(module, (holder, name), wrap)
            for module, holder in (("asyncio.base_events", "BaseEventLoop"), ("uvloop", "Loop"))
            for name, wrap in loop_lookups.items()
        ),
        GuardedFunction("asyncio.windows_events", ("IocpProactor", "connect"), _proactor_connect),
        GuardedFunction("asyncio.windows_events", ("IocpProactor", "sendto"), _proactor_sendto),
        *(GuardedFunction("uvloop", ("Loop", name), wrap) for name, wrap in loop.items()),
    ]


# -- sockets


def _connect(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def connect(sock: Any, address: Any) -> Any:
        guard.check_socket(sock, address)
        return original(sock, address)

    return connect


def _sendto(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def sendto(sock: Any, data: Any, *flags_and_address: Any) -> Any:
        if flags_and_address:
            guard.check_socket(sock, flags_and_address[-1])
        return original(sock, data, *flags_and_address)

    return sendto


def _sendmsg(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def sendmsg(sock: Any, buffers: Any, *rest: Any) -> Any:
        if len(rest) > 2:
            guard.check_socket(sock, rest[2])
        return original(sock, buffers, *rest)

    return sendmsg


# -- lookups


def _getaddrinfo(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        guard.check_lookup(host, port)
        found = original(host, port, *args, **options)
        guard.learn(host, [entry[4][0] for entry in found])
        return found

    return getaddrinfo


def _gethostbyname(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def gethostbyname(hostname: Any) -> Any:
        guard.check_lookup(hostname)
        found = original(hostname)
        guard.learn(hostname, [found])
        return found

    return gethostbyname


def _gethostbyaddr(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def gethostbyaddr(hostname: Any) -> Any:
        guard.check_lookup(hostname, is_reverse=True)
        found = original(hostname)
        guard.learn(hostname, found[2])
        guard.learn_names(hostname, [found[0], *found[1]])
        return found

    return gethostbyaddr


def _getnameinfo(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    def getnameinfo(sockaddr: Any, flags: Any) -> Any:
        _check_reverse(guard, sockaddr, flags)
        return original(sockaddr, flags)

    return getnameinfo


def _check_reverse(guard: NetworkGuard, sockaddr: Any, flags: Any) -> None:
    if not flags & socket.NI_NUMERICHOST:
        guard.check_lookup(sockaddr[0], sockaddr[1], is_reverse=True)


# -- event loops, whose lookups run in other threads


def _loop_getaddrinfo(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    async def getaddrinfo(loop: Any, host: Any, port: Any, **options: Any) -> Any:
        guard.check_lookup(host, port)
        with guard.passing(host):
            found = await original(loop, host, port, **options)
        guard.learn(host, [entry[4][0] for entry in found])
        return found

    return getaddrinfo


def _loop_getnameinfo(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    async def getnameinfo(loop: Any, sockaddr: Any, flags: int = 0) -> Any:
        _check_reverse(guard, sockaddr, flags)
        with guard.passing(sockaddr[0]):
            return await original(loop, sockaddr, flags)

    return getnameinfo


def _proactor_connect(guard: NetworkGuard, original: Function) -> Function:  # pragma: no cover (Windows)
    @wraps(original)
    def connect(proactor: Any, conn: Any, address: Any) -> Any:
        guard.check_socket(conn, address)
        return original(proactor, conn, address)

    return connect


def _proactor_sendto(guard: NetworkGuard, original: Function) -> Function:  # pragma: no cover (Windows)
    @wraps(original)
    def sendto(proactor: Any, conn: Any, buf: Any, flags: int = 0, addr: Any = None) -> Any:
        guard.check_socket(conn, addr)
        return original(proactor, conn, buf, flags, addr)

    return sendto


def _uvloop_connection(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    async def create_connection(
        loop: Any, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        guard.check_address(host, port)  # None with a socket that is connected already
        return await original(loop, protocol_factory, host, port, **options)

    return create_connection


def _uvloop_datagrams(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    async def create_datagram_endpoint(
        loop: Any, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **options: Any
    ) -> Any:
        if isinstance(remote_addr, tuple):
            guard.check_address(*remote_addr[:2])
        return await original(loop, protocol_factory, local_addr, remote_addr, **options)

    return create_datagram_endpoint


def _uvloop_sock_connect(guard: NetworkGuard, original: Function) -> Function:
    @wraps(original)
    async def sock_connect(loop: Any, sock: Any, address: Any) -> Any:
        guard.check_socket(sock, address)
        return await original(loop, sock, address)

    return sock_connect
