"""The tests that the cassettes of pytest-recording belong to, by the names of their files."""

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
_REPLACED = re.compile(r"[<>?%*:|\"'/\\]")
# Collects tests, and writes into a file the id of each and its default cassette. Its
# arguments are the file and pytest's. The marks of pytest-recording may stand in the
# tests where it is gone.
_COLLECT = """
import json, sys
import pytest

def named(item):
    mark = item.get_closest_marker("default_cassette")
    return str(mark.args[0]) if mark is not None and mark.args else ""

class Tests:
    def pytest_configure(self, config):
        for name in ("vcr", "default_cassette", "block_network"):
            config.addinivalue_line("markers", name)

    def pytest_collection_modifyitems(self, items):
        self.found = [(item.nodeid, named(item)) for item in items]

tests = Tests()
status = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", *sys.argv[2:]], plugins=[tests])
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(getattr(tests, "found", []), file)
sys.exit(status)
"""
_NO_TESTS = 5  # pytest's exit code


class OwningTests:
    """Finds the tests of cassettes in the layout of pytest-recording, `cassettes/<module>/<test>.yaml`.

    The module is beside the folder `cassettes`, or beside a folder further up. The file
    of a test in a class is called
    `<class>.<test>.yaml`. The tests are collected, for which pytest imports their
    modules. A test may also name its file,
    with the marker `default_cassette`.
    """

    def __init__(self, rootdir: Path, paths: Iterable[Path]) -> None:
        self._rootdir = rootdir
        self._collected: dict[tuple[str, str], list[str]] = {}
        self._fault = ""  # why tests may be lacking
        modules = dict.fromkeys(
            module for path in paths if (module := self._module(path))
        )
        for nodeid, given in self._collect(list(modules)) if modules else ():
            place, name = _file_of(nodeid)
            stem = re.sub(
                r"\.(?:ya?ml|json)$", "", given.replace("\\", "/").rpartition("/")[2]
            )
            self._collected.setdefault((place, stem or name), []).append(nodeid)

    def find(self, path: Path) -> list[str]:
        """Return the ids of the tests of a cassette, mostly one; none if the file is not in this layout.

        CassetteError: it is, and its tests were not found.
        """
        module = self._module(path)
        tests = self._collected.get((module, path.stem), [])
        if tests or not module:
            return tests
        if self._fault:
            raise CassetteError(f"pytest could not collect {module}: {self._fault}")
        wanted = re.sub(r"^(\w+)\.", r"\1::", path.stem)
        raise CassetteError(f"{module} has no test {wanted}")

    def _module(self, path: Path) -> str:
        """Return the module of tests that the folder of a cassette is named after.

        Empty: there is none.
        """
        around = [
            folder
            for folder in path.parents[1:]
            if folder.is_relative_to(self._rootdir)
        ]
        beside = (folder / f"{path.parent.name}.py" for folder in around)
        found = next((module for module in beside if module.is_file()), None)
        return "" if found is None else found.relative_to(self._rootdir).as_posix()

    def _collect(self, modules: list[str]) -> list[tuple[str, str]]:
        """Return the ids of the tests in modules, each with the cassette that a mark names."""
        with TemporaryDirectory(prefix="pytest-mimic-") as folder:
            file = Path(folder, "tests.json")
            done = subprocess.run(
                [
                    sys.executable,
                    "-c",
                    _COLLECT,
                    str(file),
                    f"--rootdir={self._rootdir}",
                    *modules,
                ],
                cwd=self._rootdir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            tests = (
                json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
            )
        if done.returncode not in (0, _NO_TESTS):
            # The line of pytest's output that says what went wrong. That of an unknown
            # mark has no sign before it.
            signs = r"^(?:E  |ERROR:|.*: error:|(?='\w+' not found))(?! *usage:) *(.+)"
            told = re.findall(signs, done.stdout, re.MULTILINE)
            self._fault = [*told, done.stdout.strip().rpartition("\n")[2]][0]
        return [(nodeid, given) for nodeid, given in tests]


def _file_of(nodeid: str) -> tuple[str, str]:
    """Return the module of a test, and the name that pytest-recording gives its cassette."""
    head, bracket, param = nodeid.partition("[")
    module, *classes, name = head.split("::")
    stem = f"{classes[-1]}.{name}" if classes else name
    return module, _REPLACED.sub("-", f"{stem}{bracket}{param}")
