"""The environments of the contenders: made once, with uv where it is installed, in a folder that is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import rmtree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from environments import build_wheel, environment, install  # noqa: E402

OURS, OLDER, JOBLIB, FLOOR = "ours", "0.2.0", "joblib", "floor"

LIBRARIES = ["pytest", "numpy", "pandas", "pyarrow", "xxhash"]
# The clients have an environment of their own, because some of them bring plugins that
# each run of pytest loads.
REQUIREMENTS = {
    OURS: LIBRARIES,
    "clients": [
        "pytest",
        "httpx",
        "requests",
        "aiohttp",
        "sqlalchemy>=2",
        "psycopg[binary]",
        "redis>=5",
    ],
    "vcrpy": ["pytest", "vcrpy", "httpx", "requests", "aiohttp"],
    "recording": ["pytest", "pytest-recording"],
    "cassetter": ["pytest", "cassetter", "httpx", "requests", "aiohttp"],
    OLDER: [*LIBRARIES, "pytest-mimic==0.2.0"],
    JOBLIB: [*LIBRARIES, "joblib"],
}
#: The names of the plugins, for `-p no:NAME`.
PLUGINS = {OURS: "mimic", OLDER: "pytest-mimic"}


def pythons(folder: Path, given: dict[str, Path]) -> dict[str, Path]:
    """Return the Python of each environment; one that cannot be made is named and left out."""
    found = dict(given)
    folder.mkdir(parents=True, exist_ok=True)
    wheel = (
        None
        if given.keys() >= {OURS, "clients"}
        else build_wheel(_emptied(folder / "wheel"))
    )
    for name, requirements in REQUIREMENTS.items():
        if name in given:
            continue
        place = folder / name
        try:
            complete, wanted = place / "complete", "\n".join(requirements)
            if not complete.exists() or complete.read_text() != wanted:
                rmtree(place, ignore_errors=True)
                environment(place, requirements)
                complete.write_text(wanted)
            found[name] = place / (
                "Scripts/python.exe" if os.name == "nt" else "bin/python"
            )
            if name in (OURS, "clients"):
                assert wheel
                subprocess.run(_uninstall(found[name]), check=True, capture_output=True)
                install(found[name], [str(wheel)])
        except subprocess.CalledProcessError as error:
            found.pop(name, None)
            print(f"left out: {name} ({error})", file=sys.stderr)
    return found


def _uninstall(python: Path) -> list[str]:
    """Return the command that removes the wheel of an earlier run, whose version is the same."""
    from shutil import which

    uv = which("uv")
    pip = (
        [uv, "pip", "uninstall", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "uninstall", "-y"]
    )
    return [*pip, "pytest-mimic"]


def _emptied(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    return folder
