"""Descriptions of arguments, and the facts of recordings that have them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.describing import described_arguments

TEST = "tests/test_rates.py::test_day"


class Recorded(NamedTuple):
    """The facts of a recording."""

    arguments: dict[str, Any] | None
    test: str | None = "tests/test_rates.py::test_week"
    recorded: str | None = "2026-11-02"
    parts: dict[str, Any] | None = None
    owner: str | None = None

    def whole(self) -> Recorded:
        return self


def described(**arguments: object) -> dict[str, Any]:
    return described_arguments(arguments, Redactor())


def of(
    test: str | None = "tests/test_rates.py::test_week", **arguments: object
) -> Recorded:
    return Recorded(described(**arguments), test=test)
