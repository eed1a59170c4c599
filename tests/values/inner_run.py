"""A run of pytest over a folder of tables, in a process of its own: what became of each test, and what was said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

CONFTEST = """
import json

found = {}


def pytest_runtest_logreport(report):
    known = found.setdefault(report.nodeid.partition("::")[2], ["passed", ""])
    if report.failed:
        known[0], known[1] = "failed", known[1] + report.longreprtext


def pytest_unconfigure(config):
    path = config.rootpath / "found.json"
    path.write_text(json.dumps(found))
"""


class Told(NamedTuple):
    """What became of one test, and the text of its failure."""

    outcome: str
    text: str


class InnerProject:
    """A folder with a module `shop`, tests, and a count of what really ran.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path, *, module: str, tests: str, ini: str = "") -> None:
        self.root = root
        (root / "conftest.py").write_text(CONFTEST)
        (root / "shop.py").write_text(textwrap.dedent(module))
        (root / "test_shop.py").write_text(textwrap.dedent(tests))
        (root / "pytest.ini").write_text(f"[pytest]\nmimic_inputs = ignore\n{ini}")

    @property
    def vault(self) -> Path:
        return self.root / ".mimic_vault"

    def run(self, *args: str, **variables: str) -> dict[str, Told]:
        """Run the tests, and return what became of each by its id: `test_it[a]`."""
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_mimic.plugin"]
        if "PYTHONPATH" in variables and "PYTHONPATH" in os.environ:
            variables["PYTHONPATH"] += f"{os.pathsep}{os.environ['PYTHONPATH']}"
        done = subprocess.run(
            [*argv, "-p", "no:cacheprovider", *args],
            cwd=self.root,
            env={
                **os.environ,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTEST_ADDOPTS": "",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        found = json.loads((self.root / "found.json").read_text())
        return {name: Told(*told) for name, told in found.items()}
