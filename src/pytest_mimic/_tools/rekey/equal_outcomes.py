"""Whether two recorded outcomes are equal, so that one recording may serve both calls.

No pickle is loaded.
"""

from __future__ import annotations

from pytest_mimic._core.outcome.outcome import Outcome, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import Adapter, load_adapter
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.agreement import Rules, compare
from pytest_mimic._core.vault.recording_facts import Stored
from pytest_mimic._tools.rekey.joining import body_text
from pytest_mimic._tools.rekey.lines_of_today import Line


class OutcomeComparison:
    """Compares outcomes of one target, as a run compares one that is recorded again."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._adapters: dict[str, Adapter] = {}

    def is_same(self, target: str, one: Stored, other: Stored, line: Line) -> bool:
        """Return whether two outcomes are equal.

        Those of a client are so if they agree in what verifying compares, without the
        paths of `volatile=`.
        """
        if _identified(one) == _identified(other):
            return True
        if not names_client(target) or "pickle" in one.entry or "pickle" in other.entry:
            return False
        adapter = self._adapter(target)
        first = one.load()
        second = other.load()
        rules = Rules(volatile=line.volatile, ordered=True)
        return not compare(
            _comparable(adapter, first, second),
            _comparable(adapter, second, first),
            rules,
            redactor=self._redactor,
        )

    def _adapter(self, target: str) -> Adapter:
        if target not in self._adapters:
            self._adapters[target] = load_adapter(target)
        return self._adapters[target]


def _identified(stored: Stored) -> str:
    """Return the identity of a pickled outcome, or the text of another."""
    fingerprint: str = stored.entry.get("fingerprint", "")
    return fingerprint or body_text(stored)


def _comparable(adapter: Adapter, outcome: Outcome, beside: Outcome) -> Outcome:
    if not isinstance(outcome, Value):
        return outcome
    other = beside.value if isinstance(beside, Value) else None
    return Value(adapter.comparable(outcome.value, other))
