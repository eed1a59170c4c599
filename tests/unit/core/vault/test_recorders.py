"""The tests that made recordings: found for a whole vault as for each file alone."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from unit.memory_store import MemoryStore

from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic.errors import MimicError

USUAL = """{
 "format": 3,
 "target": "shop:fetch",
 "arguments": {
  "test": "in the arguments",
  "text": "\\n \\"test\\": 1"
 },
 "source": null,
 "test": "tests/test_a.py::test_a",
 "recorded": "2026-11-02",
 "owner": null,
 "outcomes": [
  {
   "duration": 0.1,
   "value": 1
  }
 ]
}
"""
WITHOUT = USUAL.replace('"tests/test_a.py::test_a"', "null")
LONG = USUAL.replace("in the arguments", "x" * 40_000)
FILES = {
    "usual": USUAL,
    "equal": USUAL.replace('"value": 1', '"value": 2'),
    "other": USUAL.replace("test_a.py", "test_b.py"),
    "escaped": USUAL.replace("test_a.py", "test_\\u00e4.py"),
    "long": LONG,
    "cut behind the test": USUAL[: USUAL.index('"recorded"')],
    "cut in the test": USUAL[: USUAL.index(".py::")],
    "cut before the test": USUAL[: USUAL.index('"source"')],
    "without a test": WITHOUT,
    "without a test, cut": WITHOUT[: WITHOUT.index('"recorded"')],
    "without the key": USUAL.replace(' "test": "tests/test_a.py::test_a",\n', ""),
    "a number": USUAL.replace('"tests/test_a.py::test_a"', "5"),
    "no JSON": USUAL.replace('"tests/test_a.py::test_a"', "tests/test_a.py::test_a"),
    "indented": json.dumps(json.loads(USUAL), indent=2),
    "one line": json.dumps(json.loads(USUAL)),
    "keys sorted": json.dumps(json.loads(USUAL), indent=1, sort_keys=True),
    "line ends": USUAL.replace("\n", "\r\n"),
    "byte order mark": f"\ufeff{USUAL}",
    "newer": USUAL.replace('"format": 3', '"format": 4'),
    "no format": USUAL.replace(' "format": 3,\n', ""),
    "nested": '{\n "format": 3,\n "arguments": {\n "test": "inner"\n },\n "test": "outer"\n}\n',
    "nested, head": '{"format": 3, "arguments": {\n "test": "inner"\n}, "test": "outer"}',
    "conflict": f"<<<<<<< ours\n{USUAL}",
    "pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "empty": "",
}


def store_of(kind, folder):
    """Return a store with all of the files."""
    store = FolderStore(folder) if kind == "folder" else MemoryStore()
    for name, text in FILES.items():
        store.write(f"calls/shop/fetch/{name}.json", text.encode())
    return store


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_tests_of_many_recordings_are_those_of_each(tmp_path, kind):
    """Files that `test_of` refuses are left out."""
    vault = Vault(store_of(kind, tmp_path))
    names = [f"calls/shop/fetch/{name}.json" for name in FILES]
    expected = []
    for name in names:
        with suppress(MimicError):
            expected.append((name, vault.test_of(name) or "", vault.store.size(name)))

    assert list(vault.tests_of(names)) == expected
    assert {test for _, test, _ in expected} >= {"", "tests/test_a.py::test_a", "tests/test_ä.py::test_a"}


def test_line_inside_of_another_part_names_no_test(tmp_path):
    """Also one that is indented like the line of the test, in a file that was edited by hand."""
    vault = Vault(store_of("folder", tmp_path))
    names = [f"calls/shop/fetch/{name}.json" for name in ("nested", "nested, head")]

    assert [test for _, test, _ in vault.tests_of(names)] == ["outer", "outer"]


def test_unreadable_file_is_left_out(tmp_path):
    vault = Vault(store_of("folder", tmp_path))
    (tmp_path / "calls/shop/fetch/folder.json").mkdir()
    names = [f"calls/shop/fetch/{name}.json" for name in ("folder", "usual")]

    assert [name for name, _, _ in vault.tests_of(names)] == [names[1]]


def test_names_leave_out_those_that_are_given(tmp_path):
    for kind in ("folder", "memory"):
        vault = Vault(store_of(kind, tmp_path))
        every = set(vault.names())
        used = {"calls/shop/fetch/usual.json", "calls/none.json"}

        assert every == {f"calls/shop/fetch/{name}.json" for name in FILES}
        assert set(vault.names(without=used)) == every - used
