"""Checkouts of the projects in `projects/`: other folders, other users, branches that are merged."""

from __future__ import annotations

import copy
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from support.git import git as run_git

if TYPE_CHECKING:
    from conftest import Project

PROJECTS = Path(__file__).parent / "projects"
_NOBODY = 65534


def check_in(project: Project, name: str) -> None:
    """Fill a temporary project with one of the projects, and put it under version control."""
    shutil.copytree(PROJECTS / name, project.root, dirs_exist_ok=True)
    project.write(".gitignore", "__pycache__/\n")
    git(project, "init", "-q", "-b", "main")
    commit(project, "Start")


def git(project: Project, *words: str) -> str:
    """Run git in a project and return its output."""
    return run_git(project.root, *words)


def commit(project: Project, subject: str) -> None:
    """Commit all files."""
    git(project, "add", "-A")
    git(project, "commit", "-q", "--allow-empty", "-m", subject)


def edit(project: Project, name: str, old: str, new: str) -> None:
    """Replace a text that occurs once in a file."""
    path = project.root / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def replay_here(project: Project, *, passed: int, env: Mapping[str, str]) -> None:
    """Replay a project. Nothing runs for real, and the vault stays as it is."""
    replayed = project.replay(env=env)
    assert replayed.expect(passed=passed, real=[], never=["missing", "swallowed"]).changed == set()


def replay_everywhere(project: Project, *, passed: int, env: Mapping[str, str]) -> None:
    """Replay a project here, in random order, in two workers of another checkout, and as another user.

    Nothing runs for real, and the vault stays as it is.
    """
    replay_here(project, passed=passed, env=env)
    with other_checkout(project) as other:
        shuffled = ("-p", "pytest_randomly", "--randomly-seed=7")
        workers = other.replay("-n2", *shuffled, process=True, env=env)
        assert workers.expect(passed=passed, real=[], never=["missing", "swallowed"]).changed == set()
        _replay_as_another_user(other, passed=passed, env=env)


@contextmanager
def other_checkout(project: Project) -> Iterator[Project]:
    """A copy of a project in a folder that other users may read, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="mimic-checkout-"))
    other = copy.copy(project)
    other.root = folder / "elsewhere" / "copy"
    other.tally = folder / "tally"
    try:
        shutil.copytree(project.root, other.root, ignore=shutil.ignore_patterns("__pycache__"))
        folder.chmod(0o755)
        yield other
    finally:
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)
        shutil.rmtree(folder)


def _replay_as_another_user(project: Project, *, passed: int, env: Mapping[str, str]) -> None:
    """Replay as a user with another name and home, who may not write the checkout.

    Where this user may not become another one, or where the other one may not run this Python, only name and home differ.
    """
    for path in project.root.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    before = project.files()
    other: dict[str, int] = {}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        trial = [sys.executable, "-c", "import pytest_mimic"]
        nobody = {"user": _NOBODY, "group": _NOBODY}
        with suppress(PermissionError):
            if subprocess.run(trial, cwd="/", capture_output=True, check=False, **nobody).returncode == 0:
                other = nobody
    with tempfile.TemporaryDirectory(prefix="mimic-other-") as home:
        Path(home).chmod(0o777)
        names = {
            "USER": "other",
            "LOGNAME": "other",
            "HOME": home,
            "TMPDIR": home,
            "PYTEST_DEBUG_TEMPROOT": home,  # pytester names a folder that the other user may not enter
            "TALLY_OFFLINE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        variables = project.environment({**env, **names})
        variables.pop("COVERAGE_PROCESS_CONFIG", None)  # the other user may not write its data
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "pytest_mimic.plugin",
                "-p",
                "no:cacheprovider",
                "-W",
                "error",
            ],
            cwd=project.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **other,
        )
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout
    assert project.files() == before
