"""Hides in a recorded call what today's `mimic_redact` names.

This is what a run that records the call today would hide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_mimic._clients.http.http_secrets import redacted_response
from pytest_mimic._clients.http.recorded_request import redacted_parts
from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    parts_of_call,
)
from pytest_mimic._core.identity.kept_parts import (
    NotKeptError,
    client_values,
    kept_value,
)
from pytest_mimic._core.outcome.memory import object_name
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import holds_text, places
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.long_parts import shortened
from pytest_mimic._core.vault.recording_facts import Stored
from pytest_mimic._tools.rekey.calls_to_rekey import CallToRekey, Entry
from pytest_mimic._tools.rekey.redacted_descriptions import (
    hidden_description,
    with_hidden_preview,
)

# A hidden text is searched for in other calls from this many characters on: a shorter
# one stands in many places for other reasons.
_SHORTEST_SECRET = 8
# How many hex digits stand for an argument of which only the digest is kept.
_DIGITS_OF_DIGEST = 32


class RedactedCall(NamedTuple):
    """A call without what today's names hide.

    Attributes:
        old: The call, with the outcomes and arguments that its file is to have.
        objects: The long parts of the call's arguments, by the names of their files.
        issued: The texts that were hidden in the call's outcomes: another call of its
            test may send them.
    """

    old: CallToRekey
    objects: dict[str, bytes]
    issued: set[str]


class CallRedactor:
    """Hides secrets in recorded calls.

    Args:
        redactor: The rules of today.
    """

    def __init__(self, redactor: Redactor) -> None:
        redactor.keeps_filtered = True
        self._redactor = redactor
        self._defaults = Redactor(())

    def redacted(self, old: CallToRekey) -> RedactedCall | None:
        """Return a call without what today's names hide.

        None: there is nothing to hide in the call.

        Raises:
            CannotFollowError: A secret in the call cannot be hidden here.
        """
        call = old.call
        if not names_client(call.target):
            return self._redacted_function(old)
        described = call.arguments or {}
        try:
            values = client_values(parts_of_call(call), described)
        except NotKeptError:
            values = {}
        new_values, new_described = self._hidden_request(call.target, values, described)
        entries: list[Entry] = []
        has_same_outcomes = True
        for stored in call.outcomes:
            hidden_entry = self._hidden_outcome(call.target, stored)
            if hidden_entry is None:
                entries.append(stored.entry)
            else:
                entries.append(hidden_entry)
                has_same_outcomes = False
        is_same_request = new_described == described and new_values == values
        if is_same_request and has_same_outcomes:
            return None
        if not is_same_request and not values and call.parts is not None:
            raise CannotFollowError("a part of it is hidden, or is not kept whole")
        if holds_text([new_described, entries], self._redactor.declared):
            raise CannotFollowError("it holds a secret that only a run can hide")
        return self._with_request(old, new_described, new_values, entries)

    def lost_names(self, old: CallToRekey) -> list[str]:
        """Return the names whose values are hidden in a call, and would not be today.

        Only the default names are looked at. Which values were hidden by a name that
        `mimic_redact` has no longer cannot be told. Of a function, only the description
        is hidden, which does not count.
        """
        names: set[str] = set()
        if not names_client(old.call.target):
            return []
        bodies = [stored.readable() for stored in old.call.outcomes]
        for place in places({"": [old.call.arguments, bodies]}, self._defaults):
            is_placeholder = place.value == PLACEHOLDER and place.is_secret
            if is_placeholder and not self._redactor.hides(place.name, place.value):
                names.add(str(place.name))
        return sorted(names)

    # -- functions

    def _redacted_function(self, old: CallToRekey) -> RedactedCall | None:
        """Return a function's call with its descriptions hidden.

        The identity of a function's call is taken of the real arguments, and the
        outcome is kept as it is, but for what people read of a pickle.
        """
        described = old.call.arguments or {}
        declared = self._redactor.declared
        hidden = hidden_description(described, declared)
        entries: list[Entry] = []
        outcomes: list[Stored] = []
        is_same = hidden == described
        for stored in old.call.outcomes:
            entry = with_hidden_preview(stored.entry, declared)
            is_same = is_same and entry is stored.entry
            entries.append(entry)
            outcomes.append(stored.with_entry(entry))
        if is_same:
            return None
        facts = {**old.facts, "arguments": hidden, **_as_outcomes(old, entries)}
        if hidden != described and old.call.parts is not None:
            parts: dict[str, Any] = {}
            for name, part in old.call.parts.items():
                parts[name] = _without_digest(part)
            facts["parts"] = parts
        call = old.call._replace(
            arguments=hidden, parts=facts.get("parts"), outcomes=outcomes
        )
        return RedactedCall(old._replace(facts=facts, call=call), {}, set())

    # -- clients

    def _hidden_request(
        self, target: str, values: Mapping[str, Any], described: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the parts and the description of a request without secrets."""
        if target == "http":
            return redacted_parts(values, described, self._redactor)
        declared = self._redactor.declared
        return (
            declared.scrub(dict(values), stored=True),
            declared.scrub(dict(described), stored=True),
        )

    def _hidden_outcome(self, target: str, stored: Stored) -> Entry | None:
        """Return the entry of an outcome without secrets.

        None: there is no secret in the outcome.
        """
        body = stored.readable()
        if body is None:
            return None
        value = body.get("value")
        if value is None:
            return None
        if target == "http":
            hidden = redacted_response(value, self._redactor)
        else:
            hidden = self._redactor.declared.scrub(value, stored=True, keep_types=True)
        if layout(hidden) == layout(value):
            return None
        entry = dict(stored.entry)
        for name in ("value", "json", "kind"):
            entry.pop(name, None)
        return {**entry, "value": hidden}

    def _with_request(
        self,
        old: CallToRekey,
        described: dict[str, Any],
        values: Mapping[str, Any],
        entries: list[Entry],
    ) -> RedactedCall:
        """Return a call with another request and other outcomes.

        Args:
            old: The call.
            described: The description of the request.
            values: The parts that count; empty if they are not kept.
            entries: The outcomes as the file of the call has them.
        """
        objects: dict[str, bytes] = {}

        def place(pieces: list[Any], suffix: str) -> str:
            name = object_name(pieces, suffix)
            objects[name] = b"".join(bytes(piece) for piece in pieces)
            return name

        facts = {**old.facts, "arguments": shortened(described, place)}
        parts = old.call.parts
        if parts is not None and values:
            new_parts: dict[str, Any] = {}
            for name, part in parts.items():
                # A part that is None in the file stands in the description alone.
                new_parts[name] = None
                if part is not None:
                    new_parts[name] = kept_value(values[name])
            parts = new_parts
            facts["parts"] = new_parts
        facts |= _as_outcomes(old, entries)
        outcomes = []
        issued: set[str] = set()
        for stored, entry in zip(old.call.outcomes, entries, strict=True):
            if entry is not stored.entry:
                before = stored.readable()
                issued.update(_texts_rekey_hid(before.get("value"), entry["value"]))
            outcomes.append(stored.with_entry(entry))
        call = old.call._replace(arguments=described, parts=parts, outcomes=outcomes)
        return RedactedCall(old._replace(facts=facts, call=call), objects, issued)


def _as_outcomes(old: CallToRekey, entries: list[Entry]) -> dict[str, Any]:
    """Return the outcomes as the file of a call has them."""
    if old.place is None:
        return {"outcomes": entries}
    # A call of a cassette has one outcome.
    [entry] = entries
    return {"outcome": entry}


def _without_digest(part: Any) -> Any:
    """Return what is kept of an argument, without a digest that might tell a secret."""
    is_digest = type(part) is str and len(part) == _DIGITS_OF_DIGEST
    return None if is_digest or type(part) is dict else part


def _texts_rekey_hid(before: Any, now: Any) -> Iterator[str]:
    """Yield the texts that `rekey` has hidden in a recorded outcome.

    `{"token": "s3cr3t-4711"}`, whose value is `<redacted>` now, gives `s3cr3t-4711`.
    Other recordings of the test that hold such a text are redacted with it, or stay as
    they are.
    """
    if type(before) is dict and type(now) is dict:
        for name, part in before.items():
            yield from _texts_rekey_hid(part, now.get(name))
    elif type(before) is list and type(now) is list:
        for part, new in zip(before, now, strict=False):
            yield from _texts_rekey_hid(part, new)
    elif type(before) is str and before != now and len(before) >= _SHORTEST_SECRET:
        yield before
