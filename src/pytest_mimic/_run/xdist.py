"""xdist: each worker ships its account to the controller, which adds them up and judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._run.run import Run


class Merging:
    """The controller's hooks; registered only where xdist is."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker has ended, or died: then nothing can be judged."""
        account = getattr(node, "workeroutput", {}).get("mimic")
        if account is not None:
            self._run.session.ledger.add(account)
        if error is not None or account is None:
            self._run.narrow("a worker crashed")
