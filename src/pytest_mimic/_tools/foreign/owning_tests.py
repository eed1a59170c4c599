"""The tests that the cassettes of pytest-recording belong to, by the names of their files."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

# `TestClass.test_name[param]`, or without a class.
_STEM = re.compile(r"(?:(?P<cls>\w+)\.)?(?P<name>\w+)(?P<param>\[.*\])?", re.DOTALL)
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

    The module is beside the folder `cassettes`, or beside a folder further up. The file of a test in a class is called
    `<class>.<test>.yaml`. Most tests are found in the source. If a name leaves open which test it is, the tests are
    collected, for which pytest imports their modules. A test may also name its files, with the markers `default_cassette`
    and `vcr`. pytest-vcr has no folder for each module.
    """

    def __init__(self, rootdir: Path, paths: Iterable[Path]) -> None:
        self._rootdir = rootdir
        self._collected: dict[tuple[str, str], list[str]] = {}
        self._further: dict[tuple[str, str], list[str]] = {}
        modules: dict[str, None] = {}
        for path in paths:
            module = self._module(path)
            if module is not None and not self._is_certain(path, module):
                modules[self._shown(module)] = None
        found, self._fault = _collect(list(modules), rootdir)
        for nodeid, given, further in found:
            place, name = _file_of(nodeid)
            self._collected.setdefault((place, _stem_of(given) or name), []).append(nodeid)
            for other in dict.fromkeys(map(_stem_of, further)):
                self._further.setdefault((place, other), []).append(nodeid)

    def find(self, path: Path) -> Owning:
        """Return the tests of a cassette. There are neither tests nor a problem if the file is not in this layout."""
        module = self._module(path)
        match = _STEM.fullmatch(path.stem)
        if module is None:
            return self._of_pytest_vcr(path, match)
        shown = self._shown(module)
        found = self._collected.get((shown, path.stem), [])
        further = tuple(self._further.get((shown, path.stem), ()))
        name = _defined(module, match) if match is not None else None
        if self._fault and not (found or further or self._is_certain(path, module)):
            return Owning(problem=f"pytest could not collect {shown}: {self._fault}")
        if match is not None and name is not None and not found:
            found = [f"{shown}::{name}{match['param'] or ''}"]
        if found or further:
            return Owning(tuple(found), further)
        wanted = path.stem.replace(".", "::", 1) if match is not None and match["cls"] else path.stem
        return Owning(problem=f"{shown} has no test {wanted}: --as cassette keeps it")

    def _of_pytest_vcr(self, path: Path, match: re.Match[str] | None) -> Owning:
        """Return the tests of a cassette that lies beside those of all modules of a folder."""
        folder = path.parent.parent
        if match is None or path.parent.name != "cassettes" or not folder.is_relative_to(self._rootdir):
            return Owning()
        names = ((module, _defined(module, match)) for module in sorted(folder.glob("*.py")))
        param = match["param"] or ""
        return Owning(tuple(f"{self._shown(module)}::{name}{param}" for module, name in names if name))

    def _is_certain(self, path: Path, module: Path) -> bool:
        match = _STEM.fullmatch(path.stem)
        if match is None or "-" in (match["param"] or "") or _names_cassettes(module):
            return False
        return _defined(module, match) is not None

    def _module(self, path: Path) -> Path | None:
        """Return the module of tests that the folder of a cassette is named after."""
        for folder in path.parents[1:]:
            if not folder.is_relative_to(self._rootdir):
                return None
            module = folder / f"{path.parent.name}.py"
            if module.is_file():
                return module
        return None

    def _shown(self, module: Path) -> str:
        return module.relative_to(self._rootdir).as_posix()


def _defined(module: Path, match: re.Match[str]) -> str | None:
    """Return the test that a module defines under the name of a file, `TestA::test_x`, or None."""
    names = _names_of(module)
    if match["cls"] is None:
        return match["name"] if match["name"] in names else None
    wanted = f"{match['cls']}::{match['name']}"
    return next((name for name in names if f"::{name}".endswith(f"::{wanted}")), None)


@lru_cache(maxsize=500)
def _names_of(module: Path) -> Sequence[str]:
    """Return the functions of a module of tests: `test_x`, `TestA::test_y`."""
    try:
        tree = ast.parse(module.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return ()
    return tuple(_functions(tree.body, ""))


@lru_cache(maxsize=500)
def _names_cassettes(module: Path) -> bool:
    """Check whether marks of a module may name further cassettes."""
    return re.search(rb"\bvcr\(\s*(?:[\"']|\w+\s*[,)])", module.read_bytes()) is not None


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}::")


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
