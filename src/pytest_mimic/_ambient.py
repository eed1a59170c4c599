"""The stack of pytest runs in this process: the only state of a run at module level."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._session import Session

_runs: list[Callable[[], Session]] = []


def push(session_of: Callable[[], Session]) -> None:
    """A run begins; `session_of` gives its session, made on first use."""
    _runs.append(session_of)


def pop(session_of: Callable[[], Session]) -> None:
    """A run ends, wherever it stands in the stack."""
    _runs.remove(session_of)


def current() -> Session | None:
    """The session of the innermost run; None outside of pytest, and with `-p no:mimic`."""
    return _runs[-1]() if _runs else None
