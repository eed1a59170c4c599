"""Recordings of a remote vault outlive what other machines, and a failing store, do to them at the worst moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import freezegun
import pytest
import time_machine

from pytest_mimic import CorruptRecordingError
from pytest_mimic._remote.place import cache_folder, parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic.errors import RemoteError

NAMES = [f"calls/shop.prices/fetch/{number:07x}.json" for number in range(8)]
OBJECT = f"objects/ab/{'ab' * 16}-1.pkl"


def open_vault(folder: Path, machine: str = "machine") -> RemoteStore:
    """Return the vault in a folder as one machine sees it, which has a cache of its own."""
    return RemoteStore(parse_place((folder / "bucket").as_uri()), str(folder / machine))


def naming(*objects: str) -> bytes:
    """Return the content of a recording that names objects."""
    return " ".join(objects).encode()


def test_an_object_of_two_recordings_stays_when_one_of_them_goes(tmp_path):
    """Each recording keeps its objects, also if another one in the same pack has an equal one."""
    store = open_vault(tmp_path)
    store.write(OBJECT, b"object")
    for name in NAMES[:3]:
        store.write(name, naming(OBJECT))
    store.flush()
    for name in NAMES[:2]:
        store.write(name, b"another outcome")
        store.flush()

    other = open_vault(tmp_path, "other")

    assert other.read(NAMES[2]) == naming(OBJECT)
    assert other.read(OBJECT) == b"object"


def test_a_large_object_stays_that_another_recording_names_while_it_is_cleared(tmp_path):
    """A machine that clears may not have seen the recording that names an old object from now on."""
    large = bytes(300_000)
    writer = open_vault(tmp_path, "writer")
    writer.write(OBJECT, large)
    writer.write(NAMES[0], naming(OBJECT))
    writer.flush()
    make_old(tmp_path / "bucket" / "large")
    linking = open_vault(tmp_path, "linking")
    assert linking.map(OBJECT) is None
    assert linking.read(NAMES[0]) == naming(OBJECT)
    assert linking.map(OBJECT) == large
    linking.write(NAMES[1], naming(OBJECT))

    with hidden(tmp_path / "bucket" / "state" / "new", tmp_path / "away"):
        open_vault(tmp_path, "clearing").clear([NAMES[0]])

    other = open_vault(tmp_path, "other")
    assert other.read(NAMES[1]) == naming(OBJECT)
    assert other.map(OBJECT) == large


def test_clearing_keeps_what_it_did_not_see(tmp_path):
    """A recording that another machine has made again is not the one that was found unused."""
    writer, clearing = open_vault(tmp_path, "writer"), open_vault(tmp_path, "clearing")
    for name in NAMES[:3]:
        writer.write(name, b"old")
    writer.flush()
    assert len(clearing.names("calls")) == 3
    writer.write(NAMES[0], b"new")

    clearing.clear([NAMES[0], NAMES[1]])

    other = open_vault(tmp_path, "other")
    assert [other.read(name) for name in NAMES[:3]] == [b"new", None, b"old"]


def test_a_deletion_keeps_what_it_did_not_see(tmp_path):
    """Taking back a failed recording leaves that of another machine, which was made meanwhile."""
    failing, passing = open_vault(tmp_path, "failing"), open_vault(tmp_path, "passing")
    failing.write(NAMES[0], b"an exception")
    passing.write(NAMES[0], b"a value")

    failing.delete([NAMES[0]])

    assert open_vault(tmp_path, "other").read(NAMES[0]) == b"a value"


def test_clearing_leaves_the_files_of_others(tmp_path):
    """A vault may share its place with other files, whatever their folders are called."""
    writer = open_vault(tmp_path)
    writer.write(NAMES[0], b"x")
    names = ["large/video.mp4", "packs/wolf.pack", "packs/index.json", "claims/2026.pdf"]
    for name in names:
        path = tmp_path / "bucket" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"of others")
        make_old(path.parent)

    writer.clear([NAMES[0]])

    assert [name for name in names if not (tmp_path / "bucket" / name).exists()] == []


def test_a_recording_stays_in_the_store_while_its_replacement_waits(tmp_path):
    """A machine that cannot send may never come back: what it had sent before is kept."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"sent")
    (tmp_path / "bucket" / "large").write_bytes(b"no folder, so that large objects cannot be sent")
    store.write(OBJECT, bytes(300_000))
    store.write(NAMES[0], naming(OBJECT))
    assert store.read(NAMES[0]) == naming(OBJECT)

    assert open_vault(tmp_path, "other").read(NAMES[0]) == b"sent"


def test_a_recording_that_is_rewritten_quickly_can_be_read(tmp_path):
    """A reader that has listed a recording finds it, although a newer one has replaced it since."""
    writer, reader = open_vault(tmp_path, "writer"), open_vault(tmp_path, "reader")
    writer.write(NAMES[0], b"0")
    reader.refresh()
    for number in range(1, 10):
        writer.write(NAMES[0], b"%d" % number)

    assert reader.read(NAMES[0]) == b"0"
    assert dict(reader.bucket.requests) == {"list": 1, "get": 1}
    writer.flush()
    assert len(list((tmp_path / "bucket" / "state" / "new").rglob("*-*"))) == 0
    assert open_vault(tmp_path, "other").read(NAMES[0]) == b"9"


