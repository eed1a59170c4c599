"""A function that the gate mimics."""

from __future__ import annotations


def work(number: int) -> dict[str, int]:
    """Return a small mapping."""
    return {"number": number, "double": 2 * number}
