"""The committed recordings of the examples replay, and can be recorded again."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TESTS = 20


@pytest.fixture
def examples(project):
    """Copy the examples and their vault, so that a run cannot change the committed files."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(REPOSITORY / "examples", project.root / "examples", ignore=ignored)
    shutil.copytree(REPOSITORY / ".mimic_vault", project.root / ".mimic_vault")
    project.monkeypatch.delenv("DISPLAY", raising=False)
    project.monkeypatch.setenv(
        "PYTHONPATH", f"{project.root / 'examples'}", prepend=":"
    )
    return project


IN_WORKERS = pytest.param(["-n", "2"], marks=pytest.mark.rare, id="in workers")


@pytest.mark.parametrize(
    "options", [pytest.param(["-p", "without"], id="bare"), IN_WORKERS]
)
def test_the_vault_replays_without_server_display_or_libraries(examples, options):
    """Under any hash seed."""
    run = examples.run(
        *options, "--mimic-fail-on-unused", "examples", hash_seed=int("-n" in options)
    )

    run.expect(passed=TESTS)
    assert "missing" not in run.output
    assert run.changed == set()


@pytest.mark.rare
def test_examples_that_need_only_python_are_recorded_again(examples):
    shutil.rmtree(examples.vault)
    tests = [
        f"examples/test_{name}.py" for name in ("characters", "factors", "library")
    ]

    recorded = examples.run("--mimic-record", *tests, process=True)
    replayed = examples.run("-p", "without", *tests, hash_seed=1)

    assert recorded.exit_code == 0, recorded.output
    assert replayed.outcomes == recorded.outcomes, replayed.output
    assert replayed.changed == set()
    assert len(replayed.calls) >= len(tests)


def test_the_vault_is_readable(examples):
    names = examples.files()

    assert {Path(name).suffix for name in names} == {".json"}
    listed = "".join(call.text for call in examples.calls())
    assert "digits:Evaluation" in listed
    assert "library:Report" in listed


NO_NETWORK = """
import socket

def refuse(self, address, *rest):
    raise AssertionError(f"connected to {address}")

socket.socket.connect = socket.socket.connect_ex = refuse
"""


@pytest.fixture
def web(project):
    """Copy the FastAPI and Django views that call an API, and their recordings."""
    missing = [
        name
        for name in ("django", "fastapi", "httpx", "requests")
        if find_spec(name) is None
    ]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(
        REPOSITORY / "examples/web", project.root, ignore=ignored, dirs_exist_ok=True
    )
    project.write("no_network.py", NO_NETWORK)
    return project


def test_views_replay_without_a_network(web):
    run = web.run("-p", "no_network", "--mimic-fail-on-unused", process=True)

    run.expect(passed=5)
    assert run.changed == set()
