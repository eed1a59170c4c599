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
# Collects tests, and writes into a file the id of each, its default cassette and the further ones that its marks name. Its
# arguments are the file and pytest's. The options and marks of pytest-recording and pytest-vcr may stand in the project's
# configuration where these are gone.
_COLLECT = """
import json, sys
import pytest

def named(item):
    mark = item.get_closest_marker("default_cassette")
    return str(mark.args[0]) if mark is not None and mark.args else ""

def further(item):
    return [str(name) for mark in item.iter_markers("vcr") for name in mark.args]

class Tests:
    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, parser):
        takes_value = {"nargs": 1}, ("--record-mode", "--vcr-record", "--vcr-record-mode", "--allowed-hosts")
        is_flag = {"action": "store_true"}, ("--disable-recording", "--disable-vcr", "--block-network")
        for kind, names in (takes_value, is_flag):
            for name in names:
                try:
                    parser.addoption(name, **kind)
                except ValueError:
                    pass

    def pytest_configure(self, config):
        for name in ("vcr", "default_cassette", "block_network", "allowed_hosts"):
            config.addinivalue_line("markers", name)

    def pytest_collection_modifyitems(self, items):
        self.found = [(item.nodeid, named(item), further(item)) for item in items]

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
    further: tuple[str, ...] = ()  # the ids of tests that use it in addition to their default cassette
    problem: str = ""  # why there are none though the file seems to have a test, and what to do


class OwningTests:
    """Finds the tests of cassettes in the layout of pytest-recording, `cassettes/<module>/<test>.yaml`, or of pytest-vcr.

    The module is beside the folder `cassettes`, or beside a folder further up; pytest-vcr has no folder for each module.
    The file of a test in a class is called `<class>.<test>.yaml`. The tests are collected, for which pytest imports their
    modules. A test may also name its files, with the markers `default_cassette` and `vcr`.
    """

    def __init__(self, rootdir: Path, paths: Iterable[Path]) -> None:
        self._rootdir = rootdir
        self._collected: dict[tuple[str, str], list[str]] = {}
        self._further: dict[tuple[str, str], list[str]] = {}
        modules = dict.fromkeys(module for path in paths for module in self._modules(path))
        found, self._fault = _collect(list(modules), rootdir)
        for nodeid, given, further in found:
            place, name = _file_of(nodeid)
            self._collected.setdefault((place, _stem_of(given) or name), []).append(nodeid)
            for other in dict.fromkeys(map(_stem_of, further)):
                self._further.setdefault((place, other), []).append(nodeid)

    def find(self, path: Path) -> Owning:
        """Return the tests of a cassette. There are neither tests nor a problem if the file is not in this layout."""
        modules = self._modules(path)
        tests, further = (
            [one for module in modules for one in known.get((module, path.stem), ())]
            for known in (self._collected, self._further)
        )
        if tests or further or not modules:
            return Owning(tuple(tests), tuple(further))
        is_named_after_one = len(modules) == 1 and Path(modules[0]).stem == path.parent.name
        if self._fault and (is_named_after_one or "test" in path.stem):
            return Owning(problem=f"pytest could not collect {modules[0]}: {self._fault}")
        if not is_named_after_one:
            return Owning()
        wanted = re.sub(r"^(\w+)\.", r"\1::", path.stem)
        return Owning(problem=f"{modules[0]} has no test {wanted}: --as cassette keeps it")

    def _modules(self, path: Path) -> list[str]:
        """Return the module of tests that the folder of a cassette is named after, or those beside the folder `cassettes`."""
        around = [folder for folder in path.parents[1:] if folder.is_relative_to(self._rootdir)]
        beside = (folder / f"{path.parent.name}.py" for folder in around)
        found = [module for module in beside if module.is_file()][:1]
        if not found and around and path.parent.name == "cassettes":
            found = sorted(around[0].glob("*.py"))
        return [module.relative_to(self._rootdir).as_posix() for module in found]


def _stem_of(name: str) -> str:
    """Return the name of a cassette without folders and suffix."""
    return re.sub(r"\.(?:ya?ml|json)$", "", name.replace("\\", "/").rpartition("/")[2])


def _collect(modules: Sequence[str], rootdir: Path) -> tuple[list[tuple[str, str, list[str]]], str]:
    """Return the ids of the tests in modules, each with the cassettes that its marks name, and why some are lacking."""
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
            tests: list[tuple[str, str, list[str]]] = json.loads(file.read_text(encoding="utf-8"))
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
