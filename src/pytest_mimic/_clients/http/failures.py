"""Errors of the network, stored by their kind, and raised as the exception of the client that asks.

A failure is plain data: `type` is its kind, `class` the name of the exception that was
recorded, and `message` its text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

Failure = dict[str, Any]

# Kinds. A connection failed: refused, unreachable in another way, its name not found,
# TLS, or a timeout. Then timeouts of reading and writing; waiting for a free
# connection; closed before the end; malformed; and refused by a proxy.
CONNECTING = ("refused", "unreachable", "name", "tls", "connecting")
# The body ended before its end: the client finds that out by itself.
CUT_OFF: Failure = {
    "type": "closed",
    "class": "IncompleteRead",
    "message": "the connection was closed early",
}
#: What a client gets that waits in a thread when its test has ended.
TEST_ENDED: Failure = {
    "type": "closed",
    "class": "RemoteDisconnected",
    "message": "Remote end closed connection without response",
}
# The kind of an exception by its class or the nearest base that is here: of the system,
# of `http.client`, httpx, urllib3, aiohttp.
_KINDS = {
    "ConnectionRefusedError": "refused",
    **dict.fromkeys(
        ("gaierror", "herror", "NameResolutionError", "ClientConnectorDNSError"), "name"
    ),
    **dict.fromkeys(
        ("SSLError", "ClientConnectorSSLError", "ClientConnectorCertificateError"),
        "tls",
    ),
    **dict.fromkeys(
        ("ConnectTimeout", "ConnectTimeoutError", "ConnectionTimeoutError"),
        "connecting",
    ),
    **dict.fromkeys(
        ("ReadTimeout", "ServerTimeoutError", "TimeoutError", "timeout"), "reading"
    ),
    "WriteTimeout": "writing",
    "PoolTimeout": "waiting",
    **dict.fromkeys(
        ("RemoteDisconnected", "ServerDisconnectedError", "IncompleteRead"), "closed"
    ),
    **dict.fromkeys(
        ("ReadError", "WriteError", "CloseError", "ClientPayloadError"), "closed"
    ),
    **dict.fromkeys(("BadStatusLine", "LineTooLong", "UnknownProtocol"), "malformed"),
    **dict.fromkeys(("RemoteProtocolError", "HttpProcessingError"), "malformed"),
    "ProxyError": "proxy",
    **dict.fromkeys(
        ("ConnectError", "NewConnectionError", "ClientConnectorError"), "unreachable"
    ),
    **dict.fromkeys(("ClientOSError", "ConnectionError"), "closed"),
    "OSError": "unreachable",
}
# The exception that each client raises for a kind, unless its own was recorded.
CLASSES = {
    "httpx": {
        **dict.fromkeys(CONNECTING, "ConnectError"),
        "connecting": "ConnectTimeout",
        "reading": "ReadTimeout",
        "writing": "WriteTimeout",
        "waiting": "PoolTimeout",
        "proxy": "ProxyError",
        "closed": "RemoteProtocolError",
        "malformed": "RemoteProtocolError",
    },
    "http.client": {
        "refused": "ConnectionRefusedError",
        "name": "gaierror",
        "tls": "SSLCertVerificationError",
        "unreachable": "OSError",
        "closed": "RemoteDisconnected",
        "malformed": "BadStatusLine",
        "proxy": "OSError",
        **dict.fromkeys(
            ("connecting", "reading", "writing", "waiting"), "TimeoutError"
        ),
    },
    "urllib3": {
        "refused": "NewConnectionError",
        "unreachable": "NewConnectionError",
        "name": "NameResolutionError",
        "connecting": "ConnectTimeoutError",
    },
    "aiohttp": {
        **dict.fromkeys(("refused", "unreachable", "proxy"), "ClientConnectorError"),
        "name": "ClientConnectorDNSError",
        "tls": "ClientConnectorCertificateError",
        **dict.fromkeys(("connecting", "waiting"), "ConnectionTimeoutError"),
        **dict.fromkeys(("reading", "writing"), "SocketTimeoutError"),
        "closed": "ServerDisconnectedError",
        "malformed": "HttpProcessingError",
    },
}
_SYSTEM = ("builtins", "http.client", "ssl", "socket")
_NUMBERED = re.compile(r"\[Errno (-?\d+)\] (.*)", re.DOTALL)
_ENDED = re.compile(
    "disconnected|closed connection|incomplete|without sending", re.IGNORECASE
)


def store_error(error: BaseException, phase: str) -> Failure | None:
    """Return an exception of a client, of the system or of `http.client` as plain data, or None if it is no outcome.

    A timeout of the system is one of the `phase`. If a client writes its text around
    that of the system, the latter is kept.
    """
    kind = _kind_of(error)
    if kind is None:
        return None
    found = {"type": kind, "class": type(error).__name__, "message": _text_of(error)}
    if kind == "malformed" and _ENDED.search(found["message"]):
        found["type"] = "closed"
    elif found["class"] in ("TimeoutError", "timeout"):
        found["type"] = phase
    elif (root := _root_of(error)) is not None and kind in (
        "unreachable",
        "name",
        "tls",
    ):
        found["type"] = str(_kind_of(root))
        if (root.strerror or str(root)) in found["message"]:
            found["message"] = str(root)
    return found


def _kind_of(error: BaseException) -> str | None:
    return next(
        (
            _KINDS[base.__name__]
            for base in type(error).__mro__
            if base.__name__ in _KINDS
        ),
        None,
    )


def _text_of(error: BaseException) -> str:
    """Return the text of an exception, without the status of aiohttp or the connection of urllib3 that may precede it."""
    is_pair = type(error).__name__ == "ConnectTimeoutError"
    message = error.args[-1] if is_pair else getattr(error, "message", None)
    return (
        message
        if isinstance(message, str)
        else str(error).removeprefix(f"{vars(error).get('conn')}: ")
    )


def _root_of(error: BaseException) -> OSError | None:
    """Return the exception of the system for which a client could not connect."""
    todo: list[Any] = [error]
    for one in todo:
        is_numbered = getattr(one, "errno", None) is not None or one is error
        if (
            isinstance(one, OSError)
            and is_numbered
            and type(one).__module__ in _SYSTEM
            and _kind_of(one) in CONNECTING
        ):
            return one
        if isinstance(one, BaseException) and len(todo) < 50:
            todo += [
                getattr(one, "os_error", None),
                getattr(one, "reason", None),
                *one.args,
            ]
            todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return None


def class_of(stored: Mapping[str, Any], client: str, module: Any) -> str:
    """Return the name of the exception of a client: the recorded one if it is its own."""
    name: str = stored["class"]
    own = getattr(module, name, None)
    is_own = isinstance(own, type) and issubclass(own, Exception) and name in _KINDS
    return name if is_own else CLASSES[client].get(stored["type"], "")


def system_error(stored: Mapping[str, Any]) -> Exception:
    """Return the exception of the system or of `http.client` for a failure."""
    message, kind = stored["message"], stored["type"]
    modules = [sys.modules[name] for name in _SYSTEM if name in sys.modules]
    name = CLASSES["http.client"][kind]
    make: Any = next(
        getattr(module, name) for module in modules if hasattr(module, name)
    )
    numbered = _NUMBERED.fullmatch(message)
    if kind == "tls":
        make = getattr(sys.modules["ssl"], stored["class"], make)
        return make(1, message)  # type: ignore[no-any-return]
    if numbered and issubclass(make, OSError):
        make = OSError if kind != "name" else make  # its number gives it its class
        return make(int(numbered[1]), numbered[2])  # type: ignore[no-any-return]
    return make(message)  # type: ignore[no-any-return]
