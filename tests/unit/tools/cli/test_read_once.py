"""A recording is read once, and what it names is remembered."""

from __future__ import annotations

import pytest

from pytest_mimic._tools.cli.read_once import ReadOnceStore
from unit.memory_store import MemoryStore

OBJECT = "objects/aa/" + "a" * 32 + ".pkl"


@pytest.fixture
def files():
    store = MemoryStore()
    store.write("calls/shop/f/1.json", f'{{"pickle": "{OBJECT}"}}'.encode())
    return store


def test_a_file_is_read_once(files):
    store = ReadOnceStore(files)
    before = store.read("calls/shop/f/1.json")

    files.write("calls/shop/f/1.json", b"another")

    assert store.read("calls/shop/f/1.json") == before
    store.forget("calls/shop/f/1.json")
    assert store.read("calls/shop/f/1.json") == b"another"


def test_what_a_forgotten_file_names_is_remembered(files):
    store = ReadOnceStore(files)
    store.read("calls/shop/f/1.json")

    store.forget("calls/shop/f/1.json")

    assert store.references["calls/shop/f/1.json"] == {OBJECT}


def test_a_file_that_is_not_there_is_none(files):
    store = ReadOnceStore(files)

    assert store.read("calls/shop/f/2.json") is None
    assert store.size("calls/shop/f/2.json") is None
    assert list(store.names()) == ["calls/shop/f/1.json"]


def test_it_cannot_be_changed(files):
    store = ReadOnceStore(files)

    with pytest.raises(NotImplementedError, match="only read"):
        store.write("calls/shop/f/1.json", b"")
    with pytest.raises(NotImplementedError, match="only read"):
        store.delete(["calls/shop/f/1.json"])
