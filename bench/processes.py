"""Steps in processes of their own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path

from bench.contenders import PLUGINS

INSIDE = Path(__file__).parent / "inside"
#: Plugins that other packages of an environment bring are part of no contender's work.
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio"]
TEST = "from steps import test_step\n"

Figures = dict[str, float]


class Failed(Exception):
    """A step that a contender cannot do."""


def run(command: list[str], folder: Path, **variables: str) -> tuple[float, str]:
    """Run one process, and return its seconds of CPU time and its output."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MIMIC_", "PYTEST_"))
        and name not in ("CI", "PYTHONDONTWRITEBYTECODE")
    }
    environment = {**kept, "PYTHONPATH": str(INSIDE), **variables}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Failed((done.stdout + done.stderr).strip()[-2000:])
    return (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        done.stdout,
    )


def project(
    folder: Path, targets: list[str] | tuple[str, ...] = (), test: str = TEST
) -> Path:
    """Make a project of one test; without targets it mimics nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"\n    {target}" for target in targets)
    (folder / "pytest.ini").write_text(
        f"[pytest]\nmimic_functions ={lines}\n" if targets else "[pytest]\n"
    )
    (folder / "test_it.py").write_text(test)
    return folder


def pytest(python: Path, folder: Path, *options: str, **variables: str) -> float:
    """Run the tests of a project, and return the seconds of CPU time of the process."""
    return run([str(python), *PYTEST, *options], folder, **variables)[0]


def without_plugin(python: Path, contender: str, folder: Path) -> float:
    """Run the tests of a project with the contender's plugin turned off."""
    return pytest(python, folder, "-p", f"no:{PLUGINS[contender]}")


def step(
    python: Path, folder: Path, what: list[object], *options: str, library: str = ""
) -> Figures:
    """Run one step in a test, or through a library.

    Without `--mimic-record` the real functions may not run.

    Returns:
        The step's figures, and as `end` the seconds of CPU time from the end of the
        step to that of the process.
    """
    recording = "--mimic-record" in options
    variables = {
        "BENCH_STEP": json.dumps(what),
        "BENCH_REPLAYING": "" if recording else "1",
    }
    figures: Figures
    if library:
        cpu, output = run(
            [str(python), str(INSIDE / "libraries.py"), library], folder, **variables
        )
        figures = json.loads(output.splitlines()[-1])
    else:
        cpu = pytest(python, folder, *options, **variables)
        figures = json.loads((folder / "figures.json").read_text())
    return {**figures, "end": cpu - figures["until"]}


def stored(folder: Path) -> float:
    """Return the MB of the files in a folder."""
    return (
        sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    )
