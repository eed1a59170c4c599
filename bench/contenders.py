"""The environments of the contenders.

They are made once, with uv where it is installed, in a folder that is kept.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import rmtree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from environments import (  # noqa: E402
    build_wheel,
    environment,
    install,
    python_in,
    uninstall,
)

# The contenders of most cases. A floor is the least work that does the same. An earlier
# version of this package takes part if the user gives an environment with it.
OURS = "ours"
BEFORE = "before"
OLDER = "0.2.0"
JOBLIB = "joblib"
FLOOR = "floor"
# Environments that only some cases use. The clients have one of their own, because some
# of them bring plugins that each run of pytest loads.
CLIENTS = "clients"
VCRPY = "vcrpy"
RECORDING = "recording"
CASSETTER = "cassetter"

_LIBRARIES = ["pytest", "numpy", "pandas", "pyarrow", "xxhash"]
CLIENT_LIBRARIES = [
    "pytest",
    "httpx",
    "requests",
    "aiohttp",
    "sqlalchemy>=2",
    "psycopg[binary]",
    "redis>=5",
]
_REQUIREMENTS = {
    # The floor of the cases of the vault compresses as later Pythons do by themselves.
    OURS: [*_LIBRARIES, "backports.zstd; python_version < '3.14'"],
    CLIENTS: CLIENT_LIBRARIES,
    VCRPY: ["pytest", "vcrpy", "httpx", "requests", "aiohttp"],
    RECORDING: ["pytest", "pytest-recording"],
    CASSETTER: ["pytest", "cassetter", "httpx", "requests", "aiohttp"],
    OLDER: [*_LIBRARIES, "pytest-mimic==0.2.0"],
    JOBLIB: [*_LIBRARIES, "joblib"],
}
# The environments into which the wheel of this checkout is installed.
_WITH_OUR_WHEEL = (OURS, CLIENTS)

#: The names of the plugins, for `-p no:NAME`.
PLUGINS = {OURS: "mimic", BEFORE: "mimic", OLDER: "pytest-mimic"}


def make_environments(folder: Path, given: dict[str, Path]) -> dict[str, Path]:
    """Return the Python of each environment, by the environment's name.

    Environments that were given are not made. One that cannot be made is left out, and
    standard error says which.
    """
    pythons = dict(given)
    folder.mkdir(parents=True, exist_ok=True)
    wheel: Path | None = None
    if not given.keys() >= set(_WITH_OUR_WHEEL):
        wheel = build_wheel(_emptied(folder / "wheel"))
    for name, requirements in _REQUIREMENTS.items():
        if name in given:
            continue
        try:
            python = _made_once(folder / name, requirements)
            if name in _WITH_OUR_WHEEL:
                assert wheel
                # An earlier run has left a wheel, whose version is the same.
                uninstall(python, ["pytest-mimic"])
                install(python, [str(wheel)])
        except subprocess.CalledProcessError as error:
            print(f"left out: {name} ({error})", file=sys.stderr)
            continue
        pythons[name] = python
    return pythons


def _made_once(place: Path, requirements: list[str]) -> Path:
    """Make an environment unless it has these requirements; return its Python.

    The file `complete` is written last, and has the requirements.
    """
    complete = place / "complete"
    wanted = "\n".join(requirements)
    if not complete.exists() or complete.read_text() != wanted:
        rmtree(place, ignore_errors=True)
        environment(place, requirements)
        complete.write_text(wanted)
    return python_in(place)


def _emptied(folder: Path) -> Path:
    """Return the folder of the wheel, with the wheel of an earlier run deleted."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    return folder
