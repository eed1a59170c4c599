"""Chooses the tests by the libraries that the environment names."""

import os
from importlib import import_module

import pytest

LIBRARIES = os.environ.get("KINDS", "plain").split()
CLIENTS = ("sqlalchemy", "psycopg", "redis")
collect_ignore = [f"test_{name}.py" for name in CLIENTS if name not in LIBRARIES]


def pytest_generate_tests(metafunc):
    """Give each kind of each library to the tests of kinds."""
    if "kind" not in metafunc.fixturenames:
        return
    table = metafunc.function.__name__.removeprefix("test_").upper()
    modules = {
        name: import_module(f"kinds_{name}")
        for name in LIBRARIES
        if name not in CLIENTS
    }
    kinds = [
        pytest.param(name, kind, make, id=f"{name} {kind}")
        for name, module in modules.items()
        for kind, make in getattr(module, table, {}).items()
    ]
    metafunc.parametrize(("group", "kind", "make"), kinds)
