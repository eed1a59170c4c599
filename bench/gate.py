"""Compares this checkout with the last release, in a minute: `python -m bench.gate`.

Both are installed side by side and take turns, each in processes of its own, so that a
busy machine slows both. The least CPU time of each counts. A row above 1.10 is named in
the last lines. Nothing fails by it: machines are noisy.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.contenders import CLIENT_LIBRARIES, ROOT
from bench.processes import Figures, figures_of, make_project, run_pytest
from bench.servers import http_server, redis

from environments import build_wheel, environment  # isort: skip

SECONDS = 25
LIMIT = 1.10
LINES = ["gate_functions:work", "http", "sqlalchemy", "redis"]
EMPTY_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(1000))
def test_nothing(number):
    pass
"""
BEFORE, NOW = "before", "now"


def main() -> int:
    """Measure, and print the table."""
    release = _last_release()
    if release is None:
        print("nothing to compare with: this checkout has no commit of a release")
        return 0
    version, commit = release
    with (
        tempfile.TemporaryDirectory(prefix="mimic-gate-") as name,
        ExitStack() as stack,
    ):
        folder = Path(name)
        sources = {BEFORE: _checked_out(commit, folder / "release"), NOW: ROOT}
        pythons = {
            side: _installed(source, folder / side) for side, source in sources.items()
        }
        servers = {
            "URL": stack.enter_context(http_server()),
            "REDIS": stack.enter_context(redis()),
        }
        best = _measured(pythons, folder, servers)
    _print(version, best)
    return 0


def _last_release() -> tuple[str, str] | None:
    """Return the version and the commit of the last release that CHANGELOG.md names."""
    versions = re.findall(r"^## (\S+) \(", (ROOT / "CHANGELOG.md").read_text(), re.M)
    for version in versions:
        commits = _git("log", "--format=%H", f"-S## {version} (", "--", "CHANGELOG.md")
        # This commit may be the release itself.
        if commits and commits[-1:] != _git("rev-parse", "HEAD"):
            return version, commits[-1]
    return None


def _git(*words: str) -> list[str]:
    """Return the words that git prints; none: it fails."""
    command = ["git", *words]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.split()


def _checked_out(commit: str, folder: Path) -> Path:
    """Write the files of a commit into a folder."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    _git("archive", f"--output={archive}", commit)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    return folder


def _installed(source: Path, folder: Path) -> Path:
    """Install the wheel of a checkout beside the clients; return its Python."""
    wheels = folder / "wheel"
    wheels.mkdir(parents=True)
    wheel = build_wheel(wheels, source)
    requirements = [*CLIENT_LIBRARIES, "urllib3", str(wheel)]
    return environment(folder / "environment", requirements)


def _measured(
    pythons: dict[str, Path], folder: Path, servers: dict[str, str]
) -> dict[str, Figures]:
    """Return the least figures of each side, by the names of the rows."""
    best: dict[str, Figures] = {BEFORE: {}, NOW: {}}
    limit = time.monotonic() + SECONDS
    number = 0
    while time.monotonic() < limit:
        number += 1
        for side, python in pythons.items():
            place = folder / f"{side}-{number}"
            for row, figure in _round(python, place, servers).items():
                best[side][row] = min(figure, best[side].get(row, figure))
    return best


def _round(python: Path, folder: Path, servers: dict[str, str]) -> Figures:
    """Record and replay once, and run a project with nothing to replay."""
    calls = make_project(folder / "calls", LINES, "from test_gate import test_calls\n")
    run_pytest(python, calls, "--mimic-record", **servers)
    recorded = figures_of(calls)["recorded call"]
    run_pytest(python, calls, **servers)
    replayed = figures_of(calls)
    http = make_project(folder / "http", ["http"], "def test_nothing(): pass\n")
    tests = make_project(folder / "tests", ["http"], EMPTY_TESTS)
    return {
        "recorded call": recorded,
        **replayed,
        "start with http": run_pytest(python, http),
        "1,000 empty tests": run_pytest(python, tests),
    }


def _print(version: str, best: dict[str, Figures]) -> None:
    slower = []
    print(f"{'CPU time':24} {version:>12} {'now':>12}   ratio")
    for row, now in best[NOW].items():
        before = best[BEFORE][row]
        print(f"{row:24} {_shown(before):>12} {_shown(now):>12} {now / before:7.2f}")
        if now > LIMIT * before:
            slower.append(f"{row} {now / before:.2f}")
    told = ", ".join(slower) or "none"
    print(f"slower than {LIMIT} of {version}: {told}")


def _shown(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds > 0.01 else f"{seconds * 1e6:.1f} µs"


if __name__ == "__main__":
    sys.exit(main())
