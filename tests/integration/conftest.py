"""What the tests of faithful replay share: record in one run, replay in another where real calls raise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest


@pytest.fixture
def round_trip(project: Any) -> Callable[..., Any]:
    """Writes `test_shop.py`, and `shop.py` if it is given, records, and replays with every real call raising.

    Both runs must pass; the second one runs nothing for real and leaves the vault alone.
    """

    def run(
        *targets: str,
        test: str,
        shop: str = "",
        real: Sequence[str] | None = None,
        hash_seeds: tuple[int, int] | None = None,
        plugins: Sequence[str] = (),
        **outcomes: int,
    ) -> Any:
        options = {"asyncio_default_fixture_loop_scope": "function"} if "asyncio" in plugins else {}
        project.ini(*targets, **options)
        if shop:
            project.module(shop)
        project.tests(test)
        first, second = ({"hash_seed": seed} for seed in hash_seeds) if hash_seeds else ({}, {})

        project.record(plugins=plugins, **first).expect(real=real, **outcomes)

        replayed = project.replay(plugins=plugins, **second).expect(real=[], **outcomes)
        assert replayed.changed == set()
        return replayed

    return run
