"""Temporary environments for the scripts, and a wheel of this checkout.

All of it is done by uv if uv is installed, and by pip if not.
"""

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
    """Create an environment, and return the path of its Python."""
    uv = shutil.which("uv")
    if uv:
        command = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        subprocess.run(command, check=True)
    else:
        venv.create(folder, with_pip=True)
    python = python_in(folder)
    install(python, requirements)
    return python


def python_in(folder: Path) -> Path:
    """Return the path of the Python of an environment."""
    if os.name == "nt":
        return folder / "Scripts/python.exe"
    return folder / "bin/python"


def pip() -> list[str]:
    """Return the command of a pip, which an environment made by uv lacks."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    program = shutil.which("pip")
    if program is None:
        sys.exit("no pip is installed, which downloads source distributions")
    return [program]


def install(python: Path, requirements: Iterable[str]) -> None:
    """Install requirements into an environment."""
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--python", str(python)]
    else:
        command = [str(python), "-m", "pip", "install"]
    subprocess.run([*command, "--quiet", *requirements], check=True)


def uninstall(python: Path, packages: Iterable[str]) -> None:
    """Remove packages from an environment, if they are there."""
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "uninstall", "--python", str(python)]
    else:
        command = [str(python), "-m", "pip", "uninstall", "--yes"]
    subprocess.run([*command, "--quiet", *packages], check=True)


def build_wheel(folder: Path, checkout: Path = ROOT) -> Path:
    """Build a wheel of a checkout in a folder without wheels; return its path."""
    uv = shutil.which("uv")
    if uv:
        command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(folder)]
    else:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--wheel-dir", str(folder)]
    subprocess.run([*command, str(checkout)], check=True)
    (wheel,) = folder.glob("pytest_mimic-*.whl")
    return wheel
