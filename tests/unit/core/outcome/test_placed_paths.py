"""Paths in outcomes: their stored form, and loading it elsewhere."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic.errors import CorruptRecordingError
from unit.memory_store import MemoryStore

NAME = "calls/shop/f/00.json"


def paths_of(rootdir, temporary, *, own=None, folders=()):
    places = Places()
    places.set_root("rootdir", str(rootdir))
    places.set_root("tmp", str(temporary))
    places.folder_of_test = own
    return PathStore(places, lambda: folders)


def put(value, paths, store=None):
    vault = Vault(store or MemoryStore())
    stored = vault.writer.encoded(Value(value), 0.1, paths=paths)
    vault.writer.write(NAME, [Recording("shop:f", {}, None, None, "", None, [stored])])
    return vault


def load(vault, paths):
    return vault.read(NAME).outcomes[0].load(paths).value


@pytest.fixture
def there(tmp_path):
    (tmp_path / "base" / "test_a0").mkdir(parents=True)
    return paths_of(tmp_path / "code", tmp_path / "base", own="test_a0")


@pytest.fixture
def here(tmp_path):
    (tmp_path / "other" / "popen-gw1" / "test_a7").mkdir(parents=True)
    return paths_of(
        tmp_path / "checkout", tmp_path / "other" / "popen-gw1", own="test_a7"
    )


@pytest.mark.parametrize("form", [list, tuple])
def test_a_path_follows_its_root(tmp_path, there, here, form):
    given = tmp_path / "base" / "test_a0"
    value = form(
        [
            given / "x",
            str(given / "x"),
            tmp_path / "code" / "a.py",
            str(tmp_path / "code"),
            given,
        ]
    )

    found = load(put(value, there), here)

    now = tmp_path / "other" / "popen-gw1" / "test_a7"
    checkout = tmp_path / "checkout" / "a.py"
    assert found == form(
        [now / "x", str(now / "x"), checkout, str(tmp_path / "code"), now]
    )


@pytest.mark.parametrize("form", [list, tuple], ids=["json", "pickle"])
def test_no_stored_path_names_a_class_of_one_system(there, form):
    """`pathlib.PosixPath` cannot be made on Windows, so only neutral names are stored."""
    value = form([Path("a/b"), PurePosixPath("/c"), PureWindowsPath("C:\\d")])
    store = MemoryStore()

    vault = put(value, there, store)

    assert load(vault, there) == value
    assert [type(one) for one in load(vault, there)] == [
        type(Path()),
        PurePosixPath,
        PureWindowsPath,
    ]
    entry = json.loads(store.read(NAME))["outcomes"][0]
    assert "pathlib" not in json.dumps(entry.get("imports", []))
    assert "PosixPath" not in json.dumps(entry)


def test_equal_outcomes_have_equal_bytes(tmp_path, there, here):
    old, new = (
        tmp_path / "base" / "test_a0",
        tmp_path / "other" / "popen-gw1" / "test_a7",
    )
    one, other = MemoryStore(), MemoryStore()

    put({"p": (old / "a", {str(old / "b")}), "q": ValueError(str(old))}, there, one)
    put({"p": (new / "a", {str(new / "b")}), "q": ValueError(str(new))}, here, other)

    names = sorted(one.names())
    assert names == sorted(other.names())
    assert [one.read(name) for name in names] == [other.read(name) for name in names]


def test_folders_of_arguments_come_first(tmp_path):
    for folder in ("data0", "data1", "test_a0", "test_a1", "more5"):
        (tmp_path / folder).mkdir()
    then = paths_of("/code", tmp_path, own="test_a0", folders=["data0", "more5"])
    now = paths_of("/code", tmp_path, own="test_a1", folders=["more5", "data1"])
    value = [
        tmp_path / "data0" / "x",
        tmp_path / "more5" / "x",
        tmp_path / "test_a0" / "x",
    ]

    found = load(put(value, then), now)

    assert found == [
        tmp_path / "more5" / "x",
        tmp_path / "data1" / "x",
        tmp_path / "test_a1" / "x",
    ]


@pytest.mark.parametrize(
    "text", ["{base}/test_a0/x\nmore", "{base}-not/x", "see {base}/test_a0/x"]
)
def test_other_strings_stay_as_they_are(tmp_path, there, here, text):
    text = text.format(base=tmp_path / "base")

    assert load(put([text], there), here) == [text]


@pytest.mark.parametrize(
    "wrong", ['["nowhere", "x"]', '["tmp_path"]', "1", '["tmp_path:x", "a"]']
)
def test_an_edited_tag_of_another_shape_is_damage(there, wrong):
    store = MemoryStore()
    put([Path("a")], there, store)
    store.write(
        NAME, store.read(NAME).replace(b'"$path": "a"', f'"$path": {wrong}'.encode())
    )

    with pytest.raises(CorruptRecordingError, match=r"00\.json"):
        load(Vault(store), there)


def test_a_pickle_lists_no_import_for_paths(there):
    store = MemoryStore()
    vault = put((Path("a"), time.gmtime(0)), there, store)

    assert vault.read(NAME).outcomes[0].kind == "value"
    assert json.loads(store.read(NAME))["outcomes"][0]["imports"] == [
        "time:struct_time"
    ]


def test_the_fingerprint_of_a_pickle_is_equal_for_paths_of_any_machine(
    tmp_path, there, here, monkeypatch
):
    def stored(folder, paths):
        value = (folder / "a", time.gmtime(0))
        return Vault(MemoryStore()).writer.encoded(Value(value), 0.1, paths=paths)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "one"))
    first = stored(tmp_path / "base" / "test_a0", there)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "two"))
    second = stored(tmp_path / "other" / "popen-gw1" / "test_a7", here)

    assert first.encoded.pickled.has_paths
    assert first.encoded.fingerprint == second.encoded.fingerprint


@pytest.mark.parametrize("library", ["pandas", "numpy"])
def test_texts_in_columns_of_objects_follow(tmp_path, there, here, library):
    def column(folder):
        texts = [str(folder / "a"), "plain"]
        if library == "numpy":
            return pytest.importorskip("numpy").array(texts, dtype=object)
        return (
            pytest.importorskip("pandas")
            .DataFrame({"n": [1, 2], "file": texts})
            .astype({"file": object})
        )

    found = load(put({"frame": column(tmp_path / "base" / "test_a0")}, there), here)

    expected = column(tmp_path / "other" / "popen-gw1" / "test_a7")
    assert type(found["frame"]) is type(expected)
    assert fingerprint(found["frame"]) == fingerprint(expected)
