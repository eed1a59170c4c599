"""Runs of pytest in one process start faster: what pytest finds in itself is looked up once.

A run looks through all names of each plugin, for hooks and for fixtures. The plugins of
pytest itself have the same ones in every run. Looking for them takes a fifth of a short
run.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import _pytest.fixtures
import pluggy
import pytest
from _pytest.config import PytestPluginManager
from _pytest.fixtures import FixtureManager

FixtureFunctionDefinition = getattr(_pytest.fixtures, "FixtureFunctionDefinition", None)


def keep_lookups() -> None:
    """Let all later runs of this process find hooks and fixtures of pytest in tables."""
    _keep_hooks()
    # Older versions of pytest have no class for fixtures.
    if FixtureFunctionDefinition is not None:
        _keep_places_without_fixtures()
    # The header of a run has the version, and pluggy reads it from a file each time.
    vars(pluggy)["__version__"] = pluggy.__version__


def _keep_hooks() -> None:
    parse = PytestPluginManager.parse_hookimpl_opts
    # The options of hooks by the module or class that has them, and their name.
    options_of: dict[tuple[object, str], Any] = {}

    def parse_hookimpl_opts(
        self: PytestPluginManager, plugin: object, name: str
    ) -> Any:
        if not name.startswith("pytest_"):
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


def _keep_functions_of_hooks() -> None:
    find = pluggy._manager._static_hook_attr
    find_in_pytest = cache(find)

    def static_hook_attr(plugin: object, name: str) -> Any:
        is_module = isinstance(plugin, ModuleType)
        if is_module and _place_in_pytest(plugin) is not None:
            return find_in_pytest(plugin, name)
        return find(plugin, name)

    setattr(pluggy._manager, "_static_hook_attr", static_hook_attr)  # noqa: B010


def _keep_places_without_fixtures() -> None:
    look = FixtureManager.parsefactories
    has_fixtures = cache(_has_fixtures)

    def parsefactories(self: FixtureManager, *args: Any, **named: Any) -> None:
        holder = named["holder"] if "holder" in named else args[0]
        place = _place_in_pytest(holder)
        if place is None or has_fixtures(place):
            look(self, *args, **named)

    setattr(FixtureManager, "parsefactories", parsefactories)  # noqa: B010
    # Newer versions of pytest look through all names of each plugin once more, to warn
    # of fixtures below another decorator.
    if hasattr(FixtureManager, "_check_for_wrapped_fixture"):
        setattr(FixtureManager, "_check_for_wrapped_fixture", lambda *_: None)  # noqa: B010


def _has_fixtures(place: ModuleType | type) -> bool:
    values = (getattr(place, name, None) for name in dir(place))
    return any(isinstance(value, FixtureFunctionDefinition) for value in values)


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
