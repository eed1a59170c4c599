"""Temporary environments for the scripts, and a wheel of this checkout."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def environment(folder: Path, requirements: Iterable[str]) -> Path:
    """Create an environment, with uv if it is installed, and return the path of its Python."""
    if uv := shutil.which("uv"):
        subprocess.run(
            [uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True
        )
    else:
        venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install(python, requirements)
    return python


def pip() -> list[str]:
    """Return the command of a pip, which an environment made by uv lacks."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    program = shutil.which("pip")
    if program is None:
        sys.exit("no pip is installed, which downloads source distributions")
    return [program]


def install(python: Path, requirements: Iterable[str]) -> None:
    """Install requirements into an environment, with uv if it is installed."""
    uv = shutil.which("uv")
    pip = (
        [uv, "pip", "install", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "install"]
    )
    subprocess.run([*pip, "--quiet", *requirements], check=True)


def uninstall(python: Path, packages: Iterable[str]) -> None:
    """Remove packages from an environment, with uv if it is installed."""
    uv = shutil.which("uv")
    pip = (
        [uv, "pip", "uninstall", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "uninstall", "--yes"]
    )
    subprocess.run([*pip, "--quiet", *packages], check=True)


def build_wheel(folder: Path) -> Path:
    """Build a wheel of this checkout, with uv if it is installed, and return its path."""
    if uv := shutil.which("uv"):
        command = [
            uv,
            "build",
            "--quiet",
            "--wheel",
            "--out-dir",
            str(folder),
            str(ROOT),
        ]
    else:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
        ]
        command = [*pip, str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("pytest_mimic-*.whl")
    return wheel
