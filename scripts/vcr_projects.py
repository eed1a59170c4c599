"""Replay the vcrpy cassettes of public projects with pytest-mimic.

The cassettes are replayed with pytest-recording, too, and are imported after that.

    python scripts/vcr_projects.py                # all projects
    python scripts/vcr_projects.py habanero       # some of them

Each project is cloned at a fixed commit, and its own tests are run unchanged in an
environment of its own: with pytest-recording, then without it, after one `pytest-mimic
import` and with the line `http`. The two runs have no network: `--block-network` there,
`--disable-socket` of pytest-socket here.

Prints the counts and seconds of both runs, and each test that ends differently. The
exit code is 1 if there is one, or if a project cannot be installed or run. Needs the
network for the clones and the packages.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from environments import build_wheel, environment, install, uninstall
from real_suites import DidNotRunError, counted, outcomes_in, scratch_folder

MIMIC = ("-o", "mimic_functions=http", "--disable-socket", "--allow-unix-socket")
RECORDING = ("--record-mode=none", "--block-network")


class Project(NamedTuple):
    """A project that keeps vcrpy cassettes in its repository."""

    repository: str
    commit: str
    client: str
    tests: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the repository's name."""
        return self.repository.rpartition("/")[2]


PROJECTS = (
    Project("https://github.com/sckott/habanero", "461adbc", "httpx2"),
    Project(
        "https://github.com/lichess-org/berserk",
        "3d074f9",
        "requests",
        tests=("tests",),
        requirements=("requests-mock", "pydantic"),
    ),
    Project(
        "https://github.com/simonw/llm-gemini",
        "2a8c855",
        "httpx, sync and async",
        requirements=("pytest-asyncio",),
    ),
    Project(
        "https://github.com/simonw/llm-anthropic",
        "3ae428f",
        "httpx, sync and async",
        requirements=("pytest-asyncio", "inline-snapshot[black]", "anthropic<1"),
    ),
    Project(
        "https://github.com/stac-utils/pystac-client",
        "85f29a6",
        "requests",
        requirements=(
            "requests-mock",
            "pytest-benchmark",
            "pytest-console-scripts",
            "pygeofilter",
        ),
        # Its own `addopts` have --block-network, which nothing knows without
        # pytest-recording.
        options=("-o", "addopts=--benchmark-skip -Werror"),
    ),
)


def main() -> int:
    """Run the projects named on the command line, by default all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [project.name for project in PROJECTS]
    parser.add_argument(
        "project",
        nargs="*",
        metavar="PROJECT",
        help=f"by default all: {', '.join(names)}",
    )
    parser.add_argument(
        "--folder", type=Path, help="a new folder for all that is made, to be kept"
    )
    parser.add_argument("--wheel", type=Path, help="a wheel instead of this checkout")
    options = parser.parse_args()
    chosen = options.project or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"no such project: {', '.join(unknown)}")
    projects = [project for project in PROJECTS if project.name in chosen]
    is_good = True
    with scratch_folder(options.folder) as scratch:
        wheel = options.wheel or build_wheel(scratch)
        for project in projects:
            try:
                differences = compare(project, scratch, wheel)
            except (DidNotRunError, subprocess.CalledProcessError) as error:
                print(f"  {project.name} did not run: {error}", flush=True)
                is_good = False
            else:
                is_good = is_good and not differences
    return int(not is_good)


def compare(project: Project, scratch: Path, wheel: Path) -> list[str]:
    """Run a project's tests both ways, and print the result.

    Returns:
        A line for each test that ends differently.
    """
    folder = scratch / project.name
    clone = ["git", "clone", "--quiet", project.repository, str(folder)]
    subprocess.run(clone, check=True)
    checkout = ["git", "-C", str(folder), "checkout", "--quiet", project.commit]
    subprocess.run(checkout, check=True)
    cassettes = list(folder.rglob("cassettes/**/*.yaml"))
    python = environment(
        scratch / f"{project.name}-environment",
        [str(folder), "pytest", "pyyaml", *project.requirements],
    )
    print(
        f"{project.name} {project.commit}, {project.client}:"
        f" {len(cassettes)} cassettes",
        flush=True,
    )
    install(python, ["pytest-recording"])
    before, seconds = outcomes_of(project, folder, python, RECORDING)
    print(
        f"  pytest-recording:        {counted(before)} in {seconds:.1f} s", flush=True
    )
    uninstall(python, ["pytest-recording", "vcrpy"])
    install(python, [str(wheel), "pytest-socket"])
    print(f"  {imported(folder, python)}", flush=True)
    after, seconds = outcomes_of(project, folder, python, MIMIC)
    print(f"  pytest-mimic:            {counted(after)} in {seconds:.1f} s", flush=True)
    differences = []
    for test in sorted({*before, *after}):
        with_recording = before.get(test, "absent")
        with_mimic = after.get(test, "absent")
        if with_recording != with_mimic:
            differences.append(
                f"{test}: {with_recording} with pytest-recording, {with_mimic} here"
            )
    for difference in differences:
        print(f"    {difference}")
    return differences


def imported(folder: Path, python: Path) -> str:
    """Import the cassettes of a project, and return what the command says of it."""
    done = subprocess.run(
        [str(python), "-m", "pytest_mimic", "import", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    first_line = done.stdout.partition("\n")[0]
    return first_line + done.stderr


def outcomes_of(
    project: Project, folder: Path, python: Path, options: tuple[str, ...]
) -> tuple[dict[str, str], float]:
    """Run the tests once, in a new process.

    Returns:
        The outcome of each test by its id, and the seconds of the run.
    """
    report = folder.parent / "report.xml"
    report.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider"]
    command.append(f"--junitxml={report}")
    began = perf_counter()
    done = subprocess.run(
        [*command, *project.options, *options, *project.tests],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = perf_counter() - began
    if not report.exists():
        raise DidNotRunError(done.stdout[-4000:] + done.stderr[-4000:])
    return outcomes_in(report), seconds


if __name__ == "__main__":
    sys.exit(main())
