"""The tests that cassettes of pytest-recording belong to, by the names of files.

pytest collects the tests, which imports their modules. Their code is not looked at.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_mimic.errors import CassetteError

# pytest-recording writes `-` for each of these.
_REPLACED_SIGN = re.compile(r"[<>?%*:|\"'/\\]")
# A program that collects tests, and writes the id of each and its default cassette into
# a file. Its arguments are this file and those of pytest. It declares the marks of
# pytest-recording, which stand in the tests even after pytest-recording is uninstalled.
_PROGRAM_THAT_COLLECTS = """
import json, sys
import pytest

def default_cassette(item):
    mark = item.get_closest_marker("default_cassette")
    if mark is None or not mark.args:
        return ""
    return str(mark.args[0])

class Tests:
    def __init__(self):
        self.rows = []

    def pytest_configure(self, config):
        for name in ("vcr", "default_cassette", "block_network"):
            config.addinivalue_line("markers", name)

    def pytest_collection_modifyitems(self, items):
        self.rows = [(item.nodeid, default_cassette(item)) for item in items]

file, *arguments = sys.argv[1:]
tests = Tests()
arguments = ["--collect-only", "-qq", "-p", "no:cacheprovider", *arguments]
status = pytest.main(arguments, plugins=[tests])
with open(file, "w", encoding="utf-8") as stream:
    json.dump(tests.rows, stream)
sys.exit(status)
"""
# The exit code of pytest if it collected no test.
_EXIT_WITHOUT_TESTS = 5
# The line of pytest's output that says what went wrong. That of an unknown mark has no
# sign before it.
_LINE_OF_PROBLEM = re.compile(
    r"^(?:E  |ERROR:|.*: error:|(?='\w+' not found))(?! *usage:) *(.+)", re.MULTILINE
)


class OwningTests:
    """Finds the tests of cassettes in the layout of pytest-recording.

    ==========================================  ====================================
    the test                                    its cassette
    ==========================================  ====================================
    `test_x` in `tests/test_a.py`               `tests/cassettes/test_a/test_x.yaml`
    `TestShop::test_x` there                    `…/test_a/TestShop.test_x.yaml`
    with the mark `default_cassette("y.yaml")`  `…/test_a/y.yaml`
    ==========================================  ====================================

    The module of the tests is beside the folder `cassettes`, or beside a folder further
    up. The tests are collected, for which pytest imports their modules.

    Args:
        rootdir: The rootdir of the project.
        paths: The files of all cassettes that are asked for.
    """

    def __init__(self, rootdir: Path, paths: Iterable[Path]) -> None:
        self._rootdir = rootdir
        # The ids of the tests of a cassette, by the module of the tests and the name of
        # the cassette: `("tests/test_a.py", "TestShop.test_x")`.
        self._tests_of_cassette: dict[tuple[str, str], list[str]] = {}
        # What went wrong while pytest collected tests, so that some may be lacking.
        # Empty: nothing.
        self._problem = ""
        # As keys, the modules of tests stand once each.
        modules: dict[str, None] = {}
        for path in paths:
            module = self._module_of_folder(path)
            if module:
                modules[module] = None
        if modules:
            for nodeid, default_cassette in self._collect(list(modules)):
                module, cassette = _module_and_cassette_of(nodeid)
                if default_cassette:
                    cassette = _name_of_cassette(default_cassette)
                tests = self._tests_of_cassette.setdefault((module, cassette), [])
                tests.append(nodeid)

    def find(self, path: Path) -> list[str]:
        """Return the ids of the tests of a cassette, mostly one.

        There is none if the file is not in this layout.

        Raises:
            CassetteError: The file is in this layout, and its tests were not found.
        """
        module = self._module_of_folder(path)
        tests = self._tests_of_cassette.get((module, path.stem), [])
        if tests or not module:
            return tests
        if self._problem:
            raise CassetteError(f"pytest could not collect {module}: {self._problem}")
        # The id that the test would have: `TestShop::test_x` of `TestShop.test_x.yaml`.
        test = re.sub(r"^(\w+)\.", r"\1::", path.stem)
        raise CassetteError(f"{module} has no test {test}")

    def _module_of_folder(self, path: Path) -> str:
        """Return the module of tests that the folder of a cassette is named after.

        Empty: there is none.
        """
        # The last folder of `tests/cassettes/test_a/test_x.yaml` has the module's name.
        for folder in path.parents[1:]:
            module = folder / f"{path.parent.name}.py"
            if folder.is_relative_to(self._rootdir) and module.is_file():
                return module.relative_to(self._rootdir).as_posix()
        return ""

    def _collect(self, modules: list[str]) -> list[tuple[str, str]]:
        """Return the ids of the tests in modules, each with its default cassette.

        A test without the mark `default_cassette` has an empty text there. pytest runs
        in a process of its own, as it imports the code of the project.
        """
        with TemporaryDirectory(prefix="pytest-mimic-") as folder:
            file = Path(folder, "tests.json")
            program = [sys.executable, "-c", _PROGRAM_THAT_COLLECTS, str(file)]
            pytest_process = subprocess.run(
                [*program, f"--rootdir={self._rootdir}", *modules],
                cwd=self._rootdir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            ids_with_cassettes: list[tuple[str, str]] = []
            if file.exists():
                ids_with_cassettes = json.loads(file.read_text(encoding="utf-8"))
        if pytest_process.returncode not in (0, _EXIT_WITHOUT_TESTS):
            self._problem = _problem_in(pytest_process.stdout)
        return ids_with_cassettes


def _problem_in(output: str) -> str:
    """Return what pytest says that went wrong while it collected tests.

    It is the text of a line such as `E   ImportError: …`, or else the last line.
    """
    match = _LINE_OF_PROBLEM.search(output)
    if match is not None:
        return match[1]
    return output.strip().rpartition("\n")[2]


def _module_and_cassette_of(nodeid: str) -> tuple[str, str]:
    """Return the module of a test, and the name of its cassette for pytest-recording.

    For `test_a.py::TestShop::test_x[1/2]`: `test_a.py`, `TestShop.test_x[1-2]`.
    """
    head, bracket, parameters = nodeid.partition("[")
    module, *classes, name = head.split("::")
    # pytest-recording leaves out the classes around the innermost one.
    if classes:
        name = f"{classes[-1]}.{name}"
    return module, _REPLACED_SIGN.sub("-", f"{name}{bracket}{parameters}")


def _name_of_cassette(path: str) -> str:
    """Return the name of the cassette with a path: `y` for `recorded/y.yaml`."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return re.sub(r"\.(?:ya?ml|json)$", "", name)
