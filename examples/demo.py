"""Replay the committed recordings, record them again, and print the time that replaying saves.

The first run has no server, no display and no scikit-learn (`without.py` removes them).
The second run
writes to a temporary vault and skips the examples that this machine cannot run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from xml.etree import ElementTree

HERE = Path(__file__).parent
PYTEST = [sys.executable, "-m", "pytest", "-p", "mimic", "-p", "no:cacheprovider"]

Environment = Mapping[str, str]


class Example(NamedTuple):
    """A test file and the requirement for recording it."""

    title: str
    test: str
    needs: str


EXAMPLES = [
    Example("a scikit-learn model", "test_digits.py", "scikit-learn"),
    Example("a paginated HTTP API", "test_characters.py", ""),
    Example("a report from SQLite", "test_library.py", ""),
    Example("an async client", "test_factors.py", ""),
    Example("a text measured by Tk", "test_label.py", "a display"),
]


class Timing(NamedTuple):
    """The time in the tests of one file, in seconds, and the number of calls in the mimic section."""

    seconds: float
    calls: int


def main() -> int:
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    bare = {name: value for name, value in environment.items() if name != "DISPLAY"}
    announce(
        "The committed recordings, replayed without server, display or scikit-learn"
    )
    if subprocess.run(
        [*PYTEST, "-p", "without"], cwd=HERE, env=bare, check=False
    ).returncode:
        return 1

    announce("Recorded again into a temporary vault, and replayed from it")
    with TemporaryDirectory() as scratch, display(environment) as display_there:
        there = {
            "": True,
            "scikit-learn": find_spec("sklearn") is not None,
            "a display": display_there,
        }
        print(f"  {'':24}{'calls':>7}{'real':>12}{'replayed':>12}{'ratio':>9}")
        for example in EXAMPLES:
            if there[example.needs]:
                recorded = timed(example, Path(scratch), environment, "--mimic-record")
                replayed = timed(example, Path(scratch), bare, "-p", "without")
                print(row(example.title, recorded, replayed), flush=True)
            else:
                print(
                    f"  {example.title:24}  not recorded again: needs {example.needs}"
                )
    return 0


def timed(
    example: Example, scratch: Path, environment: Environment, *options: str
) -> Timing:
    """Run one test file with the temporary vault. If it fails, exit with its output."""
    report = scratch / "report.xml"
    command = [
        *PYTEST,
        f"--mimic-vault={scratch / 'vault'}",
        f"--junitxml={report}",
        *options,
        example.test,
    ]
    run = subprocess.run(
        command, cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    seconds = sum(
        float(case.get("time", 0))
        for case in ElementTree.parse(report).iter("testcase")
    )
    counts = re.findall(
        r"(\d+)(?: calls?)? (?:recorded|replayed)", run.stdout.rpartition(" mimic ")[2]
    )
    return Timing(seconds, sum(map(int, counts)))


def row(title: str, recorded: Timing, replayed: Timing) -> str:
    """Format a line of the table."""
    ratio = recorded.seconds / replayed.seconds
    real, again = f"{recorded.seconds:.2f} s", f"{replayed.seconds:.3f} s"
    return f"  {title:24}{replayed.calls:7}{real:>12}{again:>12}{ratio:8.0f}x"


@contextmanager
def display(environment: dict[str, str]) -> Iterator[bool]:
    """Start a virtual display if there is no real one, and return whether Tk works."""
    if tk_works(environment) or shutil.which("Xvfb") is None:
        yield tk_works(environment)
        return
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "640x480x24"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    try:
        environment["DISPLAY"] = ":" + server.stdout.readline().strip()
        yield tk_works(environment)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def tk_works(environment: Environment) -> bool:
    """Return whether Tk can open a window.

    This runs in another process, because Tk may end its process.
    """
    command = [sys.executable, "-c", "import tkinter; tkinter.Tk().destroy()"]
    return (
        subprocess.run(
            command, env=environment, capture_output=True, check=False
        ).returncode
        == 0
    )


def announce(text: str) -> None:
    """Print a heading and flush it before child processes print."""
    print(f"\n{text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
