"""Finds the recording that a missing call has under the former options of its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pytest_mimic._core.engine.equal_outcomes import OutcomeComparison
from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    identity_under,
)
from pytest_mimic._core.target_options import (
    changed_options,
    is_sequence,
    kept_options,
)
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.vault.format import imported_parts, recording_name
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.vault.recording_facts import Recording


#: The identity of a recording under the options of today, empty if none can be computed
#: by it, by the name of its file, its identity and these options.
IdentitiesOfToday: TypeAlias = "dict[tuple[str, str, str], str]"


class Former(NamedTuple):
    """The recording of a call under the former options of its line.

    Attributes:
        recording: The recording that the call had, or its call in a cassette.
        changes: How today's options of the line differ from the former ones, in words.
        follows: Whether `pytest-mimic rekey` gives the recording the identity that the
            call has today.
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
    cassette_in_words: str,
    identities: IdentitiesOfToday,
) -> Former | None:
    """Return the recording that would be found if the line of a call had not changed.

    If there is none, return the recording to which `rekey` gives the call's identity.

    Args:
        call: The call, which has no recording today.
        candidates: Recordings of its target, which have the former options of the line.
        read: Returns the recording of that name, or None.
        owner: The test or scope that the call belongs to.
        cassette_in_words: The cassette that the candidates are in, `cassette trip`;
            empty: each is a file of its own.
        identities: What earlier misses of the run have learnt of recordings.
    """
    options_of_today = kept_options(call.plan.options)
    is_client = call.edge_call is not None
    # The different options among the candidates, by their text, as dicts have no hash.
    options_by_text: dict[str, dict[str, Any]] = {}
    for candidate in candidates:
        options_by_text[repr(candidate.options)] = candidate.options or {}
    for former_options in options_by_text.values():
        changes = changed_options(former_options, options_of_today, is_client=is_client)
        # No identity can be computed for a `key=`, nor for options given in Python.
        has_unknown_identity = former_options.get("key") or former_options.get("python")
        if not changes or has_unknown_identity:
            continue
        # The call is looked for under the identity that it had with these options.
        former_key = _key_under(call, former_options)
        recordings: list[Recording] = []
        if cassette_in_words:
            for candidate in candidates:
                if candidate.identity == former_key:
                    recordings.append(candidate)
        else:
            is_owned = is_sequence(former_options, is_client=is_client)
            name = recording_name(
                call.plan.target, former_key, owner if is_owned else None
            )
            recording_in_file = read(name)
            if recording_in_file is not None:
                recordings.append(recording_in_file)
        for recording in recordings:
            if (recording.options or {}) == former_options:
                follows = _follows(
                    call, recording, former_key, options_of_today, identities
                )
                return Former(recording, changes, follows)
    return _recording_that_becomes(
        call,
        candidates,
        owner=owner,
        is_in_cassette=bool(cassette_in_words),
        identities=identities,
    )


def _recording_that_becomes(
    call: Call,
    candidates: Sequence[Recording],
    *,
    owner: str,
    is_in_cassette: bool,
    identities: IdentitiesOfToday,
) -> Former | None:
    """Return the recording that `pytest-mimic rekey` gives the identity of a call.

    Its call was another one under the former options: it had another moment in a part
    that today's line leaves out.

    Args:
        call: The call, which has no recording today.
        candidates: Recordings of its target.
        owner: The test or scope that the call belongs to.
        is_in_cassette: Whether the candidates are calls of a cassette.
        identities: What earlier misses of the run have learnt of recordings.
    """
    options_of_today = kept_options(call.plan.options)
    is_client = call.edge_call is not None
    owner_of_recording = owner if call.is_in_sequence else None
    following: list[Former] = []
    for candidate in candidates:
        former_options = candidate.options or {}
        changes = changed_options(former_options, options_of_today, is_client=is_client)
        if not changes or former_options.get("python"):
            continue
        if not is_in_cassette and candidate.owner != owner_of_recording:
            continue
        identity = candidate.identity or PurePosixPath(candidate.name).stem
        if _follows(call, candidate, identity, options_of_today, identities):
            following.append(Former(candidate, changes, follows=True))
    # Of several recordings that would serve all tests, the outcomes may differ.
    if len(following) == 1 or (following and call.is_in_sequence):
        return following[0]
    return None


def is_of_another_call(call: Call, recording: Recording) -> bool:
    """Return whether a call had another identity than a recording under its options.

    Today both have one identity, since the line of the target has changed.
    """
    identity = recording.identity or ""
    former_options = recording.options or {}
    options_of_today = kept_options(call.plan.options)
    is_client = call.edge_call is not None
    if imported_parts(identity):
        # Of an imported recording only some parts count, whatever the line says.
        return False
    changes = changed_options(former_options, options_of_today, is_client=is_client)
    if former_options.get("key") or not changes:
        return False
    return _key_under(call, former_options) != identity


def _key_under(call: Call, former_options: Mapping[str, Any]) -> str:
    """Return the identity of a call under former options, empty if it has none."""
    options = call.plan.options._replace(
        ignore=tuple(former_options.get("ignore", ())),
        match=tuple(former_options.get("match", ())),
        content=tuple(former_options.get("content", ())),
        sequence=former_options.get("sequence"),
        key=None,
    )
    try:
        return call.plan.key_under(call, options)
    except (MimicError, Unstable):
        return ""


def _follows(
    call: Call,
    recording: Recording,
    former_key: str,
    options_of_today: Mapping[str, Any],
    identities: IdentitiesOfToday,
) -> bool:
    """Return whether `rekey` can give a recording the identity that its call has now.

    If so, the miss offers it, in place of recording the call again.

    Args:
        call: The call.
        recording: Its recording under the former options.
        former_key: The identity of the recording.
        options_of_today: The options of the line.
        identities: What earlier misses of the run have learnt of recordings.
    """
    is_client = call.edge_call is not None
    former_options = recording.options or {}
    was_sequence = is_sequence(former_options, is_client=is_client)
    if call.is_in_sequence and not was_sequence:
        # Nobody knows which tests used the recording.
        return False
    # Each miss asks all recordings of its target, which are asked once in a run.
    known_by = recording.name, former_key, repr(options_of_today)
    if known_by not in identities:
        identities[known_by] = _identity_of_today(
            recording.whole(), former_key, options_of_today
        )
    if identities[known_by] != call.key:
        return False
    is_sequence_no_more = was_sequence and not call.is_in_sequence
    # One of several answers cannot serve all tests.
    return not is_sequence_no_more or _has_one_outcome(call, recording.whole())


def _identity_of_today(
    recording: Recording, former_key: str, options_of_today: Mapping[str, Any]
) -> str:
    """Return the identity that `rekey` can give a recording, empty if it can give none.

    What the recording keeps has to give its former identity, too: a part may have been
    edited, or not be kept whole.
    """
    try:
        if identity_under(recording, recording.options or {}) != former_key:
            return ""
        return identity_under(recording, options_of_today)
    except CannotFollowError:
        return ""


def _has_one_outcome(call: Call, recording: Recording) -> bool:
    """Return whether all outcomes of a former sequence are whole and equal.

    One of them can then serve all tests, as the line of today asks.
    """
    outcomes = recording.outcomes
    if any(outcome.mark for outcome in outcomes):
        return False
    plan = call.plan
    comparison = OutcomeComparison(plan.run.redactor)
    return all(
        comparison.is_same(
            plan.target, outcomes[0], other, volatile=plan.options.volatile
        )
        for other in outcomes[1:]
    )
