"""What the calls of all targets have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import toy_client

from pytest_mimic._core.files.places import TEMPORARY
from unit.core.engine.runs import Runs


def test_a_temporary_folder_in_the_answer_of_a_service_is_that_of_the_run(
    runs: Runs, service: Any, tmp_path: Path
) -> None:
    """No argument of the call names it. So it is the folder of the test."""

    def ask_in(folder: Path) -> Any:
        runs.run.places.set_root(TEMPORARY, str(folder))
        runs.run.places.folder_of_test = "test_order0"
        return runs.client()("Oslo")

    service.degrees["Oslo"] = str(tmp_path / "run-1" / "test_order0" / "oslo.csv")
    ask_in(tmp_path / "run-1")
    runs.again("replay")

    assert ask_in(tmp_path / "run-2") == str(
        tmp_path / "run-2" / "test_order0" / "oslo.csv"
    )
    assert toy_client.SERVICE.requests == ["Oslo 2026-11-01"]
