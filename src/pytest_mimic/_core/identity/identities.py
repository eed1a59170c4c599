"""The identity of a value, as far as it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places


def identity_of(value: object, places: Places | None = None) -> str | None:
    """Return the value's fingerprint, or None for a value without a stable identity."""
    from pytest_mimic._core.identity import fingerprint

    try:
        return fingerprint(value, places=places)
    except Exception:  # the value's own code failed, which is reported when a call needs the identity
        return None
