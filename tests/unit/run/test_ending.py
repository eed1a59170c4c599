"""The end of a run looks at a vault without reading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mimic._run.ending import holds_recordings


@pytest.mark.parametrize("folder", ["calls", "cassettes"])
def test_a_vault_with_a_folder_of_recordings_holds_some(
    tmp_path: Path, folder: str
) -> None:
    tmp_path.joinpath(folder).mkdir()

    assert holds_recordings(tmp_path)


def test_a_vault_of_objects_alone_holds_none(tmp_path: Path) -> None:
    tmp_path.joinpath("objects").mkdir()

    assert not holds_recordings(tmp_path)
