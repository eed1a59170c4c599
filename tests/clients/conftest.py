"""The fixtures of the tests of clients that need their servers."""

from __future__ import annotations

from unit.clients.conftest import _ended_runs, runs

__all__ = ["_ended_runs", "runs"]
