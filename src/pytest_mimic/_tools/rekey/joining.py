"""Recordings that come to one identity under the lines of today.

Those of one test or scope become a sequence, and those that serve all tests become one
recording. If neither can be without losing an outcome, all stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

from pytest_mimic._core.engine.equal_outcomes import text_of_outcome
from pytest_mimic._core.engine.recorded_identities import CannotFollowError
from pytest_mimic._core.vault.recording_facts import StoredOutcome
from pytest_mimic._tools.rekey.calls_to_rekey import Entry, Facts, Rekeyed

IsSame = Callable[[StoredOutcome, StoredOutcome], bool]
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
    # Each outcome with its number in the test, and the recording that it is of.
    numbered_outcomes: list[tuple[int, Rekeyed, Entry]] = []
    for member in members:
        for stored_outcome, outcome_entry in zip(
            member.outcomes, member.facts["outcomes"], strict=True
        ):
            numbered_outcomes.append((stored_outcome.number, member, outcome_entry))
    numbers = {number for number, _, _ in numbered_outcomes}
    # The number of an outcome that has none is 0, as those of older recordings.
    if 0 in numbers or len(numbers) < len(numbered_outcomes):
        raise CannotFollowError("the order of its calls in the test is not known")
    if len({member.facts["source"] for member in members}) > 1:
        raise CannotFollowError("the function has changed between the recordings")
    numbered_outcomes.sort(key=itemgetter(0))
    entries = [outcome_entry for _, _, outcome_entry in numbered_outcomes]
    _, member_of_last_call, _ = numbered_outcomes[-1]
    return {**member_of_last_call.facts, "outcomes": entries}


def joined_shared(members: Sequence[Rekeyed], is_same: IsSame) -> Facts:
    """Return the recording of one outcome, for all tests, that several become.

    Raises:
        DifferentOutcomesError: The recordings have different outcomes.
        CannotFollowError: A call came to no whole outcome, which only a test may have.
    """
    first_outcome = members[0].outcomes[0]
    has_one_outcome = True
    for member in members:
        for stored_outcome in member.outcomes:
            if stored_outcome.mark:
                reason = "a call of it was cut short, which belongs to its test"
                raise CannotFollowError(reason)
            has_one_outcome = has_one_outcome and (
                stored_outcome is first_outcome
                or is_same(first_outcome, stored_outcome)
            )
    if not has_one_outcome:
        raise DifferentOutcomesError("equal calls have different outcomes")
    facts = members[0].facts
    outcome_entry = dict(facts["outcomes"][0])
    # A recording that serves all tests has no place among the calls of one test.
    outcome_entry.pop("number", None)
    return {**facts, "outcomes": [outcome_entry]}


def is_finished(member: Rekeyed, standing_outcomes: Sequence[StoredOutcome]) -> bool:
    """Return whether a killed run of `rekey` has written a recording already.

    Then each outcome of the recording stands in the file of the new name, and the old
    file may go.

    Args:
        member: The recording under its old name.
        standing_outcomes: The outcomes in the file of the new name.
    """
    standing_texts = [_as_text(stored_outcome) for stored_outcome in standing_outcomes]
    member_texts = [_as_text(stored_outcome) for stored_outcome in member.outcomes]
    has_order = all(stored_outcome.number for stored_outcome in member.outcomes)
    if not has_order:
        return member_texts == standing_texts
    return set(member_texts).issubset(standing_texts)


def _as_text(stored_outcome: StoredOutcome) -> tuple[int, str, str]:
    """Return what tells an outcome from others in a sequence.

    It is the number of its call, how it ended, and all of it as a text.
    """
    return (
        stored_outcome.number,
        stored_outcome.mark or "whole",
        text_of_outcome(stored_outcome),
    )
