"""The identity of a recorded call, under the options that it has and under others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mimic._core.identity.kept_parts import (
    KeptParts,
    NotKeptError,
    client_key,
    function_key,
    values_of_client_parts,
)
from pytest_mimic._core.seam.base import load_adapter
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic.errors import MimicError

# What a recording keeps in place of an argument that does not count, see `kept_parts`.
_IGNORED = "ignored"


class CannotFollowError(Exception):
    """A recording cannot get the identity of today's line. The text is the reason."""


def identity_under(call: Recording, options: Mapping[str, Any]) -> str:
    """Return the identity that a recorded call has under these options.

    `rekey` gives it to the recording, and a miss asks whether `rekey` can.

    Args:
        call: The recorded call, with the long parts of its arguments.
        options: The options, as a recording keeps them.

    Raises:
        CannotFollowError: The recording does not keep what the identity is made of.
    """
    recorded_options = call.options or {}
    if recorded_options.get("key") or options.get("key"):
        raise CannotFollowError("it is identified by key=, a function")
    if options.get("content", []) != recorded_options.get("content", []):
        raise CannotFollowError(
            "content= counts files as they were when the call was made"
        )
    try:
        if names_client(call.target):
            return _client_identity(call, options)
        return function_key(
            call.target,
            parts_of_call(call),
            call.arguments or {},
            recorded=recorded_options,
            ignore=options.get("ignore", ()),
        )
    except NotKeptError as error:
        raise CannotFollowError(f"{error.part} is not kept whole") from None
    except MimicError as error:
        # The adapter of another distribution, which is not installed here.
        raise CannotFollowError(error.what) from None


def parts_of_call(call: Recording) -> KeptParts:
    """Return what is kept of the parts of a call, by default all of its description."""
    if call.parts is not None:
        return call.parts
    matched = (call.options or {}).get("match", ())
    names = [
        name
        for name in call.arguments or {}
        if name != "signature" and name not in matched
    ]
    return dict.fromkeys(names)


def _client_identity(call: Recording, options: Mapping[str, Any]) -> str:
    described = call.arguments or {}
    return client_key(
        call.target,
        values_of_client_parts(parts_of_call(call), described),
        described,
        recorded_match=(call.options or {}).get("match", ()),
        ignore=options.get("ignore", ()),
        match=options.get("match", ()),
        implied=load_adapter(call.target).implied,
    )


def parts_under_options(
    call: Recording, options: Mapping[str, Any]
) -> KeptParts | None:
    """Return what a recording keeps of the parts when it follows a line to new options.

    A part that the new options ignore loses its digest.

    Args:
        call: The recorded call.
        options: The new options, as a recording keeps them.

    Returns:
        The parts; None if the recording keeps none.
    """
    if call.parts is None or names_client(call.target):
        return call.parts
    ignored = set(options.get("ignore", ()))
    parts = dict(call.parts)
    for name, part in parts.items():
        is_digest_or_in_part = type(part) is str and part not in (_IGNORED, "default")
        if is_digest_or_in_part and name.lstrip("*") in ignored:
            parts[name] = _IGNORED
    return parts
