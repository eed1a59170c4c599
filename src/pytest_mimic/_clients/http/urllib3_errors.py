"""The exceptions of urllib3 as plain data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_mimic._clients.http.network_errors import NETWORK_ERRORS, ClientErrors

# Raised while it connects.
_BEFORE_SENDING = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError")
# Its constructor takes the exception that caused it, after the message if it has one.
_WITH_CAUSE = ("SSLError", "ProxyError", "ProtocolError")


class Urllib3Errors(ClientErrors):
    """The exceptions that an attempt of a pool raises: urllib3's own, and those of its connection.

    Most of them name the pool or the connection. Their texts begin with it, which differs from run to run.
    """

    modules: ClassVar[Mapping[str, str]] = {"urllib3": "urllib3.exceptions"}

    def __init__(self, pool: Any, conn: Any, url: str) -> None:
        self._pool = pool
        self._conn = conn
        self._url = url

    def store(self, error: BaseException) -> dict[str, Any] | None:
        """Return the exception as plain data, or None if nothing of the network has raised it."""
        if self.class_name(type(error)) is None:
            return NETWORK_ERRORS.store(error)
        return super().store(error)

    def load(self, stored: Mapping[str, Any], **context: Any) -> Exception:
        """Return the exception that was stored."""
        if not stored["type"].startswith("urllib3:"):
            return NETWORK_ERRORS.load(stored, **context)
        error = super().load(stored, **context)
        # Version 1 holds the reasons of these exceptions, but raises them from nothing.
        is_old = sys.modules["urllib3"].__version__.startswith("1.")
        if type(error).__name__ == "MaxRetryError":
            error.__cause__ = None if is_old else getattr(error, "reason", None)
        elif type(error).__name__ == "ProxyError" and isinstance(error.args[-1], Exception):
            error.__cause__ = None if is_old else error.args[-1]
        return error

    def store_cause(self, cause: BaseException) -> dict[str, Any] | None:
        """Return a cause as plain data, or None if nothing of the network has raised it."""
        return self.store(cause)

    def load_cause(self, stored: Mapping[str, Any]) -> Exception:
        """Return the cause that was stored."""
        return self.load(stored)

    def name(self, error: BaseException) -> str | None:
        """Return the name of a class of urllib3."""
        is_own = isinstance(error, sys.modules["urllib3.exceptions"].HTTPError)
        return self.class_name(type(error)) if is_own else None

    def fields(self, error: BaseException) -> dict[str, Any]:
        """Return the text and the exception that caused it, if there is one."""
        cause = next((arg for arg in error.args if isinstance(arg, Exception)), None)
        if type(error).__name__ == "MaxRetryError":
            cause = getattr(error, "reason", None)
        message = getattr(error, "location", None) or next(filter(_is_text, error.args), "")
        own = vars(error)
        for owner in (self._conn, self._pool, own.get("conn"), own.get("pool")):
            message = message.removeprefix(f"{owner}: ")
        stored = self.store(cause) if cause is not None else None
        return {"message": message} if stored is None else {"message": message, "cause": stored}

    def make(self, cls: type[Exception], stored: Mapping[str, Any], **_: Any) -> Exception:
        """Return a new exception about this pool and connection."""
        name, message = cls.__name__, stored["message"]
        cause = self.load(stored["cause"]) if "cause" in stored else None
        error: Exception
        if name == "NameResolutionError" and cause is not None:
            host = self._conn.host if self._conn is not None else message.partition("'")[2].partition("'")[0]
            error = cls(host, self._conn, cause)
        elif name in _BEFORE_SENDING:
            error = cls(self._conn, message)
        elif name == "MaxRetryError":
            error = cls(self._pool, self._url, cause)
        elif name == "ReadTimeoutError":
            error = cls(self._pool, self._url, message)
        elif name in _WITH_CAUSE and cause is not None:
            error = cls(message, cause) if message else cls(cause)
        else:
            error = cls(message)
            if message not in (str(error), getattr(error, "location", None)):
                error = cls.__new__(cls, message)  # it makes its own text of its argument
        return error


def _is_text(arg: object) -> bool:
    return isinstance(arg, str)


def is_before_sending(error: Exception) -> bool:
    """Check whether an attempt failed before it sent anything."""
    return type(error).__module__ == "urllib3.exceptions" and type(error).__name__ in _BEFORE_SENDING
