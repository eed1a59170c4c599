"""Hides in one recorded call what today's `mimic_redact` names.

This is what a run that records the call today would hide. Whether the call may change
beside the other calls of the vault, `redacted_calls.py` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

from pytest_mimic._clients.http.recorded_exchange import (
    redacted_parts,
    redacted_response,
)
from pytest_mimic._clients.redis.recorded_commands import (
    names_no_longer_hidden_in_commands,
    redacted_commands,
    redacted_outcome,
)
from pytest_mimic._clients.sql.recorded_statement import (
    is_unclear,
    names_no_longer_hidden_in_statement,
)
from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    parts_of_call,
)
from pytest_mimic._core.identity.kept_parts import (
    NotKeptError,
    kept_value,
    values_of_client_parts,
)
from pytest_mimic._core.nodes.json_tags import escaped, is_escaped
from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.outcome.pickle_file import object_name
from pytest_mimic._core.placeholders import PLACEHOLDER_START
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import holds_unhidden_text, places
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.long_parts import (
    names_of_long_parts,
    with_shortened_parts,
)
from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome
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
# By the client: which names a call was hidden for that today's rules would show, where
# the places of the values do not tell.
_NAMES_NO_LONGER_HIDDEN: dict[str, Callable[..., set[str]]] = {
    "redis": names_no_longer_hidden_in_commands,
    "sqlalchemy": names_no_longer_hidden_in_statement,
}


class RedactedCall(NamedTuple):
    """A call without what today's names hide.

    Attributes:
        call_to_rekey: The call, with the outcomes and arguments that its file is to
            have.
        objects: The long parts of the call's arguments, by the names of their files.
        issued: The texts that were hidden in the call's outcomes: another call of the
            vault may send them.
    """

    call_to_rekey: CallToRekey
    objects: dict[str, bytes]
    issued: set[str]


class CallRedactor:
    """Hides secrets in recorded calls: in their requests, outcomes and descriptions.

    Args:
        redactor: The rules of today.
    """

    def __init__(self, redactor: Redactor) -> None:
        # A cassette of another tool, which has words for secrets, holds HTTP alone. In
        # a command of Redis, such a word is a value like others.
        self._redactor_of_commands = copy(redactor)
        redactor.keeps_words_of_other_tools = True
        self._redactor = redactor
        # The rules without any line of `mimic_redact`.
        self._default_redactor = Redactor(())

    def redact(self, call_to_rekey: CallToRekey) -> RedactedCall | None:
        """Return a call without what today's names hide.

        None: there is nothing to hide in the call.

        Raises:
            CannotFollowError: A secret in the call cannot be hidden here.
        """
        call = call_to_rekey.call
        if not names_client(call.target):
            return self._redacted_function(call_to_rekey)
        described = call.arguments or {}
        if call.target == "redis" and any(names_of_long_parts(described)):
            raise CannotFollowError("its commands are not kept whole")
        if call.target == "sqlalchemy":
            self._check_statement(call)
        # The parts of the request that its identity is made of.
        try:
            values = values_of_client_parts(parts_of_call(call), described)
        except NotKeptError:
            values = {}
        new_values, new_described = self._hidden_request(call.target, values, described)
        entries: list[Entry] = []
        has_same_outcomes = True
        for stored_outcome in call.outcomes:
            hidden_entry = self._hidden_outcome(call.target, described, stored_outcome)
            if hidden_entry is None:
                entries.append(stored_outcome.entry)
            else:
                entries.append(hidden_entry)
                has_same_outcomes = False
        is_same_request = new_described == described and new_values == values
        if is_same_request and has_same_outcomes:
            return None
        # With a secret hidden in it, the request gets another identity, which needs all
        # of its parts.
        if not is_same_request and not values and call.parts is not None:
            raise CannotFollowError("a part of it is hidden, or is not kept whole")
        # A command of Redis is redacted as a run does it, and a word behind a secret
        # name in it may be no value of that name.
        is_complete = call.target == "redis"
        if not is_complete and holds_unhidden_text(
            [new_described, entries], self._redactor.of_configuration
        ):
            raise CannotFollowError("it holds a secret that only a run can hide")
        return self._with_request(
            call_to_rekey, described=new_described, values=new_values, entries=entries
        )

    def _check_statement(self, call: Recording) -> None:
        """Check that the names in a statement tell which of its values are secret.

        Raises:
            CannotFollowError: Only a run can tell.
        """
        outcome_bodies = [stored_outcome.readable() for stored_outcome in call.outcomes]
        results = [(body or {}).get("value") for body in outcome_bodies]
        redactor_of_names = self._redactor.of_configuration
        if is_unclear(call.arguments or {}, results, redactor=redactor_of_names):
            raise CannotFollowError(
                "its statement names a secret, and only a run can tell where it is"
            )

    def names_no_longer_secret(self, call_to_rekey: CallToRekey) -> list[str]:
        """Return the names whose values are hidden in a call, and would not be today.

        Such a call stays as it is: its value cannot come back, and a run of today would
        count the value.

        Only the default names are looked at. Which values were hidden by a name that
        `mimic_redact` has no longer cannot be told. Of a function, only the description
        is hidden, which does not count.
        """
        names_shown_today: set[str] = set()
        if not names_client(call_to_rekey.call.target):
            return []
        outcome_bodies = [
            stored_outcome.readable() for stored_outcome in call_to_rekey.call.outcomes
        ]
        call_and_outcomes = [call_to_rekey.call.arguments, outcome_bodies]
        for place in places({"": call_and_outcomes}, self._default_redactor):
            # The value may be a token that the answer issued, or a header around one:
            # `<redacted:1a2b3c4d>`, `sid=<redacted:1a2b3c4d>; Path=/`.
            holds_placeholder = (
                isinstance(place.value, str) and PLACEHOLDER_START in place.value
            )
            is_hidden = place.is_secret and holds_placeholder
            if is_hidden and not self._redactor.hides(place.name, place.value):
                names_shown_today.add(str(place.name))
        find_names = _NAMES_NO_LONGER_HIDDEN.get(call_to_rekey.call.target)
        described = call_to_rekey.call.arguments or {}
        is_whole = not any(names_of_long_parts(described))
        if find_names is not None and not names_shown_today and is_whole:
            names_shown_today = find_names(
                described,
                outcome_bodies,
                rules_before=self._default_redactor,
                rules_of_today=self._redactor,
            )
        return sorted(names_shown_today)

    # -- functions

    def _redacted_function(self, call_to_rekey: CallToRekey) -> RedactedCall | None:
        """Return a function's call with its descriptions hidden.

        None: nothing in it is to be hidden.

        The identity of a function's call is taken of the real arguments, and the
        outcome is kept as it is, but for what people read of a pickle.
        """
        described_arguments = call_to_rekey.call.arguments or {}
        redactor_of_names = self._redactor.of_configuration
        hidden_arguments = hidden_description(described_arguments, redactor_of_names)
        entries: list[Entry] = []
        outcomes: list[StoredOutcome] = []
        hides_nothing = hidden_arguments == described_arguments
        for stored_outcome in call_to_rekey.call.outcomes:
            outcome_entry = with_hidden_preview(stored_outcome.entry, redactor_of_names)
            # The same object comes back if it has no secret.
            hides_nothing = hides_nothing and outcome_entry is stored_outcome.entry
            entries.append(outcome_entry)
            outcomes.append(stored_outcome.with_entry(outcome_entry))
        if hides_nothing:
            return None
        facts = {
            **call_to_rekey.facts,
            "arguments": hidden_arguments,
            **_facts_of_outcomes(call_to_rekey, entries),
        }
        if (
            hidden_arguments != described_arguments
            and call_to_rekey.call.parts is not None
        ):
            # Without its digest, an argument can no longer follow a changed line. With
            # it, a guess of the secret could be tried.
            parts: dict[str, Any] = {}
            for name, part in call_to_rekey.call.parts.items():
                parts[name] = _without_digest(part)
            facts["parts"] = parts
        call = call_to_rekey.call._replace(
            arguments=hidden_arguments, parts=facts.get("parts"), outcomes=outcomes
        )
        return RedactedCall(
            call_to_rekey._replace(facts=facts, call=call), objects={}, issued=set()
        )

    # -- clients

    def _hidden_request(
        self, target: str, values: Mapping[str, Any], described: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the parts and the description of a request without secrets.

        Identities are made of the parts, so a change of this rule lets requests miss
        that `rekey` has redacted. It has to hide what a run hides.

        Args:
            target: The client.
            values: The parts that count, by their names.
            described: The description, by the same names.
        """
        if target == "http":
            new_values, new_described = redacted_parts(
                values, described, self._redactor
            )
            for name in new_values.keys() & described.keys():
                # What stands in the description of a part that has not changed may be
                # another form of its value.
                new_described[name] = described[name]
                if new_values[name] != values[name]:
                    new_described[name] = _with_escaped_keys(new_values[name])
            return new_values, new_described
        if target == "redis":
            return (
                redacted_commands(values, self._redactor_of_commands),
                redacted_commands(described, self._redactor_of_commands),
            )
        redactor_of_names = self._redactor.of_configuration
        return (
            redactor_of_names.scrub(dict(values), stored=True),
            redactor_of_names.scrub(dict(described), stored=True),
        )

    def _hidden_outcome(
        self, target: str, described: Mapping[str, Any], stored_outcome: StoredOutcome
    ) -> Entry | None:
        """Return the entry of an outcome without secrets.

        The description of the request may decide what is secret in the outcome.

        None: there is no secret in the outcome.
        """
        # None of a pickle, in which nothing is hidden, as by a run.
        outcome_body = stored_outcome.readable()
        if outcome_body is None:
            return None
        value = outcome_body.get("value")
        # An exception has no value.
        if value is None:
            return None
        if target == "http":
            hidden_value = redacted_response(value, self._redactor)
        elif target == "redis":
            hidden_value = redacted_outcome(
                value, described, self._redactor_of_commands
            )
        else:
            hidden_value = self._redactor.of_configuration.scrub(
                value, stored=True, keep_types=True
            )
        if json_in_lines(hidden_value) == json_in_lines(value):
            return None
        # A value in a file of its own, `json`, comes into the recording: that file
        # holds the secret, and goes.
        outcome_entry = dict(stored_outcome.entry)
        for name in ("value", "json", "kind"):
            outcome_entry.pop(name, None)
        return {**outcome_entry, "value": hidden_value}

    def _with_request(
        self,
        call_to_rekey: CallToRekey,
        *,
        described: dict[str, Any],
        values: Mapping[str, Any],
        entries: list[Entry],
    ) -> RedactedCall:
        """Return a call with another request and other outcomes.

        Args:
            call_to_rekey: The call.
            described: The description of the request.
            values: The parts that count; empty if they are not kept.
            entries: The outcomes as the file of the call has them.
        """
        objects: dict[str, bytes] = {}

        def name_object(pieces: list[Any], suffix: str) -> str:
            name = object_name(pieces, suffix)
            objects[name] = b"".join(bytes(piece) for piece in pieces)
            return name

        facts = {
            **call_to_rekey.facts,
            "arguments": with_shortened_parts(described, name_object),
        }
        # The new identity is made of these parts, see `planning.py`.
        parts = call_to_rekey.call.parts
        if parts is not None and values:
            new_parts: dict[str, Any] = {}
            for name, part in parts.items():
                # A part that is None in the file stands in the description alone.
                new_parts[name] = None
                if part is not None:
                    new_parts[name] = kept_value(values[name])
            parts = new_parts
            facts["parts"] = new_parts
        facts |= _facts_of_outcomes(call_to_rekey, entries)
        outcomes = []
        issued: set[str] = set()
        for stored_outcome, outcome_entry in zip(
            call_to_rekey.call.outcomes, entries, strict=True
        ):
            # The entry is another one if something was hidden in it.
            if outcome_entry is not stored_outcome.entry:
                body_before = stored_outcome.readable()
                issued.update(
                    _texts_rekey_hid(body_before.get("value"), outcome_entry["value"])
                )
            outcomes.append(stored_outcome.with_entry(outcome_entry))
        call = call_to_rekey.call._replace(
            arguments=described, parts=parts, outcomes=outcomes
        )
        return RedactedCall(
            call_to_rekey._replace(facts=facts, call=call),
            objects=objects,
            issued=issued,
        )


