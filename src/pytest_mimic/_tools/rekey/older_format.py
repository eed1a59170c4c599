"""Reads recordings of clients in format 4, as if they had what format 5 keeps.

Format 4 is that of 1.0.0rc3. It keeps the requests of clients whole, but not which
parts count, nor the options of their line. What it does not say of a part has a few
possible values: the body of a request is JSON or a form, for example. The value is
taken that gives the identity in the recording's name; where none does, as the line had
options, the most usual one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from json import loads
from typing import Any
from urllib.parse import urlsplit

from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    identity_under,
)
from pytest_mimic._core.identity.kept_parts import kept_value
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import CASSETTES_PREFIX, FORMAT
from pytest_mimic._core.vault.recording_facts import Recording, calls_of
from pytest_mimic._tools.rekey.calls_to_rekey import CallToRekey

#: The format that is read.
OLDER = 4
# Of the headers of an HTTP request, its description has those that count, such as
# `headers.accept`. The parts that count have no such start.
_START_OF_HEADER = "headers."
_USUAL_PORTS = {"http": 80, "https": 443}

Described = Mapping[str, Any]
Possible = dict[str, Sequence[Any]]
"""The values that each part may have, by name in the order in which they count."""


def is_older(file_content: bytes) -> bool:
    """Return whether a file has format 4."""
    facts = _json_mapping(file_content)
    return facts is not None and facts.get("format") == OLDER


def read_older(file_content: bytes) -> dict[str, Any]:
    """Return the facts of a file of format 4, with the format of today."""
    return {**(_json_mapping(file_content) or {}), "format": FORMAT}


def _json_mapping(file_content: bytes) -> dict[str, Any] | None:
    """Return the JSON of a file; None if it is no mapping."""
    try:
        facts = loads(file_content)
    except ValueError:
        return None
    if type(facts) is not dict:
        return None
    return facts


def older_calls(
    vault: Vault, name: str, options_of: Callable[[Recording], Mapping[str, Any]]
) -> Iterator[CallToRekey]:
    """Yield the call of a recording of format 4, or those of a cassette.

    Args:
        vault: The vault.
        name: The file.
        options_of: Returns the options of the line that takes a call today.

    Raises:
        MimicError: The shape of the file is wrong.
    """
    facts = read_older(vault.store.read(name) or b"")
    calls = calls_of(vault.objects, name, facts)
    if not name.startswith(CASSETTES_PREFIX):
        # A recording has one call.
        call_to_rekey = CallToRekey(name, facts, calls[0].whole(), is_older=True)
        yield _with_parts(call_to_rekey, options_of)
        return
    for place, call in enumerate(calls):
        facts_of_call = facts["calls"][place]
        call_to_rekey = CallToRekey(
            name, facts_of_call, call.whole(), place, is_older=True
        )
        yield _with_parts(call_to_rekey, options_of)


def _with_parts(
    call_to_rekey: CallToRekey, options_of: Callable[[Recording], Mapping[str, Any]]
) -> CallToRekey:
    """Return a call with the parts that count, which give the identity that it has.

    Each combination of the parts' possible values is tried. If none gives the identity,
    the call has the first combination.
    """
    call = call_to_rekey.call
    possible_values: Possible | None = None
    if names_client(call.target):
        possible_values = _possible_parts(call)
    if possible_values is None:
        return call_to_rekey
    described = call.arguments or {}
    options_of_today = options_of(call)
    first_candidate: CallToRekey | None = None
    for combination in product(*possible_values.values()):
        counted_parts: dict[str, Any] = {}
        for part, value in zip(possible_values, combination, strict=True):
            # A part that stands in the description is not kept a second time.
            counted_parts[part] = None
            if part not in described or described[part] != value:
                counted_parts[part] = kept_value(value)
        candidate = call_to_rekey._replace(
            call=call._replace(parts=counted_parts),
            facts={**call_to_rekey.facts, "parts": counted_parts},
        )
        if first_candidate is None:
            first_candidate = candidate
        # The line of that time had no options, or those of today, as far as is known.
        for options in ({}, options_of_today):
            if _identity_or_empty(candidate.call, options) == call_to_rekey.identity:
                return candidate
    return first_candidate or call_to_rekey


def _identity_or_empty(call: Recording, options: Mapping[str, Any]) -> str:
    """Return the identity of a call under options.

    It is empty if the call cannot be identified by what its recording keeps.
    """
    try:
        return identity_under(call, options)
    except CannotFollowError:
        return ""


def _possible_parts(call: Recording) -> Possible | None:
    """Return the values that the parts of a client's call may have.

    None: nobody knows, as its adapter is that of another distribution.
    """
    find_possible = _POSSIBLE_PARTS_OF_CLIENTS.get(call.target)
    if find_possible is None:
        return None
    return find_possible(call.arguments or {})


# One function for each client: the values that its parts may have, by the description
# of a call. The parts are those of its adapter, which identities are made of: a part
# that is wrong here lets each such recording miss.


def _possible_of_http(described: Described) -> Possible:
    url = urlsplit(str(described.get("url", "")))
    port = url.port or _USUAL_PORTS.get(url.scheme, 0)
    possible_values: Possible = {
        "method": [described.get("method")],
        "scheme": [url.scheme],
        "host": [url.hostname],
        "port": [port],
        "path": [url.path or "/"],
    }
    if "query" in described:
        possible_values["query"] = [described["query"]]
    if "body" in described:
        body = described["body"]
        if isinstance(body, str):
            possible_values["format"] = ["text", "json", "bytes"]
        else:
            possible_values["format"] = [
                "json",
                "form",
                "multipart",
                "bytes",
                "http",
                "mail",
            ]
        possible_values["body"] = [body]
    for name, value in described.items():
        if name.startswith(_START_OF_HEADER):
            possible_values[name.removeprefix(_START_OF_HEADER)] = [value]
    if "login" in described:
        possible_values["login"] = [described["login"]]
    return possible_values


def _possible_of_sql(described: Described) -> Possible:
    # A request that is no statement, such as COMMIT, is described by its signature.
    statement = described.get("statement", described.get("signature"))
    return {
        "database": [described.get("database", 0)],
        "statement": [statement],
        "params": [described.get("params")],
    }


def _possible_of_redis(described: Described) -> Possible:
    # A pipeline has several commands.
    part_of_commands = "command"
    if "commands" in described:
        part_of_commands = "commands"
    return {
        "database": [described.get("database", 0)],
        "protocol": [3, 2],
        part_of_commands: [described.get(part_of_commands)],
    }


def _possible_of_grpc(described: Described) -> Possible:
    method = str(described.get("signature", "")).removeprefix("CALL ")
    # The number of the server among those of its test: few tests have more than four.
    return {
        "server": range(4),
        "method": [method],
        "request": [described.get("request")],
    }


def _possible_of_mcp(described: Described) -> Possible:
    return {
        "server": range(4),
        "method": [described.get("method")],
        "params": [described.get("params", {})],
    }


_POSSIBLE_PARTS_OF_CLIENTS: dict[str, Callable[[Described], Possible]] = {
    "http": _possible_of_http,
    "sqlalchemy": _possible_of_sql,
    "redis": _possible_of_redis,
    "grpc": _possible_of_grpc,
    "mcp": _possible_of_mcp,
}
