"""The types of the public names in the code of users. mypy and pyright check this file; it never runs.

Each `type: ignore` is a mistake that both must find: an unused one is an error.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import assert_type

import pytest_mimic
from pytest_mimic import (
    Cassette,
    CassetteCall,
    CassetteError,
    CassetteFixture,
    CorruptRecordingError,
    DriftError,
    MimicError,
    MissingRecordingError,
    MutatedInputError,
    StaleRecordingError,
    TargetError,
    UnstableIdentityError,
    UnstorableOutcomeError,
    fingerprint,
    mimic,
    register_fingerprint,
)


class Point:
    x: float
    y: float


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...


def fetch(day: date, *, retries: int = 0) -> dict[str, float]:
    raise NotImplementedError


# -- mimic


@mimic("shop.api:fetch_rates", ignore=("session",))
def decorated(day: date, *, retries: int = 0) -> int:
    return day.year


@mimic(fetch)
async def decorated_later(path: Path) -> str:
    return path.name


class TestDecorated:
    base = "EUR"

    @mimic("redis", sequence=True)
    def test_method(self, tmp_path: Path) -> None: ...


@pytest.mark.mimic("shop.api:fetch_rates", sequence=True)
def marked(day: date) -> int:
    return day.year


async def kept_by_the_decorators() -> None:
    assert_type(decorated(date.today(), retries=2), int)
    assert_type(await decorated_later(Path()), str)
    assert_type(TestDecorated().base, str)
    assert_type(TestDecorated().test_method(Path()), None)
    assert_type(marked(date.today()), int)
    decorated("today")  # type: ignore[arg-type]
    decorated(date.today(), retry=2)  # type: ignore[call-arg]


def blocks() -> int:
    with mimic("shop.api:fetch_rates", fetch, compare="shape", rtol=1e-6):
        return 1  # the block swallows nothing, so that no other return is needed


def wrong_options() -> None:
    mimic("shop.api:fetch_rates", ignored="session")  # type: ignore[call-arg]
    mimic("shop.api:fetch_rates", compare="roughly")  # type: ignore[arg-type]
    mimic(3)  # type: ignore[arg-type]


# -- identities


def identities(shape: type[Shape]) -> None:
    assert_type(fingerprint({"a": 1}), str)
    register_fingerprint(Point, lambda point: (point.x, point.y))
    register_fingerprint(Shape, lambda shape: shape.area())
    register_fingerprint("Point", str)  # type: ignore[arg-type]


# -- fixtures


def test_fixtures(
    mimic_vault_dir: Path,
    mimic_mode: str,
    mimic_calls: list[CassetteCall],
    mimic_record: CassetteFixture,
    mimic_replay: CassetteFixture,
    mimic_auto: CassetteFixture,
) -> Path:
    with mimic_record("name", targets=[fetch, "shop.api:*"], ignore="day"):
        pass
    with mimic_replay("name", strict=True) as cassette:
        assert_type(cassette, Cassette)
    with mimic_auto(targets=["httpx"], exclude=["/metrics"]):
        return mimic_vault_dir  # the block swallows nothing


def wrong_cassettes(mimic_auto: CassetteFixture) -> None:
    mimic_auto(3)  # type: ignore[arg-type]
    mimic_auto("name", ["httpx"])  # type: ignore[call-arg]
    mimic_auto("name", client="httpx")  # type: ignore[call-arg]


def cassettes(cassette: Cassette) -> None:
    assert_type(cassette.name, str)
    assert_type(cassette.path, Path)
    mode: str = cassette.mode
    print(mode)
    assert_type(cassette.calls, list[CassetteCall])
    assert_type(cassette.play_count, int)
    assert_type(cassette.all_played, bool)
    for call in cassette.calls:
        assert_type(call.kind, str)
        assert_type(call.target, str)
        assert_type(call.signature, str)
        assert_type(call.arguments, Mapping[str, Any])
        assert_type(call.outcome, Any)
        assert_type(call.duration, float)
        assert_type(call.match("GET /users", exclude=["*.json"]), bool)


# -- errors


def errors(error: StaleRecordingError) -> None:
    missing: MissingRecordingError = error
    any_of_ours: MimicError = missing
    assert_type(any_of_ours.what, str)
    assert_type(any_of_ours.facts, tuple[str, ...])
    assert_type(any_of_ours.remedies, tuple[tuple[str, str], ...])


def bases() -> None:
    runtime: list[type[RuntimeError]] = [
        MissingRecordingError,
        StaleRecordingError,
        MutatedInputError,
        CorruptRecordingError,
        CassetteError,
    ]
    types: list[type[TypeError]] = [UnstableIdentityError, UnstorableOutcomeError]
    others: list[type[Exception]] = [*runtime, *types, DriftError, TargetError]
    print(others)


assert_type(pytest_mimic.__version__, str)
