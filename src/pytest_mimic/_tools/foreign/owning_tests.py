"""The tests that the cassettes of pytest-recording belong to, by the names of their files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

# pytest-recording writes `-` for each of these.
_REPLACED = re.compile(r"[<>?%*:|\"'/\\]")
# Collects tests, and writes into a file the id of each and its default cassette. Its arguments are the file and pytest's.
# The marks of pytest-recording may stand in the tests where it is gone.
_COLLECT = """
import json, sys
import pytest

def named(item):
    mark = item.get_closest_marker("default_cassette")
    return str(mark.args[0]) if mark is not None and mark.args else ""

class Tests:
    def pytest_configure(self, config):
        for name in ("vcr", "default_cassette"):
            config.addinivalue_line("markers", name)

    def pytest_collection_modifyitems(self, items):
        self.found = [(item.nodeid, named(item)) for item in items]

tests = Tests()
status = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", *sys.argv[2:]], plugins=[tests])
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(getattr(tests, "found", []), file)
sys.exit(status)
"""
_SECONDS = 300
_NO_TESTS = 5  # pytest's exit code


class Owning(NamedTuple):
    """The tests of a cassette, mostly one."""

    tests: tuple[str, ...] = ()  # their ids; empty if there are none
    problem: str = ""  # why there are none though the file seems to have a test, and what to do


class OwningTests:
    """Finds the tests of cassettes in the layout of pytest-recording, `cassettes/<module>/<test>.yaml`.

    The module is beside the folder `cassettes`, or beside a folder further up. The file of a test in a class is called
    `<class>.<test>.yaml`. The tests are collected, for which pytest imports their modules. A test may also name its file,
    with the marker `default_cassette`.
    """

    def __init__(self, rootdir: Path, paths: Iterable[Path]) -> None:
        self._rootdir = rootdir
        self._collected: dict[tuple[str, str], list[str]] = {}
        modules = dict.fromkeys(module for path in paths if (module := self._module(path)))
        found, self._fault = _collect(list(modules), rootdir)
        for nodeid, given in found:
            place, name = _file_of(nodeid)
            self._collected.setdefault((place, _stem_of(given) or name), []).append(nodeid)

    def find(self, path: Path) -> Owning:
        """Return the tests of a cassette. There are neither tests nor a problem if the file is not in this layout."""
        module = self._module(path)
        if not module:
            return Owning()
        if tests := self._collected.get((module, path.stem)):
            return Owning(tuple(tests))
        if self._fault:
            return Owning(problem=f"pytest could not collect {module}: {self._fault}")
        wanted = re.sub(r"^(\w+)\.", r"\1::", path.stem)
        return Owning(problem=f"{module} has no test {wanted}")

    def _module(self, path: Path) -> str:
        """Return the module of tests that the folder of a cassette is named after. Empty: there is none."""
        around = [folder for folder in path.parents[1:] if folder.is_relative_to(self._rootdir)]
        beside = (folder / f"{path.parent.name}.py" for folder in around)
        found = next((module for module in beside if module.is_file()), None)
        return "" if found is None else found.relative_to(self._rootdir).as_posix()


def _stem_of(name: str) -> str:
    """Return the name of a cassette without folders and suffix."""
    return re.sub(r"\.(?:ya?ml|json)$", "", name.replace("\\", "/").rpartition("/")[2])


def _collect(modules: Sequence[str], rootdir: Path) -> tuple[list[tuple[str, str]], str]:
    """Return the ids of the tests in modules, each with the cassette that a mark names, and why some are lacking."""
    if not modules:
        return [], ""
    with TemporaryDirectory(prefix="pytest-mimic-") as folder:
        file, done = Path(folder, "tests.json"), None
        command = [sys.executable, "-c", _COLLECT, str(file), f"--rootdir={rootdir}", *modules]
        try:
            done = subprocess.run(
                command,
                cwd=rootdir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
            tests: list[tuple[str, str]] = json.loads(file.read_text(encoding="utf-8"))
        except subprocess.TimeoutExpired:
            return [], f"it took longer than {_SECONDS} s"
        except (OSError, ValueError):
            return [], _reason(done.stdout if done is not None else "")
    return tests, "" if done.returncode in (0, _NO_TESTS) else _reason(done.stdout)


def _reason(output: str) -> str:
    """Return the line of pytest's output that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = (line[2:].strip() for line in lines if line.startswith("E  "))
    errors = (line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: "))
    return next(chain(told, errors, reversed(lines)), "it ended without a word")


def _file_of(nodeid: str) -> tuple[str, str]:
    """Return the module of a test, and the name that pytest-recording gives its cassette."""
    head, bracket, param = nodeid.partition("[")
    module, *classes, name = head.split("::")
    stem = f"{classes[-1]}.{name}" if classes else name
    return module, _REPLACED.sub("-", f"{stem}{bracket}{param}")
