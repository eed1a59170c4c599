"""Finding modules without importing them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import xxhash

import pytest_mimic
from pytest_mimic._core.modules import called_by_pytest, is_in_project, module_exists


def test_a_module_is_found_without_importing_its_parents(monkeypatch, tmp_path):
    for name in ("plain/part.py", "plain/__init__.py", "bare/part.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert module_exists("plain.part")
    assert module_exists("bare.part")
    assert not module_exists("plain.other")
    assert not module_exists("plain.part.below")
    assert "plain" not in sys.modules


def test_a_failing_finder_does_not_stop_the_search(monkeypatch):
    """Finders of other packages may expect the parents to be imported."""

    class Failing:
        def find_spec(self, *_: Any) -> None:
            raise KeyError("parent")

    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])

    assert module_exists("xml.dom.minidom")
    assert not module_exists("no_such_module_anywhere")


def test_any_object_may_be_in_sys_modules(monkeypatch):
    """None means that there is no such module."""
    monkeypatch.setitem(sys.modules, "stand_in", object())
    monkeypatch.setitem(sys.modules, "blocked", None)

    assert module_exists("stand_in")
    assert not module_exists("stand_in.part")
    assert not module_exists("blocked")


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
    ids=[
        "its own",
        "standard library",
        "installed",
        "the plugin",
        "frozen",
        "made at run time",
        "editable",
    ],
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
def test_the_project_is_the_distribution_that_its_rootdir_names(
    tmp_path, text, is_project
):
    (tmp_path / "pyproject.toml").write_text(text)

    assert is_in_project(HASHES, tmp_path) is is_project


def wrapper() -> bool:
    return called_by_pytest()


def called_through(*modules: str) -> bool:
    """Call the wrapper from installed modules of these names.

    Each calls the next one.
    """
    function = wrapper
    for module in reversed(modules):
        code = compile(
            "def call():\n    return function()\n",
            f"/site-packages/{module}.py",
            "exec",
        )
        namespace: dict[str, Any] = {"__name__": module, "function": function}
        exec(code, namespace)
        function = namespace["call"]
    return function()


@pytest.mark.parametrize(
    "library", ["cloudpickle.cloudpickle", "pytest_cov.plugin", "_pytest.python"]
)
def test_a_plugin_calls_for_pytest(library):
    assert called_through("_pytest.python", library) is True


@pytest.mark.parametrize("module", ["shop.api", "pandas.io.json", "test_shop"])
def test_another_module_is_code_under_test(module):
    assert called_through("_pytest.python", module) is False
