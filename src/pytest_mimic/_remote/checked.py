"""Checks the facts that a store returned: JSON of any shape, as whoever may write to the store chooses its bytes.

Each function returns a fact of the right kind. One of `WRONG_SHAPE`: it is of another one.
"""

from __future__ import annotations

import re

from pytest_mimic._remote.ulids import is_ulid

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

#: The errors of JSON with another shape. RecursionError: it is nested deeply.
WRONG_SHAPE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FOLDERS = ("calls/", "cassettes/", "objects/")


def digest(text: str) -> str:
    """Return a SHA-256 in hex, which may be a part of a key and of a file name."""
    if not _DIGEST.fullmatch(text):
        raise ValueError(text)
    return text


def name(text: str) -> str:
    """Return the name of a recording or an object, which may be that of a file: a vault can be copied to a folder."""
    if not text.startswith(_FOLDERS) or "/../" in text or "\0" in text:
        raise ValueError(text)
    return text


def ulid(text: str) -> str:
    """Return a ULID."""
    if not is_ulid(text):
        raise ValueError(text)
    return text


def number(value: int) -> int:
    """Return a number of bytes, recordings or the like."""
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def text(value: str) -> str:
    """Return a text."""
    if type(value) is not str:
        raise TypeError(value)
    return value
