"""The calls of a vault as `rekey` changes them.

They are the facts of their files, and the same with other identities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    parts_of_call,
    parts_under_options,
)
from pytest_mimic._core.identity.kept_parts import (
    NotKeptError,
    value_at_match_path,
    values_of_client_parts,
)
from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    FORMAT,
    changed_file_error,
    imported_parts,
    parse_recording,
    recording_name,
)
from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome, calls_of
from pytest_mimic.errors import MimicError

Facts = dict[str, Any]
"""The JSON of a recording, of a cassette or of one call of a cassette."""
Entry = dict[str, Any]
"""The JSON of one stored outcome in such a file."""


class CallToRekey(NamedTuple):
    """A call in the vault.

    Attributes:
        file: The name of the recording or cassette.
        facts: The JSON of the call in that file.
        call: The call as an object, with the long parts of the arguments.
        place_in_cassette: The number of the call in its cassette, from 0; None for the
            call of a recording.
        is_older: Whether the file has the format of 1.0.0rc3.
    """

    file: str
    facts: Facts
    call: Recording
    place_in_cassette: int | None = None
    is_older: bool = False

    @property
    def is_in_cassette(self) -> bool:
        """Whether the call is one of a cassette, in whose file it has a place."""
        return self.place_in_cassette is not None

    @property
    def identity(self) -> str:
        """The identity of the call as the vault has it."""
        if self.call.identity is not None:
            return self.call.identity
        return self.file.rpartition("/")[2].removesuffix(".json")

    @property
    def is_imported(self) -> bool:
        """Whether another tool recorded the call, so that only some parts count.

        Such a call cannot follow a changed line.
        """
        return bool(imported_parts(self.identity))


def calls_to_rekey(vault: Vault, name: str) -> Iterator[CallToRekey]:
    """Yield the call of a recording, or those of a cassette.

    Raises:
        MimicError: The file cannot be read.
    """
    facts = parse_recording(vault.store.read(name) or b"", vault.label, name)
    calls = calls_of(vault.objects, name, facts)
    try:
        content_of(facts)
    except ValueError as reason:
        # An edit has left a number such as `1e999`, which cannot be written again. So
        # the file is damaged, and `rekey` fails before it has changed any.
        raise changed_file_error(
            f"{vault.label}/{name}", reason, test=calls[0].test
        ) from None
    if not name.startswith(CASSETTES_PREFIX):
        yield CallToRekey(name, facts, calls[0].whole())
        return
    for place, call in enumerate(calls):
        yield CallToRekey(
            name, facts["calls"][place], call.whole(), place_in_cassette=place
        )


def calls_of_other_files(
    vault: Vault, calls: Iterable[CallToRekey]
) -> list[CallToRekey]:
    """Return the calls of all files of a vault in which none of these calls is.

    `rekey` does not change these other calls. It looks in them for a secret that a call
    has issued, and for a call that was recorded again.
    """
    files_of_calls = {call_to_rekey.file for call_to_rekey in calls}
    calls_in_other_files: list[CallToRekey] = []
    for name in vault.names():
        if name in files_of_calls:
            continue
        try:
            calls_in_other_files += calls_to_rekey(vault, name)
        except MimicError:
            # The file is damaged. `check` reports it.
            continue
    return calls_in_other_files


class MustStayError(CannotFollowError):
    """A call stays as it is, whether or not its line has changed.

    The call holds a secret of today, or is of an older format that does not say enough.
    """


def reason_of_edit(error: Exception) -> str:
    """Return why a call stays of which an edit has changed the types of parts.

    Args:
        error: The error of Python that a part of another type has caused.
    """
    return f"its request is not as it was recorded ({error})"


class Rekeyed(NamedTuple):
    """A call with the identity that today's line gives it.

    Attributes:
        call_to_rekey: The call as it is.
        new_identity: The identity.
        owner: The test or scope that the call belongs to; None if all tests share it.
        options: The options that went into the identity.
        facts: The JSON of the call in its file; of a recording, all of the file.
    """

    call_to_rekey: CallToRekey
    new_identity: str
    owner: str | None
    options: dict[str, Any]
    facts: Facts

    @property
    def name(self) -> str:
        """The name of the call's recording under the new identity."""
        return recording_name(
            self.call_to_rekey.call.target, self.new_identity, self.owner
        )

    @property
    def outcomes(self) -> Sequence[StoredOutcome]:
        """The outcomes of the call, which stay as they are."""
        return self.call_to_rekey.call.outcomes


