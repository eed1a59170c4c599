"""The project's own code, and its calls, are told from those of the standard library, of distributions and of pytest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import xxhash

import pytest_mimic
from pytest_mimic._core.modules import called_by_pytest, is_in_project

HERE = Path(__file__)
HASHES = xxhash.__file__


@pytest.mark.parametrize(
    ("file", "is_project"),
    [
        (__file__, True),
        (json.__file__, False),
        (HASHES, False),
        (pytest_mimic.__file__, False),
        ("<frozen importlib._bootstrap>", False),
        ("<string>", False),
        ("/elsewhere/shop.py", True),
    ],
    ids=["its own", "standard library", "installed", "the plugin", "frozen", "made at run time", "editable"],
)
def test_the_project_is_what_nothing_installed(file, is_project):
    assert is_in_project(file, HERE.parents[3]) is is_project


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

    assert is_in_project(HASHES, tmp_path) is is_project


def wrapper() -> bool:
    return called_by_pytest()


def called_through(*modules: str) -> bool:
    """Call the wrapper from installed modules of these names. Each calls the next one."""
    function = wrapper
    for module in reversed(modules):
        code = compile("def call():\n    return function()\n", f"/site-packages/{module}.py", "exec")
        namespace: dict[str, Any] = {"__name__": module, "function": function}
        exec(code, namespace)
        function = namespace["call"]
    return function()


@pytest.mark.parametrize("library", ["cloudpickle.cloudpickle", "pytest_cov.plugin", "_pytest.python"])
def test_a_plugin_calls_for_pytest(library):
    assert called_through("_pytest.python", library) is True


@pytest.mark.parametrize(
    "module",
    ["shop.api", "pandas.io.json", "test_shop"],
)
def test_another_module_is_code_under_test(module):
    assert called_through("_pytest.python", module) is False
