"""Putting recordings into packs loses none and brings none back, whatever failed before and whoever else does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.cache import Cache
from pytest_mimic._remote.folding import fold
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore

NAMES = [f"calls/shop.prices/fetch/{number:07x}.json" for number in range(24)]
OBJECT = f"objects/ab/{'ab' * 16}-1.pkl"
#: A pack holds up to five recordings of this size.
FIFTH = 200_000


def open_vault(folder: Path, machine: str = "machine") -> RemoteStore:
    """Return the vault in a folder as one machine sees it, which has a cache of its own."""
    return RemoteStore(parse_place((folder / "bucket").as_uri()), str(folder / machine))


def content(number: int, size: int = FIFTH, *objects: str) -> bytes:
    """Return the content of a recording that names these objects. Like real ones, it compresses well."""
    return f"{number} {' '.join(objects)} {'x' * size}".encode()


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def make_old(folder: Path, *, days: int) -> None:
    for path in files_of(folder):
        os.utime(path, (path.stat().st_mtime - days * 86_400,) * 2)


@contextmanager
def put_back(folder: Path) -> Iterator[None]:
    """Put back the files of a folder that a block deletes, as if their deletion had failed."""
    before = {path: path.read_bytes() for path in files_of(folder)}
    yield
    for path, data in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Take a file away for a block."""
    data = path.read_bytes()
    path.unlink()
    yield
    path.write_bytes(data)


def packed_vault(folder: Path, *, recordings: int) -> RemoteStore:
    """Return a vault with so many recordings in packs; the first one names a large object."""
    store = open_vault(folder, "writer")
    store.write(OBJECT, bytes(300_000))
    for number, name in enumerate(NAMES[:recordings]):
        store.write(name, content(number, FIFTH, *[OBJECT][number:]))
    store.flush()
    return store


def test_clean_ups_that_fail_twice_bring_nothing_back(tmp_path):
    """What is in packs, and could not be deleted, is still passed over when a later run has failed as well."""
    first, second = open_vault(tmp_path, "first"), open_vault(tmp_path, "second")
    first.write(NAMES[0], b"deleted afterwards")
    with put_back(tmp_path / "bucket" / "state" / "new"):
        first.flush()
    second.delete([NAMES[0]])
    with put_back(tmp_path / "bucket" / "state" / "new"):
        second.flush()

    assert open_vault(tmp_path, "other").read(NAMES[0]) is None
    later = open_vault(tmp_path, "later")
    later.write(NAMES[1], b"later")
    later.flush()
    assert open_vault(tmp_path, "other").read(NAMES[0]) is None
    assert files_of(tmp_path / "bucket" / "state" / "new") == []


def test_old_pack_stays_for_a_run_that_began_before_it_was_replaced(tmp_path):
    """The day of grace begins when a pack is replaced, however old it is."""
    store = open_vault(tmp_path)
    for number in range(2):
        store.write(NAMES[number], b"recorded")
    store.flush()
    make_old(tmp_path / "bucket" / "packs", days=2)
    running = open_vault(tmp_path, "running")
    assert running.totals()[0] == 2

    store.clear([NAMES[0]])

    assert running.read(NAMES[0]) == b"recorded"
    assert open_vault(tmp_path, "other").read(NAMES[0]) is None


def test_pack_like_one_of_before_outlives_it(tmp_path):
    """A recording that came and went leaves the same recordings, but the old pack is deleted after a day."""
    store = packed_vault(tmp_path, recordings=6)
    assert store.holder(NAMES[0]) != store.holder(NAMES[5])
    passing = NAMES[0].replace(".json", "a.json")
    store.write(passing, b"passing")
    store.flush()
    store.clear([passing])
    make_old(
        tmp_path / "bucket" / "state", days=-2
    )  # the clock of the store goes on by what was written last

    store.write(NAMES[5], b"two days later")
    store.flush()

    other = open_vault(tmp_path, "other")
    assert [other.read(name) for name in NAMES[:2]] == [content(0, FIFTH, OBJECT), content(1)]


def test_changes_in_distant_packs_leave_the_one_between_as_it_was(tmp_path):
    """A pack that becomes two moves those after it."""
    store = packed_vault(tmp_path, recordings=15)
    assert len({store.holder(name) for name in (NAMES[0], NAMES[7], NAMES[14])}) == 3
    added = [f"calls/shop.added/f/{number:07x}.json" for number in range(5)]
    for number, name in enumerate(added):
        store.write(name, content(number))
    store.write(NAMES[14], b"changed")
    store.flush()

    other = open_vault(tmp_path, "other")

    expected = {name: content(number) for number, name in enumerate(NAMES[:15])}
    expected |= {name: content(number) for number, name in enumerate(added)}
    expected |= {NAMES[0]: content(0, FIFTH, OBJECT), NAMES[14]: b"changed"}
    assert [name for name in expected if other.read(name) != expected[name]] == []


def test_recordings_of_a_pack_that_is_missing_for_a_while_stay(tmp_path):
    """Nothing is put into packs meanwhile, as the next manifest would not know them."""
    store = packed_vault(tmp_path, recordings=5)
    assert store.read(NAMES[0])
    [pack] = files_of(tmp_path / "bucket" / "packs")
    for path in files_of(tmp_path / "writer" / "packs"):
        path.unlink()
    with away(pack):
        store.write(NAMES[1], b"changed")
        store.flush()

    assert [note for note in store.notes if "not in packs yet" in note] == store.notes != []
    other = open_vault(tmp_path, "other")
    assert other.names("calls") == NAMES[:5]
    assert [other.read(name)[:7] for name in NAMES[1:3]] == [b"changed", b"2  xxxx"]


def test_large_objects_stay_while_a_pack_that_may_name_them_is_missing(tmp_path):
    """Clearing does not know what that pack names."""
    store = packed_vault(tmp_path, recordings=10)
    first, last = store.holder(NAMES[0]), store.holder(NAMES[9])
    assert first != last
    make_old(tmp_path / "bucket" / "large", days=2)
    clearing = open_vault(tmp_path, "clearing")
    with away(tmp_path / "bucket" / first):
        cleared = clearing.clear([NAMES[9]])

    assert (cleared.recordings, cleared.objects) == (1, 0)
    other = open_vault(tmp_path, "other")
    assert other.read(NAMES[0]) == content(0, FIFTH, OBJECT)
    assert other.map(OBJECT) == bytes(300_000)


class _Interrupted(Bucket):
    """A bucket in which another machine acts just after its state was listed."""

    act: Callable[[], object] | None = None

    def list(self, prefix, **options):  # type: ignore[no-untyped-def]
        rows = super().list(prefix, **options)
        act, self.act = self.act, None
        if act is not None:
            act()
        return rows


@pytest.mark.parametrize("is_forced", [False, True])
def test_another_machine_that_is_faster_is_seen(tmp_path, is_forced):
    """The recordings that are gone from the list are in the packs of that machine."""
    another = open_vault(tmp_path, "another")
    another.write(NAMES[0], b"recorded")
    bucket = _Interrupted(parse_place((tmp_path / "bucket").as_uri()))
    bucket.act = another.flush

    manifest = fold(bucket, Cache(str(tmp_path / "machine"), bucket, "vault"), is_forced=is_forced)

    assert manifest is not None
    assert manifest.pack_of(NAMES[0]) is not None
