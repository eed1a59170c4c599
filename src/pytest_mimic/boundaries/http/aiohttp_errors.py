"""Exceptions of aiohttp's client as plain data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_mimic._outcome.families import ExceptionFamily

TIMEOUT = "asyncio:TimeoutError"


class AiohttpErrors(ExceptionFamily):
    """The exceptions of aiohttp, and timeouts. `load` needs the request as `req`."""

    modules: ClassVar[Mapping[str, str]] = {
        "aiohttp": "aiohttp",
        "aiohttp.http_exceptions": "aiohttp.http_exceptions",
        "asyncio": "asyncio",
    }

    def name(self, error: BaseException) -> str | None:
        """Return the name to store for the exception's class; None if it needs objects that are not stored."""
        from asyncio import TimeoutError as AsyncTimeoutError

        aiohttp = sys.modules["aiohttp"]
        if isinstance(error, AsyncTimeoutError) and not isinstance(error, aiohttp.ClientError):
            return TIMEOUT
        if isinstance(error, sys.modules["aiohttp.http_exceptions"].HttpProcessingError):
            # The server does not speak HTTP. The response turns this into a ClientResponseError.
            return "aiohttp.http_exceptions:HttpProcessingError"
        if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ServerFingerprintMismatch)):
            return None
        return self.class_name(type(error)) if isinstance(error, aiohttp.ClientError) else None

    def fields(self, error: Any) -> dict[str, Any]:
        """Return the message, and the code of a status or of the operating system."""
        if isinstance(error, sys.modules["aiohttp.http_exceptions"].HttpProcessingError):
            return {"message": error.message, "code": error.code}
        reason = getattr(error, "os_error", error)
        if isinstance(reason, OSError) and reason.errno is not None:
            return {"message": reason.strerror or "", "errno": reason.errno}
        return {"message": str(error)}

    def make(self, cls: Any, stored: Mapping[str, Any], **context: Any) -> Exception:
        """Return the exception for the request of a replay."""
        aiohttp = sys.modules["aiohttp"]
        message = stored["message"]
        reason = OSError(stored.get("errno"), message)
        if issubclass(cls, (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)):
            error: Exception = cls(context["req"].connection_key, reason)
        elif "errno" in stored:
            error = cls(*reason.args)
        elif "code" in stored:
            error = cls(code=stored["code"], message=message)
        else:
            error = cls(message) if message else cls()
        return error


ERRORS = AiohttpErrors()
