"""The files that the arguments of a call name: which changes of them are refused, and which are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic import MutatedInputError, UnstorableOutcomeError
from pytest_mimic._core.engine.call import Argument
from pytest_mimic._core.engine.call_files import CallFiles
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.target_options import Options


def named(name: str, value: object, *, is_written: bool = False) -> tuple[Argument, bool]:
    return Argument(0, name, name, value, value), is_written


def call_files(places: Places, *arguments: tuple[Argument, bool]) -> CallFiles:
    options = Options(writes=tuple(one.name for one, is_written in arguments if is_written))
    return CallFiles("shop:f", options, [one for one, _ in arguments], places, vault="nowhere")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rootdir, which is the current folder. What is beside it is elsewhere."""
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def files_of(root: Path) -> Callable[..., CallFiles]:
    """Return the files that arguments name before a call."""
    return lambda *arguments: call_files(Places(str(root)), *arguments)


@pytest.mark.parametrize(
    "value", [["b", "c", "d"], ["b", "c", "d", "e\ud800", ""], {"b": 1, "c": ["d"], "e": 2, "f": "x" * 300}]
)
def test_call_that_makes_a_file_which_a_text_names_is_refused(root, files_of, value):
    files = files_of(named("names", value))

    files.refuse_changes()
    (root / "other").touch()
    files.refuse_changes()
    (root / "d").touch()
    with pytest.raises(MutatedInputError, match=r"names\S+: <rootdir>/d"):
        files.refuse_changes()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current folder")
def test_in_a_folder_that_is_gone_no_text_names_a_file(root, files_of, monkeypatch):
    (root / "gone").mkdir()
    monkeypatch.chdir(root / "gone")
    (root / "gone").rmdir()
    files = files_of(named("names", ["b", str(root)]))

    (root / "b").touch()

    files.refuse_changes()


def test_a_text_counts_from_the_folder_in_which_the_call_began(root, files_of, monkeypatch):
    files = files_of(named("name", "out.csv"))

    (root / "out.csv").touch()
    (root / "elsewhere").mkdir()
    monkeypatch.chdir(root / "elsewhere")

    with pytest.raises(MutatedInputError, match=r"name: <rootdir>/out\.csv: made by the call"):
        files.refuse_changes()


def test_a_file_that_is_made_outside_of_the_run_is_no_change(root, files_of):
    """Many strings look like a path there. A path inside is found all the same."""
    elsewhere = root.parent / "elsewhere.csv"
    files = files_of(named("paths", [str(elsewhere), "out.csv"]))

    elsewhere.touch()
    files.refuse_changes()
    (root / "out.csv").touch()
    with pytest.raises(MutatedInputError) as refused:
        files.refuse_changes()

    assert refused.value.facts == ("paths[1]: <rootdir>/out.csv: made by the call",)


def test_what_writes_names_may_be_below_another_argument(root, files_of):
    (root / "data").mkdir()
    files = files_of(named("folder", root / "data"), named("out", root / "data" / "out.csv", is_written=True))

    (root / "data" / "out.csv").touch()
    files.refuse_changes()
    (root / "data" / "log").touch()
    with pytest.raises(MutatedInputError) as refused:
        files.refuse_changes()

    assert refused.value.facts == ("folder: <rootdir>/data/log: made by the call",)


def test_of_many_changed_files_some_are_shown(root, files_of):
    (root / "data").mkdir()
    files = files_of(named("folder", root / "data"))

    for number in range(7):
        (root / "data" / f"{number}.csv").touch()
    with pytest.raises(MutatedInputError) as refused:
        files.refuse_changes()

    first = [f"folder: <rootdir>/data/{number}.csv: made by the call" for number in range(5)]
    assert refused.value.facts == (*first, "and 2 more")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_among_the_arguments_is_not_compared(root, files_of):
    os.mkfifo(root / "pipe")
    (root / "in.csv").touch()
    files = files_of(named("pipe", root / "pipe"), named("path", root / "in.csv"))

    (root / "pipe").unlink()
    files.refuse_changes()
    (root / "in.csv").write_text("1")
    with pytest.raises(MutatedInputError) as refused:
        files.refuse_changes()

    assert refused.value.facts == ("path: <rootdir>/in.csv: 0 bytes before, 1 after",)


def unreadable(folder: Path) -> Path:
    """Make a folder with a link that leads to itself, which no user can follow."""
    folder.mkdir()
    (folder / "loop").symlink_to("loop")
    return folder


def written_to(folder: Path) -> None:
    """Do what a call does: repair the folder, and write a file."""
    (folder / "loop").unlink()
    (folder / "out.csv").write_text("1")


def listing(files: CallFiles) -> Any:
    kept = files.kept()
    return None if kept is None else kept.listing


needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a right there")


@needs_links
def test_a_written_folder_that_was_unreadable_before_the_call_is_kept_whole(root, files_of):
    folder = unreadable(root / "data")
    files = files_of(named("folder", folder, is_written=True))

    written_to(folder)

    assert [*listing(files)["folder"]["files"]] == ["out.csv"]


@needs_links
def test_what_an_object_names_must_be_readable_before_the_call(root, files_of):
    """Otherwise, nobody knows which files the call has touched."""
    folder = unreadable(root / "data")
    files = files_of(named("self", SimpleNamespace(folder=folder), is_written=True))

    written_to(folder)

    with pytest.raises(UnstorableOutcomeError, match=r"self\.folder: a folder that cannot be read"):
        files.kept()


@needs_links
def test_an_unreadable_folder_elsewhere_that_an_object_names_is_left_out(root, files_of):
    folder = unreadable(root.parent / "elsewhere")
    shop = SimpleNamespace(cache=folder, out=root / "out.csv")
    files = files_of(named("self", shop, is_written=True))

    written_to(folder)
    shop.out.write_text("1")

    assert [*listing(files)] == ["self.out"]
