"""Chooses the tests by the groups of libraries that the environment names."""

import os

GROUPS = os.environ.get("FORMAT_1_GROUPS", "plain").split()
collect_ignore = [
    f"test_{name}.py"
    for name in ("httpx", "httpx2", "requests", "aiohttp", "sqlalchemy", "psycopg", "redis")
    if name not in GROUPS
]


def pytest_generate_tests(metafunc):
    """Give each kind of each group to the tests of kinds."""
    if "kind" in metafunc.fixturenames:
        from importlib import import_module

        import pytest

        modules = [(group, import_module(f"kinds_{group}")) for group in GROUPS if group not in NO_KINDS]
        metafunc.parametrize(
            ("group", "kind", "make"),
            [
                pytest.param(group, kind, make, id=f"{group} {kind}")
                for group, module in modules
                for kind, make in getattr(
                    module, metafunc.function.__name__.removeprefix("test_").upper(), {}
                ).items()
            ],
        )


NO_KINDS = {"httpx", "httpx2", "requests", "aiohttp", "sqlalchemy", "psycopg", "redis"}
