"""Adds up the ledgers of xdist's workers on the controller."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger


class WorkerLedgers:
    """A plugin for xdist's hooks. It calls `narrow` with a reason why the run is not complete."""

    def __init__(self, ledger: Ledger, narrow: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._narrow = narrow

    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add the ledger of a worker that has ended. A worker that crashed has sent none."""
        plain = getattr(node, "workeroutput", {}).get("mimic")
        if plain is not None:
            self._ledger.add(plain)
        if error is not None or plain is None:
            self._narrow("a worker crashed")
