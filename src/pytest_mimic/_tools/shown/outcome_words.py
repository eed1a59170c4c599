"""Recorded calls and outcomes in a few words: `raised ValueError`, `200`, `[1, 2, …`.

The lists of subcommands print them. They also say whether an outcome is an error, by
which `--errors` chooses. Secrets are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.redact.nothing_to_hide import has_nothing_to_hide
from pytest_mimic._core.seam.base import Adapter, load_adapter
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.call_labels import label_of_recorded_call
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.tree.outcome_trees import is_response, without_secrets
from pytest_mimic._core.vault.format import CASSETTES_PREFIX
from pytest_mimic._core.vault.outcome_entries import Entry
from pytest_mimic._core.words import plural
from pytest_mimic.errors import TargetError, one_line

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording

# How many characters an outcome has in a few words.
_MOST_OF_OUTCOME = 40
# How many characters one part of an answer has.
_MOST_OF_PART = 90
# How many outcomes of a recording are shown: the first ones.
_MOST_OUTCOMES = 3


def label_of(name: str, calls: Sequence[Recording], width: int = 120) -> str:
    """Return a recording or cassette in one line.

    Args:
        name: The name of the file in the vault.
        calls: The calls in the file; none if it cannot be read.
        width: About how many characters the arguments of a call may take.

    Returns:
        The call of a recording; `cassette trip (3 calls)`; or the name of a file that
        cannot be read.
    """
    if name.startswith(CASSETTES_PREFIX):
        cassette = name.removeprefix(CASSETTES_PREFIX).removesuffix(".json")
        return f"cassette {cassette} ({plural(len(calls), 'call')})"
    if not calls:
        return name
    return call_in_short(calls[0], width)


def call_in_short(call: Recording, width: int = 120) -> str:
    """Return a call in one line, `http GET /users?page=2`."""
    return label_of_recorded_call(
        call.target, call.arguments, signature=call.signature, width=width
    )


def outcomes_in_short(calls: Sequence[Recording], redactor: Redactor) -> str:
    """Return the outcomes of a recording or cassette in a few words."""
    outcomes_in_words = []
    for call in calls:
        for stored_outcome in call.outcomes:
            outcomes_in_words.append(
                outcome_in_short(call.target, stored_outcome.entry, redactor)
            )
    if not outcomes_in_words:
        return "no calls"
    if len(outcomes_in_words) == 1:
        return outcomes_in_words[0]
    first_outcomes = outcomes_in_words[:_MOST_OUTCOMES]
    if len(outcomes_in_words) > _MOST_OUTCOMES:
        first_outcomes.append("...")
    return f"{len(outcomes_in_words)} outcomes: {', '.join(first_outcomes)}"


def outcome_in_short(target: str, outcome_entry: Entry, redactor: Redactor) -> str:
    """Return an outcome in a few words: `raised ValueError`, `200`, `[1, 2, …`."""
    if outcome_entry.get("end") == "empty":
        return "empty"
    # A call that was cut short, and had given nothing so far.
    if outcome_entry.get("end") and outcome_entry.get("value", ...) in (
        None,
        {},
        {"end": "waiting"},
    ):
        return "waiting"
    try:
        text = error_of(target, outcome_entry) or _outcome_words(
            target, outcome_entry, redactor
        )
        return shortened(text, _MOST_OF_OUTCOME)
    except (AttributeError, LookupError, TypeError, ValueError):
        # The entry has another shape: `pytest-mimic check` reports the damage.
        return "?"


def error_of(target: str, outcome_entry: Entry) -> str | None:
    """Return how an outcome is an error: `raised ValueError`, `gave 503`.

    A pickle is not loaded: its preview says what was raised.

    None: the outcome is no error.
    """
    stored_error = outcome_entry.get("raised")
    if stored_error is None and "stream" in outcome_entry:
        end = outcome_entry["stream"].get("end") or {}
        stored_error = end.get("raised")
    if stored_error is not None:
        # The tag of an exception, `$builtins:ValueError`, is its first key.
        tag: str = next(iter(stored_error))
        return f"raised {_class_in_short(tag)}"
    if outcome_entry.get("kind") == "raised":
        # The preview of a pickled exception: `raised RateError('no rates')`.
        preview = str((outcome_entry.get("preview") or [""])[0])
        match = re.match(r"raised ([^\s(]+)", preview)
        if match is None:
            return "raised an exception"
        # A colon may stand before the message: `raised shop:RateError: 'no rates'`.
        return f"raised {_class_in_short(match[1].rstrip(':'))}"
    # The adapter judges an answer that stands in the entry itself.
    if names_client(target) and "value" in outcome_entry:
        return _adapter_of_errors(target).failure(outcome_entry["value"])
    return None


def _class_in_short(name: str) -> str:
    """Return the name of a class alone.

    `$builtins:ValueError`, `shop:Api.RateError`  →  `ValueError`, `RateError`
    """
    return re.split("[:.]", name)[-1]


@cache
def _adapter_of_errors(name: str) -> Adapter:
    """Return the adapter of a client, which knows what an error of the client is."""
    # The adapters of HTTP know errors as the base class does. To load them takes longer
    # than the whole command.
    if name == "http":
        return Adapter(name)
    try:
        return load_adapter(name)
    except TargetError:
        # The distribution of the adapter is not installed here.
        return Adapter(name)


def _outcome_words(target: str, outcome_entry: Entry, redactor: Redactor) -> str:
    """Return an outcome that is no error in a few words: `200`, `{'EUR': 1.08}`."""
    if "pickle" in outcome_entry:
        return str((outcome_entry.get("preview") or ["a pickle"])[0])
    if "stream" in outcome_entry:
        return f"stream of {plural(len(outcome_entry['stream']['items']), 'item')}"
    if "json" in outcome_entry:
        return "JSON"
    if names_client(target) and is_response(outcome_entry["value"]):
        return str(outcome_entry["value"]["status"])
    value = outcome_entry["value"]
    if not has_nothing_to_hide(value, redactor):
        value = without_secrets({"value": value}, redactor)["value"]
    if names_client(target) and isinstance(value, dict):
        reply = reply_in_short(value)
        # An answer of which nothing can be said in short is drawn as a whole.
        if reply or not value:
            return reply
    node = node_of(value, is_tagged=outcome_entry.get("tagged", False))
    return line(node, _MOST_OF_OUTCOME)


def reply_in_short(value: Mapping[str, Any]) -> str:
    """Return the answer of a database or another service in one line.

    | answer | in short |
    |---|---|
    | `{"columns": [["id"]], "rows": [[1], [2]]}` | `2 rows` |
    | `{"rowcount": 1, "lastrowid": 7}` | `rowcount: 1, lastrowid: 7` |
    | `{"reply": "OK"}` | `OK` |
    | `{"replies": ["OK", 1]}` | `2 answers` |
    | `{"dialect": {"default_schema_name": "main"}}` | nothing |
    """
    if isinstance(value.get("rows"), list):
        return plural(len(value["rows"]), "row")
    parts_in_short = []
    for name, part in value.items():
        if name == "reply" and isinstance(part, str):
            # A text stands without quotes: `OK`.
            parts_in_short.append(part)
        elif name == "reply":
            parts_in_short.append(line(node_of(part), _MOST_OF_PART))
        elif name == "replies" and isinstance(part, list):
            parts_in_short.append(plural(len(part), "answer"))
        elif not isinstance(part, dict | list):
            parts_in_short.append(f"{name}: {line(node_of(part), _MOST_OF_PART)}")
    return one_line(", ".join(parts_in_short))
