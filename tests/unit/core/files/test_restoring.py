"""Files that a recording writes: all or none, and no name or link leads elsewhere, on any system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.files.restoring import (
    FileTarget,
    FileToWrite,
    UnsafePathError,
    check_names,
    check_target,
    write_files,
)


@pytest.mark.parametrize(
    "name", [".GIT", ".git.", ".git ", ".git . .", "git~1", ".git::$INDEX_ALLOCATION", ".g\u200cit"]
)
def test_no_spelling_leads_into_the_folder_of_git(name: str):
    """Windows ignores dots and blanks at the end, and has short names; HFS+ ignores some characters."""
    with pytest.raises(UnsafePathError, match="is git's"):
        check_names(["reports", name, "config"])


@pytest.mark.parametrize("name", ["a\\b", "a:b", "report.", "report "])
def test_a_name_that_windows_takes_for_another_one_is_refused_there(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    check_names([name])  # on POSIX systems

    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        with pytest.raises(UnsafePathError, match="is no name of a file"):
            check_names([name])


def test_names_that_only_look_like_those_of_git_are_allowed():
    check_names([".gitignore", ".github", "git~2", "x.git", ". git"])


def at(root: Path, name: str) -> FileTarget:
    return FileTarget(str(root), tuple(name.split("/")))


def text(root: Path, name: str, content: str, *, is_executable: bool = False) -> FileToWrite:
    return FileToWrite(at(root, name), lambda: [content[:1].encode(), content[1:].encode()], is_executable)


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text() if path.is_file() else "/"
        for path in root.rglob("*")
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two files."""
    made = tmp_path / "root"
    (made / "old").mkdir(parents=True)
    (made / "old" / "a.txt").write_text("a")
    (made / "b.txt").write_text("b")
    return made


def test_files_are_written_and_folders_made_and_removed(root: Path):
    write_files(
        [text(root, "new/deep/c.txt", "c"), text(root, "b.txt", "other"), text(root, "empty", "")],
        folders=[at(root, "made"), at(root, "old")],
        removed=[at(root, name) for name in ("old", "old/a.txt", "gone", "gone/d", "b.txt/d")],
    )

    assert files(root) == {
        "new": "/",
        "new/deep": "/",
        "new/deep/c.txt": "c",
        "b.txt": "other",
        "empty": "",
        "made": "/",
    }


def test_a_folder_with_other_files_is_not_removed(root: Path):
    write_files([], removed=[at(root, "old")])

    assert files(root) == {"old": "/", "old/a.txt": "a", "b.txt": "b"}


@pytest.mark.skipif(os.name == "nt", reason="needs permissions to execute")
def test_a_file_may_be_executable(root: Path):
    write_files([text(root, "run", "x", is_executable=True), text(root, "data", "x")])

    assert [os.access(root / name, os.X_OK) for name in ("run", "data")] == [True, False]


@pytest.mark.parametrize(
    "failing", ["old", "b.txt/c.txt", ".git/config"], ids=["a folder", "below a file", "git's"]
)
def test_a_file_that_cannot_be_written_leaves_all_as_it_is(root: Path, failing: str):
    before = files(root)

    with pytest.raises((OSError, UnsafePathError)):
        write_files([text(root, "b.txt", "other"), text(root, failing, "x")], removed=[at(root, "old/a.txt")])

    assert files(root) == before


def test_a_file_where_a_folder_is_to_be_leaves_all_as_it_is(root: Path):
    before = files(root)

    with pytest.raises(FileExistsError):
        write_files([text(root, "old/a.txt", "other")], folders=[at(root, "b.txt")])

    assert files(root) == before


def test_a_content_that_cannot_be_read_leaves_all_as_it_is(root: Path):
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise CorruptRecordingError("damaged")

    before = files(root)

    with pytest.raises(CorruptRecordingError, match="damaged"):
        write_files([text(root, "b.txt", "other"), FileToWrite(at(root, "c.txt"), pieces, False)])

    assert files(root) == before


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize("name", ["link/c.txt", "link/deep/c.txt", "old/link/c.txt"])
def test_no_link_is_followed(root: Path, tmp_path: Path, name: str):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    for link in (root / "link", root / "old" / "link"):
        link.symlink_to(tmp_path / "elsewhere")

    for act in (
        lambda: write_files([text(root, name, "c")]),
        lambda: write_files([], folders=[at(root, name)]),
        lambda: write_files([], removed=[at(root, name)]),
        lambda: check_target(at(root, name)),
    ):
        with pytest.raises(UnsafePathError, match="link is a link"):
            act()

    assert files(tmp_path / "elsewhere") == {"deep": "/"}


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_link_is_replaced_or_removed_itself(root: Path, tmp_path: Path):
    (tmp_path / "kept").write_text("kept")
    for name in ("one", "two"):
        (root / name).symlink_to(tmp_path / "kept")

    write_files([text(root, "one", "new")], removed=[at(root, "two")])

    assert files(root) == {"old": "/", "old/a.txt": "a", "b.txt": "b", "one": "new"}
    assert (tmp_path / "kept").read_text() == "kept"


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_root_may_be_behind_a_link(root: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(root)

    write_files([text(tmp_path / "link", "c.txt", "c")])

    assert (root / "c.txt").read_text() == "c"


def test_a_target_in_a_missing_folder_is_allowed(root: Path):
    check_target(at(root, "new/c.txt"))

    assert "new" not in files(root)
