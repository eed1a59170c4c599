"""Why an outcome cannot be stored exactly, or not loaded again."""

from __future__ import annotations


class NotExactError(Exception):
    """A part has no exact form in JSON."""


class UnkeptError(TypeError):
    """A value cannot be stored: it reads files later, or its class is pickled as a library's, which leaves out what it adds."""


class MisreadError(ValueError):
    """A node is not as it was written. The text has the tag and the beginning of its part."""


class OutdatedClassError(Exception):
    """A class has changed since a value was stored. The text says how: `shop:User has no field "mail" any more`."""


class RefusedError(Exception):
    """A recording imports a name that it does not list."""


class DamagedError(Exception):
    """The bytes are not those that were written. The text says how they differ, or is empty."""
