"""The web examples, FastAPI and Django views that call an API, replay with sockets blocked."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "web"

NO_NETWORK = """
import socket

def refuse(self, address, *rest):
    raise AssertionError(f"connected to {address}")

socket.socket.connect = socket.socket.connect_ex = refuse
"""


@pytest.fixture
def web(project):
    """Copy the examples and their recordings."""
    missing = [name for name in ("django", "fastapi", "httpx", "requests") if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(EXAMPLES, project.root, ignore=ignored, dirs_exist_ok=True)
    project.write("no_network.py", NO_NETWORK)
    return project


def test_views_replay_without_a_network(web):
    run = web.run("-p", "no_network", "--mimic-fail-on-unused", process=True)

    run.expect(passed=5)
    assert run.changed == set()


@pytest.mark.rare
def test_views_are_recorded_again_without_the_api_key(web):
    shutil.rmtree(web.vault)

    recorded = web.run("--mimic-record", process=True).expect(passed=5)
    web.run("--mimic-verify", process=True).expect(passed=5)
    web.run("-p", "no_network", process=True).expect(passed=5)

    assert len(recorded.vault) == 5
    assert b"wk-5d2f81c09ab7" not in b"".join(recorded.vault.values())
