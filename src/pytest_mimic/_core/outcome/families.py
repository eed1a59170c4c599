"""Exceptions of drivers and clients as plain data, one family of classes for each library.

`exceptions` stores a user's exception whole. A library's exception may hold connections and secrets, so its family
stores only the fields that are needed to make it again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar


class ExceptionFamily:
    """The exceptions of one library: which are outcomes, which fields are stored, and how they are made again.

    A stored exception is a mapping: `type` is `PREFIX:NAME`, and the other keys are the fields. A subclass lists the
    modules that define the classes, by prefix, and overrides the methods in which its library differs. No other
    module is ever looked into, so an edited recording cannot name an arbitrary class.
    """

    modules: ClassVar[Mapping[str, str]] = {}

    def store(self, error: BaseException) -> dict[str, Any] | None:
        """Return the exception as plain data, or None if it is not an outcome of the library.

        The caller redacts the fields: only it knows the secrets of the call.
        """
        name = self.name(error)
        return None if name is None else {"type": name, **self.fields(error)}

    def load(self, stored: Mapping[str, Any], **context: Any) -> Exception:
        """Return the exception that was stored.

        `context` has objects of the replayed call that `make` hands to the exception, such as its request.

        Raises:
            LookupError: No module of the family has such a class.
        """
        cls = self.find(stored["type"])
        if cls is None:
            raise LookupError(f"{stored['type']} is not an exception of {', '.join(self.modules)}")
        return self.make(cls, stored, **context)

    def name(self, error: BaseException) -> str | None:
        """Return the name to store for the exception's class, or None if it is not an outcome.

        By default, the class itself must be in one of the modules: a user's subclass could not be made again.
        """
        return self.class_name(type(error))

    def fields(self, error: BaseException) -> dict[str, Any]:
        """Return what is stored besides the class: by default the message."""
        return {"message": str(error)}

    def make(self, cls: type[Exception], stored: Mapping[str, Any], **context: Any) -> Exception:
        """Return a new exception of the class: by default one with the message and the context."""
        return cls(stored["message"], **context)

    def class_name(self, cls: type[BaseException]) -> str | None:
        """Return `PREFIX:NAME` if a module of the family has the class under its own name."""
        for prefix, module in self.modules.items():
            if getattr(sys.modules.get(module), cls.__name__, None) is cls:
                return f"{prefix}:{cls.__name__}"
        return None

    def find(self, name: str) -> type[Exception] | None:
        """Return the class that `class_name` named, or None if its library does not have it or is not imported."""
        prefix, _, attribute = name.partition(":")
        found = getattr(sys.modules.get(self.modules.get(prefix, "")), attribute, None)
        return found if isinstance(found, type) and issubclass(found, Exception) else None
