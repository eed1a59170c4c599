"""What an application sees of responses and exceptions, as plain values to compare."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from unit.clients.http.matrix.scenarios import SECRETS

# What differs from run to run: addresses, the boundaries of multipart bodies, what digests are made of.
_ACCIDENTS = re.compile(
    r"0x[0-9a-f]{6,}"
    r"|(?<=boundary=)[-\w]+"
    r"|\b[0-9a-f]{16,64}\b|\bfake_value\b|\bnever\b"
    r"|\b(?:" + "|".join(SECRETS) + r")\b|(?<==)\"<redacted>\"|<redacted>"
)


def plain(value: Any) -> Any:
    """Return a value as plain ones, with a star for each secret and whatever differs from run to run."""
    if isinstance(value, str):
        return _ACCIDENTS.sub("*", value)
    if isinstance(value, bytes):
        return plain(value.decode("latin-1")).encode("latin-1")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, BaseException):
        return failure(value)
    if isinstance(value, Sequence):
        return [plain(each) for each in value]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return plain(f"{type(value).__name__} {value}")


def headers(pairs: Any) -> list[tuple[str, str]]:
    """Return the headers of a response in their order.

    A compressed body comes back in the same encoding with another length.
    """
    found = [(name, value) for name, value in pairs]
    is_compressed = any(name.lower() == "content-encoding" for name, _ in found)
    return [pair for pair in found if not (is_compressed and pair[0].lower() == "content-length")]


def failure(error: BaseException) -> dict[str, Any]:
    """Return an exception: its class, text, arguments and reason."""
    args = error.args
    if isinstance(error, UnicodeEncodeError):
        # Its text may be secret. A replay has only what the exception shows: one character, or the place of several.
        fault = error.object[error.start : error.end]
        fault = fault if len(fault) == 1 else "?" * len(fault)
        args = (error.encoding, fault, error.start, error.end, error.reason)
    seen = {
        "raised": type(error),
        "text": str(error),
        "args": args,
        "reason": getattr(error, "reason", None),
        "errno": getattr(error, "errno", None),
    }
    return {name: plain(value) for name, value in seen.items()}
