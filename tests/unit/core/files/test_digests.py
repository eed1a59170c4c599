"""Digests of files and folders."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from pytest_mimic._core.files import digests
from pytest_mimic._core.files.digests import FileDigests
from pytest_mimic._core.types.reductions import Unstable

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows lacks it")


def digest(path):
    return FileDigests().content_of(str(path))


def test_content_of_files(tmp_path):
    for name, data in (("a", b"one"), ("b", b"one"), ("c", b"two"), ("d", b"")):
        (tmp_path / name).write_bytes(data)

    a, b, c, d = (digest(tmp_path / name) for name in "abcd")

    assert a == b
    assert len({a, c, d}) == 3
    assert {content.kind for content in (a, c, d)} == {"file"}


def test_a_file_larger_than_a_chunk_counts_whole(tmp_path):
    data = bytearray(3 << 20)
    (tmp_path / "a").write_bytes(data)
    before = digest(tmp_path / "a")
    data[-1] = 1
    (tmp_path / "a").write_bytes(data)

    assert digest(tmp_path / "a") != before


@pytest.mark.parametrize("name", ["gone", "file/below", "null\0", "n" * 300])
def test_a_path_that_names_nothing_is_missing(tmp_path, name):
    (tmp_path / "file").write_text("x")

    assert digest(f"{tmp_path}/{name}") == ("missing", b"")


def folder(path, **files):
    path.mkdir()
    for name, text in files.items():
        file = path / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


def test_a_folder_counts_by_the_names_and_contents_of_its_files(tmp_path):
    one = folder(tmp_path / "one", a="1", b__c="2")
    same = folder(tmp_path / "same", b__c="2", a="1")
    (same / "empty").mkdir()
    (same / "a").chmod(0o755)
    others = [
        folder(tmp_path / "content", a="1", b__c="3"),
        folder(tmp_path / "name", a="1", b__d="2"),
        folder(tmp_path / "place", a="1", c="2"),
        folder(tmp_path / "more", a="1", b__c="2", e=""),
        folder(tmp_path / "none"),
    ]

    assert digest(one) == digest(same)
    assert digest(one).kind == "folder"
    assert len({digest(one), *map(digest, others)}) == 6


@posix_only
def test_links_are_followed_and_must_not_lead_back(tmp_path):
    target = folder(tmp_path / "target", a="1")
    linked = folder(tmp_path / "linked")
    (linked / "a").symlink_to(target / "a")
    (linked / "gone").symlink_to(linked / "nowhere")
    before = digest(linked)
    (target / "a").write_text("2")
    assert digest(linked) != before

    (target / "up").symlink_to(target)

    with pytest.raises(Unstable, match="a folder with a link that leads back, up"):
        digest(target)


@posix_only
def test_special_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
    assert digest(tmp_path / "socket") == ("socket", b"")

    with pytest.raises(Unstable, match="a named pipe"):
        digest(tmp_path / "pipe")
    with pytest.raises(Unstable, match="a folder with a named pipe, pipe"):
        digest(tmp_path)
    with pytest.raises(Unstable, match="a device"):
        digest("/dev/null")


def test_a_folder_with_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "MOST_FILES", 100)
    (tmp_path / "sub").mkdir()
    for number in range(100):
        (tmp_path / f"sub/{number}").touch()
    assert digest(tmp_path).kind == "folder"

    (tmp_path / "one-more").touch()

    with pytest.raises(Unstable, match="more than 100 files"):
        digest(tmp_path)


def test_a_folder_with_too_much_data_is_refused(tmp_path):
    for name in "ab":
        with open(tmp_path / name, "wb") as file:
            file.truncate(1_000_000_001)

    with pytest.raises(Unstable, match="more than 2 GB"):
        digest(tmp_path)


def wait_for_the_next_tick(folder):
    """Write files until the file system's clock has moved on by 0.1 s."""
    mark = folder.parent / f"{folder.name}.mark"
    mark.write_text("")
    begun = mark.stat().st_mtime_ns
    while mark.stat().st_mtime_ns < begun + 100_000_000:
        mark.write_text("")


def test_a_file_rewritten_within_a_tick_of_the_clock_is_read_again(tmp_path):
    """Its size and times may be the same as before."""
    path, digests = tmp_path / "a", FileDigests()
    seen = []
    for number in range(200):
        with open(path, "r+b" if path.exists() else "wb") as file:
            file.write(b"%03d" % number)
        seen.append(digests.content_of(str(path)))

    assert len(set(seen)) == 200


def test_a_file_rewritten_with_its_old_time_is_read_again(tmp_path):
    path, digests = tmp_path / "a", FileDigests()
    path.write_text("one")
    os.utime(path, ns=(1_000_000_000, 1_000_000_000))
    wait_for_the_next_tick(tmp_path)
    before = digests.content_of(str(path))

    with open(path, "r+") as file:
        file.write("two")
    os.utime(path, ns=(1_000_000_000, 1_000_000_000))

    assert path.stat().st_mtime_ns == 1_000_000_000
    assert digests.content_of(str(path)) != before


@pytest.mark.skipif(
    sys.platform != "linux", reason="a file that not even root may read"
)
def test_a_file_that_cannot_be_read_is_refused():
    with pytest.raises(
        Unstable, match=r"a file that cannot be read \(Input/output error\)"
    ):
        digest("/proc/self/mem")
