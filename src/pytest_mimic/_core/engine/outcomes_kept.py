"""Outcomes on their way into the vault: secret values are hidden, and one of which only volatile parts changed stays."""

from __future__ import annotations

from dataclasses import replace
from json import loads
from typing import TYPE_CHECKING

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.plain import layout_of
from pytest_mimic._core.redact.environment import bytes_in
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.environment import Environment
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Stored


def hide(encoded: Encoded, environment: Environment) -> dict[str, bool]:
    """Replace the values in the texts of a readable outcome by `<NAME>`. A pickle, and bytes, stay as they are.

    Return the names of the variables that the outcome holds, and whether each was replaced.
    """
    held: dict[str, bool] = {}
    if (readable := encoded.readable) is not None:
        if environment.may_be_in(readable.text):
            text = layout_of(environment.scrub(loads(readable.text)))
            assert text is not None
            held = dict.fromkeys(environment.names_in(text), True)
            encoded.readable = replace(readable, text=text)
            encoded.fingerprint = xxh3_128_hexdigest(text.encode())
        pieces = [*readable.objects.values(), *bytes_in(readable.text)]
        return held | dict.fromkeys(environment.held_by(pieces), False)
    pickled = encoded.pickled
    assert pickled is not None
    chunks: list[object] = [*pickled.chunks, *pickled.buffers]
    return dict.fromkeys(environment.held_by(chunks), False)


def is_unchanged(call: Call, before: Stored, after: Stored, *, redactor: Redactor) -> bool:
    """Check whether an outcome differs from the one recorded before at most in parts that verifying leaves out.

    At a client, these are those of `volatile=` and a few more, such as a date; otherwise, they are those of
    `volatile=`.
    """
    from pytest_mimic._core.tree.agreement import Rules, compare

    plan, volatile = call.plan, call.plan.options.volatile
    if plan.kind == "function":
        hides_parts = after.encoded is not None and after.encoded.has_custom_identity
        if not volatile or hides_parts or before.awaited != after.awaited:
            return False
    try:
        old, new = before.load(call.paths), after.load(call.paths)
    except MimicError:  # the file is damaged, for example
        return False
    if old.kind != new.kind:
        return False
    if old.kind == "stream" and _extent(old) != _extent(new):
        return False
    # The new outcome is compared beside nothing: if it goes further than the recorded one, they differ.
    recorded, now = plan.comparable(old, new), plan.comparable(new)
    return not compare(recorded, now, Rules(volatile=volatile, ordered=True), redactor=redactor)


def _extent(stream: Outcome) -> tuple[object, ...]:
    """Return how far a stream was read."""
    return len(stream.items), stream.end is None
