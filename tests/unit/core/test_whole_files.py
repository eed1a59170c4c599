"""A file is replaced whole or stays as it was."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mimic._core.whole_files import (
    is_device_or_pipe,
    refuse_other_kinds,
    write_whole,
)
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


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "page.html", tmp_path / "link.html"
    link.symlink_to(target)

    for text in ("one", "two"):
        write_whole(link, text, label="the page")
        assert target.read_text() == text

    assert link.is_symlink()
    assert [*target.parent.iterdir()] == [target]


def test_a_device_stays(tmp_path: Path) -> None:
    """A link to one is as good as one, which only root can make."""
    link = tmp_path / "null"
    link.symlink_to("/dev/null")

    write_whole(Path("/dev/null"), "text", label="the page")
    write_whole(link, "text", label="the page")

    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert link.is_symlink()
    assert [*tmp_path.iterdir()] == [link]


def test_a_pipe_stays_and_its_reader_gets_the_text(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", "print(open('pipe').read())"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as reader:
        write_whole(pipe, "a page", label="the page")

        assert reader.communicate()[0].strip() == b"a page"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_name_of_the_greatest_length_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250 + ".html")

    write_whole(path, "text", label="the page")

    assert [*tmp_path.iterdir()] == [path]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "conftest.py"

    for content in (None, b"", b"ours"):
        if content is not None:
            path.write_bytes(content)
        refuse_other_kinds(path, is_ours, option="--mimic-report")
    path.write_bytes(b"import os")
    with pytest.raises(MimicError, match=r"--mimic-report would overwrite .*another"):
        refuse_other_kinds(path, is_ours, option="--mimic-report")


def test_a_device_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (pipe, Path("/dev/zero")):
        refuse_other_kinds(path, is_ours, option="--mimic-report")

    assert is_device_or_pipe(pipe)
    assert not is_device_or_pipe(tmp_path)


def is_ours(start: bytes) -> bool:
    return start.startswith(b"ours")
