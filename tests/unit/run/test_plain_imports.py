"""The plugin's own modules are imported without pytest's rewriting, and left out of tracebacks."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec

import pytest_mimic
from pytest_mimic._core import words
from pytest_mimic._run.plain_imports import PlainImports, use_plain_imports


def test_only_modules_of_this_package_are_found() -> None:
    finder, path = PlainImports(), list(pytest_mimic.__path__)

    spec = finder.find_spec("pytest_mimic.errors", path)

    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert vars(module)["__tracebackhide__"] is True
    assert finder.find_spec("pytest_mimic.nothing", path) is None
    assert (
        finder.find_spec("json.decoder", path)
        is finder.find_spec("pytest_mimic")
        is None
    )


def test_what_is_loaded_is_hidden_too_until_the_end_nothing_else_changes() -> None:
    before = list(sys.meta_path)

    end = use_plain_imports()
    assert sys.meta_path[1:] == before
    end()
    end()

    assert sys.meta_path == before
    assert vars(words)["__tracebackhide__"] is True
