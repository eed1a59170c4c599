"""What a machine sends to a store, what waits until it can be sent, and what is deleted meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from failing_proxy import running_proxy

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.cache import Cache
from pytest_mimic._remote.keys import large_key, loose_key, ulid_of
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic._remote.ulids import new_ulid
from pytest_mimic._remote.unsent import Unsent
from pytest_mimic._remote.writing import LooseWriter
from pytest_mimic._vault import folder
from pytest_mimic._vault.folder import FolderStore
from pytest_mimic.errors import RemoteError

NAMES = [f"calls/shop.prices/fetch/{number:07x}.json" for number in range(4)]
OBJECTS = [f"objects/ab/{digits * 16}-1.pkl" for digits in ("ab", "cd", "ef")]
LARGE = 300_000


def open_vault(place: Path, machine: str = "machine") -> RemoteStore:
    """Return the vault in a folder as one machine sees it, which has a cache of its own."""
    return RemoteStore(parse_place((place / "bucket").as_uri()), str(place / machine))


@contextmanager
def unreachable(place: Path) -> Iterator[None]:
    """Let a file lie where the bucket was, so that each request fails."""
    (place / "bucket").rename(place / "moved")
    (place / "bucket").write_text("")
    yield
    (place / "bucket").unlink()
    (place / "moved").rename(place / "bucket")


def unsent(place: Path) -> list[str]:
    """Return the files that wait on a machine."""
    return sorted(path.name for path in (place / "machine" / "unsent").iterdir())


def files_of(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


def make_old(place: Path) -> None:
    for path in place.iterdir():
        os.utime(path, (path.stat().st_mtime - 2 * 86_400,) * 2)


def test_recording_that_is_cleared_while_it_waits_stays_deleted(tmp_path):
    """It is not sent afterwards."""
    store = open_vault(tmp_path)
    store.write(NAMES[1], b"sent")
    with unreachable(tmp_path):
        store.write(NAMES[0], b"waits")
    clearing = open_vault(tmp_path)

    assert clearing.clear([NAMES[0]]).recordings == 1

    assert clearing.read(NAMES[0]) is None
    clearing.flush()
    other = open_vault(tmp_path, "other")
    assert [other.read(name) for name in NAMES[:2]] == [None, b"sent"]


def test_recording_that_is_deleted_while_it_waits_stays_deleted(tmp_path):
    """Another machine may put the deletion into packs before this one sends what waits."""
    store = open_vault(tmp_path)
    store.write(NAMES[1], b"sent")
    with unreachable(tmp_path):
        store.write(NAMES[0], b"waits")
    deleting, another = open_vault(tmp_path), open_vault(tmp_path, "another")

    assert deleting.delete([NAMES[0]]) == 1

    another.expect_others()
    another.flush()
    deleting.flush()
    assert open_vault(tmp_path, "other").read(NAMES[0]) is None


def test_clearing_keeps_a_newer_recording_that_waits(tmp_path):
    """What another process of the machine has recorded since is not what was to be deleted."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"old")
    clearing = open_vault(tmp_path)
    assert clearing.read(NAMES[0]) == b"old"
    with unreachable(tmp_path):
        store.write(NAMES[0], b"newer")

    clearing.clear([NAMES[0]])

    clearing.flush()
    assert open_vault(tmp_path, "other").read(NAMES[0]) == b"newer"


def test_recording_that_waited_is_sent_once(tmp_path):
    """It is put into packs then. Whoever deletes it afterwards has deleted it."""
    store = open_vault(tmp_path)
    store.write(NAMES[1], b"sent")
    with unreachable(tmp_path):
        store.write(NAMES[0], b"waits")
    later = open_vault(tmp_path)
    later.clear([])
    later.flush()
    assert files_of(tmp_path / "bucket" / "state" / "new") == []
    another = open_vault(tmp_path, "another")
    assert another.read(NAMES[0]) == b"waits"

    another.clear([NAMES[0]])

    again = open_vault(tmp_path)
    again.expect_others()
    again.flush()
    assert open_vault(tmp_path, "other").read(NAMES[0]) is None


