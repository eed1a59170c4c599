"""The identity of a value, as far as it has one."""

from __future__ import annotations


def identity_of(value: object, roots: tuple[tuple[str, str], ...] = ()) -> str | None:
    """Return the value's fingerprint, or None for a value without a stable identity."""
    from pytest_mimic._identity import fingerprint

    try:
        return fingerprint(value, roots=roots)
    except Exception:  # the value's own code failed, which is reported when a call needs the identity
        return None
