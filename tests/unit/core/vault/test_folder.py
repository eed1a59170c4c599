"""Other processes with the same folder: who deletes objects is alone, two writers lose nothing, and Windows makes them wait."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.vault import FolderStore

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
    own.end_run()
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
    own.end_run()
    for file in (ready, say, wait, go):
        os.close(file)


def test_a_run_whose_files_a_test_has_closed_takes_part_again(tmp_path):
    own, other = FolderStore(tmp_path), FolderStore(tmp_path)
    own.share()
    os.close(own._lock._file)
    with (tmp_path / "file").open("w"):  # perhaps of the same number
        own.share()

        assert not is_alone(other)
        own.end_run()
        assert is_alone(other)


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path, monkeypatch):
    import tempfile

    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))

    with pytest.raises(MimicError, match=r"cannot lock .*: Not a directory"):
        FolderStore(tmp_path).share()


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


#: What the modules load themselves was loaded by a POSIX system.
BEGIN = """
import os, sys

import pytest_mimic._core.vault

for name in [name for name in sys.modules if name.startswith("pytest_mimic.")]:
    del sys.modules[name]
folder = sys.argv[1]
"""
#: `os.name` is that of Windows only meanwhile: `pathlib` looks at it as well.
LOAD = """
os.name = "nt"
from pytest_mimic._core.vault.folder import FolderStore
os.name = "posix"
"""


def outcome_of(folder: object, before: str, after: str) -> str:
    """Return what a process prints that does one thing before the store is loaded, and one after that."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + before + LOAD + after, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(
    os.name == "nt", reason="the rules of Windows are simulated with those of POSIX"
)
def test_a_store_waits_while_another_process_has_the_file_open(tmp_path):
    """A reader of a recording that is being replaced, or a virus scanner."""
    before = """
refused = {}

def refusing(function):
    def act(path, *args, **kwargs):
        one = function, path
        refused[one] = refused.get(one, 0) + 1
        if refused[one] % 4:
            raise PermissionError(13, "Permission denied", path)
        return function(path, *args, **kwargs)
    return act

os.replace, os.unlink, os.mkdir, os.open = map(refusing, (os.replace, os.unlink, os.mkdir, os.open))
"""
    after = """
store = FolderStore(folder + "/vault")
store.write("calls/a.json", b"1")
store.write("calls/a.json", b"2")
store.end_run()
print(store.read("calls/a.json"), bytes(store.map("calls/a.json")), store.delete(["calls/a.json"]))
print(store.names(), min(refused.values()))
"""

    assert outcome_of(tmp_path, before, after) == "b'2' b'2' 1\n[] 4\n"


def test_only_what_was_written_is_flushed_and_once(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "sync", lambda: flushed.append(tmp_path), raising=False)
    store = FolderStore(tmp_path)

    store.end_run()
    assert flushed == []
    store.write("a", b"")
    for _ in range(2):
        store.end_run()

    assert flushed == [tmp_path]
