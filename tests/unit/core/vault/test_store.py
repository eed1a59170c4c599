"""The folder and the memory store behave as a plain dict does."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pytest_mimic import MimicError
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import FolderStore, Vault, recording_name
from pytest_mimic._core.vault.recording_facts import Recording
from unit.memory_store import MemoryStore, has_changed

names = st.sampled_from(
    [
        recording_name(f"shop:{f}", f"{k:032x}")
        for f in ("f", "g", "Class.h")
        for k in range(2)
    ]
)
values = st.sampled_from(
    [
        1,
        True,
        1.0,
        [1, 2],
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        (1, 2),
        {1, 2},
        ("x",) * 50,
        b"\0" * 5000,
    ]
)
places = st.sampled_from(["a", "b/c", "b/d", "b/c2/e.json"])


class Vaults(RuleBasedStateMachine):
    """Vaults over both stores, compared with their expected content."""

    @initialize()
    def start(self):
        self.folder = tempfile.mkdtemp()
        self.stores = [FolderStore(Path(self.folder) / "vault"), MemoryStore()]
        self.expected: dict[str, list[object]] = {}

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(name=names, given=st.lists(values, min_size=1, max_size=3))
    def record(self, name, given):
        """A recording replaces the old one, or leaves it if it is equal."""
        changed = set()
        for store in self.stores:
            vault = Vault(store)
            outcomes = [vault.writer.encoded(Value(value), 0.1) for value in given]
            before = {each: store.read(each) for each in store.names()}
            wrote = has_changed(
                vault.writer.write(
                    name,
                    [
                        Recording(
                            "shop:f", None, None, None, "2026-11-02", None, outcomes
                        )
                    ],
                )
            )
            after = {each: store.read(each) for each in store.names()}
            assert wrote == (before != after)
            changed.add(wrote)
            vault.writer.delete((), candidates=vault.replaced)
        assert len(changed) == 1
        assert changed == {repr(self.expected.get(name)) != repr(given)}
        self.expected[name] = given

    @rule(chosen=st.sets(names))
    def clear(self, chosen):
        """Check the counts of deleted recordings."""
        cleared = {Vault(store).writer.delete(chosen) for store in self.stores}

        gone = [self.expected.pop(name) for name in chosen if name in self.expected]
        assert [each.recordings for each in cleared] == [len(gone)]

    @rule(name=names)
    def reopen(self, name):
        """Another vault reads the written files."""
        for store in self.stores:
            recording = Vault(store).read(name)
            held = (
                None
                if recording is None
                else [outcome.load().value for outcome in recording.outcomes]
            )
            assert repr(held) == repr(self.expected.get(name))

    @invariant()
    def hold_the_same(self):
        """Compare byte for byte; every object is named by a recording."""
        kept = [
            {name: store.read(name) for name in store.names()}
            for store in getattr(self, "stores", ())
        ]
        if not kept:
            return
        assert kept[0] == kept[1]
        assert {name for name in kept[0] if name.startswith("calls")} == set(
            self.expected
        )
        everything = b"".join(
            data for name, data in kept[0].items() if name.startswith("calls")
        )
        assert all(
            name.encode() in everything
            for name in kept[0]
            if name.startswith("objects")
        )


Vaults.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestVaults = Vaults.TestCase


class Stores(RuleBasedStateMachine):
    """Both stores, compared with a dict of bytes by name."""

    @initialize()
    def start(self):
        self.folder = tempfile.mkdtemp()
        self.stores = [FolderStore(Path(self.folder) / "vault"), MemoryStore()]
        self.expected: dict[str, bytes] = {}

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(name=places, data=st.binary(max_size=40_000), pieces=st.booleans())
    def write(self, name, data, pieces):
        """Write bytes or pieces."""
        for store in self.stores:
            store.write(name, [data[:7], memoryview(data)[7:]] if pieces else data)
        self.expected[name] = data

    @rule(name=places)
    def delete(self, name):
        """Check the returned number."""
        data = self.expected.pop(name, None)
        for store in self.stores:
            assert store.delete([name]) == (data is not None)

    @rule(name=places)
    def read(self, name):
        """Compare the bytes, the mapped memory and the size."""
        data = self.expected.get(name)
        for store in self.stores:
            own = store.memory(name)
            assert store.read(name) == data
            assert (None if own is None else bytes(own)) == data
            assert store.size(name) == (None if data is None else len(data))
            if own:
                own[0] ^= 1
                assert store.read(name) == data

    @rule(prefix=st.sampled_from(["", "b", "b/c2", "none"]))
    def names(self, prefix):
        """Compare the names under a folder."""
        wanted = sorted(
            name
            for name in self.expected
            if name.startswith(f"{prefix}/" if prefix else "")
        )
        for store in self.stores:
            assert sorted(store.names(prefix)) == wanted


Stores.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
TestStores = Stores.TestCase


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        (1 << 14) - 1,
        1 << 14,
        (1 << 14) + 1,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
    ],
)
def test_files_of_every_size_are_read_back(size, tmp_path):
    """Sizes around the limits between two ways of reading."""
    store = FolderStore(tmp_path)
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    store.write("a", data)

    assert store.read("a") == data
    assert bytes(store.memory("a")) == data


def test_hidden_files_and_those_left_out_are_not_named(tmp_path):
    store = FolderStore(tmp_path)
    for name in ("a/b.json", "a/c.json", "d/e.json", "a/.b.json.swp", ".git/HEAD"):
        store.write(name, b"")

    assert sorted(store.names()) == ["a/b.json", "a/c.json", "d/e.json"]
    assert store.names(without={"a/b.json", "d"}) == ["a/c.json"]
    assert store.names("a", without={"a/c.json"}) == ["a/b.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_others_may_read_and_write_as_far_as_the_umask_allows(tmp_path):
    before = os.umask(0)
    try:
        FolderStore(tmp_path / "vault").write("a/b", b"")
    finally:
        os.umask(before)

    made = [tmp_path / "vault" / name for name in ("", "a", "a/b")]
    assert [oct(path.stat().st_mode & 0o777) for path in made] == [
        "0o777",
        "0o777",
        "0o666",
    ]


def test_folder_removed_during_a_write_is_made_again(tmp_path):
    """A process that clears removes empty folders."""
    store = FolderStore(tmp_path)
    (tmp_path / "b").mkdir()

    def pieces():
        yield b"a"
        (tmp_path / "b").rmdir()
        yield b"b"

    store.write("b/c", pieces())

    assert store.read("b/c") == b"ab"


def test_file_removed_during_its_write_is_an_error(tmp_path):
    store = FolderStore(tmp_path)

    def pieces():
        yield b"a"
        for file in tmp_path.glob(".mimic-*.tmp"):
            file.unlink()

    with pytest.raises(
        MimicError, match=r"cannot write .*c: No such file or directory"
    ):
        store.write("b/c", pieces())


@pytest.mark.skipif(
    not os.path.isdir("/proc/self"),
    reason="a folder in which none can be made, not by root either",
)
def test_vault_folder_that_cannot_be_made_is_an_error():
    with pytest.raises(
        MimicError, match="cannot write /proc/none/b/c: No such file or directory"
    ):
        FolderStore("/proc/none").write("b/c", b"")


@pytest.mark.skipif(os.name == "nt", reason="the current folder cannot be removed")
def test_missing_current_folder_is_an_error(tmp_path, monkeypatch):
    """It is not made again."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(
        MimicError, match="cannot write vault/b/c: No such file or directory"
    ):
        FolderStore("vault").write("b/c", b"")


def test_file_that_cannot_be_deleted_is_an_error(tmp_path):
    (tmp_path / "a.json").mkdir()

    with pytest.raises(MimicError, match=r"cannot delete .*a\.json"):
        FolderStore(tmp_path).delete(["a.json"])
