"""Replaces secret values of the environment in an outcome that is about to be recorded, and finds those that have to stay."""

from __future__ import annotations

from dataclasses import replace
from json import loads
from typing import TYPE_CHECKING

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.plain import layout_of
from pytest_mimic._core.redact.environment import bytes_in

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.redact.environment import Environment


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
    chunks: list[object] = [*pickled.chunks, *(buffer.memory for buffer in pickled.buffers)]
    return dict.fromkeys(environment.held_by(chunks), False)
