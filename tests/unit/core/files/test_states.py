"""What a call changed in files and folders that its arguments name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.files.digests import MOST_FILES, FileDigests
from pytest_mimic._core.files.states import NotKeptError, Snapshot, changes, files_in, snapshot_of

# A file from this size on is compared by its size and times. It takes no room, as it is not filled.
LARGE = (64 << 20) + 1


def state_of(path: Path | str, *excluded: Path) -> Snapshot:
    return snapshot_of(str(path), tuple(map(str, excluded)), digests=FileDigests())


def changed(path: Path, change: Callable[[], object]) -> list[tuple[str, str]]:
    before = state_of(path)
    change()
    return list(changes(before, state_of(path)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, caches, and a link that leads nowhere."""
    made = tmp_path / "data"
    for name in ("a.txt", "sub/b.txt", "__pycache__/c.pyc"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("one")
    if os.name == "posix":
        (made / ".#a.txt").symlink_to("user@host.1234")  # as Emacs locks a file
    return made


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES: dict[str, tuple[Callable[[Path], Any], list[tuple[str, str]]]] = {
    "nothing": (lambda _: None, []),
    "the same again": (lambda data: (data / "a.txt").write_text("one"), []),
    "other bytes": (lambda data: (data / "sub/b.txt").write_text("two"), [("sub/b.txt", "changed by the call")]),
    "another size": (lambda data: (data / "a.txt").write_text("three"), [("a.txt", "3 bytes before, 5 after")]),
    "a new file": (lambda data: (data / "sub/new").touch(), [("sub/new", "made by the call")]),
    "a new folder": (lambda data: (data / "new").mkdir(), [("new", "made by the call")]),
    "a removed file": (lambda data: (data / "a.txt").unlink(), [("a.txt", "removed by the call")]),
    "a file that is a folder": (lambda data: into_a_folder(data / "a.txt"), [("a.txt", "replaced by the call")]),
    "a cache": (lambda data: (data / "__pycache__/d.pyc").touch(), []),
}  # fmt: skip


@pytest.mark.parametrize(("change", "found"), CHANGES.values(), ids=CHANGES)
def test_each_change_in_a_folder_is_told(folder, change, found):
    assert changed(folder, lambda: change(folder)) == found


@pytest.mark.skipif(os.name != "posix", reason="needs links and permissions to execute")
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: (data / "a.txt").chmod(0o755), [("a.txt", "changed by the call")]),
        (lambda data: os.mkfifo(data / "pipe"), []),
        (lambda data: (data / "lost").symlink_to("nowhere"), []),
    ],
    ids=["executable", "pipe", "link"],
)
def test_of_other_files_only_the_permission_to_execute_counts(folder, change, found):
    assert changed(folder, lambda: change(folder)) == found


def test_a_file_may_be_made_and_removed(tmp_path):
    path = tmp_path / "a.txt"

    assert changed(path, path.touch) == [("", "made by the call")]
    assert changed(path, path.unlink) == [("", "removed by the call")]
    assert state_of(tmp_path / "a.txt" / "b") == {}


@pytest.mark.skipif(os.name != "posix", reason="other systems fill such a file")
def test_a_large_file_is_compared_by_its_size_and_times(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGE)
    os.utime(path, (1, 1))

    assert changed(path, lambda: None) == []
    assert changed(path, lambda: os.utime(path, (2, 2))) == [("", "changed by the call")]
    assert changed(tmp_path, lambda: os.utime(path, (3, 3))) == [("large", "changed by the call")]


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000], ids=["a null character", "too long"])
def test_what_can_be_no_path_is_nothing(path):
    assert state_of(path) == {}


def test_a_folder_of_very_many_files_is_not_compared(tmp_path):
    for n in range(MOST_FILES):
        (tmp_path / str(n)).touch()

    with pytest.raises(NotKeptError, match="more than 10,000 files"):
        state_of(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_compared_by_its_size_or_not_at_all(folder):
    (folder / "a.txt").chmod(0)
    assert changed(folder, lambda: None) == []

    (folder / "sub").chmod(0)
    with pytest.raises(NotKeptError):
        state_of(folder)
    (folder / "sub").chmod(0o755)


def test_excluded_folders_are_left_out(folder):
    assert set(state_of(folder, folder / "sub")) == {"", "a.txt"}


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_to_folders_are_entered_once_on_request(folder, tmp_path):
    (folder / "again").symlink_to(folder)
    (folder / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "d.txt").touch()

    def names(found: Iterator[Any]) -> set[str]:
        return {name for name, _ in found if "#" not in name}

    plain = {"a.txt", "again", "other", "sub", "sub/b.txt"}
    entered = names(files_in(str(folder), enters_links=True))

    assert names(files_in(str(folder))) == plain
    assert "other/d.txt" in entered
    assert "again/a.txt" in entered
    assert "again/again/a.txt" not in entered
