"""Finds the tests whose cassettes pytest-recording has named, by collecting them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_mimic.cli.foreign import ForeignError
from pytest_mimic.cli.project import Project
from pytest_mimic.engine.usage import UsageFile
from pytest_mimic.errors import MimicError

_COLLECTED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
# What a file cannot be called on some system.
_REPLACED = re.compile(r"""[<>?%*:|"'/\\]""")


def module_of(cassette: Path) -> Path | None:
    """Return the file whose test has a cassette; None: it has a name of its own.

    `tests/cassettes/test_api/test_get.yaml` is of a test in `tests/test_api.py`.
    """
    folder = cassette.parent
    module = folder.parent.parent / f"{folder.name}.py"
    is_named = folder.parent.name == "cassettes" and module.is_file()
    return module if is_named else None


class OwningTests:
    """The tests of some files, by the cassettes that pytest-recording gives them."""

    def __init__(self, project: Project, modules: Iterable[Path]) -> None:
        self._project = project
        self._names: dict[str, dict[str, list[str]]] = {}
        self._failed = False
        places = sorted({self._place_of(module) for module in modules})
        if places:
            self._collect(places)

    def of(self, cassette: Path, module: Path) -> list[str]:
        """Return the ids of the tests that have a cassette.

        Raises:
            ForeignError: There is none, or nobody knows.
        """
        place = self._place_of(module)
        names = self._names.get(place, {})
        if not names and self._failed:
            command = self._project.commands.pytest("--collect-only", tests=[place])
            raise ForeignError(f"pytest could not collect {place}: {command}")
        if cassette.stem not in names:
            test = cassette.stem.replace(".", "::", 1)
            raise ForeignError(f"{place} has no test {test}")
        return names[cassette.stem]

    def _place_of(self, module: Path) -> str:
        return self._project.place_of(str(module.resolve()))

    def _collect(self, places: list[str]) -> None:
        commands = self._project.commands
        words = [sys.executable, "-m", "pytest", "-p", "mimic", "--collect-only", "-q"]
        words += map(commands.place_of, places)
        with TemporaryDirectory() as folder:
            file = Path(folder, "usage.json")
            done = subprocess.run(
                [*words, f"--mimic-usage={file}"],
                cwd=commands.start,
                capture_output=True,
                check=False,
            )
            self._failed = done.returncode not in _COLLECTED
            try:
                tests = UsageFile.read(file).usage.selected
            except MimicError:  # pytest has not come so far
                return
        for test in sorted(tests):
            place = test.partition("::")[0]
            names = self._names.setdefault(place, defaultdict(list))
            names[_cassette_of(test)].append(test)


def _cassette_of(test: str) -> str:
    """Return how pytest-recording calls the cassette of a test.

    That of `test_api.py::TestUsers::TestOne::test_get[a/b]` is `TestOne.test_get[a-b]`.
    """
    path, bracket, parameters = test.partition("::")[2].partition("[")
    *classes, function = path.split("::")
    name = ".".join([*classes[-1:], function])
    return _REPLACED.sub("-", f"{name}{bracket}{parameters}")
