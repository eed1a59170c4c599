"""Only regular files are opened, and who replaces a file keeps others out."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_mimic import CorruptRecordingError, MimicError
from pytest_mimic.vault.folder import Folder
from pytest_mimic.vault.locks import Locks
from rooms.calls import without_locks


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "v", ".mimic_vault")


def test_a_file_is_replaced_whole_and_takes_its_folders_along(folder, tmp_path):
    folder.write(f"{CALL}", [b"old"])
    folder.write(f"{CALL}", [b"", b"n", memoryview(b"ew")])
    folder.write("calls/c.json", [])

    assert [*folder.names()] == [CALL, "calls/c.json"]
    assert [*folder.names("calls/a")] == [CALL]
    assert folder.read(CALL) == b"new"
    assert folder.read("calls/none.json") is None
    assert (folder.delete(CALL), folder.delete(CALL)) == (True, False)
    assert sorted(tmp_path.rglob("*")) == [
        tmp_path / "v",
        tmp_path / "v/calls",
        tmp_path / "v/calls/c.json",
    ]


def at(event, name, do):
    """Do something once when this thread comes to a call of the system."""

    def look(frame, seen, function):
        if seen == event and function.__name__ == name:
            sys.setprofile(None)
            do()

    sys.setprofile(look)


def test_a_folder_that_goes_while_it_is_looked_at_is_nobody_else_s(folder, tmp_path):
    """Another process has tried it out, and it was empty."""
    folder.write(CALL, [b"1"])
    at("c_return", "lstat", lambda: shutil.rmtree(tmp_path / "v/calls"))

    assert folder.may_replace("calls/")


@pytest.mark.skipif(os.name == "nt", reason="it has other rights")
@pytest.mark.parametrize("umask", [0o002, 0o077])
def test_a_replaced_file_keeps_its_rights(folder, tmp_path, umask):
    """Those that a user of the same group has given it."""
    for mode in (0o664, 0o600, 0o640):
        folder.write(CALL, [b"old"])
        (tmp_path / "v" / CALL).chmod(mode)
        before = os.umask(umask)
        try:
            folder.write(CALL, [b"new"])
        finally:
            os.umask(before)
        assert (tmp_path / "v" / CALL).stat().st_mode & 0o777 == mode


DIGEST = "9f31" * 8
OWN = [
    CALL := f"calls/a/{DIGEST}.json",
    "logs/tests/test_a.py/test_x-3-1f0c2a9b7d3e.json",
    "cassettes/shop/Rates of today.json",
    f"objects/9f/{DIGEST}.pkl",
    f".mimic-{DIGEST[:16]}.tmp",
    ".locks/run.4711-83520817",
]
NOT_OWN = [
    "calls/a/notes.json",
    f"calls/a/{DIGEST}.json.bak",
    "logs/notes.json",
    "logs/tests/test_a.py/test_x.json.4711-83520817-14.part",
    "logs/tests/test_a.py/README.md",
    "cassettes/shop.yaml",
    "objects/notes.txt",
    f"objects/aa/{DIGEST}.pkl",
    "objects/9f/data.json",
    ".locks/notes",
    "notes.json",
]


def test_what_has_no_name_of_ours_is_never_deleted(folder, tmp_path):
    for name in [*OWN, *NOT_OWN]:
        folder.write(name, [b"1"])

    deleted = [name for name in [*OWN, *NOT_OWN] if folder.delete(name)]

    assert deleted == OWN
    left = [path for path in (tmp_path / "v").rglob("*") if path.is_file()]
    assert len(left) == len(NOT_OWN)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("name", OWN)
def test_nothing_behind_a_link_to_a_folder_is_read_written_or_deleted(
    folder, tmp_path, name
):
    inner = name.rpartition("/")[0]
    folder.write(name, [b"1"])
    for linked in [*Path(name).parents][:-1]:
        here = tmp_path / "v" / linked
        here.rename(tmp_path / "behind")
        here.symlink_to(tmp_path / "behind")
        fresh = Folder(tmp_path / "v", "v")

        with pytest.raises(CorruptRecordingError, match="is a link or no folder"):
            fresh.read(name)
        with pytest.raises(CorruptRecordingError, match="is a link or no folder"):
            fresh.write(name, [b"2"])
        assert not fresh.delete(name)
        assert [*fresh.names(inner)] in ([f"{linked.as_posix()}/"], [f"{inner}/"])
        here.unlink()
        (tmp_path / "behind").rename(here)
    assert folder.read(name) == b"1"


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("name", OWN)
def test_of_a_link_to_a_file_the_link_is_deleted(folder, tmp_path, name):
    """That of git-annex, and one to nothing; but no folder, and no pipe."""
    (tmp_path / "mine").write_bytes(b"1")
    place = tmp_path / "v" / name
    place.parent.mkdir(parents=True)
    for end in ("mine", "nothing"):
        place.symlink_to(tmp_path / end)
        assert folder.delete(name)
        place.parent.mkdir(parents=True, exist_ok=True)
    for make in (Path.mkdir, os.mkfifo):
        make(place)
        assert not folder.delete(name)
        place.rename(tmp_path / f"{make.__name__} left")
    assert (tmp_path / "mine").read_bytes() == b"1"


def test_hidden_files_are_not_named(folder):
    for name in ("a.json", ".b.json.swp", "c/.d", ".git/HEAD"):
        folder.write(name, [b""])

    assert [*folder.names()] == ["a.json"]


def a_socket(place):
    with socket.socket(socket.AF_UNIX) as listening:
        # A path of a socket has to be short.
        holder = os.open(place.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{holder}/{place.name}")
        os.close(holder)


ODD = {
    "a folder": lambda place: place.mkdir(),
    "a pipe": lambda place: os.mkfifo(place),
    "a socket": a_socket,
    "a device": lambda place: place.symlink_to("/dev/zero"),
    "nothing": lambda place: None,
}


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs devices and pipes")
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_regular_file_is_not_opened(folder, tmp_path, kind):
    """Nor at the end of a link."""
    folder.write("calls/a.json", [b"1"])
    ODD[kind](tmp_path / "odd")
    link = tmp_path / "v/calls/b.json"
    link.symlink_to(tmp_path / "odd")

    says = r"^\.mimic_vault/calls/b.json is not a regular file, so it was not opened"
    with pytest.raises(CorruptRecordingError, match=says) as caught:
        folder.read("calls/b.json")
    assert caught.value.damage == "irregular"
    assert [one.rstrip("/") for one in folder.names()] == [
        "calls/a.json",
        "calls/b.json",
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_to_files_are_read_and_the_vault_may_be_one(tmp_path):
    """DVC and Bazel make such."""
    (tmp_path / "cache").write_bytes(b"1")
    (tmp_path / "v/calls").mkdir(parents=True)
    (tmp_path / "v/calls/a.json").symlink_to(tmp_path / "cache")
    (tmp_path / "link").symlink_to(tmp_path / "v")
    folder = Folder(tmp_path / "link", "vault")

    assert [*folder.names()] == ["calls/a.json"]
    assert folder.read("calls/a.json") == b"1"
    folder.write("calls/a.json", [b"2"])
    assert (tmp_path / "cache").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["calls/a.json", "objects/9f/9f.pkl"])
def test_a_vault_that_is_a_file_is_an_error_that_names_it(folder, tmp_path, name):
    (tmp_path / "v").write_bytes(b"mine")

    with pytest.raises(
        MimicError, match=rf"^cannot read \.mimic_vault/{name}: Not a d"
    ):
        folder.read(name)
    with pytest.raises(MimicError, match=rf"^cannot write \.mimic_vault/{name}: "):
        folder.write(name, [b"1"])
    assert (tmp_path / "v").read_bytes() == b"mine"


def locks(place, label="v"):
    return Locks(Folder(place, label), label)


def leave(own):
    with own.alone():
        own.leave()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("name", [".locks", ".locks/write"])
def test_a_lock_is_neither_made_nor_opened_through_a_link(tmp_path, name):
    (tmp_path / "v/.locks").mkdir(parents=True)
    if name == ".locks":
        (tmp_path / "v/.locks").rmdir()
    (tmp_path / "v" / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(MimicError):
        locks(tmp_path / "v", ".mimic_vault").join()
    assert not (tmp_path / "elsewhere").exists()


def test_git_ignores_the_locks_which_go_with_the_last_file(tmp_path):
    own, folder = locks(tmp_path / "v"), Folder(tmp_path / "v", "v")
    own.join()
    assert (tmp_path / "v/.locks/.gitignore").read_text() == "*\n"
    assert [*folder.names()] == []

    folder.write(CALL, [b"1"])
    leave(own)
    assert {path.name for path in (tmp_path / "v/.locks").iterdir()} == {
        "write",
        ".gitignore",
    }
    folder.delete(CALL)
    with own.alone():
        pass
    assert [*tmp_path.iterdir()] == []


def test_who_comes_while_the_last_one_leaves_makes_the_locks_again(tmp_path):
    """An empty vault goes with its locks."""
    own = locks(tmp_path / "v")
    at("c_return", "open", lambda: shutil.rmtree(tmp_path / "v"))

    own.join()

    with locks(tmp_path / "v").alone() as is_alone:
        assert not is_alone
    leave(own)


def test_threads_that_begin_at_one_moment_join_once(tmp_path):
    for number in range(20):
        own, barrier = locks(tmp_path / f"v{number}"), threading.Barrier(4)

        def begin(_, own=own, barrier=barrier):
            barrier.wait()
            own.join()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(begin, range(4)))

        files = os.listdir(tmp_path / f"v{number}/.locks")
        assert len([one for one in files if one.startswith("run.")]) == 1
        leave(own)


def test_one_thread_at_a_time_replaces_a_file(tmp_path):
    """Each has a folder of its own, as processes have."""
    one, other = locks(tmp_path), locks(tmp_path)
    done = threading.Event()

    def replace():
        with other.writing():
            return done.is_set()

    with ThreadPoolExecutor(1) as pool:
        with one.writing():
            waiting = pool.submit(replace)
            wait([waiting], timeout=0.1)
            assert not waiting.done()
            done.set()

        assert waiting.result() is True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_records_on_its_own(tmp_path):
    """The file that it inherits is its parent's."""
    own = locks(tmp_path)
    own.join()
    (ready, say), (wait_here, go) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        own.join()
        os.write(say, b"x")
        os.read(wait_here, 1)
        os._exit(0)
    os.read(ready, 1)

    with own.alone() as is_alone:
        assert not is_alone
    os.write(go, b"x")
    os.waitpid(child, 0)
    with own.alone() as is_alone:
        assert is_alone
    with locks(tmp_path).alone() as is_alone:
        assert not is_alone
    leave(own)
    with locks(tmp_path).alone() as is_alone:
        assert is_alone
    for descriptor in (ready, say, wait_here, go):
        os.close(descriptor)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_process_whose_files_a_test_has_closed_records_again(tmp_path):
    own, other = locks(tmp_path), locks(tmp_path)
    open_before = set(os.listdir("/proc/self/fd"))
    own.join()
    for number in set(os.listdir("/proc/self/fd")) - open_before:
        with suppress(OSError):  # that of the listing itself is closed
            os.close(int(number))

    with open(tmp_path / "file", "w"):  # perhaps of the same number
        own.join()

        with other.alone() as is_alone:
            assert not is_alone
        leave(own)
        with other.alone() as is_alone:
            assert is_alone


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_where_there_are_no_locks_nothing_is_recorded(tmp_path, monkeypatch):
    without_locks(monkeypatch, tmp_path / "v")

    with pytest.raises(MimicError, match=r"cannot lock v with .*: No locks available"):
        locks(tmp_path / "v").join()


def unreadable(*_args):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_lock_whose_file_cannot_be_looked_at_is_left(tmp_path, monkeypatch):
    """Who comes next would wait for it without end."""
    own = locks(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("pytest_mimic.vault.locks.fstat", unreadable)
        with pytest.raises(MimicError, match="Input/output error"), own.writing():
            pass

    def write():
        with own.writing():
            pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(10)

    assert not thread.is_alive()


def test_a_folder_that_cannot_be_listed_is_named(folder, monkeypatch):
    monkeypatch.setattr("pytest_mimic.vault.folder.scandir", unreadable)

    with pytest.raises(MimicError, match=r"cannot list \.mimic_vault/calls"):
        folder.try_out("calls")