def _facts_of_outcomes(
    call_to_rekey: CallToRekey, entries: list[Entry]
) -> dict[str, Any]:
    """Return the facts that the file of a call has of its outcomes."""
    if not call_to_rekey.is_in_cassette:
        return {"outcomes": entries}
    # A call of a cassette has one outcome.
    [outcome_entry] = entries
    return {"outcome": outcome_entry}


def _with_escaped_keys(value: Any) -> Any:
    """Return a JSON value as a description has it: `$ref` of a schema as `$$ref`.

    Else the key of a user would be read as a tag of a node.
    """
    if type(value) is list:
        return [_with_escaped_keys(item) for item in value]
    if type(value) is not dict:
        return value
    parts = {name: _with_escaped_keys(part) for name, part in value.items()}
    return escaped(parts) if is_escaped(parts) else parts


def _without_digest(part: Any) -> Any:
    """Return what is kept of an argument, without a digest that might tell a secret."""
    is_digest = type(part) is str and len(part) == _DIGITS_OF_DIGEST
    return None if is_digest or type(part) is dict else part


def _texts_rekey_hid(plain_before: Any, plain_now: Any) -> Iterator[str]:
    """Yield the texts that `rekey` has hidden in a recorded outcome.

    `{"token": "s3cr3t-4711"}`, whose value is `<redacted>` now, gives `s3cr3t-4711`.
    If another call of the vault still holds such a text, both calls stay as they are:
    see `redacted_calls.py`.
    """
    if type(plain_before) is dict and type(plain_now) is dict:
        for name, part in plain_before.items():
            yield from _texts_rekey_hid(part, plain_now.get(name))
    elif type(plain_before) is list and type(plain_now) is list:
        for part_before, part_now in zip(plain_before, plain_now, strict=False):
            yield from _texts_rekey_hid(part_before, part_now)
    elif (
        type(plain_before) is str
        and plain_before != plain_now
        and len(plain_before) >= _SHORTEST_SECRET
    ):
        yield plain_before
