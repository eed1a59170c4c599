"""The life of a data pipeline: files in and out, frames, models, figures, processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checkouts import check_in, commit, edit, replay_everywhere, replay_here

# Runs in this process forget the modules that they were the first to import, and registries of theirs would be stale.
for _library in (
    "concurrent.futures.process",
    "pandas",
    "PIL.Image",
    "PIL.PngImagePlugin",
    "pytest_randomly",
    "xdist",
):
    pytest.importorskip(_library)

if TYPE_CHECKING:
    from conftest import Project

COUNT = 9


@pytest.fixture
def pipeline(project: Project) -> Project:
    """The pipeline, recorded."""
    check_in(project, "pipeline")
    project.record_once(passed=COUNT)
    commit(project, "Record")
    return project


def test_the_pipeline_replays_everywhere(pipeline: Project) -> None:
    replay_everywhere(pipeline, passed=COUNT, env={})
    assert pipeline.run("--mimic-verify").expect(passed=COUNT).changed == set()
    assert pipeline.run("--mimic-rerecord").expect(passed=COUNT).changed == set()
    pipeline.run("--mimic-fail-on-unused", offline=True).expect(passed=COUNT)


@pytest.mark.rare
def test_two_workers_record_the_pipeline(project: Project) -> None:
    check_in(project, "pipeline")
    project.record("-n2", process=True).expect(passed=COUNT)
    replay_here(project, passed=COUNT, env={})


def test_a_changed_input_file_is_a_miss(pipeline: Project) -> None:
    edit(pipeline, "data/sales.csv", "north,2022,5", "north,2022,6")

    missed = pipeline.replay()
    missed.expect(
        failed=3, passed=COUNT - 3, real=[], says=["no recording of pipeline.files:read", "sales.csv"]
    )
    edit(pipeline, "tests/test_sales.py", '"north": 2.0', '"north": 3.0')
    pipeline.record().expect(passed=COUNT)
    replay_here(pipeline, passed=COUNT, env={})
