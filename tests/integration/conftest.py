"""What several modules share: record in one run and replay in another where real calls raise; import cassettes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def round_trip(project):
    """Writes `test_shop.py`, and `shop.py` if it is given, records, and replays with every real call raising.

    Both runs must pass; the second one runs nothing for real and leaves the vault
    alone.
    """

    def run(
        *targets, test, shop="", real=None, hash_seeds=None, plugins=(), **outcomes
    ):
        options = (
            {"asyncio_default_fixture_loop_scope": "function"}
            if "asyncio" in plugins
            else {}
        )
        project.ini(*targets, **options)
        if shop:
            project.module(shop)
        project.tests(test)
        first, second = (
            ({"hash_seed": seed} for seed in hash_seeds) if hash_seeds else ({}, {})
        )

        project.record(plugins=plugins, **first).expect(real=real, **outcomes)

        replayed = project.replay(plugins=plugins, **second).expect(real=[], **outcomes)
        assert replayed.changed == set()
        return replayed

    return run


@pytest.fixture
def take_over(project):
    """Imports into the project, and returns the exit code and what was printed."""

    def run(*words):
        answer = project.command("import", *words)
        return answer.code, answer.text

    return run


@pytest.fixture
def keep(project):
    """Copies a recorded cassette into the project."""

    def copy(name, place):
        path: Path = project.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).parents[1] / "vcr_cassettes" / name, path)
        return path

    return copy
