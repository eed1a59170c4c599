"""Counts the tokens that recorded answers of language models say they took.

The summary prints how many the replays of a run have saved. `_core/engine/record.py`
counts those of real calls by itself.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.tree.chats import tokens_of_response
from pytest_mimic._core.vault.format import parse_recording, wall_seconds
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.recording_facts import Recording


class Counts(NamedTuple):
    """Tokens of requests, and of answers."""

    sent: int = 0
    received: int = 0


def tokens_of(
    answers: Sequence[tuple[float, str]],
    vault: Vault,
    known_recordings: Mapping[str, Recording],
) -> Counts:
    """Return the tokens of recorded answers.

    Args:
        answers: Each answer by the seconds that it saved, and the name of its recording
            or cassette. Of several answers in one file, the seconds tell which it was.
        vault: Holds the files.
        known_recordings: Recordings that were read already, by name.
    """
    # By the seconds of an answer and the name of its file, as in `answers`.
    counts_by_answer: dict[tuple[float, str], Counts] = {}
    for name in {name for _, name in answers}:
        # A recording may be gone, taken back or damaged by now. Then its answers count
        # as none: the test has passed with them, so nobody needs an error.
        with suppress(MimicError, AttributeError, LookupError, TypeError, ValueError):
            for outcome_entry in _entries_of(name, vault, known_recordings):
                answer = wall_seconds(outcome_entry), name
                counts_by_answer[answer] = _counts_of(outcome_entry, vault)
    sent = 0
    received = 0
    for answer in answers:
        counts = counts_by_answer.get(answer, Counts())
        sent += counts.sent
        received += counts.received
    return Counts(sent, received)


def _entries_of(
    name: str, vault: Vault, known_recordings: Mapping[str, Recording]
) -> list[Mapping[str, Any]]:
    """Return the stored outcomes of a recording, or those of HTTP in a cassette."""
    recording = known_recordings.get(name)
    if recording is not None:
        return [stored_outcome.entry for stored_outcome in recording.outcomes]
    content = vault.store.read(name) or b""
    recording_facts = parse_recording(content, vault.label, name, skim=True)
    if "outcomes" in recording_facts:
        return list(recording_facts["outcomes"])
    # The file is a cassette, which holds calls of several clients.
    outcome_entries = []
    for call in recording_facts.get("calls", ()):
        if call.get("target") == "http":
            outcome_entries.append(call["outcome"])
    return outcome_entries


def _counts_of(outcome_entry: Mapping[str, Any], vault: Vault) -> Counts:
    """Return the tokens of one stored outcome, which may lie in a file of its own."""
    response = outcome_entry.get("value")
    if "json" in outcome_entry:
        content = vault.store.read(outcome_entry["json"]) or b""
        if b"usage" in content:
            response = json.loads(content).get("value")
    return counts_in(response)


def counts_in(response: object) -> Counts:
    """Return the tokens that the plain data of one answer of HTTP says it took."""
    # Most answers say nothing, which is seen faster in their bytes than in their parts.
    if not isinstance(response, dict) or b"usage" not in marshal.dumps(response):
        return Counts()
    tokens = tokens_of_response(response)
    if tokens is None:
        return Counts()
    return Counts(tokens.sent, tokens.received)
