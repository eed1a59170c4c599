"""Runs of pytest in one process start faster: what pytest finds in itself is looked up once.

A run looks through all names of each plugin, for hooks and for fixtures. The plugins of
pytest itself have the same ones in every run. Looking for them takes a fifth of a short
run. A run also rewrites the assertions of its tests, which a later run of the same test
finds rewritten.
"""

from __future__ import annotations

import sys
from inspect import ismethod
from pathlib import Path
from types import ModuleType
from typing import Any

import _pytest.fixtures
import pluggy
import pytest
from _pytest.assertion import rewrite
from _pytest.config import PytestPluginManager
from _pytest.fixtures import FixtureManager

# The names of all hooks begin so.
HOOK = "pytest_"

# How many rewritten modules are kept. The runs of one test have fewer.
MOST_REWRITTEN = 100

FixtureFunctionDefinition = getattr(_pytest.fixtures, "FixtureFunctionDefinition", None)


def keep_lookups() -> None:
    """Let all later runs of this process find hooks and fixtures of pytest in tables."""
    _keep_hooks()
    _keep_names_of_hooks()
    _keep_parameters_of_hooks()
    # Older versions of pytest have no class for fixtures.
    if FixtureFunctionDefinition is not None:
        _keep_names_of_fixtures()
    _keep_rewritten_modules()
    # The header of a run has the version, and pluggy reads it from a file each time.
    vars(pluggy)["__version__"] = pluggy.__version__


def _keep_hooks() -> None:
    parse = PytestPluginManager.parse_hookimpl_opts
    # The options of hooks by the module or class that has them, and their name.
    options_of: dict[tuple[object, str], Any] = {}

    def parse_hookimpl_opts(
        self: PytestPluginManager, plugin: object, name: str
    ) -> Any:
        if not name.startswith(HOOK):
            return None
        place = _place_in_pytest(plugin)
        if place is None:
            return parse(self, plugin, name)
        if (place, name) not in options_of:
            options_of[place, name] = parse(self, plugin, name)
        options = options_of[place, name]
        # A manager completes the options that it gets.
        return options and {**options}

    setattr(PytestPluginManager, "parse_hookimpl_opts", parse_hookimpl_opts)  # noqa: B010
    # Newer versions of pluggy look at each hook once more.
    if hasattr(pluggy._manager, "_static_hook_attr"):
        _keep_functions_of_hooks()


def _keep_names_of_hooks() -> None:
    names_of: dict[object, list[str]] = {}

    def hook_names(plugin: object) -> list[str]:
        """Return what `dir` does, without the names in pytest that are no hooks."""
        place = _place_in_pytest(plugin)
        if place is None:
            return dir(plugin)
        if place not in names_of:
            names_of[place] = [name for name in dir(place) if name.startswith(HOOK)]
        return names_of[place]

    # pluggy looks for a hook at each name that `dir` gives.
    vars(pluggy._manager)["dir"] = hook_names


def _keep_parameters_of_hooks() -> None:
    # Older versions of pluggy have no module of this name.
    module = getattr(pluggy, "_impl", None)
    if module is None:
        return
    read = module.varnames
    parameters_of: dict[tuple[object, bool], Any] = {}

    def varnames(function: Any) -> Any:
        if not str(function.__module__).startswith("_pytest."):
            return read(function)
        # Methods of two runs have one function.
        key = getattr(function, "__func__", function), ismethod(function)
        if key not in parameters_of:
            parameters_of[key] = read(function)
        return parameters_of[key]

    module.varnames = varnames


def _keep_functions_of_hooks() -> None:
    find = pluggy._manager._static_hook_attr

    def static_hook_attr(plugin: object, name: str) -> Any:
        if _place_in_pytest(plugin) is None:
            return find(plugin, name)
        # The hooks of pytest are functions and methods, whose look-up runs nothing.
        hook = getattr(plugin, name)
        return hook, hook

    setattr(pluggy._manager, "_static_hook_attr", static_hook_attr)  # noqa: B010


def _keep_names_of_fixtures() -> None:
    names_of: dict[object, list[str]] = {}

    def fixture_names(holder: object) -> list[str]:
        """Return what `dir` does, without the names in pytest that are no fixtures."""
        place = _place_in_pytest(holder)
        if place is None:
            return dir(holder)
        if place not in names_of:
            names_of[place] = [
                name for name in dir(place) if _is_fixture(getattr(place, name, None))
            ]
        return names_of[place]

    # A run looks for a fixture at each name that `dir` gives.
    vars(_pytest.fixtures)["dir"] = fixture_names
    # Newer versions of pytest look through all names of each plugin once more, to warn
    # of fixtures below another decorator.
    if hasattr(FixtureManager, "_check_for_wrapped_fixture"):
        setattr(FixtureManager, "_check_for_wrapped_fixture", lambda *_: None)  # noqa: B010


def _keep_rewritten_modules() -> None:
    rewrite_test = rewrite._rewrite_test
    # By the file, what is in it, and the setting on which rewriting depends.
    rewritten: dict[tuple[Path, bytes, object], Any] = {}

    def rewrite_once(path: Path, config: pytest.Config) -> Any:
        if not sys.dont_write_bytecode:
            # pytest keeps the rewritten module in a file.
            return rewrite_test(path, config)
        setting = config.getini("enable_assertion_pass_hook")
        key = path, path.read_bytes(), setting
        if key not in rewritten:
            if len(rewritten) >= MOST_REWRITTEN:
                rewritten.clear()
            rewritten[key] = rewrite_test(path, config)
        return rewritten[key]

    vars(rewrite)["_rewrite_test"] = rewrite_once


def _is_fixture(value: object) -> bool:
    return isinstance(value, FixtureFunctionDefinition)


def _place_in_pytest(holder: object) -> ModuleType | type | None:
    """Return the module or class of pytest that has the names of a plugin, or None.

    Modules and classes of a project are collected as nodes, which belong to pytest, too.
    Their names are those of the project.
    """
    if isinstance(holder, (pytest.Item, pytest.Collector)):
        return None
    if isinstance(holder, ModuleType):
        place, name = holder, holder.__name__
    else:
        place, name = type(holder), type(holder).__module__
    return place if name.startswith("_pytest.") else None
