"""A fingerprint of source: what a function or class does, not how it is laid out."""

from __future__ import annotations

import ast


def source_fingerprint(value: object) -> str | None:
    """Give the digest of the normalised source of a function, method or class.

    Comments, docstrings and layout do not count. The digest is the same on each Python.

    Returns:
        32 hex digits; `None` where there is no source: builtins, code that was typed in.
    """
    raise NotImplementedError


def digest_of_syntax(node: ast.AST) -> str:
    """Give the digest of a piece of syntax, less docstrings."""
    raise NotImplementedError
