"""Projects whose tests make calls in forked processes."""

from __future__ import annotations

from typing import Any

import pytest

from support.forked_calls import CHILDREN


@pytest.fixture
def forking(project: Any, server: Any) -> Any:
    """A project whose tests call a server, that of the test module, in forked processes.

    `run_forking(*options)` runs them, also after the server has stopped. `env` has
    further variables.
    """
    project.ini("http")
    project.env = {}

    def run(*options: str) -> Any:
        variables = {"API": server.url, **project.env}
        return project.run(*options, process=True, env=variables)

    def tests(body: str) -> None:
        project.tests(CHILDREN + body)

    project.run_forking = run
    project.forking_tests = tests
    return project