def test_recording_that_is_replaced_while_it_waits_is_not_counted(tmp_path):
    """The message says how many recordings only this machine has."""
    store = open_vault(tmp_path)
    store.write(NAMES[1], b"sent")

    with unreachable(tmp_path):
        for content in (b"first", b"second"):
            store.write(NAMES[0], content)
        with pytest.raises(RemoteError, match=r"^1 recording waits on this machine"):
            store.flush()

    store.flush()
    assert open_vault(tmp_path, "other").read(NAMES[0]) == b"second"


def test_recording_that_was_sent_stays_while_many_replacements_wait(tmp_path):
    """Replaced recordings are deleted in the store when there are many of them, but not for one that it lacks."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"sent")
    (tmp_path / "bucket" / "large").write_bytes(b"no folder, so that large objects cannot be sent")
    store.write(OBJECTS[0], bytes(LARGE))
    for number in range(60):
        store.write(NAMES[0], b"%d %s" % (number, OBJECTS[0].encode()))

    store.write(NAMES[1], b"small")

    other = open_vault(tmp_path, "other")
    assert [other.read(name) for name in NAMES[:2]] == [b"sent", b"small"]


class _Slow(Bucket):
    """A bucket in which another thread or process acts just before an object is sent."""

    act: Callable[[str], object] | None = None

    def put(self, key: str, data: bytes) -> None:
        act, self.act = self.act, None
        if act is not None:
            act(key)
        super().put(key, data)

    def upload(self, key: str, path: str) -> None:
        act, self.act = self.act, None
        if act is not None:
            act(key)
        super().upload(key, path)


def test_older_recording_that_took_longer_does_not_delete_the_newer_one(tmp_path):
    """Two threads record one call."""
    bucket = _Slow(parse_place((tmp_path / "bucket").as_uri()))
    writer = LooseWriter(bucket, Cache(str(tmp_path / "machine"), bucket, "vault"), print)
    newer: list[str] = []
    bucket.act = lambda key: newer.append(writer.write(NAMES[0], b"newer", {}, after=ulid_of(key))[0])

    older, _ = writer.write(NAMES[0], b"older", {}, after="")
    writer.drop_replaced()

    assert older < newer[0]
    assert bucket.get(newer[0]) is not None


def test_large_object_that_another_process_has_just_sent(tmp_path):
    """Two processes of a machine record equal outcomes. The first one to send the object moves its file."""
    bucket = _Slow(parse_place((tmp_path / "bucket").as_uri()))
    cache, another = (Cache(str(tmp_path / "machine"), bucket, "vault") for _ in range(2))
    writer = LooseWriter(bucket, cache, print)
    linked = writer.kept(bytes(LARGE))

    def act(key: str) -> None:
        bucket.upload(key, another.object_path(linked))
        another.keep_object(linked.sha256)

    bucket.act = act

    key, _ = writer.write(NAMES[0], OBJECTS[0].encode(), {OBJECTS[0]: linked}, after="")

    assert bucket.get(key) is not None
    assert bucket.size(large_key(linked.sha256)) == LARGE


def test_large_object_of_several_recordings_is_sent_once(tmp_path):
    """It is among the local copies then."""
    store = open_vault(tmp_path)
    store.write(OBJECTS[0], bytes(LARGE))

    for name in NAMES[:3]:
        store.write(name, OBJECTS[0].encode())

    assert store.bucket.requests["put"] == 4
    assert unsent(tmp_path) == []
    assert open_vault(tmp_path, "other").read(NAMES[2]) == OBJECTS[0].encode()


def test_large_object_without_a_recording_goes_after_a_day(tmp_path):
    """A younger one may belong to a recording that is about to be written."""
    store = open_vault(tmp_path)
    store.write(OBJECTS[0], b"o" * LARGE)
    make_old(tmp_path / "machine" / "unsent")
    store.write(OBJECTS[1], b"y" * LARGE)
    assert len(unsent(tmp_path)) == 2
    another = open_vault(tmp_path)
    another.expect_others()

    another.flush()

    assert len(unsent(tmp_path)) == 1
    store.write(NAMES[0], OBJECTS[1].encode())
    other = open_vault(tmp_path, "other")
    assert other.read(NAMES[0]) == OBJECTS[1].encode()
    assert other.map(OBJECTS[1]) == b"y" * LARGE


def test_old_large_object_stays_while_a_recording_waits(tmp_path):
    """It may be that recording's, which another process could not send meanwhile."""
    waiting = Unsent(FolderStore(str(tmp_path)))
    linked = waiting.keep_object([memoryview(b"large")])
    waiting.keep(loose_key(NAMES[0], new_ulid()), b"a recording")
    make_old(tmp_path / "unsent")

    waiting.sweep()

    assert waiting.object_path(linked.sha256) is not None


