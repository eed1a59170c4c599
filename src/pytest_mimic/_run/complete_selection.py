"""Which tests a run selects, whether they are all tests of the project, and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from functools import cached_property
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_mimic._core.node_ids import plain_id, relative_path, without_group
from pytest_mimic._core.words import plural
from pytest_mimic._run.configuration import Hooks

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger

# Options of pytest, and their flags for messages: those that deselect tests once all are known, those that keep files
# from being collected, and those that run no test.
_DESELECTING = {"keyword": "-k", "markexpr": "-m", "deselect": "--deselect", "stepwise": "--sw"}
_HIDING = {"ignore": "--ignore", "ignore_glob": "--ignore-glob", "lf": "--lf"}
_IDLE = {"setuponly": "--setup-only", "setupplan": "--setup-plan"}
_PART = "only a part of the tests was named"
STOPPED = "the run was stopped early"


class Selection(NamedTuple):
    """The selection of tests that a command line requests."""

    wanted: list[str]  # the paths of a complete selection, relative to the rootdir
    covered: list[str]  # those in which all tests are collected, although some may be deselected
    deselecting: list[str]  # reasons why tests are deselected after the collection
    hiding: list[str]  # reasons why not all tests are collected
    idle: list[str]  # reasons why no test runs as usual

    @property
    def narrowed(self) -> list[str]:
        """The reasons why the selection is not complete."""
        return [*self.deselecting, *self.hiding, *self.idle]


def selection_of(
    option: object,
    *,
    args: Sequence[str],
    testpaths: Sequence[str],
    rootdir: Path,
    cwd: Path,
    files_in: Callable[[Path], Iterator[Path]] | None = None,
) -> Selection:
    """Return the requested selection.

    The paths in `args` are relative to `cwd`, where pytest was started, and those in `testpaths` to the rootdir. A
    folder that they do not name is selected as well if they contain all that `files_in` finds in it.
    """
    hiding = _given(option, _HIDING)
    given = [Path(cwd, arg).resolve() for arg in args if "::" not in arg]
    # glob.glob as in pytest, because Path.glob accepts neither `.` nor an absolute pattern.
    found = [path for pattern in testpaths for path in glob(str(rootdir / pattern), recursive=True)]  # noqa: PTH207
    wanted = [Path(path).resolve() for path in found or [str(rootdir)]]
    named = [
        one
        for one in wanted
        if _is_in(one, given) or (files_in is not None and all(_is_in(file, given) for file in files_in(one)))
    ]
    covered = [] if hiding else named
    if len(named) < len(wanted):
        hiding.append(_PART)
    start = rootdir.resolve()
    return Selection(
        [relative_path(one, start=start) for one in wanted],
        [relative_path(one, start=start) for one in covered],
        _given(option, _DESELECTING),
        hiding,
        _given(option, _IDLE),
    )


def _is_in(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _given(option: object, flags: Mapping[str, str]) -> list[str]:
    return [f"{flag} was given" for name, flag in flags.items() if getattr(option, name, None)]


class SelectedTests(Hooks):
    """A plugin that notes which tests a run collects and selects, and how they end."""

    def __init__(self, config: pytest.Config, ledger: Ledger) -> None:
        self.outcomes: dict[str, str] = {}  # `passed`, `failed` or `skipped`, by the test's id
        self.have_run = False  # whether tests were run: `--fixtures` and the like never do
        self._config = config
        self._ledger = ledger
        self._collected: list[pytest.Item] = []

    @cached_property
    def requested(self) -> Selection:
        """The selection that the command line requests."""
        config = self._config
        files_in = None
        if (
            config.option.mimic_fail_on_unused
            or config.option.mimic_clear_unused
            or config.option.mimic_usage
        ):
            files_in = TestFiles(config).below
        return selection_of(
            config.option,
            args=config.args,
            testpaths=config.getini("testpaths"),
            rootdir=config.rootpath,
            cwd=config.invocation_params.dir,
            files_in=files_in,
        )

    def narrowed(self) -> list[str]:
        """Return the reasons why not all tests run."""
        return [*self.requested.narrowed, *self._ledger.deselected, *self._ledger.selection]

    def narrow(self, reason: str) -> None:
        """Note a reason why not all tests run."""
        self._ledger.selection.add(reason)

    def have_all_passed(self) -> bool:
        """Return whether all tests of the project have run and passed."""
        all_passed = set(self.outcomes.values()) <= {"passed"}
        return all_passed and not self._ledger.skipped_modules and not self.narrowed()

    def may_find(self, module: str) -> bool:
        """Check whether a module lies in a folder that pytest puts on the path for a test, perhaps for one left out."""
        root, files = self._config.rootpath, TestFiles(self._config)
        paths = [path for one in self.requested.wanted for path in files.below(root / one)]
        return any(
            Path(base, *module.split(".")).with_suffix(suffix).exists()
            for base in {_folder_on_path(path) for path in paths}
            for suffix in (".py", "")
        )

    def finish_collection(self, selected: Sequence[pytest.Item], *, are_listed: bool) -> None:
        """Note which of the collected tests will not run and, if they are to be `listed`, the ids of all."""
        kept = set(map(id, selected))
        deselected = sum(id(item) not in kept for item in self._collected)
        if are_listed:
            self._ledger.tests.update(map(plain_id, self._collected))
        self._collected.clear()
        if deselected:
            self._ledger.deselected.append(f"{plural(deselected, 'test')} deselected")

    # -- hooks

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._collected.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._ledger.collected.add(report.nodeid.partition("::")[0])
        if report.failed:
            self.narrow("a collection error")
        elif report.skipped:
            self._ledger.skipped_modules.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        self.have_run = True

    def pytest_keyboard_interrupt(self) -> None:
        self.narrow(STOPPED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how the test ended: failed in any phase, skipped, or passed."""
        if report.outcome == "passed" and report.when != "call":
            return
        nodeid = vars(report).get("mimic_test") or without_group(report.nodeid)
        if str(report.outcome) == "rerun":  # an outcome of pytest-rerunfailures
            if vars(report).get("mimic_restarts") != []:  # else a test has passed but for its teardown
                self.outcomes.pop(nodeid, None)
        elif report.outcome != "passed" or hasattr(report, "wasxfail"):
            self.outcomes[nodeid] = "failed" if report.failed else "skipped"
        else:
            self.outcomes.setdefault(nodeid, "passed")


