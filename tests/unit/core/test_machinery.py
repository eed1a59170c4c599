"""Calls by the code under test are told from calls by pytest, its plugins and the import system."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.machinery import called_by_pytest


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