def test_large_object_that_waits_is_brought_to_the_disk(tmp_path, monkeypatch):
    """A loss of power after the run would leave its recording without it."""
    store, sizes = open_vault(tmp_path), []
    store.write(NAMES[1], b"sent")
    monkeypatch.setattr(folder, "fsync", lambda file: sizes.append(os.fstat(file).st_size))

    with unreachable(tmp_path):
        store.write(OBJECTS[0], bytes(LARGE))
        store.write(NAMES[0], OBJECTS[0].encode())
        with pytest.raises(RemoteError, match=r"^1 recording waits on this machine"):
            store.flush()

    assert LARGE in sizes


def test_damaged_local_copy_is_not_sent_over_a_sound_object(tmp_path):
    """A recording that names it again leaves the store's one as it is."""
    store = open_vault(tmp_path)
    store.write(OBJECTS[0], bytes(LARGE))
    store.write(NAMES[0], OBJECTS[0].encode())
    store.flush()
    [copy] = [path for path in (tmp_path / "machine" / "objects").iterdir() if path.stat().st_size]
    copy.write_bytes(b"damaged".ljust(LARGE))
    again = open_vault(tmp_path)
    assert again.read(NAMES[0]) == OBJECTS[0].encode()

    again.write(NAMES[1], OBJECTS[0].encode())

    other = open_vault(tmp_path, "other")
    assert other.read(NAMES[1]) == OBJECTS[0].encode()
    assert other.map(OBJECTS[0]) == bytes(LARGE)


def test_pieces_of_one_buffer_are_kept_as_they_were(tmp_path):
    """Each piece may be changed when the next one is taken."""

    def pieces() -> Iterator[memoryview]:
        buffer = bytearray(4)
        for number in range(3):
            buffer[:] = b"%04d" % number
            yield memoryview(buffer)

    store = open_vault(tmp_path)
    store.write(OBJECTS[0], pieces())
    store.write(NAMES[0], OBJECTS[0].encode())

    other = open_vault(tmp_path, "other")
    assert other.read(NAMES[0]) == OBJECTS[0].encode()
    assert other.read(OBJECTS[0]) == b"000000010002"


@pytest.mark.parametrize("conditions", ["ignore", "refuse"])
def test_store_without_conditions_has_no_packs(s3_url, monkeypatch, tmp_path, conditions):
    """Two machines could replace each other's manifest. What is deleted there is gone all the same."""
    with running_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        proxy.conditions = conditions
        store, other = (RemoteStore(parse_place(s3_url), str(tmp_path / name)) for name in ("one", "other"))
        for name in NAMES[:2]:
            store.write(name, b"recorded")
        store.flush()

        cleared = store.clear([NAMES[0]])

        assert cleared == (1, 0, 0, False)
        assert [other.read(name) for name in NAMES[:2]] == [None, b"recorded"]
        assert other.bucket.list("state/manifest/") == []
        assert [note for note in store.notes if "has no conditional writes" in note] == store.notes != []


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the folder is unwritable by its type")
def test_temporary_cache_stays_if_recordings_wait_in_it(tmp_path):
    """They are nowhere else. Without any, it goes with the process."""
    code = (
        "import sys; from pytest_mimic._remote.cache import Cache, usable\n"
        "for key in (None, 'state/new/0000000/' + '0' * 26):\n"
        "    cache = Cache(usable(sys.argv[1]), None, 'vault')\n"
        "    cache.files.write('packs/copy', b'fetched')\n"
        "    if key: cache.unsent.keep(key, b'recorded')\n"
    )
    (tmp_path / "file").write_text("")

    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file" / "cache")],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=True,
    )

    [left] = tmp_path.glob("pytest-mimic-cache-*")
    assert [path.read_bytes() for path in files_of(left / "unsent")] == [b"recorded"]
