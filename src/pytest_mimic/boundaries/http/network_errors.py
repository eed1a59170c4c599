"""The exceptions that sockets, TLS and the standard library's HTTP client raise, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from pytest_mimic._outcome.families import ExceptionFamily

# The other exceptions of `http.client` complain about its caller.
_OF_ANSWERS = ("RemoteDisconnected", "BadStatusLine", "LineTooLong", "UnknownProtocol", "HTTPException")
# What an exception of TLS says besides its text.
_DETAILS = ("library", "reason", "verify_code", "verify_message")


class NetworkErrors(ExceptionFamily):
    """The exceptions of a connection. Clients turn some of them into their own.

    A class that has no public name is stored as the first of its bases that has one.
    """

    modules: ClassVar[Mapping[str, str]] = {
        "http.client": "http.client",
        "ssl": "ssl",
        "socket": "socket",
        "builtins": "builtins",
    }

    def name(self, error: BaseException) -> str | None:
        """Return the name of the class or of a base, or None if nothing of the network has raised it."""
        if not isinstance(error, OSError):
            found = self.class_name(type(error))
            prefix, _, name = (found or "").partition(":")
            return found if prefix == "http.client" and name in _OF_ANSWERS else None
        return next(filter(None, map(self.class_name, type(error).__mro__)), None)

    def fields(self, error: BaseException) -> dict[str, Any]:
        """Return the text, the number of the error, and what TLS says besides."""
        number, text = getattr(error, "errno", None), getattr(error, "strerror", None)
        if number is None or not isinstance(text, str):
            return {"message": str(error)}
        details = {name: getattr(error, name, None) for name in _DETAILS}
        found = {name: value for name, value in details.items() if isinstance(value, (str, int))}
        return {"message": text, "errno": number, **found}

    def find(self, name: str) -> type[Exception] | None:
        """Return the class of this name."""
        module = self.modules.get(name.partition(":")[0])
        if module is not None:
            import_module(module)  # of the standard library
        return super().find(name)

    def make(self, cls: type[Exception], stored: Mapping[str, Any], **_: Any) -> Exception:
        """Return a new exception of the class."""
        message = stored["message"]
        if cls.__name__ == "LineTooLong":  # makes its own text of its argument
            return cls.__new__(cls, message)
        error = cls(stored["errno"], message) if "errno" in stored else cls(message)
        for name in _DETAILS:
            if name in stored:
                setattr(error, name, stored[name])
        return error


NETWORK_ERRORS = NetworkErrors()
