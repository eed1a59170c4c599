"""Files of a vault are written whole and read only where they are regular files, and Windows makes a store wait."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.vault import FolderStore
from pytest_mimic._core.vault.folder import holds_recordings
from pytest_mimic.errors import Damage

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
store.end_writing()
print(store.read("calls/a.json"), bytes(store.memory("calls/a.json")), store.delete(["calls/a.json"]))
print(store.names(), min(refused.values()))
"""

    assert outcome_of(tmp_path, before, after) == "b'2' b'2' 1\n[] 4\n"


def test_only_what_was_written_is_flushed_and_once(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "sync", lambda: flushed.append(tmp_path), raising=False)
    store = FolderStore(tmp_path)

    store.end_writing()
    assert flushed == []
    store.write("a", b"")
    for _ in range(2):
        store.end_writing()

    assert flushed == [tmp_path]


def a_folder(place):
    place.mkdir()
    (place / "a.json").write_bytes(b"1")


def a_socket(place):
    with socket.socket(socket.AF_UNIX) as listening:
        # A path of a socket has to be short.
        folder = os.open(place.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{folder}/{place.name}")
        os.close(folder)


def nothing(place):
    """A link to what does not exist."""


ODD = {
    "nothing": nothing,
    "a folder": a_folder,
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "a socket": a_socket,
    "a device": None,
}


@pytest.fixture(params=ODD)
def odd(request, tmp_path):
    """What is no regular file, in words, and where it stands."""
    if request.param == "a device":
        return request.param, "/dev/zero"
    place = tmp_path / "odd"
    ODD[request.param](place)
    return request.param, place


@pytest.mark.skipif(sys.platform != "linux", reason="needs pipes, sockets and devices")
def test_what_is_no_regular_file_at_the_end_of_a_link_is_not_opened(tmp_path, odd):
    words, place = odd
    store = FolderStore(tmp_path / "v")
    store.write("calls/a.json", b"1")
    link = tmp_path / "v/calls/b.json"
    link.symlink_to(place)

    assert store.names() == ["calls/a.json", "calls/b.json"]
    for read in (store.read, store.memory):
        with pytest.raises(
            CorruptRecordingError, match=f"{link} is a link to {words}, which is not"
        ):
            read("calls/b.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_opened(tmp_path):
    (tmp_path / "calls").mkdir()
    os.mkfifo(tmp_path / "calls/a.json")

    with pytest.raises(
        CorruptRecordingError, match=r"a\.json is a pipe, which is not opened"
    ) as caught:
        FolderStore(tmp_path).read("calls/a.json")
    assert (caught.value.damage, caught.value.detail) == (
        Damage.NOT_REGULAR,
        "a pipe",
    )


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_to_a_folder_is_neither_followed_nor_written_through(tmp_path):
    store = FolderStore(tmp_path / "v")
    store.write("calls/a.json", b"1")
    other = tmp_path / "other"
    a_folder(other)
    (tmp_path / "v/calls/dot").symlink_to(".")
    (tmp_path / "v/calls/far").symlink_to(other)

    assert store.names("calls") == ["calls/a.json", "calls/dot", "calls/far"]
    assert store.names("calls/far") == ["calls/far"]
    for act in (
        lambda: store.read("calls/far/a.json"),
        lambda: store.write("calls/far/a.json", b"2"),
    ):
        with pytest.raises(
            CorruptRecordingError, match="far is a link to a folder, which is not"
        ):
            act()
    assert (other / "a.json").read_bytes() == b"1"


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_to_files_are_read_and_the_vault_may_be_a_link(tmp_path):
    """DVC and Bazel make such."""
    FolderStore(tmp_path / "cache").write("1a", b"1")
    FolderStore(tmp_path / "cache").write("2b", b"2" * (1 << 20))
    (tmp_path / "v/calls").mkdir(parents=True)
    (tmp_path / "v/calls/a.json").symlink_to(tmp_path / "cache/1a")
    (tmp_path / "v/calls/b.json").symlink_to(tmp_path / "cache/2b")
    (tmp_path / "link").symlink_to(tmp_path / "v")
    store = FolderStore(tmp_path / "link")

    assert store.names() == ["calls/a.json", "calls/b.json"]
    assert store.read("calls/a.json") == b"1"
    assert bytes(store.memory("calls/b.json")[:3]) == b"222"
    store.write("calls/c.json", b"3")
    assert (tmp_path / "v/calls/c.json").read_bytes() == b"3"


@pytest.mark.parametrize("folder", ["calls", "cassettes"])
def test_a_vault_with_a_folder_of_recordings_holds_some(tmp_path, folder):
    tmp_path.joinpath(folder).mkdir()

    assert holds_recordings(tmp_path)


def test_a_vault_of_objects_alone_holds_none(tmp_path):
    tmp_path.joinpath("objects").mkdir()

    assert not holds_recordings(tmp_path)
