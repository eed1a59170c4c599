"""Other processes with the same vault: who deletes objects is alone, and two writers lose nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.vault import FolderStore


@pytest.fixture(autouse=True)
def lock_files(tmp_path_factory, monkeypatch):
    """The files of locks, in a folder for temporary files of the test's own; other processes use it, too."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def names(part: str) -> list[Path]:
        return [path for path in folder.glob("*/*/*") if part in path.name]

    return names


#: Takes part as a run that records does, and ends when its input does.
OTHER = """
import sys
from pytest_mimic._core.vault import FolderStore

store = FolderStore(sys.argv[1])
store.share()
print("shared", flush=True)
sys.stdin.read()
"""


def another_run(folder: object) -> subprocess.Popen[str]:
    run = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "shared\n"
    return run


def is_alone(store: FolderStore) -> bool:
    with store.alone() as found:
        return found


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_a_run_is_alone_when_the_others_have_ended(tmp_path, how):
    """By whatever path another process names the vault.

    Its own part keeps no run out.
    """
    (tmp_path / "v").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "v")
    own = FolderStore(tmp_path / "v")
    own.share()
    assert is_alone(own)
    other = another_run(tmp_path / "link")

    assert not is_alone(own)
    assert not is_alone(FolderStore(tmp_path / "v"))

    if how == "is killed":
        other.kill()
    other.communicate()
    assert is_alone(own)
    assert not is_alone(FolderStore(tmp_path / "v"))
    own.end_writing()
    assert is_alone(FolderStore(tmp_path / "v"))
    assert [*(tmp_path / "v").iterdir()] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"
)
def test_a_forked_process_takes_part_on_its_own(tmp_path):
    own = FolderStore(tmp_path)
    own.share()
    (ready, say), (wait, go) = os.pipe(), os.pipe()

    child = os.fork()
    if not child:
        try:
            own.share()
            os.write(say, b"x")
            os.read(wait, 1)
        finally:
            os._exit(0)
    os.read(ready, 1)

    assert not is_alone(own)
    os.write(go, b"x")
    os.waitpid(child, 0)
    assert is_alone(own)
    own.end_writing()
    for file in (ready, say, wait, go):
        os.close(file)


def file_of(path: Path) -> int:
    """Return the number of the file of this process that has a path open."""
    wanted = path.stat()
    for number in range(3, 1000):
        try:
            found = os.fstat(number)
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
            return number
    raise LookupError(path)


def test_a_run_whose_files_a_test_has_closed_takes_part_again(tmp_path, lock_files):
    own, other = FolderStore(tmp_path), FolderStore(tmp_path)
    own.share()
    [run] = lock_files("run.")
    os.close(file_of(run))
    with (tmp_path / "file").open("w"):  # perhaps of the same number
        own.share()

        assert not is_alone(other)
        own.end_writing()
        assert is_alone(other)


def test_a_lock_that_cannot_be_made_is_an_error_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))

    with pytest.raises(MimicError, match=r"^cannot lock .* with .*: Not a directory$"):
        FolderStore(tmp_path).share()


def test_a_missing_folder_for_temporary_files_is_an_error_in_one_line(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    with pytest.raises(MimicError, match=r"^cannot lock .* with .*: No such file"):
        FolderStore(tmp_path).replace("a", None, b"1")


def test_the_folder_of_locks_may_be_removed_at_any_time(tmp_path, lock_files):
    """As cleaners of temporary files do."""
    store = FolderStore(tmp_path)
    store.replace("a", None, b"1")
    for file in lock_files(""):
        file.unlink()
        file.parent.rmdir()

    assert store.replace("a", b"1", b"2")


def test_a_killed_run_leaves_no_lock_and_its_file_goes(tmp_path, lock_files):
    own = FolderStore(tmp_path)
    killed = another_run(tmp_path)
    killed.kill()
    killed.communicate()
    assert len(lock_files("run.")) == 1

    own.share()
    [left] = lock_files("run.")
    assert f".{os.getpid()}." in left.name
    own.end_writing()
    assert lock_files("run.") == []


#: Is killed while it has the lock for writing.
HOLDING = """
import sys
from pytest_mimic._core.vault import FolderStore

class Slow(FolderStore):
    def read(self, name):
        print("reading", flush=True)
        sys.stdin.read()

Slow(sys.argv[1]).replace("a", b"old", b"new")
"""


def test_a_process_that_is_killed_while_it_writes_leaves_no_lock(tmp_path):
    FolderStore(tmp_path).write("a", b"old")
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "reading\n"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(FolderStore(tmp_path).replace, "a", b"old", b"mine")
        wait([waiting], timeout=0.1)
        assert not waiting.done()
        writer.kill()
        writer.communicate()

    assert waiting.result() is True
    assert (tmp_path / "a").read_bytes() == b"mine"


def test_who_waits_sleeps_by_the_clock_that_no_test_has_replaced(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    store = FolderStore(tmp_path)
    store.write("a", b"old")
    with ThreadPoolExecutor(1) as pool, store.alone():
        waiting = pool.submit(FolderStore(tmp_path).replace, "a", b"old", b"new")
        wait([waiting], timeout=0.1)
        assert not waiting.done()

    assert waiting.result() is True
    assert slept == []


def test_a_lock_keeps_others_out_while_the_file_system_is_a_fake(tmp_path):
    """pyfakefs replaces the modules that filelock uses by fakes, in which no lock fails."""
    fakes = pytest.importorskip("pyfakefs.fake_filesystem_unittest")
    own_modules = [name for name in sys.modules if name.startswith("pytest_mimic")]
    store = FolderStore(tmp_path)
    store.share()
    other = another_run(tmp_path)

    with fakes.Patcher(additional_skip_names=own_modules):
        assert not is_alone(store)

    other.communicate()
    assert is_alone(store)
    store.end_writing()


def test_of_two_that_replace_a_file_at_once_the_second_sees_what_the_first_wrote(
    tmp_path,
):
    """Else what one of them has recorded would be lost."""
    has_read, may_go_on = threading.Event(), threading.Event()

    class Slow(FolderStore):
        def read(self, name):
            found = super().read(name)
            has_read.set()
            may_go_on.wait()
            return found

    FolderStore(tmp_path).write("a", b"old")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(Slow(tmp_path).replace, "a", b"old", b"first")
        has_read.wait()
        second = pool.submit(FolderStore(tmp_path).replace, "a", b"old", b"second")
        wait([second], timeout=0.1)
        may_go_on.set()

    assert (first.result(), second.result()) == (True, False)
    assert (tmp_path / "a").read_bytes() == b"first"
