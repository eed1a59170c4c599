"""Steps in processes of their own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.contenders import PLUGINS

INSIDE = Path(__file__).parent / "inside"
#: Plugins that other packages of an environment bring are part of no contender's work.
PYTEST_OPTIONS = ["-q", "-p", "no:cacheprovider", "-p", "no:anyio"]
PYTEST = ["-m", "pytest", *PYTEST_OPTIONS]

# The test that runs the step which the environment variable `BENCH_STEP` names.
_TEST_OF_STEP = "from steps import test_step\n"
# They would change what is measured: settings of pytest and of plugins, the mark of a
# CI machine, and modules that are compiled anew in each process.
_PREFIXES_LEFT_OUT = ("MIMIC_", "PYTEST_")
_VARIABLES_LEFT_OUT = ("CI", "PYTHONDONTWRITEBYTECODE")

Figures = dict[str, float]
#: The name of a function of `inside/steps.py`, and its arguments.
Step = list[object]


class Failed(Exception):  # noqa: N818  as in "the step failed"
    """A step that a contender cannot do, with the end of its output."""


def run(command: list[str], folder: Path, **variables: str) -> tuple[float, str]:
    """Run one process, and return its seconds of CPU time and its output.

    Raises:
        Failed: The process ended with an error.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        output = done.stdout + done.stderr
        raise Failed(output.strip()[-2000:])
    user_seconds = after.ru_utime - before.ru_utime
    system_seconds = after.ru_stime - before.ru_stime
    return user_seconds + system_seconds, done.stdout


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """Return the environment of a step: this process's, `inside`, and the variables."""
    environment = {}
    for name, value in os.environ.items():
        if name in _VARIABLES_LEFT_OUT or name.startswith(_PREFIXES_LEFT_OUT):
            continue
        environment[name] = value
    environment["PYTHONPATH"] = str(INSIDE)
    environment.update(variables)
    return environment


def make_project(
    folder: Path, targets: Sequence[str] = (), test: str = _TEST_OF_STEP
) -> Path:
    """Make a project of one test, or write it anew; return its folder.

    Without targets it mimics nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = "[pytest]\n"
    if targets:
        settings += "mimic_functions ="
        for target in targets:
            settings += f"\n    {target}"
        settings += "\n"
    (folder / "pytest.ini").write_text(settings)
    (folder / "test_it.py").write_text(test)
    return folder


def run_pytest(python: Path, folder: Path, *options: str, **variables: str) -> float:
    """Run the tests of a project, and return the seconds of CPU time of the process."""
    cpu_seconds, _ = run([str(python), *PYTEST, *options], folder, **variables)
    return cpu_seconds


def run_without_plugin(python: Path, contender: str, folder: Path) -> float:
    """Run the tests of a project with the contender's plugin turned off.

    Returns:
        The seconds of CPU time of the process.
    """
    return run_pytest(python, folder, "-p", f"no:{PLUGINS[contender]}")


def profile_pytest(python: Path, folder: Path, file: Path) -> None:
    """Run the tests of a project with the whole process profiled into a file."""
    run([str(python), "-m", "cProfile", "-o", str(file), *PYTEST], folder)


def run_step(
    python: Path,
    folder: Path,
    step: Step,
    *options: str,
    library: str = "",
    profile: Path | None = None,
) -> Figures:
    """Run one step in a test, or through a library.

    Without `--mimic-record` the real functions may not run.

    Args:
        python: Runs the step.
        folder: The project of the step.
        step: What `inside/steps.py` is to do.
        options: For pytest.
        library: The name that `inside/libraries.py` has for a library or a floor. With
            it, pytest does not run.
        profile: Where a profile of the step is written.

    Returns:
        The step's figures, and as `end` the seconds of CPU time from the end of the
        step to that of the process.
    """
    is_recording = "--mimic-record" in options
    variables = {
        "BENCH_STEP": json.dumps(step),
        "BENCH_REPLAYING": "" if is_recording else "1",
    }
    if profile is not None:
        variables["BENCH_PROFILE"] = str(profile)
    figures: Figures
    if library:
        script = str(INSIDE / "libraries.py")
        command = [str(python), script, library]
        cpu_seconds, output = run(command, folder, **variables)
        figures = json.loads(output.splitlines()[-1])
    else:
        cpu_seconds = run_pytest(python, folder, *options, **variables)
        figures = figures_of(folder)
    figures["end"] = cpu_seconds - figures["until"]
    return figures


def figures_of(folder: Path) -> Figures:
    """Return the figures that the test of a project has written."""
    figures: Figures = json.loads((folder / "figures.json").read_text())
    return figures


def megabytes_in(folder: Path) -> float:
    """Return the MB of the files in a folder and the folders below."""
    size = 0
    for path in folder.rglob("*"):
        if path.is_file():
            size += path.stat().st_size
    return size / 1e6
