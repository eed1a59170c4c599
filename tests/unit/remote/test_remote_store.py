"""A vault in an object store: what one machine writes, others read, whoever puts it into packs, and nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pytest_mimic import CorruptRecordingError
from pytest_mimic._outcome.outcome import Outcome
from pytest_mimic._remote.keys import tag_of
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic._vault import Recording, Vault
from pytest_mimic.errors import RemoteError

KEYS = [f"{number * 0x1234567 % (1 << 28):07x}{number:025x}" for number in range(12)]
NAMES = [
    *(f"calls/shop.prices/fetch/{key}.json" for key in KEYS),
    *(f"calls/shop.stock/count/{key}.json" for key in KEYS[:4]),
    "cassettes/test_shop/test_all.json",
]
# From a few bytes to more than a pack may hold, so that packs split, and some contents are objects of their own.
SIZES = st.sampled_from([10, 3_000, 200_000, 300_000, 1_500_000])


def recording(number: int, size: int, *objects: str) -> bytes:
    """Return the content of a recording that names these objects. Like real ones, it compresses well."""
    return f'{{"number": {number}, "objects": {list(objects)}, "text": "{"x" * size}"}}'.encode()


def open_vault(folder: Path, machine: str = "machine") -> RemoteStore:
    """Return the vault in a folder as one machine sees it, which has a cache of its own."""
    return RemoteStore(parse_place((folder / "bucket").as_uri()), str(folder / machine))


class Machines(RuleBasedStateMachine):
    """Two machines that write to one vault in turn, compared with a dictionary."""

    folder: Path
    _runs = count()

    @initialize()
    def begin(self):
        self.here = self.folder / str(next(self._runs))
        self.machines = [open_vault(self.here, "one"), open_vault(self.here, "two")]
        self.expected: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.number = 0

    @rule(machine=st.integers(0, 1), name=st.sampled_from(NAMES), size=SIZES)
    def write(self, machine, name, size):
        self.number += 1
        self._write(machine, name, recording(self.number, size))

    @rule(machine=st.integers(0, 1), name=st.sampled_from(NAMES), size=SIZES)
    def write_with_an_object(self, machine, name, size):
        self.number += 1
        one = f"objects/{self.number % 256:02x}/{self.number:032x}-7.pkl"
        content = self.number.to_bytes(8, "big") * (size // 8)
        self.machines[machine].write(one, [content[:100], memoryview(content)[100:]])
        self._write(machine, name, recording(self.number, 50, one))
        self.objects[name] = content

    def _write(self, machine, name, content):
        self.machines[machine].refresh()
        self.machines[machine].write(name, content)
        self.expected[name] = content
        self.objects.pop(name, None)

    @rule(machine=st.integers(0, 1), name=st.sampled_from(NAMES))
    def delete(self, machine, name):
        self.machines[machine].refresh()
        assert self.machines[machine].delete([name]) == (self.expected.pop(name, None) is not None)

    @rule(machine=st.integers(0, 1), names=st.sets(st.sampled_from(NAMES)))
    def clear(self, machine, names):
        self.machines[machine].refresh()
        cleared = self.machines[machine].clear(names)
        assert cleared.recordings == len(names & self.expected.keys())
        for name in names:
            self.expected.pop(name, None)

    @rule(machine=st.integers(0, 1))
    def fold(self, machine):
        self.machines[machine].flush()

    @rule(machine=st.integers(0, 1), name=st.sampled_from(["one", "two", "new"]))
    def restart(self, machine, name):
        self.machines[machine] = open_vault(self.here, name if name != "new" else f"new{self.number}")

    @rule(machine=st.integers(0, 1))
    def lose_the_cache(self, machine):
        shutil.rmtree(self.here / ("one", "two")[machine], ignore_errors=True)

    @invariant()
    def both_see_the_same(self):
        for store in getattr(self, "machines", ()):
            store.refresh()
            assert [*store.names("calls"), *store.names("cassettes")] == sorted(self.expected)
            assert store.totals()[0] == len(self.expected)
            for name in NAMES:
                assert store.read(name) == self.expected.get(name)
            for name, content in self.objects.items():
                if name in self.expected:
                    assert store.map(named_in(self.expected[name])) == content


def named_in(content: bytes) -> str:
    """Return the object that a recording names."""
    return content.decode().split("'")[1]


def test_machines_see_what_others_write(tmp_path):
    Machines.folder = tmp_path

    run_state_machine_as_test(
        Machines, settings=settings(max_examples=15, stateful_step_count=15, deadline=None)
    )


def test_a_recording_is_in_the_bucket_before_anything_is_folded(tmp_path):
    store = open_vault(tmp_path)
    store.write("objects/ab/" + "ab" * 16 + "-1.pkl", b"object")
    store.write(NAMES[0], recording(1, 10, "objects/ab/" + "ab" * 16 + "-1.pkl"))

    other = open_vault(tmp_path, "other")

    assert other.read(NAMES[0]) == recording(1, 10, "objects/ab/" + "ab" * 16 + "-1.pkl")
    assert other.read("objects/ab/" + "ab" * 16 + "-1.pkl") == b"object"


def folded_vault(folder: Path) -> RemoteStore:
    """Return a vault with a recording for each name, and one with a large object, all in packs."""
    store = open_vault(folder, "writer")
    one = f"objects/ab/{'ab' * 16}-1.pkl"
    store.write(one, bytes(range(256)) * 4_000)
    for number, name in enumerate(NAMES):
        store.write(name, recording(number, 100, *([one] if not number else [])))
    store.flush()
    return open_vault(folder)


@pytest.mark.promise("a warm replay from a remote vault makes one request")
def test_a_warm_machine_makes_one_request(tmp_path):
    cold = folded_vault(tmp_path)
    assert [cold.read(name) for name in NAMES].count(None) == 0
    assert dict(cold.bucket.requests) == {"list": 1, "get": 2}

    warm = open_vault(tmp_path)

    assert [warm.read(name) for name in NAMES].count(None) == 0
    assert dict(warm.bucket.requests) == {"list": 1}


def test_a_missing_recording_costs_no_request(tmp_path):
    store = folded_vault(tmp_path)
    store.read(NAMES[0])
    before = store.bucket.requests.total()

    assert store.read(f"calls/shop.prices/fetch/{'f' * 32}.json") is None
    assert store.read("objects/ff/" + "f" * 32 + ".json") is None
    assert store.bucket.requests.total() == before


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.promise("each local copy of a remote vault is checked before it is used")
@pytest.mark.parametrize("damage", ["shorten", "flip"])
def test_a_damaged_copy_is_fetched_again(tmp_path, damage):
    store = folded_vault(tmp_path)
    expected = [store.read(name) for name in NAMES]
    large = bytes(store.map(named_in(expected[0])))
    cache = tmp_path / "machine"
    for path in [*files_of(cache / "packs"), *files_of(cache / "objects"), *files_of(cache / "manifests")]:
        spoil(path, damage)

    again = open_vault(tmp_path)

    assert [again.read(name) for name in NAMES] == expected
    assert again.map(named_in(expected[0])) == large


def spoil(path: Path, damage: str) -> None:
    data = bytearray(path.read_bytes())
    if damage == "shorten":
        del data[-5:]
    else:
        data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", ["shorten", "flip"])
@pytest.mark.parametrize("folder", ["packs", "large", "state"])
def test_a_damaged_object_of_the_store_is_named(tmp_path, folder, damage):
    reader = folded_vault(tmp_path)
    [path, *_] = sorted(files_of(tmp_path / "bucket" / folder), reverse=True)
    spoil(path, damage)

    with pytest.raises(CorruptRecordingError, match=path.name):
        reader.map(named_in(reader.read(NAMES[0])))


@pytest.mark.parametrize("folder", ["packs", "large"])
def test_an_object_that_the_store_has_lost_is_named(tmp_path, folder):
    reader = folded_vault(tmp_path)
    [path] = files_of(tmp_path / "bucket" / folder)
    path.unlink()

    with pytest.raises(CorruptRecordingError, match=path.name):
        reader.map(named_in(reader.read(NAMES[0])))


@pytest.mark.parametrize("damage", ["shorten", "flip", "lose"])
def test_recording_again_repairs_a_large_object_of_the_store(tmp_path, damage):
    value = random.Random(1).randbytes(1_500_000), IPv4Address("10.0.0.1")

    def record(machine):
        store = open_vault(tmp_path, machine)
        vault = Vault(store)
        outcomes = [vault.stored(Outcome.of_value(value), 0.5)]
        vault.write(NAMES[0], Recording("shop.prices:fetch", None, None, None, "2026-11-01", None, outcomes))
        store.flush()

    record("first")
    [path] = files_of(tmp_path / "bucket" / "large")
    if damage == "lose":
        path.unlink()
    else:
        spoil(path, damage)

    record("second")

    again = Vault(open_vault(tmp_path, "third")).read(NAMES[0])
    assert again.outcomes[0].load().value == value


@pytest.mark.promise("a remote vault of a newer format is refused")
def test_a_newer_format_is_refused(tmp_path):
    store = open_vault(tmp_path)
    store.write(NAMES[0], b"x")
    [path] = files_of(tmp_path / "bucket" / "state")
    from pytest_mimic._remote.packs import compress

    path.write_bytes(compress(b"pytest-mimic pack, format 2\n{}\n"))

    with pytest.raises(CorruptRecordingError, match="newer pytest-mimic"):
        open_vault(tmp_path, "other").read(NAMES[0])


def test_a_bucket_that_was_emptied_begins_again(tmp_path):
    reader = folded_vault(tmp_path)
    reader.read(NAMES[0])
    shutil.rmtree(tmp_path / "bucket")
    writer = open_vault(tmp_path, "writer")
    writer.write(NAMES[0], b"another one")
    writer.flush()

    assert open_vault(tmp_path).read(NAMES[0]) == b"another one"
    assert open_vault(tmp_path).read(NAMES[1]) is None


def test_the_oldest_copies_go_first(tmp_path):
    folded_vault(tmp_path).names("calls")
    cache = tmp_path / "machine"
    store = RemoteStore(parse_place((tmp_path / "bucket").as_uri()), str(cache), max_bytes=0)
    store.write(NAMES[0], recording(99, 10))

    store.flush()

    assert not files_of(cache / "packs")
    assert open_vault(tmp_path).read(NAMES[0]) == recording(99, 10)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the folder is unwritable by its type")
def test_a_cache_that_cannot_be_written_is_not_needed(tmp_path):
    folded_vault(tmp_path)
    # A folder under a file can be made by nobody, root included.
    (tmp_path / "file").write_text("")
    store = RemoteStore(parse_place((tmp_path / "bucket").as_uri()), str(tmp_path / "file" / "cache"))

    assert store.read(NAMES[1]) == recording(1, 100)
    assert "cannot be written" in store.notes[0]


def test_a_machine_that_only_reads_keeps_its_copies_small(tmp_path):
    folded_vault(tmp_path)
    store = RemoteStore(parse_place((tmp_path / "bucket").as_uri()), str(tmp_path / "machine"), max_bytes=0)
    store.names("calls")

    store.flush()

    assert not files_of(tmp_path / "machine" / "packs")


@contextmanager
def store_down(folder: Path) -> Iterator[None]:
    """Let a file lie where the bucket was, so that each request fails."""
    (folder / "bucket").rename(folder / "away")
    (folder / "bucket").write_text("")
    try:
        yield
    finally:
        (folder / "bucket").unlink()
        (folder / "away").rename(folder / "bucket")


@pytest.mark.promise("without a network, a run replays from the local copies of a remote vault")
def test_a_machine_without_its_store_replays_from_its_copies(tmp_path):
    expected = [folded_vault(tmp_path).read(name) for name in NAMES]
    with store_down(tmp_path):
        store = open_vault(tmp_path)

        assert [store.read(name) for name in NAMES] == expected
        assert "this run used the local copies" in store.notes[0]


def test_a_machine_without_its_store_and_without_copies_says_so(tmp_path):
    folded_vault(tmp_path)
    with store_down(tmp_path), pytest.raises(RemoteError, match="cannot read file://"):
        open_vault(tmp_path, "other").read(NAMES[0])


@pytest.mark.promise(
    "a recording that a remote vault cannot take waits on the machine, and a later run sends it"
)
@pytest.mark.parametrize("size", [10, 300_000])
def test_what_cannot_be_sent_waits(tmp_path, size):
    one = f"objects/cd/{'cd' * 16}-1.pkl"
    folded_vault(tmp_path).read(NAMES[0])
    with store_down(tmp_path):
        store = open_vault(tmp_path)
        store.write(one, b"o" * size)
        store.write(NAMES[1], recording(77, size, one))
        assert store.read(NAMES[1]) == recording(77, size, one)
        with pytest.raises(RemoteError):
            store.flush()
        again = open_vault(tmp_path)
        assert again.read(NAMES[1]) == recording(77, size, one)
        assert again.map(one) == b"o" * size

    later = open_vault(tmp_path)
    later.write(NAMES[2], b"later")
    later.flush()

    other = open_vault(tmp_path, "other")
    assert other.read(NAMES[1]) == recording(77, size, one)
    assert other.map(one) == b"o" * size


def test_a_recording_that_waited_does_not_replace_a_newer_one(tmp_path):
    folded_vault(tmp_path).read(NAMES[1])
    with store_down(tmp_path):
        open_vault(tmp_path).write(NAMES[1], b"waited")
    newer = open_vault(tmp_path, "newer")
    newer.write(NAMES[1], b"newer")
    newer.flush()

    late = open_vault(tmp_path)
    assert late.read(NAMES[1]) == b"newer"
    late.write(NAMES[2], b"late")
    late.flush()

    assert open_vault(tmp_path, "other").read(NAMES[1]) == b"newer"


def make_old(folder: Path, *, days: int) -> None:
    for path in files_of(folder):
        os.utime(path, (path.stat().st_mtime - days * 86_400,) * 2)


def test_unused_objects_go_after_a_day(tmp_path):
    store = folded_vault(tmp_path)
    unnamed, fresh = f"objects/cd/{'cd' * 16}-1.pkl", f"objects/ef/{'ef' * 16}-1.pkl"
    store.write(unnamed, b"u" * 300_000)
    store.write(NAMES[1], recording(1, 10, unnamed))
    make_old(tmp_path / "bucket" / "large", days=2)
    store.write(fresh, b"f" * 300_000)
    store.write(NAMES[2], recording(2, 10, fresh))

    cleared = store.clear([NAMES[1], NAMES[2]])

    assert (cleared.recordings, cleared.objects, cleared.bytes) == (2, 1, 300_000)
    left = open_vault(tmp_path, "other")
    assert left.map(named_in(left.read(NAMES[0])))
    assert len(files_of(tmp_path / "bucket" / "large")) == 2


def test_claims_of_dead_processes_go_after_a_day(tmp_path):
    """Also their signs of life. A younger one may belong to a call that is made now."""
    store = folded_vault(tmp_path)
    claims = tmp_path / "bucket" / "claims"
    claims.mkdir()
    for name in ("00beef1", "alive-dead"):
        (claims / name).write_bytes(b"{}")
    make_old(claims, days=2)
    (claims / "00beef2").write_bytes(b"{}")

    store.clear([NAMES[0]])

    assert [path.name for path in files_of(claims)] == ["00beef2"]


def test_packs_that_nothing_lists_go_after_a_day(tmp_path):
    store = folded_vault(tmp_path)
    for number in range(3):
        store.write(NAMES[number], recording(number, 20))
        store.flush()
    assert len(files_of(tmp_path / "bucket" / "packs")) == 4
    make_old(tmp_path / "bucket" / "packs", days=2)
    make_old(
        tmp_path / "bucket" / "state", days=-2
    )  # the clock of the store goes on by what was written last

    store.write(NAMES[0], recording(5, 20))
    store.flush()

    assert len(files_of(tmp_path / "bucket" / "packs")) == 2
    assert open_vault(tmp_path, "other").read(NAMES[0]) == recording(5, 20)


def test_many_machines_put_recordings_into_packs_at_once(tmp_path):
    stores = [open_vault(tmp_path, f"machine{number}") for number in range(8)]
    start = threading.Barrier(len(stores))

    def record(number: int) -> None:
        start.wait()
        for index in range(5):
            stores[number].write(f"calls/shop.m{number}/f/{KEYS[index]}.json", recording(index, 100))
            stores[number].flush()

    threads = [threading.Thread(target=record, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(open_vault(tmp_path, "other").names("calls")) == 40


def test_packs_split_and_each_name_is_found(tmp_path):
    store = open_vault(tmp_path, "writer")
    names = [f"calls/shop.m{number % 3}/f/{number * 0x9E3779B % (1 << 28):07x}.json" for number in range(60)]
    for number, name in enumerate(names):
        store.write(name, recording(number, 200_000))
    store.flush()
    assert len(files_of(tmp_path / "bucket" / "packs")) >= 3
    store.write(names[7], b"changed")
    store.delete([names[8]])
    added = "calls/a.first/f/0000000.json"
    store.write(added, b"added")
    store.flush()

    other = open_vault(tmp_path, "other")

    expected = {name: recording(number, 200_000) for number, name in enumerate(names)}
    expected |= {names[7]: b"changed", added: b"added"}
    del expected[names[8]]
    assert {name: other.read(name) for name in (added, *names)} == {**expected, names[8]: None}
    assert other.names("calls/shop.m1") == sorted(
        name for name in expected if name.startswith("calls/shop.m1/")
    )


def test_a_reader_opens_only_the_packs_that_it_needs(tmp_path):
    store = open_vault(tmp_path, "writer")
    for module in "abc":
        for number in range(20):
            store.write(f"calls/shop.{module}/f/{number:07x}.json", recording(number, 200_000))
    store.flush()

    reader = open_vault(tmp_path)
    count = reader.absent()
    assert count >= 12
    reader.read("calls/shop.a/f/0000000.json")
    assert reader.absent() == count - 1
    reader.names("calls/shop.a")
    assert 0 < reader.absent() < count - 3


def test_a_look_at_one_call_keeps_what_is_known_of_others(tmp_path):
    here, there = open_vault(tmp_path), open_vault(tmp_path, "there")
    here.write(NAMES[0], b"here")
    there.write(NAMES[1], b"there")

    here.refresh(tag_of(NAMES[1]))

    assert here.read(NAMES[0]) == b"here"
    assert here.read(NAMES[1]) == b"there"
    there.flush()
    there.write(NAMES[2], b"folded")
    there.flush()
    here.refresh(tag_of(NAMES[2]))
    assert [here.read(name) for name in NAMES[:3]] == [b"here", b"there", b"folded"]


def test_a_crash_before_loose_recordings_are_deleted_brings_nothing_back(tmp_path):
    store = folded_vault(tmp_path)
    store.write(NAMES[0], b"deleted afterwards")
    state = tmp_path / "bucket" / "state"
    written = {path: path.read_bytes() for path in files_of(state) if "new" in path.parts}
    another = open_vault(tmp_path, "another")
    another.delete([NAMES[0]])
    another.flush()
    for path, content in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    assert open_vault(tmp_path, "other").read(NAMES[0]) is None
    later = open_vault(tmp_path, "later")
    later.write(NAMES[1], b"later")
    later.flush()
    assert open_vault(tmp_path, "other").read(NAMES[0]) is None
    assert not [path for path in files_of(state) if "new" in path.parts]


def test_many_loose_recordings_are_fetched_only_when_they_are_needed(tmp_path):
    writer = open_vault(tmp_path, "writer")
    names = [f"calls/shop.many/f/{number:07x}.json" for number in range(100)]
    for number, name in enumerate(names):
        writer.write(name, recording(number, 10))

    reader = open_vault(tmp_path)
    assert reader.read(names[7]) == recording(7, 10)
    assert reader.read(names[8]) == recording(8, 10)
    assert dict(reader.bucket.requests) == {"list": 1, "get": 2}
    assert reader.names("calls") == names


def test_a_large_pack_is_not_replaced_for_one_recording(tmp_path):
    writer = open_vault(tmp_path, "writer")
    noise = random.Random(4711)
    for number in range(4):
        writer.write(NAMES[number], noise.randbytes(100_000).hex().encode())
    writer.flush()
    writer.write(NAMES[5], b"one more")
    writer.flush()
    state = tmp_path / "bucket" / "state"
    assert [path for path in files_of(state) if "new" in path.parts]

    for number in range(6, 14):
        writer.write(NAMES[number], b"more")
    writer.flush()

    assert not [path for path in files_of(state) if "new" in path.parts]
    assert open_vault(tmp_path).read(NAMES[5]) == b"one more"
