"""A throw-away project that an attack of `attack.py` records and changes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

Figures = dict[str, str]
# A damaged file can make a run hang. That ends an attack, and is its figure.
MOST_SECONDS = int(os.environ.get("ATTACK_SECONDS", "600"))


class Project:
    """A throw-away project, run with one interpreter."""

    def __init__(self, python: Path, files: dict[str, str], *targets: str) -> None:
        self.python = python
        # The errors of damaged recordings must not depend on the terminal's width.
        self.environment = {
            **os.environ,
            "COLUMNS": "200",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.move_to(Path(tempfile.mkdtemp(prefix="attack-")))
        ini = "[pytest]\npythonpath = .\nmimic_functions ="
        for target in targets:
            ini += f"\n    {target}"
        ini += "\n"
        for name, text in {**files, "pytest.ini": ini}.items():
            self.write(name, text)

    def move_to(self, root: Path) -> None:
        """Go on in another folder, in which the project stands."""
        self.root = root
        self.vault = root / ".mimic_vault"

    def write(self, name: str, text: str) -> None:
        """Write a file of the project, whose text may be indented."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a module of the interpreter in the project."""
        command = [str(self.python), "-m", *words]
        try:
            return subprocess.run(
                command,
                cwd=self.root,
                env=self.environment,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=MOST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            hung = f"still running after {MOST_SECONDS} s"
            return subprocess.CompletedProcess(command, 1, hung, "")

    def test(self, *words: str) -> dict[str, str]:
        """Run the tests, and return by name the error of each, or `passed`."""
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        done = self.run("pytest", "-q", "--tb=short", f"--junitxml={report}", *words)
        if not report.exists():
            return {"": f"no report: {(done.stdout + done.stderr)[-300:]}"}
        ends = {}
        for case in ElementTree.parse(report).iter("testcase"):
            ends[case.get("name", "")] = ended(case)
        return ends

    def problems(self) -> Counter[str]:
        """Count what `check` finds, by its words without the file."""
        checked = self.run("pytest_mimic", "check", "--json")
        problems = Counter[str]()
        for finding in json.loads(checked.stdout)["findings"]:
            _, _, problem = finding["problem"].rpartition(finding["file"])
            problems[problem.strip()] += 1
        return problems

    def recordings(self) -> list[Path]:
        """Return the files of the recordings."""
        return sorted(self.vault.glob("calls/**/*.json"))


def ended(case: ElementTree.Element) -> str:
    """Return the class of the error that ended a test, or `passed`."""
    for part in case:
        if part.tag in ("failure", "error"):
            message = part.get("message", "")
            if message.startswith("assert "):
                return "AssertionError"
            text = f"{message}\n{part.text or ''}"
            name = re.search(r"\b(\w+Error|Failed|Exception)\b", text)
            if name is None:
                return "failed"
            return name[0]
    return "passed"


def listed_counts(counts: Mapping[str, int]) -> str:
    """Return names with their numbers: `KeyError 2, TypeError 1`."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())
