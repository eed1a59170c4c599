"""The project's own code is told from that of the standard library and of installed distributions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xxhash

from pytest_mimic._core import origin

HERE = Path(__file__)
HASHES = xxhash.__file__


@pytest.mark.parametrize(
    ("file", "is_project"),
    [
        (__file__, True),
        (json.__file__, False),
        (HASHES, False),
        (origin.__file__, False),
        ("<frozen importlib._bootstrap>", False),
        ("<string>", False),
        ("/elsewhere/shop.py", True),
    ],
    ids=["its own", "standard library", "installed", "the plugin", "frozen", "made at run time", "editable"],
)
def test_the_project_is_what_nothing_installed(file, is_project):
    assert origin.is_in_project(file, HERE.parents[3]) is is_project


@pytest.mark.parametrize(
    ("text", "is_project"),
    [
        ('[project]\nname = "xxhash"\n', True),
        ("[project]\nversion = '1'\nname='XXHash'\n", True),
        ('[tool.poetry]\nname = "xxhash"\n', True),
        ('[project]\nversion = "1"\n[tool.other]\nname = "xxhash"\n', False),
        ('[project]\nname = "shop"\n', False),
        ("", False),
    ],
)
def test_the_project_is_the_distribution_that_its_rootdir_names(tmp_path, text, is_project):
    (tmp_path / "pyproject.toml").write_text(text)

    assert origin.is_in_project(HASHES, tmp_path) is is_project
