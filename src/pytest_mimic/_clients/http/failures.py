"""Errors of the network, stored by their kind.

They are raised as the exception of the client that asks.

These are the kinds:

| kind | when | what went wrong |
|---|---|---|
| `waiting` | before connecting | no connection of the pool became free in time |
| `name` | connecting | the name of the host was not found |
| `refused` | connecting | the host refused the connection |
| `unreachable` | connecting | the host was not reached for another reason |
| `connecting` | connecting | it took too long |
| `proxy` | connecting | a proxy refused to pass the connection on |
| `tls` | connecting | the handshake or the certificate was bad |
| `writing` | sending the request | it took too long |
| `reading` | reading the response | it took too long |
| `closed` | at any time | the connection was closed before the end |
| `malformed` | reading the response | the client cannot parse or decompress it |

A failure is plain data:

| key | value |
|---|---|
| `type` | its kind |
| `class` | the name of the exception that was recorded |
| `message` | its text |
| `received` | of a malformed chunk: what the server sent in its place |
| `came`, `missing` | of a chunk that broke off: the sizes of what came and the rest |
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

Failure = dict[str, Any]

# The kinds of a connection that could not be made.
CONNECTING = ("refused", "unreachable", "name", "tls", "connecting")
# The body broke off: in a replay, the client finds that out by itself.
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
# The client could not decompress the body, which comes back as it was: a replay finds
# that out again.
BROKEN_ENCODING: Failure = {
    "type": "malformed",
    "class": "DecodingError",
    "message": "the body is not in the encoding that its head names",
}
# The kind of an exception by its class or the nearest base that is here: of the system,
# of `http.client`, httpx, urllib3, aiohttp. An exception without a kind is no outcome,
# so that nothing is recorded.
_KINDS_OF_EXCEPTIONS = {
    # No connection was made.
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
    # It took too long. `store_failure` gives a timeout of the system its phase as kind.
    **dict.fromkeys(
        ("ReadTimeout", "ServerTimeoutError", "TimeoutError", "timeout"), "reading"
    ),
    "WriteTimeout": "writing",
    "PoolTimeout": "waiting",
    # The connection broke, or what came cannot be read.
    **dict.fromkeys(
        ("RemoteDisconnected", "ServerDisconnectedError", "IncompleteRead"), "closed"
    ),
    **dict.fromkeys(
        ("ReadError", "WriteError", "CloseError", "ClientPayloadError"), "closed"
    ),
    **dict.fromkeys(("BadStatusLine", "LineTooLong", "UnknownProtocol"), "malformed"),
    **dict.fromkeys(("RemoteProtocolError", "HttpProcessingError"), "malformed"),
    **dict.fromkeys(("ProxyError", "ClientHttpProxyError"), "proxy"),
    # The kinds of these bases are for the classes below them that are not named here.
    **dict.fromkeys(
        ("ConnectError", "NewConnectionError", "ClientConnectorError"), "unreachable"
    ),
    **dict.fromkeys(("ClientOSError", "ConnectionError"), "closed"),
    "OSError": "unreachable",
}
# By client and kind, the name of the exception that a replay raises, if the client does
# not have the class of the recorded one. urllib3 wraps the system's errors: a kind that
# it lacks is raised as `http.client`'s. Names stand in place of the classes, so that no
# client is imported.
EXCEPTION_OF_KIND = {
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
    # `system_error` makes these: urllib3 gets them for kinds that it lacks below, and
    # aiohttp as the causes of its own.
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
        "refused": "ClientConnectorError",
        "unreachable": "ClientConnectorError",
        "proxy": "ClientHttpProxyError",
        "name": "ClientConnectorDNSError",
        "tls": "ClientConnectorCertificateError",
        **dict.fromkeys(("connecting", "waiting"), "ConnectionTimeoutError"),
        **dict.fromkeys(("reading", "writing"), "SocketTimeoutError"),
        "closed": "ServerDisconnectedError",
        "malformed": "HttpProcessingError",
    },
}
# The modules whose exceptions are those of the system, in which a replay looks for the
# class of one.
_MODULES_OF_SYSTEM = ("builtins", "http.client", "ssl", "socket")
# The text of an `OSError` with its number, of which a replay makes the same error.
_TEXT_WITH_ERRNO = re.compile(r"\[Errno (-?\d+)\] (.*)", re.DOTALL)
# Words in the text of an error by which a server has closed the connection.
_WORDS_OF_LOST_CONNECTION = re.compile(
    "disconnected|closed connection|incomplete|without sending", re.IGNORECASE
)
#: What `http.client` writes before the answer of a proxy that refuses a tunnel.
TUNNEL_FAILED = "Tunnel connection failed: "
# About so many reasons behind an exception are looked at, at most.
_MOST_REASONS = 50


def store_failure(error: BaseException, phase: str) -> Failure | None:
    """Return an exception as plain data; None if it is no outcome.

    Exceptions of a client, of the system and of `http.client` are outcomes.

    The type of a timeout of the system is that of the `phase`. If a client writes its
    own text around that of the system, the text of the system is kept: another client
    that replays the failure writes its own around it.
    """
    kind = _kind_of(error)
    if kind is None:
        return None
    message = _text_of(error)
    class_name = type(error).__name__
    if message.startswith(TUNNEL_FAILED):
        kind = "proxy"
        message = message.removeprefix(TUNNEL_FAILED)
    elif kind == "malformed" and _WORDS_OF_LOST_CONNECTION.search(message):
        kind = "closed"
    elif type(error.__cause__).__name__ == "ContentEncodingError":
        # aiohttp could not decompress the body.
        kind = "malformed"
    elif class_name in ("TimeoutError", "timeout"):
        # The exception itself does not say what took too long.
        kind = phase
    elif kind in ("unreachable", "name", "tls"):
        system_error_behind = _system_error_behind(error)
        if system_error_behind is not None:
            kind = str(_kind_of(system_error_behind))
            text_of_system = system_error_behind.strerror or str(system_error_behind)
            if text_of_system in message:
                message = str(system_error_behind)
        else:
            # A resolver of aiohttp may raise an `OSError` that has no number.
            resolver_error = getattr(error, "os_error", None)
            text_of_resolver = getattr(resolver_error, "strerror", None)
            if text_of_resolver and text_of_resolver in message:
                message = text_of_resolver
    return {"type": kind, "class": class_name, "message": message}


def _kind_of(error: BaseException) -> str | None:
    """Return the kind of an exception by its class, `refused`; None if it has none."""
    if type(error).__name__ == "HTTPException":
        # `http.client` raises its base class for too many headers. Its subclasses that
        # have no kind are mistakes of the caller.
        return "malformed"
    for base in type(error).__mro__:
        if base.__name__ in _KINDS_OF_EXCEPTIONS:
            return _KINDS_OF_EXCEPTIONS[base.__name__]
    return None


def _text_of(error: BaseException) -> str:
    """Return the text of an exception, as it is recorded.

    The connection of urllib3 that may precede the text is left out. The text about an
    answer of a proxy begins with the status.
    """
    message = getattr(error, "message", None)
    if type(error).__name__ == "ConnectTimeoutError":
        # The arguments of this error are a pool and a text.
        message = error.args[-1]
    if not isinstance(message, str):
        # urllib3 writes its connection before the text of some errors.
        return str(error).removeprefix(f"{vars(error).get('conn')}: ")
    if type(error).__name__ == "ClientHttpProxyError":
        return f"{getattr(error, 'status', '')} {message}"
    return message


def _system_error_behind(error: BaseException) -> OSError | None:
    """Return the exception of the system for which a client could not connect.

    None: the client could not for another reason.
    """
    reasons: list[Any] = [error]
    # The list grows by the reasons of each error in it.
    for reason in reasons:
        if isinstance(reason, OSError) and _is_of_system(
            reason, is_first=reason is error
        ):
            return reason
        # Each client keeps the error behind its own in another place.
        if isinstance(reason, BaseException) and len(reasons) < _MOST_REASONS:
            reasons += [
                getattr(reason, "os_error", None),
                getattr(reason, "reason", None),
                *reason.args,
                reason.__cause__,
                reason.__context__,
                *getattr(reason, "exceptions", ()),
            ]
    return None


def _is_of_system(reason: OSError, *, is_first: bool) -> bool:
    """Check whether a reason is an error of the system about connecting.

    Its kind and text are recorded in place of the client's. One that is wrapped in
    another has a number; others are of a client's own making.
    """
    if type(reason).__module__ not in _MODULES_OF_SYSTEM:
        return False
    is_numbered = reason.errno is not None or is_first
    return is_numbered and _kind_of(reason) in CONNECTING


def exception_name(failure: Mapping[str, Any], client: str, module: Any) -> str:
    """Return the name of the exception that a client raises for a recorded failure.

    This is the recorded exception if the client has it, else the client's exception for
    the kind of the failure. The name is empty if there is none.

    Args:
        failure: The recorded failure.
        client: The client: a key of `EXCEPTION_OF_KIND`.
        module: The module of the client, which has its exceptions.
    """
    recorded_name: str = failure["class"]
    is_exception = _is_exception(getattr(module, recorded_name, None))
    # Anybody may have edited the recording: no other class of the module is raised.
    if is_exception and recorded_name in _KINDS_OF_EXCEPTIONS:
        return recorded_name
    return EXCEPTION_OF_KIND[client].get(failure["type"], "")


def _is_exception(attribute: Any) -> bool:
    """Check whether the attribute of a module is a class of exceptions."""
    return isinstance(attribute, type) and issubclass(attribute, Exception)


def system_error(failure: Mapping[str, Any]) -> Exception:
    """Return the exception of the system or of `http.client` for a recorded failure.

    `http.client` raises it. urllib3 gets it for kinds that it lacks, and aiohttp as the
    cause of an exception of its own.
    """
    message = failure["message"]
    kind = failure["type"]
    if kind == "malformed":
        return _malformed_error(failure["class"], message)
    if kind == "proxy":
        return OSError(f"{TUNNEL_FAILED}{message}")
    error_class = _class_of_system(EXCEPTION_OF_KIND["http.client"][kind])
    if kind == "tls":
        recorded_class = getattr(sys.modules["ssl"], failure["class"], None)
        if _is_exception(recorded_class):
            error_class = recorded_class
        # The errors of OpenSSL that a handshake raises have the number 1.
        return error_class(1, message)  # type: ignore[no-any-return]
    text_with_number = _TEXT_WITH_ERRNO.fullmatch(message)
    if text_with_number and issubclass(error_class, OSError):
        if kind != "name":
            # The number of an `OSError` gives it its class.
            error_class = OSError
        number = int(text_with_number[1])
        return error_class(number, text_with_number[2])  # type: ignore[no-any-return]
    return error_class(message)  # type: ignore[no-any-return]


def _class_of_system(name: str) -> Any:
    """Return an exception class of Python, of `http.client` or of `socket`, by name.

    The name is one of `EXCEPTION_OF_KIND`, not one that a recording has.
    """
    for module_name in _MODULES_OF_SYSTEM:
        module = sys.modules.get(module_name)
        if module is not None and hasattr(module, name):
            return getattr(module, name)
    raise LookupError(name)


def _malformed_error(name: str, message: str) -> Exception:
    """Return the exception of `http.client` for an answer that it cannot parse.

    This is the recorded exception if `http.client` has it, else `BadStatusLine`.
    """
    module: Any = sys.modules["http.client"]
    if name == "HTTPException":
        return module.HTTPException(message)  # type: ignore[no-any-return]
    if name != "LineTooLong":
        return module.BadStatusLine(message)  # type: ignore[no-any-return]
    # The class would write its own text around the one that was recorded.
    error: Exception = module.LineTooLong.__new__(module.LineTooLong)
    error.args = (message,)
    return error
