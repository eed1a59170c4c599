"""Counts the tokens that the replays of a run have saved, for its summary.

Recorded answers of language models say how many they took: `_core/tree/chats.py` reads
that of one answer. `_core/engine/record.py` counts those of real calls.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.account_events import TokensTaken
from pytest_mimic._core.tree.chats import tokens_of_response
from pytest_mimic._core.vault.format import parse_recording, wall_seconds
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.recording_facts import Recording


def tokens_of(
    answers: Sequence[tuple[float, str]],
    vault: Vault,
    known_recordings: Mapping[str, Recording],
) -> TokensTaken:
    """Return the tokens of the recorded answers that a run has replayed.

    Args:
        answers: Each answer by the seconds that it saved, and the name of its recording
            or cassette. Of several answers in one file, the seconds tell which it was.
        vault: Holds the files.
        known_recordings: Recordings that were read already, by name.
    """
    # By the seconds of an answer and the name of its file, as in `answers`.
    tokens_by_answer: dict[tuple[float, str], TokensTaken] = {}
    for name in {name for _, name in answers}:
        # A recording may be gone, taken back or damaged by now. Then its answers count
        # as none: the test has passed with them, so nobody needs an error.
        with suppress(MimicError, AttributeError, LookupError, TypeError, ValueError):
            for outcome_entry in _entries_of(name, vault, known_recordings):
                answer = wall_seconds(outcome_entry), name
                tokens_by_answer[answer] = _tokens_in(outcome_entry, vault)
    sent = 0
    received = 0
    for answer in answers:
        # An answer that was replayed several times has saved its tokens each time.
        if answer in tokens_by_answer:
            sent += tokens_by_answer[answer].sent
            received += tokens_by_answer[answer].received
    return TokensTaken(sent, received)


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


def _tokens_in(outcome_entry: Mapping[str, Any], vault: Vault) -> TokensTaken:
    """Return the tokens of one stored outcome, which may lie in a file of its own."""
    response: object = outcome_entry.get("value")
    if "json" in outcome_entry:
        content = vault.store.read(outcome_entry["json"]) or b""
        if b"usage" in content:
            response = json.loads(content).get("value")
    # Most answers say nothing, which is seen faster in their bytes than in their parts.
    if not isinstance(response, dict) or b"usage" not in marshal.dumps(response):
        return TokensTaken(0, 0)
    tokens = tokens_of_response(response)
    if tokens is None:
        return TokensTaken(0, 0)
    return TokensTaken(tokens.sent, tokens.received)
