"""Values of every kind, which tests of trees share."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, NamedTuple

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.describing import tree_of
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.types.stream_events import Events, ServerSentEvent

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


def stream(*events: tuple[str, Any]) -> Events:
    """Return a whole stream of events: the name and the data of each."""
    return Events(
        [ServerSentEvent(event=name, data=data) for name, data in events], is_whole=True
    )
