"""A vault in an object store: what one machine writes, others read, whoever puts it into packs, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pytest_mimic import CorruptRecordingError
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore

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
