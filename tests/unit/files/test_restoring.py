"""Names of files that a recording may have: none leads elsewhere, on any system."""

from __future__ import annotations

import os

import pytest

from pytest_mimic._files.restoring import UnsafePathError, check_names


@pytest.mark.parametrize(
    "name", [".GIT", ".git.", ".git ", ".git . .", "git~1", ".git::$INDEX_ALLOCATION", ".g\u200cit"]
)
def test_no_spelling_leads_into_the_folder_of_git(name: str):
    """Windows ignores dots and blanks at the end, and has short names; HFS+ ignores some characters."""
    with pytest.raises(UnsafePathError, match="is git's"):
        check_names(["reports", name, "config"])


@pytest.mark.parametrize("name", ["a\\b", "a:b", "report.", "report "])
def test_a_name_that_windows_takes_for_another_one_is_refused_there(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    check_names([name])  # on POSIX systems

    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        with pytest.raises(UnsafePathError, match="is no name of a file"):
            check_names([name])


def test_names_that_only_look_like_those_of_git_are_allowed():
    check_names([".gitignore", ".github", "git~2", "x.git", ". git"])
