"""The functions that connect and look names up, and the wrappers that ask the guard first."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pytest_mimic._core.network.guard import NetworkGuard

Function = Callable[..., Any]
Check = Callable[..., None]
Wrap = Callable[["NetworkGuard", Function], Function]


class GuardedFunction(NamedTuple):
    """A function to patch, and what makes its wrapper."""

    module: str
    path: tuple[str, ...]
    wrap: Wrap


def guarded_functions() -> list[GuardedFunction]:
    """Return the functions to patch: those of the standard library, and of uvloop, which connects in C."""
    connect = _checking(lambda guard, sock, address: guard.check_socket(sock, address))
    loop_connect = _checking(lambda guard, _loop, sock, address: guard.check_socket(sock, address))
    found = [
        ("socket", "socket.connect", connect),
        ("socket", "socket.connect_ex", connect),
        ("socket", "socket.sendto", _checking(_check_sendto)),
        ("socket", "getaddrinfo", _getaddrinfo),
        ("socket", "gethostbyname", _gethostbyname),
        ("socket", "gethostbyname_ex", _gethostbyaddr),
        ("socket", "gethostbyaddr", _gethostbyaddr),
        ("socket", "getnameinfo", _checking(_check_getnameinfo)),
        ("asyncio.base_events", "BaseEventLoop.getaddrinfo", _loop_getaddrinfo),
        ("asyncio.base_events", "BaseEventLoop.getnameinfo", _loop_getnameinfo),
        ("asyncio.windows_events", "IocpProactor.connect", loop_connect),
        ("asyncio.windows_events", "IocpProactor.sendto", _checking(_check_proactor_sendto)),
        ("uvloop", "Loop.getaddrinfo", _loop_getaddrinfo),
        ("uvloop", "Loop.getnameinfo", _loop_getnameinfo),
        ("uvloop", "Loop.create_connection", _checking(_check_connection)),
        ("uvloop", "Loop.sock_connect", loop_connect),
        ("uvloop", "Loop.create_datagram_endpoint", _checking(_check_datagrams)),
    ]
    if hasattr(socket.socket, "sendmsg"):  # Windows has none
        found.append(("socket", "socket.sendmsg", _checking(_check_sendmsg)))
    return [GuardedFunction(module, tuple(name.split(".")), wrap) for module, name, wrap in found]


def _checking(check: Check) -> Wrap:
    """Return what makes a wrapper that runs a check with the guard and the arguments, and then the function."""

    def wrap(guard: NetworkGuard, original: Function) -> Function:
        @wraps(original)
        def call(*args: Any, **options: Any) -> Any:
            check(guard, *args, **options)
            return original(*args, **options)

        @wraps(original)
        async def call_async(*args: Any, **options: Any) -> Any:
            check(guard, *args, **options)
            return await original(*args, **options)

        return call_async if iscoroutinefunction(original) else call

    return wrap


# -- checks


def _check_sendto(guard: NetworkGuard, sock: Any, _data: Any, *flags_and_address: Any) -> None:
    if flags_and_address:
        guard.check_socket(sock, flags_and_address[-1])


def _check_sendmsg(guard: NetworkGuard, sock: Any, _buffers: Any, *rest: Any) -> None:
    if len(rest) > 2:
        guard.check_socket(sock, rest[2])


def _check_getnameinfo(guard: NetworkGuard, sockaddr: Any, flags: Any) -> None:
    if not flags & socket.NI_NUMERICHOST:
        guard.check_lookup(sockaddr[0], sockaddr[1], is_reverse=True)


# What the checks leave alone is named with an underscore: given by keyword, it is one of `_more`.
def _check_connection(
    guard: NetworkGuard, _loop: Any, _factory: Any = None, host: Any = None, port: Any = None, **_more: Any
) -> None:
    guard.check_address(host, port)  # None with a socket that is connected already


def _check_proactor_sendto(
    guard: NetworkGuard,
    _proactor: Any,
    conn: Any,
    _buf: Any = b"",
    _flags: int = 0,
    addr: Any = None,
    **_more: Any,
) -> None:  # pragma: no cover (Windows)
    guard.check_socket(conn, addr)


def _check_datagrams(
    guard: NetworkGuard,
    _loop: Any,
    _factory: Any = None,
    _local: Any = None,
    remote_addr: Any = None,
    **_more: Any,
) -> None:
    if isinstance(remote_addr, tuple):
        guard.check_address(*remote_addr[:2])


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
        _check_getnameinfo(guard, sockaddr, flags)
        with guard.passing(sockaddr[0]):
            return await original(loop, sockaddr, flags)

    return getnameinfo
