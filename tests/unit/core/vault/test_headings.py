"""The test and the owner of a recording are read without parsing it, and are what a parser reads."""

from __future__ import annotations

import os

import pytest

from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.headings import Heading, read_headings
from unit.memory_store import MemoryStore, a_call, recorded

NAME = "calls/shop/f/aa.json"
CASSETTE = "cassettes/trip.json"
OWNED = {"identity": "0" * 32, "owner": "t.py::test_a"}


def written(value=1, **facts):
    """Return the content of a recording as the plugin writes it."""
    [content] = recorded(value, **facts)._files.values()
    return content


def heading_of(content, name=NAME):
    """Return the test and the owner that are read, or None for an unreadable file."""
    store = MemoryStore()
    store.write(name, content)
    headings = list(read_headings(store, [name], "v"))
    assert all((one.name, one.size) == (name, len(content)) for one in headings)
    return [(one.test, one.owner) for one in headings]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"test": "t.py::test_a"}, ("t.py::test_a", None), id="shared"),
        pytest.param(
            {"test": "t.py::test_a", **OWNED},
            ("t.py::test_a", "t.py::test_a"),
            id="owned",
        ),
        pytest.param(
            {"test": "t.py::test_b", **OWNED},
            ("t.py::test_b", "t.py::test_a"),
            id="owned by a fixture",
        ),
        pytest.param({"test": None}, ("", None), id="without a test"),
        pytest.param({"test": 't.py::t["a\\b"]'}, ('t.py::t["a\\b"]', None), id="escapes"),
        pytest.param({"test": "t.py::größe"}, ("t.py::größe", None), id="beyond ASCII"),
        pytest.param(
            {"test": "t.py::test_a", "arguments": {"test": "no", "owner": "no"}},
            ("t.py::test_a", None),
            id="arguments of these names",
        ),
    ],
)  # fmt: skip
def test_a_recording_says_its_test_and_its_owner(facts, expected):
    assert heading_of(written(**facts)) == [expected]


def test_a_text_in_an_outcome_is_no_test():
    content = written('\n "test": "t.py::no",\n', test="t.py::test_a")

    assert heading_of(content) == [("t.py::test_a", None)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"format": 5', b'"format": 4', id="another format"),
        pytest.param(b"\n ]\n}\n", b"\n", id="cut off"),
        pytest.param(
            b' "source"',
            b'<<<<<<< HEAD\n "source": null,\n=======\n>>>>>>> b\n "source"',
            id="a merge conflict",
        ),
        pytest.param(b"{\n", b"version https://git-lfs.github.com/spec/v1\n", id="LFS"),
    ],
)
def test_a_file_that_no_run_could_use_has_no_heading(old, new):
    content = written(test="t.py::test_a")
    assert old in content

    assert heading_of(content.replace(old, new, 1)) == []


def test_an_edited_file_that_has_two_tests_has_no_heading():
    content = written(test="t.py::test_a")
    second = b'\n ],\n "test": "t.py::test_b"\n}\n'

    assert heading_of(content.replace(b"\n ]\n}\n", second)) == []


def test_a_cassette_has_a_test_and_no_owner():
    store = MemoryStore()
    vault = Vault(store)
    call = a_call(vault.writer.encoded(Value(1), 0.5), test="t.py::test_a")
    vault.writer.write(CASSETTE, [call], test="t.py::test_a")

    assert heading_of(store.read(CASSETTE), CASSETTE) == [("t.py::test_a", None)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
def test_of_a_folder_what_can_be_read_is_yielded_and_no_pipe_is_opened(tmp_path):
    store = FolderStore(tmp_path / "v")
    content = written(test="t.py::test_a")
    large = written(test="t.py::test_a", arguments={"text": "x" * (1 << 16)})
    store.write("calls/a/1.json", content)
    store.write("calls/a/2.json", large)
    os.mkfifo(tmp_path / "v/calls/a/3.json")
    (tmp_path / "v/calls/a/4.json").symlink_to("1.json")
    (tmp_path / "v/calls/a/5.json").symlink_to("/dev/zero")
    store.write("calls/b/6.json", content)
    names = [*store.names(), "calls/b/gone.json", "calls/gone/7.json"]

    headings = sorted(read_headings(store, names, "v"))

    assert headings == [
        Heading("calls/a/1.json", "t.py::test_a", None, len(content)),
        Heading("calls/a/2.json", "t.py::test_a", None, len(large)),
        Heading("calls/a/4.json", "t.py::test_a", None, len(content)),
        Heading("calls/b/6.json", "t.py::test_a", None, len(content)),
    ]


def test_a_folder_in_whose_place_another_process_has_put_a_link_is_not_read(tmp_path):
    store = FolderStore(tmp_path / "v")
    store.write("calls/a/1.json", written(test="t.py::test_a"))
    names = store.names()
    (tmp_path / "v/calls/a").rename(tmp_path / "v/calls/b")
    (tmp_path / "v/calls/a").symlink_to("b")

    assert list(read_headings(store, names, "v")) == []
