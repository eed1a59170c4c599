"""Errors of the network, stored by their kind, and raised as the exception of the client that asks.

A failure is plain data: `type` is its kind, `message` its text; `errno`, and of TLS some details, where the system has
said them. `total` marks the timeout of a whole request, and `"while": "sending"` a failure that came before the request
was sent, if its kind does not say so.
"""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from errno import ECONNREFUSED
from typing import Any

Failure = dict[str, Any]

# Kinds. A connection failed: refused, unreachable in another way, its name not found, TLS, or a timeout. Then timeouts
# of reading and writing; waiting for a free connection; closed before the end; malformed; and refused by a proxy.
CONNECTING = ("refused", "unreachable", "name", "tls", "connecting")
# What an exception of TLS says besides its text.
_DETAILS = ("library", "reason", "verify_code", "verify_message")
# The body ended before its end: the client finds that out by itself.
CUT_OFF: Failure = {"type": "closed", "message": "the connection was closed early"}


# What the system and the standard library raise


def system_failure(error: BaseException, *, reading: bool = True) -> Failure | None:
    """Return an exception of a socket, of TLS or of `http.client` as plain data, or None if it is none.

    Whether a timeout is one of `reading` or of connecting, its class does not say.
    """
    if not isinstance(error, OSError):
        return _protocol_failure(error)
    found: Failure = {"type": _kind_of(error, reading=reading), "message": str(error)}
    if isinstance(error.errno, int) and isinstance(error.strerror, str):
        found |= {"message": error.strerror, "errno": error.errno}
        details = {name: getattr(error, name, None) for name in _DETAILS}
        found |= {name: value for name, value in details.items() if isinstance(value, (str, int))}
    return found


def _kind_of(error: OSError, *, reading: bool) -> str:
    if isinstance(error, (socket.gaierror, socket.herror)):
        return "name"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "reading" if reading else "connecting"
    return "closed" if isinstance(error, ConnectionError) else "unreachable"


def _protocol_failure(error: BaseException) -> Failure | None:
    http = sys.modules.get("http.client")
    if http is None or not isinstance(error, http.HTTPException):
        return None
    if isinstance(error, http.IncompleteRead):
        return CUT_OFF
    is_of_exchange = isinstance(
        error, (http.BadStatusLine, http.LineTooLong, http.UnknownProtocol, http.InvalidURL)
    )
    # The others complain about the order of calls.
    return (
        {"type": "malformed", "message": str(error)}
        if is_of_exchange or type(error) is http.HTTPException
        else None
    )


def system_error(stored: Mapping[str, Any]) -> Exception:
    """Return the exception of the system or of `http.client` for a failure."""
    from http.client import BadStatusLine, RemoteDisconnected

    kind, message = stored["type"], stored["message"]
    number = stored.get("errno", ECONNREFUSED if kind == "refused" else None)
    args = (message,) if number is None else (number, message)
    error: Exception
    if kind == "name":
        error = socket.gaierror(*args)
    elif kind == "tls":
        is_of_certificate = "verify_code" in stored or "certificate verify failed" in message
        error = (ssl.SSLCertVerificationError if is_of_certificate else ssl.SSLError)(*args)
        for name in _DETAILS:
            if name in stored:
                setattr(error, name, stored[name])
    elif kind in ("connecting", "reading", "writing", "waiting"):
        error = TimeoutError(*args)
    elif number is None and kind == "closed":
        error = RemoteDisconnected(message)
    elif kind == "malformed":
        error = BadStatusLine(message)
    else:
        error = OSError(*args)  # its number gives it its class
    return error


