"""The columns to which parameters and results of a statement belong."""

from __future__ import annotations

from typing import Any

from pytest_mimic.client import Plain


class Columns:
    """The columns in a compiled statement."""

    has_text = False

    def __init__(self, compiled: Any) -> None:
        pass

    def names(self, values: Any) -> Plain:  # noqa: ARG002
        return {}


def of(compiled: Any) -> Columns:
    return Columns(compiled)
