"""The stack of pytest runs in this process: the only state of a run at module level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# A `pytest_mimic._session.Session`, untyped: errors ask for it, which stand below all else.
_runs: list[Callable[[], Any]] = []


def push(session_of: Callable[[], Any]) -> None:
    """A run begins; `session_of` gives its session, made on first use."""
    _runs.append(session_of)


def pop(session_of: Callable[[], Any]) -> None:
    """A run ends, wherever it stands in the stack."""
    _runs.remove(session_of)


def current() -> Any:
    """The session of the innermost run; None outside of pytest, and with `-p no:mimic`."""
    return _runs[-1]() if _runs else None
