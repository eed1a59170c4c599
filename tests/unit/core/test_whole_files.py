"""A file is replaced whole or stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mimic._core.whole_files import write_whole
from pytest_mimic.errors import MimicError


def test_a_file_and_its_folder_are_made_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"

    for text in ("one\n", "two\r\nä"):
        write_whole(path, text, label="the page")
        assert path.read_bytes() == text.encode()

    assert [*path.parent.iterdir()] == [path]


def test_what_cannot_be_written_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(MimicError, match=r"cannot write the page: .*directory"):
        write_whole(tmp_path / "taken", "text", label="the page")

    assert [*tmp_path.iterdir()] == [tmp_path / "taken"]
