"""The types of the public names. mypy and pyright check this file; it never runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typing_extensions import assert_type

from pytest_mimic import (
    MimicError,
    MissingRecordingError,
    StaleRecordingError,
    Target,
    fingerprint,
    mimic,
    register_fingerprint,
)


class Point:
    x: float
    y: float


def fetch(day: date) -> dict[str, float]:
    raise NotImplementedError


@mimic("shop.api:fetch_rates", ignore=("session",))
def decorated(day: date) -> int:
    return day.year


@mimic(fetch)
async def decorated_later(path: Path) -> str:
    return path.name


def blocks() -> None:
    with mimic("shop.api:fetch_rates", fetch, Target(fetch, sequence=True)):
        pass


async def kept_by_the_decorator() -> None:
    assert_type(decorated(date.today()), int)
    assert_type(await decorated_later(Path()), str)


def identities() -> None:
    assert_type(fingerprint({"a": 1}), str)
    register_fingerprint(Point, lambda point: (point.x, point.y))


@pytest.hookimpl(optionalhook=True)
def pytest_mimic_targets(config: pytest.Config) -> list[Target]:
    return [Target("shop.api:fetch_rates", key=lambda arguments: arguments["day"].year)]


def errors(error: StaleRecordingError) -> None:
    missing: MissingRecordingError = error
    any_of_ours: MimicError = missing
    runtime: RuntimeError = missing
    print(any_of_ours, runtime)


def test_fixtures(mimic_vault_dir: Path, mimic_auto: Callable[..., object]) -> None:
    mimic_auto("name", boundaries=["httpx"])
