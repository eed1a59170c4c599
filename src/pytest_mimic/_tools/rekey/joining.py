"""Recordings that come to one identity, and whether their outcomes are equal.

They become a sequence, or one recording, or stay as they are. No pickle is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from pytest_mimic._core.engine.recorded_identities import CannotFollowError
from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.outcome.outcome import Outcome, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import Adapter, load_adapter
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.agreement import ComparisonRules, compare
from pytest_mimic._core.vault.outcome_entries import EMPTY, body_of_entry
from pytest_mimic._core.vault.recording_facts import Stored
from pytest_mimic._tools.rekey.calls_to_rekey import Entry, Facts, Rekeyed
from pytest_mimic._tools.rekey.lines_of_today import Line

IsSame = Callable[[Stored, Stored], bool]
"""Returns whether two outcomes of one target are equal."""


class DifferentOutcomesError(CannotFollowError):
    """Recordings that would become one have different outcomes."""


def joined_sequence(members: Sequence[Rekeyed]) -> Facts:
    """Return the recording that several recordings of one owner become.

    The outcomes stand in the order of the calls.

    The n-th equal call of a test gets its n-th outcome. So with the outcomes of calls 1
    and 3 in one recording, and that of call 2 in the other, the order is 1, 2, 3.

    Raises:
        CannotFollowError: The order is not known, or a source has changed in between.
    """
    if len(members) == 1:
        return members[0].facts
    rows: list[tuple[int, Rekeyed, Entry]] = []
    for member in members:
        for stored_outcome, outcome_entry in zip(
            member.outcomes, member.facts["outcomes"], strict=True
        ):
            rows.append((stored_outcome.number, member, outcome_entry))
    numbers = {number for number, _, _ in rows}
    if 0 in numbers or len(numbers) < len(rows):
        raise CannotFollowError("the order of its calls in the test is not known")
    if len({member.facts["source"] for member in members}) > 1:
        raise CannotFollowError("the function has changed between the recordings")
    rows.sort(key=itemgetter(0))
    entries = [outcome_entry for _, _, outcome_entry in rows]
    _, newest_member, _ = rows[-1]
    return {**newest_member.facts, "outcomes": entries}


def joined_shared(members: Sequence[Rekeyed], is_same: IsSame) -> Facts:
    """Return the recording of one outcome, for all tests, that several become.

    Raises:
        DifferentOutcomesError: The recordings have different outcomes.
        CannotFollowError: A call came to no whole outcome, which only a test may have.
    """
    first_outcome = members[0].outcomes[0]
    is_equal = True
    for member in members:
        for stored_outcome in member.outcomes:
            if stored_outcome.mark:
                reason = "a call of it was cut short, which belongs to its test"
                raise CannotFollowError(reason)
            is_equal = is_equal and (
                stored_outcome is first_outcome
                or is_same(first_outcome, stored_outcome)
            )
    if not is_equal:
        raise DifferentOutcomesError("equal calls have different outcomes")
    facts = members[0].facts
    outcome_entry = dict(facts["outcomes"][0])
    # A recording that serves all tests has no place among the calls of one test.
    outcome_entry.pop("number", None)
    return {**facts, "outcomes": [outcome_entry]}


def is_finished(member: Rekeyed, standing_outcomes: Sequence[Stored]) -> bool:
    """Return whether a killed run of `rekey` has written a recording already.

    Then each outcome of the recording stands in the file of the new name.
    """
    standing_texts = [_as_text(stored_outcome) for stored_outcome in standing_outcomes]
    texts = [_as_text(stored_outcome) for stored_outcome in member.outcomes]
    has_order = all(stored_outcome.number for stored_outcome in member.outcomes)
    if not has_order:
        return texts == standing_texts
    return set(texts).issubset(standing_texts)


def _as_text(stored_outcome: Stored) -> tuple[int, str, str]:
    """Return what tells an outcome from others in a sequence."""
    return (
        stored_outcome.number,
        stored_outcome.mark or "whole",
        text_of_outcome(stored_outcome),
    )


# Whether one recording may serve the calls of two


class OutcomeComparison:
    """Tells whether one recording may take the place of two: their outcomes are equal.

    Outcomes are compared as a run compares one that is recorded again.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._adapters: dict[str, Adapter] = {}

    def is_same(
        self, target: str, first_outcome: Stored, second_outcome: Stored, line: Line
    ) -> bool:
        """Return whether two outcomes are equal.

        Two outcomes of a client are equal if what verifying compares of them is,
        without the paths of `volatile=`.
        """
        if _identity_or_text(first_outcome) == _identity_or_text(second_outcome):
            return True
        has_pickle = "pickle" in first_outcome.entry or "pickle" in second_outcome.entry
        if has_pickle or not names_client(target):
            return False
        adapter = self._adapter(target)
        first_loaded = first_outcome.load()
        second_loaded = second_outcome.load()
        rules = ComparisonRules(volatile=line.volatile, mapping_order_counts=True)
        differences = compare(
            _comparable_outcome(adapter, first_loaded, second_loaded),
            _comparable_outcome(adapter, second_loaded, first_loaded),
            rules,
            redactor=self._redactor,
        )
        return not differences

    def _adapter(self, target: str) -> Adapter:
        if target not in self._adapters:
            self._adapters[target] = load_adapter(target)
        return self._adapters[target]


def _identity_or_text(stored_outcome: Stored) -> str:
    """Return the identity of a pickled outcome, or the text of another."""
    fingerprint: str = stored_outcome.entry.get("fingerprint", "")
    return fingerprint or text_of_outcome(stored_outcome)


def text_of_outcome(stored_outcome: Stored) -> str:
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
    """Return an outcome as a client's adapter compares it with another one."""
    if not isinstance(outcome, Value):
        return outcome
    other_value = None
    if isinstance(other_outcome, Value):
        other_value = other_outcome.value
    return Value(adapter.comparable(outcome.value, other_value))