def with_new_identity(
    call_to_rekey: CallToRekey,
    new_identity: str,
    *,
    owner: str | None,
    options: Mapping[str, Any],
) -> Rekeyed:
    """Return a call with another identity, and the JSON that its file is to have.

    The keys of the JSON have the order of `_core/vault/writing.py`, so that a recording
    that followed its line is the same file as one that was recorded under it.

    Args:
        call_to_rekey: The call as it is.
        new_identity: The new identity.
        owner: The test or scope that the call belongs to; None if all tests share it.
        options: The options that went into the identity.
    """
    options = dict(options)
    old_arguments = call_to_rekey.facts.get("arguments")
    arguments = old_arguments
    if old_arguments and names_client(call_to_rekey.call.target):
        arguments = _with_parts_of_match(call_to_rekey.call, old_arguments, options)
    parts = parts_under_options(call_to_rekey.call, options)
    if parts is None and arguments != old_arguments:
        # Parts that are not kept are those of the description, which has changed.
        parts = parts_of_call(call_to_rekey.call)
    # By these, a later `rekey` makes the identity again.
    facts_of_identity: Facts = {}
    if options:
        facts_of_identity["options"] = options
    if parts is not None:
        facts_of_identity["parts"] = parts
    old_facts = call_to_rekey.facts
    if not call_to_rekey.is_in_cassette:
        rekeyed_facts: Facts = {
            "format": FORMAT,
            "target": old_facts["target"],
            "arguments": arguments,
            "source": old_facts["source"],
            **facts_of_identity,
            "test": old_facts.get("test"),
            "recorded": old_facts.get("recorded"),
            "owner": owner,
        }
        if owner is not None:
            # The name of a shared recording's file is its identity.
            rekeyed_facts["identity"] = new_identity
        rekeyed_facts["outcomes"] = old_facts["outcomes"]
    else:
        rekeyed_facts = {
            "kind": old_facts["kind"],
            "target": old_facts["target"],
            "signature": old_facts["signature"],
            "key": new_identity,
            "host": old_facts.get("host"),
            "source": old_facts["source"],
            **facts_of_identity,
            "arguments": arguments,
            "outcome": old_facts["outcome"],
        }
    return Rekeyed(
        call_to_rekey,
        new_identity=new_identity,
        owner=owner,
        options=options,
        facts=rekeyed_facts,
    )


def _with_parts_of_match(
    call: Recording, described: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a description that also shows what `match=` names now.

    The description of a call that is recorded today would show it.
    """
    arguments = call.arguments or {}
    values = values_of_client_parts(parts_of_call(call), arguments)
    recorded_match = (call.options or {}).get("match", ())
    matched_parts: dict[str, Any] = {}
    for path in options.get("match", ()):
        try:
            value = value_at_match_path(path, values, arguments, recorded_match)
        except NotKeptError:
            # The description does without it: no identity depends on that.
            continue
        if value is not None and path not in described:
            matched_parts[path] = value
    if not matched_parts:
        return dict(described)
    # A run, too, writes the signature first, and then what `match=` names.
    first_parts = {
        name: described[name] for name in ("signature",) if name in described
    }
    return {**first_parts, **matched_parts, **described}


def content_of(facts: Facts) -> bytes:
    """Return the bytes of a recording or cassette, as a file of the vault has them.

    Raises:
        ValueError: The facts hold a number that JSON lacks.
    """
    return (json_in_lines(facts) + "\n").encode(errors="backslashreplace")
