"""Recorded calls and outcomes in a few words: the call, the beginning of a value without its secrets, `raised ValueError`, `200`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from pytest_mimic._core.seam.base import Adapter, load_adapter
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.call_labels import recorded_label
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.tree.stored import body_tree, is_response, without_secrets
from pytest_mimic._core.vault.format import CASSETTES
from pytest_mimic._core.vault.objects import Entry
from pytest_mimic._core.words import plural
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording

_WIDTH = 40
# Texts too short and plain to be data with secrets in it, or to look like a key.
_SHORT_WORDS = re.compile(r"[A-Za-z0-9_ ]{0,15}")
# Keys that give values a name, as in `{"name": "token", "value": "..."}`.
_NAMING = frozenset(
    ("value", "Value", "command", "commands", "columns", "rows", "chunks")
)


def label_of(name: str, calls: Sequence[Recording], width: int = 120) -> str:
    """Return a recording by its call, or a cassette by its name and the number of its calls, in about so many characters."""
    if name.startswith(CASSETTES):
        return f"cassette {name[len(CASSETTES) : -5]} ({plural(len(calls), 'call')})"
    return call_in_short(calls[0], width) if calls else name


def call_in_short(call: Recording, width: int = 120) -> str:
    return recorded_label(
        call.target, call.arguments, signature=call.signature, width=width
    )


def outcomes_in_short(calls: Sequence[Recording], redactor: Redactor) -> str:
    """Return the outcomes of a recording or cassette in a few words."""
    shorts = [
        outcome_in_short(call.target, one.entry, redactor)
        for call in calls
        for one in call.outcomes
    ]
    if len(shorts) == 1:
        return shorts[0]
    text = ", ".join(shorts[:3])
    return (
        f"{len(shorts)} outcomes: {text}{', ...' if len(shorts) > 3 else ''}"
        if shorts
        else "no calls"
    )


def outcome_in_short(target: str, entry: Entry, redactor: Redactor) -> str:
    if entry.get("end") == "empty":
        return "empty"
    if entry.get("end") and entry.get("value", ...) in (None, {}, {"end": "waiting"}):
        return "waiting"
    try:
        return shortened(
            error_of(target, entry) or _short(target, entry, redactor), _WIDTH
        )
    except (
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ):  # damage, which `check` finds
        return "?"


def error_of(target: str, entry: Entry) -> str | None:
    """Return how an outcome is an error: `raised ValueError`, `gave 503`.

    None if it is none.
    """
    raised = entry.get("raised")
    if raised is None and "stream" in entry:
        raised = (entry["stream"].get("end") or {}).get("raised")
    if raised is not None:
        return f"raised {next(iter(raised)).rpartition(':')[2].rpartition('.')[2]}"
    if entry.get("kind") == "raised":
        # The preview of a pickled exception: `raised RateError('no rates')`.
        found = re.match(
            r"raised (?:[\w.]+:)?([\w.]+)", str((entry.get("preview") or [""])[0])
        )
        return f"raised {found[1] if found else 'an exception'}"
    if names_client(target) and "value" in entry:
        return _client(target).failure(entry["value"])
    return None


@cache
def _client(name: str) -> Adapter:
    # Loading those of HTTP, which tell failures as any adapter does, takes longer than
    # the whole command.
    if name == "http":
        return Adapter(name)
    try:
        return load_adapter(name)
    except TargetError:  # its distribution is not installed here
        return Adapter(name)


def _has_nothing_to_hide(value: object, redactor: Redactor) -> bool:
    """Check whether a value consists of numbers and short words under names that are not secret.

    Most values of a large vault do, and looking for secrets takes longer than all else.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float):
        return True
    if isinstance(value, str):
        return _SHORT_WORDS.fullmatch(value) is not None
    if not isinstance(value, dict):
        return False
    for name, part in value.items():
        is_bare = _SHORT_WORDS.fullmatch(name) is not None and name not in _NAMING
        if not is_bare or redactor.hides(name, part):
            return False
        if not _has_nothing_to_hide(part, redactor):
            return False
    return True


def _short(target: str, entry: Entry, redactor: Redactor) -> str:
    if "pickle" in entry:
        return str((entry.get("preview") or ["a pickle"])[0])
    if "stream" in entry:
        return f"stream of {plural(len(entry['stream']['items']), 'item')}"
    if "json" in entry:
        return "JSON"
    if names_client(target) and is_response(entry["value"]):
        return str(entry["value"]["status"])
    body = {"value": entry["value"]}
    if not _has_nothing_to_hide(entry["value"], redactor):
        body = without_secrets(body, redactor)
    return line(body_tree(body, is_tagged=entry.get("tagged", False))["value"], _WIDTH)
