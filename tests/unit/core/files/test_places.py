"""The place of a path below the folders of a run."""

from __future__ import annotations

import sys

import pytest
import time_machine

from pytest_mimic._core.files.places import ROOTDIR, TEMPORARY, PathPlace, Places
from pytest_mimic._core.identity.file_paths import digests_of


@pytest.fixture
def base(tmp_path):
    """A base temporary folder with two folders that fixtures gave, and a file."""
    base = tmp_path / "base"
    for name in ("test_read0", "data1", "popen-gw1/test_read0"):
        (base / name).mkdir(parents=True)
    (base / "shared.json").write_text("{}")
    return base


@pytest.fixture
def places(base, tmp_path):
    places = Places()
    places.set_root(TEMPORARY, str(base))
    places.set_root(ROOTDIR, str(tmp_path))
    return places


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("base/test_read0/in.csv", PathPlace("tmp", "test_read0", "in.csv")),
        ("base/test_read0/a/b.csv", PathPlace("tmp", "test_read0", "a/b.csv")),
        ("base/test_read0", PathPlace("tmp", "test_read0", "")),
        ("base/test_read0/", PathPlace("tmp", "test_read0", "/")),
        ("base/test_read0/a/", PathPlace("tmp", "test_read0", "a/")),
        ("base//test_read0//in.csv", PathPlace("tmp", "test_read0", "in.csv")),
        ("base/test_read0/../data1/in.csv", PathPlace("tmp", "data1", "in.csv")),
        (
            "base/popen-gw1/test_read0/in.csv",
            PathPlace("tmp", "popen-gw1/test_read0", "in.csv"),
        ),
        ("base/popen-gw1/test_read0", PathPlace("tmp", "popen-gw1/test_read0", "")),
        ("base/shared.json", PathPlace("tmp", "", "shared.json")),
        ("base/gone.json", PathPlace("tmp", "", "gone.json")),
        ("base", PathPlace("tmp", "", "")),
        ("base/../in.csv", None),
        ("data/in.csv", PathPlace("rootdir", "", "data/in.csv")),
        ("", PathPlace("rootdir", "", "")),
        ("base-more/in.csv", PathPlace("rootdir", "", "base-more/in.csv")),
    ],
)
def test_place_of_a_path(places, tmp_path, path, place):
    assert (
        places.place_of(
            f"{tmp_path}/{path}".rstrip("/") if not path else f"{tmp_path}/{path}"
        )
        == place
    )


def test_path_outside_of_the_folders_has_no_place(places, tmp_path):
    assert places.place_of("/etc/hosts") is None
    assert places.place_of(f"{tmp_path}-more/in.csv") is None


def test_a_string_has_a_place_if_it_is_one_path_below_the_temporary_folder(
    places, base, tmp_path
):
    assert places.place_of_text(f"{base}/test_read0/in.csv") == PathPlace(
        "tmp", "test_read0", "in.csv"
    )
    for text in (
        f"{tmp_path}/in.csv",
        f"sqlite:///{base}/test_read0/a.db",
        f"{base}/test_read0/a.csv:{base}/test_read0/b.csv",
        f"{base}/test_read0/a.csv\nmore",
        f"{base}x/test_read0/a.csv",
        "in.csv",
    ):
        assert places.place_of_text(text) is None, text


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_every_spelling_of_the_folder_counts(places, base, tmp_path):
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)

    places.set_root(TEMPORARY, str(base), str(link / "base"))

    here = [f"{folder}/test_read0/in.csv" for folder in (base, link / "base")]
    assert [places.place_of(path) for path in here] == [
        PathPlace("tmp", "test_read0", "in.csv")
    ] * 2
    assert all(
        any(mark in path.encode() for mark in places.temporary_folders) for path in here
    )


def test_path_of_a_place_is_a_path_of_this_run(places, base, tmp_path):
    assert places.path_of(PathPlace("tmp", "data1", "a/b.csv")) == str(
        base / "data1/a/b.csv"
    )
    assert places.path_of(PathPlace("tmp", "", "")) == str(base)
    assert places.path_of(PathPlace("rootdir", "", "in.csv")) == str(
        tmp_path / "in.csv"
    )


def test_place_is_shown_without_the_folder_that_a_fixture_gave():
    assert PathPlace("tmp", "test_read0", "a/b.csv").text == "<tmp>/a/b.csv"
    assert PathPlace("tmp", "test_read0", "").text == "<tmp>"


def test_a_file_that_has_just_changed_is_read_again_in_a_test_that_sets_the_clock(
    tmp_path,
):
    """Compared with a clock in the future, every change would be long ago."""
    path, opened, active = str(tmp_path / "a"), [], True
    sys.addaudithook(
        lambda event, arguments: (
            opened.append(event)
            if active and event == "open" and arguments[0] == path
            else None
        )
    )

    with time_machine.travel("2099-01-01"):
        digests = digests_of(Places())
        for text in ("one", "two"):
            with open(path, "w") as file:
                file.write(text)
            opened.clear()
            digests.content_of(path)
            digests.content_of(path)
            assert len(opened) == 2
    active = False