def test_a_machine_replays_its_own_recordings_without_its_store(tmp_path):
    """What a machine has recorded is among its local copies."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"recorded here")
    store.flush()
    (tmp_path / "bucket").rename(tmp_path / "away")
    (tmp_path / "bucket").write_text("")

    assert open_vault(tmp_path).read(NAMES[0]) == b"recorded here"


@pytest.mark.parametrize("stopped", ["freezegun", "time-machine"])
def test_a_stopped_clock_does_not_date_recordings(tmp_path, stopped):
    """A recording of a test with a fixed date counts as made when it was made."""
    freeze = freezegun.freeze_time if stopped == "freezegun" else time_machine.travel
    early, late = open_vault(tmp_path, "early"), open_vault(tmp_path, "late")
    early.refresh()
    late.refresh()

    early.write(NAMES[0], b"first")
    with freeze("2001-02-03"):
        late.write(NAMES[0], b"second")

    assert open_vault(tmp_path, "other").read(NAMES[0]) == b"second"


def test_a_damaged_recording_that_waits_is_named(tmp_path):
    """It is on no other machine. So it is not passed over."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"sent")
    with unreachable(tmp_path):
        store.write(NAMES[1], b"waits")
    [path] = (tmp_path / "machine" / "unsent").iterdir()
    path.write_bytes(path.read_bytes()[:-3])

    with pytest.raises(
        CorruptRecordingError, match=f"{path.name}, a recording that waits to be sent, is damaged"
    ):
        open_vault(tmp_path).read(NAMES[0])


def test_clearing_without_the_store_deletes_nothing_on_this_machine(tmp_path):
    """What may not be deleted in the store is still there for this machine."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"kept")
    store.flush()
    reader = open_vault(tmp_path)
    assert reader.read(NAMES[0]) == b"kept"

    with unreachable(tmp_path), pytest.raises(RemoteError, match="cannot write"):
        reader.clear([NAMES[0]])

    assert open_vault(tmp_path).read(NAMES[0]) == b"kept"


def test_containers_of_two_accounts_have_local_copies_of_their_own(monkeypatch):
    """What waits for one account is not sent to another one."""
    place = parse_place("az://container/vault")
    folders = set()
    for account in ("one", "two"):
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", account)
        folders.add(cache_folder(place))

    assert len(folders) == 2


def test_a_reader_whose_pack_is_gone_fetches_only_the_new_one(tmp_path):
    """A long run may meet a pack that was replaced a day ago."""
    writer = open_vault(tmp_path, "writer")
    names = [f"calls/shop.many/f/{number:07x}.json" for number in range(40)]
    for name in names:
        writer.write(name, b"x" * 250_000)
    writer.flush()
    reader = open_vault(tmp_path, "reader")
    count = reader.absent()
    old = {path.name for path in (tmp_path / "bucket" / "packs").iterdir()}
    for name in names:
        writer.write(name, b"y" * 250_000)
    writer.flush()
    for name in old:
        (tmp_path / "bucket" / "packs" / name).unlink()

    assert reader.read(names[20]) == b"y" * 250_000
    assert count >= 8
    assert reader.absent() == count - 1


def test_a_recording_succeeds_although_packs_cannot_be_made(tmp_path):
    """It is in the store by then. The summary says that it is in no pack."""
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"first")
    (tmp_path / "bucket" / "packs").write_text("no folder")

    for number in range(505):
        store.write(f"calls/shop.many/f/{number:07x}.json", b"x")

    assert [note for note in store.notes if "not in packs yet" in note] == store.notes != []
    assert len(open_vault(tmp_path, "other").names("calls")) == 506


def test_a_recording_that_is_put_back_has_its_objects(tmp_path):
    """The process that puts it back may never have read it, and its pack is no longer used."""
    first = open_vault(tmp_path)
    first.write(OBJECT, b"object")
    first.write(NAMES[0], naming(OBJECT))
    first.flush()
    another = open_vault(tmp_path)
    another.write(NAMES[0], b"another outcome")
    another.flush()

    for machine in ("machine", "cold"):
        restoring = open_vault(tmp_path, machine)
        restoring.write(NAMES[0], naming(OBJECT))
        restoring.flush()
        other = open_vault(tmp_path, f"other of {machine}")
        assert other.read(NAMES[0]) == naming(OBJECT)
        assert other.read(OBJECT) == b"object"


def test_a_store_that_cannot_be_reached_is_not_asked_for_each_recording(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    (tmp_path / "machine").mkdir()
    (tmp_path / "machine" / "listing.json").write_text("[]")
    store = RemoteStore(parse_place("s3://bucket/shop"), str(tmp_path / "machine"))
    store.write(NAMES[0], b"first")
    before = store.bucket.requests.total()

    store.write(NAMES[1], b"second")

    assert store.bucket.requests.total() == before
    assert [store.read(name) for name in NAMES[:2]] == [b"first", b"second"]


@contextmanager
def unreachable(folder: Path) -> Iterator[None]:
    """Let a file lie where the bucket was, so that each request fails."""
    (folder / "bucket").rename(folder / "moved")
    (folder / "bucket").write_text("")
    yield
    (folder / "bucket").unlink()
    (folder / "moved").rename(folder / "bucket")


def make_old(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_mtime - 2 * 86_400,) * 2)


@contextmanager
def hidden(folder: Path, away: Path) -> Iterator[None]:
    """Move a folder away for a block, and back into what is there then."""
    folder.rename(away)
    yield
    shutil.copytree(away, folder, dirs_exist_ok=True)
