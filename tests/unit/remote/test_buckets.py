"""What a bucket promises, for each kind of store."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic.errors import MimicError, RemoteError


def test_empty_place_holds_nothing(bucket: Bucket, tmp_path: Path) -> None:
    """Nothing is there before the first writer, and reading makes nothing."""
    assert bucket.get("format.json") is None
    assert bucket.size("format.json") is None
    assert bucket.list("state/") == []
    assert bucket.download("format.json", str(tmp_path / "copy")) is False
    bucket.delete(["format.json"])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("data", [b"", b"\0\xff", b"x" * 300_000], ids=["empty", "bytes", "long"])
def test_object_comes_back(bucket: Bucket, data: bytes) -> None:
    """A key has the bytes that were put last."""
    bucket.put("state/new-1", b"before")
    bucket.put("state/new-1", data)

    assert bucket.get("state/new-1") == data
    assert bucket.size("state/new-1") == len(data)


def test_creation_is_conditional(bucket: Bucket) -> None:
    """The second creation of a key changes nothing."""
    assert bucket.create("state/manifest-1", b"first") is True
    assert bucket.create("state/manifest-1", b"second") is False
    assert bucket.get("state/manifest-1") == b"first"


def test_one_of_64_threads_creates_a_key(bucket: Bucket) -> None:
    """Of all that create a key at once, exactly one succeeds, and its data is there."""
    ready = Barrier(64)

    def create(number: int) -> bool:
        ready.wait()
        return bucket.create("claims/1", b"%d" % number)

    with ThreadPoolExecutor(64) as pool:
        created = list(pool.map(create, range(64)))

    assert created.count(True) == 1
    assert bucket.get("claims/1") == b"%d" % created.index(True)


def test_deleted_object_is_gone(bucket: Bucket) -> None:
    """Deleting takes any number of keys, absent ones among them, and the key can be created again."""
    keys = [f"state/new-{number:02}" for number in range(20)]
    for key in keys[::2]:
        bucket.put(key, b"x")
    bucket.put("state/other", b"x")

    bucket.delete(keys)

    assert [key for key, _, _ in bucket.list("")] == ["state/other"]
    assert bucket.create(keys[0], b"y") is True


def test_list_is_sorted_and_complete(bucket: Bucket) -> None:
    """A list has all keys below a folder, more than one page of them, with their sizes."""
    keys = [f"state/new-{number:04}" for number in range(1_005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.put(key, key.encode()), reversed(keys)))
    bucket.put("state/manifest-1", b"")
    bucket.put("statement", b"")

    found = bucket.list("state/")

    assert [(key, size) for key, size, _ in found] == [
        ("state/manifest-1", 0),
        *((key, len(key)) for key in keys),
    ]
    assert [key for key, _, _ in bucket.list("state/", after="state/new-1001")] == keys[1002:]
    assert [key for key, _, _ in bucket.list("state/new-100")] == keys[1000:]
    assert [key for key, _, _ in bucket.list("state/man")] == ["state/manifest-1"]
    assert [key for key, _, _ in bucket.list("state/new-100", after="state/new-1003")] == keys[1004:]
    assert bucket.list("packs/") == []


def test_list_has_the_time_of_each_object(bucket: Bucket) -> None:
    """Times are those of one clock, the server's, with a time zone."""
    bucket.put("claims/1", b"")
    bucket.put("claims/2", b"")

    (_, _, first), (_, _, second) = bucket.list("claims/")

    assert first <= second
    assert first.utcoffset() is not None


def test_many_objects_are_read_at_once(bucket: Bucket) -> None:
    """Each key comes with its content, or None."""
    keys = [f"packs/{number}.pack" for number in range(80)]
    for key in keys[::2]:
        bucket.put(key, key.encode())

    found = dict(bucket.get_many(keys))

    assert found == {key: key.encode() if number % 2 == 0 else None for number, key in enumerate(keys)}
    assert list(bucket.get_many([])) == []


def test_large_file_comes_back(bucket: Bucket, tmp_path: Path) -> None:
    """A file of many parts is streamed to the store and to a new file."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(20 << 20))

    bucket.upload("objects/ab/1", str(source))

    assert bucket.download("objects/ab/1", str(copy)) is True
    assert copy.read_bytes() == source.read_bytes()


def test_small_file_comes_back(bucket: Bucket, tmp_path: Path) -> None:
    """A file of one part, and an empty one, come back."""
    (tmp_path / "source").write_bytes(b"")

    bucket.upload("objects/ab/1", str(tmp_path / "source"))

    assert bucket.download("objects/ab/1", str(tmp_path / "copy")) is True
    assert (tmp_path / "copy").read_bytes() == b""


def test_download_never_overwrites(bucket: Bucket, tmp_path: Path) -> None:
    """A file that is there is an error about the file, and it keeps its content."""
    bucket.put("objects/ab/1", b"new")
    (tmp_path / "copy").write_bytes(b"old")

    with pytest.raises(MimicError, match=r"^cannot write .*copy: File exists$"):
        bucket.download("objects/ab/1", str(tmp_path / "copy"))

    assert (tmp_path / "copy").read_bytes() == b"old"


def test_missing_folder_is_not_taken_for_a_missing_object(bucket: Bucket, tmp_path: Path) -> None:
    """An error about a local file is not the answer that the object is absent."""
    bucket.put("objects/ab/1", b"new")

    with pytest.raises(MimicError, match=r"^cannot write .*copy: No such file or directory$"):
        bucket.download("objects/ab/1", str(tmp_path / "none" / "copy"))
    with pytest.raises(MimicError, match=r"^cannot read .*source: No such file or directory$"):
        bucket.upload("objects/ab/2", str(tmp_path / "none" / "source"))


def test_requests_are_counted(bucket: Bucket) -> None:
    """A bucket counts its requests by verb."""
    bucket.put("a", b"12")
    bucket.create("b", b"345")
    bucket.get("a")
    bucket.get("none")
    bucket.list("")
    bucket.size("a")
    bucket.delete(["a"])

    assert dict(bucket.requests) == {"put": 2, "get": 2, "list": 1, "head": 1, "delete": 1}


def test_extra_that_is_not_installed_is_named(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without obstore, the error has the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)

    with pytest.raises(
        RemoteError, match=r"needs the extra `remote`\n  pip install 'pytest-mimic\[remote\]'$"
    ):
        bucket.get("a")