def root_of(error: BaseException) -> BaseException | None:
    """Return the exception of the system or of `http.client` that an exception of a client goes back to."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        is_own = type(one).__module__.partition(".")[0] in ("builtins", "socket", "ssl", "http", "asyncio")
        if is_own and system_failure(one) is not None and one.args:
            is_bare = isinstance(one, OSError) and one.errno is None and not isinstance(one, TimeoutError)
            if not is_bare or not (one.__cause__ or one.__context__):
                return one
        todo += [getattr(one, "os_error", None), getattr(one, "reason", None), *one.args]
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return None


# urllib3


def urllib3_failure(error: BaseException) -> Failure | None:
    """Return an exception that a connection raises as plain data, or None if it is no outcome."""
    own = sys.modules["urllib3.exceptions"]
    if not isinstance(error, own.HTTPError):
        return system_failure(error)
    root = root_of(error)
    message = next((arg for arg in error.args if isinstance(arg, str)), "")
    message = message.removeprefix(f"{vars(error).get('conn')}: ")
    if type(error).__name__ == "ConnectTimeoutError":
        return {"type": "connecting", "message": message}
    found = None if root is None else system_failure(root, reading=False)
    if found is not None:
        return {**found, "type": "unreachable"} if found["type"] == "closed" else found
    if isinstance(error, own.NewConnectionError):
        return {"type": "unreachable", "message": message}
    return None


def urllib3_error(stored: Mapping[str, Any], conn: Any) -> Exception:
    """Return what a connection raises for a failure. The pool makes its own exceptions of those of the system."""
    own, kind, message = sys.modules["urllib3.exceptions"], stored["type"], stored["message"]
    error: Exception
    if kind in ("refused", "unreachable", "name"):
        cause = system_error(stored)
        if kind == "unreachable" and "errno" not in stored:
            return cause  # of a proxy that has no tunnel
        if kind == "name" and hasattr(own, "NameResolutionError"):
            error = own.NameResolutionError(conn.host, conn, cause)
        else:
            error = own.NewConnectionError(conn, f"Failed to establish a new connection: {cause}")
        error.__cause__ = cause
    elif kind == "connecting":
        error = own.ConnectTimeoutError(conn, message)
    else:
        error = system_error(stored)
    return error


# aiohttp


def aiohttp_failure(error: Any, *, at: str) -> Failure | None:
    """Return an exception of aiohttp as plain data, or None if it is no outcome.

    It was raised at `connect`, `request` or `response`.
    """
    from asyncio import TimeoutError as AsyncTimeoutError

    aiohttp = sys.modules["aiohttp"]
    found: Failure | None
    if isinstance(error, sys.modules["aiohttp.http_exceptions"].HttpProcessingError):
        # The server does not speak HTTP. The response turns this into a ClientResponseError.
        found = {"type": "malformed", "message": error.message, "code": error.code}
    elif isinstance(error, (aiohttp.ClientResponseError, aiohttp.ServerFingerprintMismatch)):
        return None  # made of objects that are not stored
    elif isinstance(error, AsyncTimeoutError):
        found = {"type": "connecting" if at == "connect" else "reading", "message": str(error)}
        if not isinstance(error, aiohttp.ClientError):
            found["total"] = True
    elif isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)):
        reason = getattr(error, "os_error", None) or error.certificate_error
        found = system_failure(reason, reading=False) or {"type": "tls", "message": str(reason)}
        if found["type"] == "closed":
            found["type"] = "unreachable"
    elif isinstance(error, aiohttp.ClientError):
        number = {} if getattr(error, "errno", None) is None else {"errno": error.errno}
        text = error.strerror if number and error.strerror else str(error)
        found = {"type": "closed", "message": text, **number}
        if at == "request":
            found["while"] = "sending"
    else:
        found = None
    return found


def aiohttp_error(stored: Mapping[str, Any], req: Any, *, in_body: bool = False) -> Exception:
    """Return the exception of aiohttp for a failure: of connecting, of a response, or of its body."""
    from asyncio import TimeoutError as AsyncTimeoutError

    aiohttp, kind, message = sys.modules["aiohttp"], stored["type"], stored["message"]
    make: Callable[..., Any]
    if kind in CONNECTING and kind != "connecting":
        reason = system_error(stored)
        name = {"name": "ClientConnectorDNSError", "tls": "ClientConnectorSSLError"}.get(kind, "")
        if isinstance(reason, ssl.SSLCertVerificationError):
            name = "ClientConnectorCertificateError"
        make = getattr(aiohttp, name, aiohttp.ClientConnectorError)
        error: Exception = make(req.connection_key, reason)
        error.__cause__ = reason
        return error
    if kind in ("connecting", "reading", "writing", "waiting"):
        name = "ConnectionTimeoutError" if kind in ("connecting", "waiting") else "SocketTimeoutError"
        return AsyncTimeoutError() if "total" in stored else getattr(aiohttp, name)(message)
    if kind == "malformed" and not in_body:
        exceptions = sys.modules["aiohttp.http_exceptions"]
        return exceptions.HttpProcessingError(code=stored.get("code", 400), message=message)  # type: ignore[no-any-return]
    if in_body:
        return aiohttp.ClientPayloadError(message)  # type: ignore[no-any-return]
    if "errno" in stored:
        return aiohttp.ClientOSError(stored["errno"], message)  # type: ignore[no-any-return]
    return aiohttp.ServerDisconnectedError(message)  # type: ignore[no-any-return]
