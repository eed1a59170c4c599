"""Whether two recorded outcomes are equal, so that one recording may serve both calls.

No pickle is loaded.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.outcome.outcome import Outcome, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import Adapter, load_adapter
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.agreement import ComparisonRules, compare
from pytest_mimic._core.vault.outcome_entries import EMPTY, body_of_entry
from pytest_mimic._core.vault.recording_facts import StoredOutcome


class OutcomeComparison:
    """Tells whether one recording may take the place of two: their outcomes are equal.

    `rekey` then joins the two, and a miss offers `rekey`. Outcomes are compared as a
    run compares one that is recorded again.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._adapters: dict[str, Adapter] = {}

    def is_same(
        self,
        target: str,
        first_outcome: StoredOutcome,
        second_outcome: StoredOutcome,
        *,
        volatile: Collection[str],
    ) -> bool:
        """Return whether two outcomes are equal.

        Two outcomes of a client are equal if what verifying compares of them is,
        without the paths of `volatile`.
        """
        if _identity_or_text(first_outcome) == _identity_or_text(second_outcome):
            return True
        has_pickle = "pickle" in first_outcome.entry or "pickle" in second_outcome.entry
        if has_pickle or not names_client(target):
            # No pickle is loaded, and of a function each difference counts.
            return False
        adapter = self._adapter(target)
        first_answer = first_outcome.load()
        second_answer = second_outcome.load()
        rules = ComparisonRules(volatile=volatile, mapping_order_counts=True)
        differences = compare(
            _comparable_outcome(adapter, first_answer, second_answer),
            _comparable_outcome(adapter, second_answer, first_answer),
            rules,
            redactor=self._redactor,
        )
        return not differences

    def _adapter(self, target: str) -> Adapter:
        if target not in self._adapters:
            self._adapters[target] = load_adapter(target)
        return self._adapters[target]


def _identity_or_text(stored_outcome: StoredOutcome) -> str:
    """Return the identity of a pickled outcome, or the text of another."""
    fingerprint: str = stored_outcome.entry.get("fingerprint", "")
    return fingerprint or text_of_outcome(stored_outcome)


def text_of_outcome(stored_outcome: StoredOutcome) -> str:
    """Return an outcome as JSON text: equal values of one type have equal texts.

    Of a pickle, the text has the name of the pickle's file.
    """
    outcome_entry = stored_outcome.entry
    facts = {
        name: outcome_entry.get(name) for name in ("awaited", "tagged", "coroutine")
    }
    body: Any = {}
    if stored_outcome.mark != EMPTY:
        body = body_of_entry(outcome_entry)
    return json_in_lines([facts, body])


def _comparable_outcome(
    adapter: Adapter, outcome: Outcome, other_outcome: Outcome
) -> Outcome:
    """Return a recorded outcome, of a value only what the client's adapter compares.

    What is compared of one answer may depend on the other answer: the adapter is given
    both, or None if the other outcome is an error.
    """
    if not isinstance(outcome, Value):
        return outcome
    other_value = None
    if isinstance(other_outcome, Value):
        other_value = other_outcome.value
    return Value(adapter.comparable(outcome.value, other_value))
