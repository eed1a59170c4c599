"""Texts that name files are found, also while the folder changes."""

from __future__ import annotations

import os
import sys
from itertools import count
from time import time_ns

import pytest

from pytest_mimic._files.presence import Presence

TEXTS = ["a", "b", "c", "d", "Sub", "sub", "sub/inner", ".", "..", "a\ud800", "", "x" * 300]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which has not changed for an hour."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner").touch()
    (tmp_path / "a").touch()
    return tmp_path


def later() -> int:
    """Return the time in an hour, when all folders have settled."""
    return time_ns() + 3_600_000_000_000


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("now", [time_ns, later], ids=["just changed", "settled"])
@pytest.mark.parametrize("few", [True, False])
def test_texts_that_name_files_are_found_at_once_after_each_change(folder, now, few):
    presence = Presence(now)
    there = {text for text in TEXTS if "\ud800" not in text and os.access(text, os.F_OK)}
    times = count(10**18, 10**9)

    def let_pass():
        """Show the change, as if more than a tick of the clock had passed since the one before."""
        if now is later:
            os.utime(folder, ns=(next(times),) * 2)

    def existing():
        found = [presence.existing(TEXTS[at : at + 3]) for at in range(0, 12, 3)] if few else None
        return set().union(*found) if few else presence.existing(TEXTS)

    assert existing() == existing() == there >= {"a", "sub", "sub/inner", ".", ".."}
    (folder / "b").touch()
    let_pass()
    assert existing() == there | {"b"}
    (folder / "a").unlink()
    (folder / "c").symlink_to("b")
    let_pass()
    assert existing() == (there | {"b", "c"}) - {"a"}
    os.chdir("sub")
    assert existing() == {".", ".."}


def test_files_made_within_a_tick_of_the_clock_are_found(folder):
    presence = Presence(time_ns)
    for number in range(200):
        assert presence.existing([f"{number}", "x", "y", "z"]) == set()

        (folder / f"{number}").touch()

        assert presence.existing([f"{number}", "x", "y", "z"]) == {f"{number}"}


def test_folder_with_many_files(folder):
    for number in range(600):
        (folder / str(number)).touch()
    presence = Presence(later)

    assert presence.existing(["0", "599", "600", "x", "y"]) == {"0", "599"}
    assert presence.existing(["0", "599", "600", "x", "y"]) == {"0", "599"}


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current folder")
def test_in_a_folder_that_is_gone_nothing_exists_but_absolute_paths(folder):
    os.chdir("sub")
    (folder / "sub" / "inner").unlink()
    (folder / "sub").rmdir()

    assert Presence(later).existing(["a", "b", "c", "d", str(folder)]) == {str(folder)}


ABSENT = {"b", "c", "d", "e"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, names are not compared with a list")
def test_state_of_a_folder_shows_what_is_absent_until_it_changes(folder):
    presence = Presence(later)
    state = presence.absent_at(ABSENT)

    assert state is not None
    assert presence.is_at(state)
    assert presence.absent_at(ABSENT) == state
    (folder / "b").touch()
    assert not presence.is_at(state)
    assert presence.absent_at(ABSENT) is None
    (folder / "b").unlink()
    assert not presence.is_at(state)
    os.chdir("sub")
    assert not presence.is_at(state)
    (folder / "sub" / "inner").unlink()
    (folder / "sub").rmdir()
    assert not presence.is_at(state)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("text", ["a", "A", "sub", "sub/new", "/new", ".", "..", "link"])
def test_state_of_a_folder_shows_nothing_about_a_text_that_names_a_file_or_may_name_one_elsewhere(
    folder, text
):
    (folder / "link").symlink_to("sub/not yet there")

    assert Presence(later).absent_at({*ABSENT, text}) is None


def test_state_of_a_folder_that_may_change_unnoticed_shows_nothing(folder):
    presence = Presence(time_ns)
    (folder / "new").touch()

    assert presence.absent_at(ABSENT) is None
