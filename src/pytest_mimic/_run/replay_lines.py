"""The lines about replayed calls in the report of a failing test.

A recording may be older than what its call gives by now, or hold a placeholder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pytest_mimic._core.commands import Commands, read
from pytest_mimic._core.placeholders import PLACEHOLDER_START, plain_placeholders
from pytest_mimic._core.tree.outcome_trees import is_response
from pytest_mimic._core.vault.recording_facts import Recording, read_calls
from pytest_mimic._core.vault.vault import Vault
from pytest_mimic._core.words import plural
from pytest_mimic.errors import MimicError

# What is said of answers that hold placeholders, and the page about them.
_WORDS_ON_PLACEHOLDERS = (
    "their answers hold placeholders of secrets; if the test needs a real value"
)
_PAGE_ON_PLACEHOLDERS = "how-to/security#a-test-needs-a-hidden-value"


def line_of_placeholders(
    recordings: Iterable[str], vault: Vault, commands: Commands
) -> str | None:
    """Return the line about placeholders in replayed answers, None if they have none.

    The code under test may not take `<redacted>` for a token, and to record it again
    does not help.

    Args:
        recordings: The names of the recordings that were replayed.
        vault: The vault that has them.
        commands: Makes the link to the documentation.
    """
    for name in dict.fromkeys(recordings):
        try:
            calls = read_calls(vault.objects, name, skim=True) or []
        except MimicError:
            # The test that needs the recording says what is wrong with it.
            continue
        if any(map(_has_placeholder, calls)):
            return commands.line(read(_WORDS_ON_PLACEHOLDERS, _PAGE_ON_PLACEHOLDERS))
    return None


def _has_placeholder(call: Recording) -> bool:
    """Return whether the line about placeholders is for a call that was replayed.

    A placeholder in the headers of its answer does not count: most answers set a
    cookie, which few tests look at, and the line would stand below each failure of a
    test with a log-in.
    """
    for stored_outcome in call.outcomes:
        stored_value: Any = stored_outcome.entry.get("value")
        if is_response(stored_value):
            stored_value = stored_value.get("body")
        text_of_value = plain_placeholders(
            json.dumps(stored_value, default=str, ensure_ascii=False)
        )
        if PLACEHOLDER_START in text_of_value:
            return True
    return False


def line_of_replays(
    replay_count: int,
    renewable_count: int,
    test: str,
    commands: Commands,
    *,
    is_refused: bool = False,
) -> str:
    """Return the line about replayed calls in the report of a failing test.

    Real calls may give something else by now, so that it may help to record them again.

    Args:
        replay_count: How many calls were replayed.
        renewable_count: How many of them an option records again: not those of
            `mimic_replay`.
        test: The test.
        commands: Makes the command that records them.
        is_refused: Whether the test makes a call that cannot be recorded. Then to
            record the test again does not help.
    """
    words_of_replays = f"{plural(replay_count, 'call')} replayed"
    if is_refused:
        return words_of_replays
    if 0 < renewable_count < replay_count:
        calls = f"{renewable_count} of them"
    elif replay_count == 1:
        calls = "it"
    else:
        calls = "them"
    if renewable_count == 0:
        # All stand in cassettes of `mimic_replay`, which no option records again.
        remedy_words = f"use mimic_auto or mimic_record to record {calls} again"
        return f"{words_of_replays}; mimic_replay never records: {remedy_words}"
    command = commands.pytest("--mimic-rerecord", tests=[test])
    return f"{words_of_replays}; to record {calls} again: {command}"
