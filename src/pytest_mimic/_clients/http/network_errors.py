"""The exceptions that sockets, TLS and Python itself raise inside HTTP clients, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from pytest_mimic._core.outcome.families import ExceptionFamily

# The other exceptions of `http.client` complain about the order of calls.
_OF_EXCHANGES = (
    "RemoteDisconnected",
    "BadStatusLine",
    "LineTooLong",
    "UnknownProtocol",
    "HTTPException",
    "InvalidURL",
)
# What an exception of TLS says besides its text.
_DETAILS = ("library", "reason", "verify_code", "verify_message")
_COMPLAINTS = (
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    UnicodeError,
    UnicodeEncodeError,
)


class Complaints(ExceptionFamily):
    """The exceptions of Python with which a client refuses a request, such as a header that cannot be encoded."""

    modules: ClassVar[Mapping[str, str]] = {"builtins": "builtins"}

    def name(self, error: BaseException) -> str | None:
        """Return the name of the class if the exception holds only a text."""
        is_text = len(error.args) < 2 and all(isinstance(arg, str) for arg in error.args)
        is_complaint = type(error) in _COMPLAINTS and (is_text or type(error) is UnicodeEncodeError)
        return self.class_name(type(error)) if is_complaint else None

    def fields(self, error: BaseException) -> dict[str, Any]:
        """Return the text; of a text that cannot be encoded, only what the exception shows: it may be secret."""
        if not isinstance(error, UnicodeEncodeError):
            return super().fields(error)
        fault = error.object[error.start : error.end]
        if len(fault) > 1:  # of several characters, only the place is shown
            fault = "?" * len(fault)
        return {"message": error.reason, "encoding": error.encoding, "start": error.start, "fault": fault}

    def find(self, name: str) -> type[Exception] | None:
        """Return the class of this name."""
        found = super().find(name)
        return found if found in _COMPLAINTS else None

    def make(self, cls: type[Exception], stored: Mapping[str, Any], **_: Any) -> Exception:
        """Return a new exception of the class."""
        message = stored["message"]
        if cls is UnicodeEncodeError:
            start, fault = stored["start"], stored["fault"]
            return cls(stored["encoding"], "?" * start + fault, start, start + len(fault), message)
        return cls(message) if message else cls()


COMPLAINTS = Complaints()


class ClientErrors(ExceptionFamily):
    """The exceptions of a client, and its complaints. An exception is stored with its cause."""

    def store(self, error: BaseException) -> dict[str, Any] | None:
        """Return the exception as plain data, or None if it is not an outcome."""
        stored = super().store(error) or COMPLAINTS.store(error)
        if stored is None or error.__cause__ is None or "cause" in stored:
            return stored
        cause = self.store_cause(error.__cause__)
        return stored if cause is None else {**stored, "cause": cause}

    def load(self, stored: Mapping[str, Any], **context: Any) -> Exception:
        """Return the exception that was stored."""
        if COMPLAINTS.find(stored["type"]) is not None:
            error = COMPLAINTS.load(stored)
        else:
            error = super().load(stored, **context)
        if "cause" in stored and not any(isinstance(arg, Exception) for arg in error.args):
            error.__cause__ = self.load_cause(stored["cause"])
        return error

    def store_cause(self, cause: BaseException) -> dict[str, Any] | None:
        """Return a cause as plain data, or None if nothing of the network has raised it."""
        return NETWORK_ERRORS.store(cause)

    def load_cause(self, stored: Mapping[str, Any]) -> Exception:
        """Return the cause that was stored."""
        return NETWORK_ERRORS.load(stored)


class NetworkErrors(ClientErrors):
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
            return found if prefix == "http.client" and name in _OF_EXCHANGES else None
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
        args = (stored["errno"], message) if "errno" in stored else (message,) if message else ()
        error = cls(*args)
        for name in _DETAILS:
            if name in stored:
                setattr(error, name, stored[name])
        return error


NETWORK_ERRORS = NetworkErrors()
