"""Values of every kind, which tests of trees share."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, NamedTuple

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.making import tree_of

REDACTOR = Redactor()


def shown(value: object, **options: Any) -> str:
    return line(tree_of(value, REDACTOR, **options))


class Color(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Rate:
    base: str = "EUR"
    value: float = 1.5
