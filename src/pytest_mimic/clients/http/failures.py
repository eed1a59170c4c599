"""Errors of the network, stored by their kind and raised by the client's classes."""

from __future__ import annotations

import re
import sys
from typing import Any

from pytest_mimic.client import Plain

# By kind, the names of exceptions: of the system, http.client, urllib3, httpx, aiohttp.
# The first that a module of the client has is raised.
_TABLE = """
    refused: ConnectionRefusedError NewConnectionError ConnectError ClientConnectorError ConnectionError
    name not found: gaierror NameResolutionError ConnectError ClientConnectorDNSError NewConnectionError ClientConnectorError
    TLS: SSLCertVerificationError SSLError ClientConnectorCertificateError ClientConnectorSSLError ConnectError
    timeout of connecting: ConnectTimeout ConnectTimeoutError ConnectionTimeoutError ServerTimeoutError TimeoutError timeout
    timeout of reading: ReadTimeout ReadTimeoutError SocketTimeoutError ServerTimeoutError TimeoutError timeout
    timeout of writing: WriteTimeout TimeoutError timeout
    no connection free: PoolTimeout EmptyPoolError ConnectionTimeoutError
    closed early: RemoteDisconnected IncompleteRead RemoteProtocolError ProtocolError ServerDisconnectedError ClientPayloadError ChunkedEncodingError ReadError WriteError ClientOSError ConnectionResetError BrokenPipeError ConnectionAbortedError
    malformed: BadStatusLine LineTooLong HTTPException RemoteProtocolError LocalProtocolError DecodingError DecodeError ContentDecodingError ClientResponseError HttpProcessingError InvalidHeader
    unreachable: OSError ClientProxyConnectionError
"""  # noqa: E501
OF_CONNECTING = ("refused", "unreachable", "name not found", "timeout of connecting")
BEFORE_SENDING = (*OF_CONNECTING, "TLS")
"""The kinds of errors before which nothing of a request was sent."""
_TUNNEL = "Tunnel connection failed"
NAMES_BY_KIND = {
    line.split(":")[0].strip(): line.split(":")[1].split()
    for line in _TABLE.strip().split("\n")
}


def kind_of(error: BaseException, phase: str = "reading") -> str:
    """Return the kind of an error of the network; empty: it is none.

    The error's own class decides, then its bases, then what caused it: clients wrap the
    errors of the system.

    Args:
        error: The error.
        phase: What was done: `connecting`, `writing`, `reading`.
    """
    if type(error).__name__.endswith("ProxyError") or _TUNNEL in str(error):
        return ""  # What a proxy refuses says nothing of the service.
    kinds: list[str] = []
    current: BaseException | None = error
    while current is not None and len(kinds) < 8:
        found, name = _kind_of_class(type(current)), type(current).__name__
        if name in ("TimeoutError", "timeout"):
            found = f"timeout of {phase}"
        elif name == "RemoteProtocolError":
            # httpx has one class for both.
            is_closed = re.search("disconnected|closed", str(current))
            found = "closed early" if is_closed else "malformed"
        if found:
            kinds.append(found)
        current = current.__cause__ or current.__context__
    # The deepest one says most: a refused connection, not an error of connecting.
    specific = [kind for kind in kinds if kind not in ("unreachable", "refused")]
    return (specific or sorted(kinds) or [""])[0]


def _kind_of_class(class_: type[BaseException]) -> str:
    for base in class_.__mro__:
        for kind, names in NAMES_BY_KIND.items():
            if base.__name__ in names:
                return kind
    return ""


def plain(error: BaseException, phase: str = "reading") -> Plain:
    """Return an error of the network as it is stored."""
    class_ = type(error)
    name = f"{class_.__module__}.{class_.__qualname__}"
    text = str(error)
    if len(error.args) == 2 and not isinstance(error.args[0], int):
        # urllib3 prints its connection, with the address in memory, before the text.
        text = next((one for one in error.args if isinstance(one, str)), text)
    return {"kind": kind_of(error, phase), "class": name, "text": text}


def class_of(error: Plain, modules: list[str]) -> type[Any]:
    """Return the exception of a client for an error: the recorded class if it has it.

    Args:
        error: The error.
        modules: Where the client has its exceptions, the nearest first.
    """
    module, _, name = error.get("class", "").rpartition(".")
    places = [(one, name) for one in modules for name in NAMES_BY_KIND[error["kind"]]]
    if any(module == one or module.startswith(f"{one}.") for one in modules):
        places.insert(0, (module, name))
    for module, name in places:
        found = getattr(sys.modules.get(module), "__dict__", {}).get(name)
        if isinstance(found, type) and issubclass(found, Exception):
            return found
    return ConnectionError