def _folder_on_path(file: Path) -> Path:
    """Return the first folder above a file of tests that is no package."""
    return next(one for one in file.parents if not (one / "__init__.py").is_file())


# What marks a virtual environment, which pytest does not enter.
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta/history")


class TestFiles:
    """The files of tests by the ini options `python_files` and `norecursedirs`, and by `collect_ignore` of each conftest.py."""

    __test__ = False

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self._patterns = [
            *config.getini("python_files"),
            *(getattr(option, "doctestglob", None) or ["test*.txt"]),
        ]
        self._patterns += ["*.py"] if getattr(option, "doctestmodules", False) else []
        self._skipped: list[str] = config.getini("norecursedirs")
        self._enters_environments = bool(getattr(option, "collect_in_virtualenv", False))
        self._ignored: set[str] = set()
        self._ignored_patterns: list[str] = []
        for plugin in config.pluginmanager.get_plugins():
            file = getattr(plugin, "__file__", None)
            if file is not None and os.path.basename(file) == "conftest.py":  # noqa: PTH119
                folder = Path(file).parent
                for name in getattr(plugin, "collect_ignore", None) or ():
                    self._ignored.add(str(folder / name))
                for name in getattr(plugin, "collect_ignore_glob", None) or ():
                    self._ignored_patterns.append(str(folder / name))

    def below(self, place: Path) -> Iterator[Path]:
        """Yield the files of tests in a folder; or the file itself, which is one by being named."""
        if place.is_file():
            yield place
        for folder, folders, files in os.walk(place):
            folders[:] = [name for name in folders if self._enters(folder, name)]
            for name in files:
                path = Path(folder, name)
                if any(_fits(path, pattern) for pattern in self._patterns) and not self._is_ignored(path):
                    yield path

    def _enters(self, folder: str, name: str) -> bool:
        path = Path(folder, name)
        if name == "__pycache__" or any(_fits(path, pattern) for pattern in self._skipped):
            return False
        is_environment = any((path / mark).is_file() for mark in _ENVIRONMENT)
        return not self._is_ignored(path) and (self._enters_environments or not is_environment)

    def _is_ignored(self, path: Path) -> bool:
        text = str(path)
        return text in self._ignored or any(fnmatch(text, pattern) for pattern in self._ignored_patterns)


def _fits(path: Path, pattern: str) -> bool:
    """Check a path against a pattern as pytest does: one with a folder is for the whole path, any other for the name."""
    if sys.platform == "win32":
        pattern = pattern.replace("/", os.sep)
    if os.sep not in pattern:
        return fnmatch(path.name, pattern)
    whole = pattern if os.path.isabs(pattern) else f"*{os.sep}{pattern}"  # noqa: PTH117
    return fnmatch(str(path), whole)
