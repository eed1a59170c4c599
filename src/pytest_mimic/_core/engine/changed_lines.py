"""Finds the recording that a missing call has under the former options of its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    identity_under,
)
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.target_options import (
    changed_options,
    is_sequence,
    kept_options,
)
from pytest_mimic._core.tree.agreement import Rules, compare
from pytest_mimic._core.types.kinds import Unstable
from pytest_mimic._core.vault.format import imported_parts, recording_name
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.vault.recording_facts import Recording, Stored


class Former(NamedTuple):
    """The recording of a call under the former options of its line.

    Attributes:
        recording: The recording, or the call of a cassette.
        changes: How the options of today differ, in words.
        follows: Whether `pytest-mimic rekey` gives it the identity of today.
    """

    recording: Recording
    changes: list[str]
    follows: bool


def former_recording(
    call: Call,
    candidates: Sequence[Recording],
    read: Callable[[str], Recording | None],
    *,
    owner: str,
    within: str,
) -> Former | None:
    """Return the recording that would be found if the line of a call had not changed.

    Args:
        call: The call, which has no recording today.
        candidates: Recordings of its target, which have the former options of the line.
        read: Returns the recording of that name, or None.
        owner: The test or scope that the call belongs to.
        within: The cassette that the candidates are in, or empty.
    """
    now = kept_options(call.plan.options)
    is_client = call.edge_call is not None
    lines = {repr(one.options): one.options or {} for one in candidates}
    for before in lines.values():
        changes = changed_options(before, now, is_client=is_client)
        if not changes or before.get("key") or before.get("python"):
            continue
        key = _key_under(call, before)
        if within:
            equal = [one for one in candidates if one.identity == key]
        else:
            is_owned = is_sequence(before, is_client=is_client)
            name = recording_name(call.plan.target, key, owner if is_owned else None)
            former_recording = read(name)
            equal = [] if former_recording is None else [former_recording]
        for recording in equal:
            if (recording.options or {}) == before:
                follows = _follows(call, recording, key, now)
                return Former(recording, changes, follows)
    return None


def is_of_another_call(call: Call, recording: Recording) -> bool:
    """Return whether a call had another identity than a recording under its options.

    Today both have one identity, since the line of the target has changed.
    """
    identity = recording.identity or ""
    before = recording.options or {}
    now = kept_options(call.plan.options)
    is_client = call.edge_call is not None
    if imported_parts(identity):
        # Of an imported recording only some parts count, whatever the line says.
        return False
    if before.get("key") or not changed_options(before, now, is_client=is_client):
        return False
    return _key_under(call, before) != identity


def _key_under(call: Call, kept: Mapping[str, Any]) -> str:
    """Return the identity of a call under other options, empty if it has none."""
    options = call.plan.options._replace(
        ignore=tuple(kept.get("ignore", ())),
        match=tuple(kept.get("match", ())),
        content=tuple(kept.get("content", ())),
        sequence=kept.get("sequence"),
        key=None,
    )
    try:
        return call.plan.key_under(call, options)
    except (MimicError, Unstable):
        return ""


def _follows(
    call: Call, recording: Recording, key: str, now: Mapping[str, Any]
) -> bool:
    """Return whether what a recording keeps gives the identity that its call has now.

    Args:
        call: The call.
        recording: Its recording under the former options.
        key: The identity of the recording, which what it keeps has to give as well: it
            may have been edited, or not be kept whole.
        now: The options of today.
    """
    is_client = call.edge_call is not None
    was_sequence = is_sequence(recording.options or {}, is_client=is_client)
    if call.is_in_sequence and not was_sequence:
        # Nobody knows which tests used it.
        return False
    whole = recording.whole()
    if was_sequence and not call.is_in_sequence and not _has_one_outcome(call, whole):
        # One of several answers cannot serve all tests.
        return False
    try:
        is_whole = identity_under(whole, recording.options or {}) == key
        return is_whole and identity_under(whole, now) == call.key
    except CannotFollowError:
        return False


def _has_one_outcome(call: Call, recording: Recording) -> bool:
    """Return whether all outcomes of a former sequence are equal.

    One of them can then serve all tests, as the line of today asks. They are compared
    as verifying does. No pickle is loaded.
    """
    first, *others = recording.outcomes
    return all(_are_equal_outcomes(call, first, other) for other in others)


def _are_equal_outcomes(call: Call, first: Stored, second: Stored) -> bool:
    """Return whether two outcomes of a former sequence are equal and whole."""
    if first.mark or second.mark:
        return False
    first_json, second_json = first.readable(), second.readable()
    if None in (first_json, second_json):
        pickles = first.entry.get("fingerprint"), second.entry.get("fingerprint")
        return pickles[0] == pickles[1]
    adapter = call.plan.adapter
    if adapter is None or first_json == second_json:
        return bool(first_json == second_json)
    first_outcome, second_outcome = first.load(), second.load()
    # The adapter can compare two answers, such as responses, and no exceptions.
    if not isinstance(first_outcome, Value) or not isinstance(second_outcome, Value):
        return False
    differences = compare(
        # What is compared of one outcome may depend on the other: the order of rows
        # counts unless both have the same rows, for example.
        Value(adapter.comparable(first_outcome.value, second_outcome.value)),
        Value(adapter.comparable(second_outcome.value, first_outcome.value)),
        Rules(volatile=call.plan.options.volatile, ordered=True),
        redactor=call.plan.run.redactor,
    )
    return not differences
