"""Only regular files are opened, and who replaces a file keeps others out."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import pytest

from pytest_mimic import CorruptRecordingError, MimicError
from pytest_mimic.vault.folder import Folder
from pytest_mimic.vault.locks import Locks


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "v", ".mimic_vault")


def test_a_file_is_replaced_whole_and_takes_its_folders_along(folder, tmp_path):
    folder.write("calls/a/b.json", [b"old"])
    folder.write("calls/a/b.json", [b"", b"n", memoryview(b"ew")])
    folder.write("calls/c.json", [])

    assert folder.names() == ["calls/a/b.json", "calls/c.json"]
    assert folder.names("calls/a") == ["calls/a/b.json"]
    assert folder.read("calls/a/b.json") == b"new"
    assert folder.read("calls/none.json") is None
    assert (folder.delete("calls/a/b.json"), folder.delete("calls/x.json")) == (
        True,
        False,
    )
    assert sorted(tmp_path.rglob("*")) == [
        tmp_path / "v",
        tmp_path / "v/calls",
        tmp_path / "v/calls/c.json",
    ]


def test_hidden_files_are_not_named(folder):
    for name in ("a.json", ".b.json.swp", "c/.d", ".git/HEAD"):
        folder.write(name, [b""])

    assert folder.names() == ["a.json"]


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
    assert folder.names() == ["calls/a.json", "calls/b.json"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_to_files_are_read_and_the_vault_may_be_one(tmp_path):
    """DVC and Bazel make such."""
    (tmp_path / "cache").write_bytes(b"1")
    (tmp_path / "v/calls").mkdir(parents=True)
    (tmp_path / "v/calls/a.json").symlink_to(tmp_path / "cache")
    (tmp_path / "link").symlink_to(tmp_path / "v")
    folder = Folder(tmp_path / "link", "vault")

    assert folder.names() == ["calls/a.json"]
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
    return Locks(str(place), label)


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))

    with pytest.raises(
        MimicError, match=r"^cannot lock \.mimic_vault with .*: Not a d"
    ):
        locks(tmp_path, ".mimic_vault").join()


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
    own.leave()
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
        own.leave()
        with other.alone() as is_alone:
            assert is_alone
