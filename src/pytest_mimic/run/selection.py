"""Notes which tests a run collects, whether no other tests exist, and how they end."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from pytest_mimic.engine.usage import Usage

# Options that leave tests out, with their names in `config.option`, and whether the
# tests are collected, their files are not, or none runs.
_OPTIONS_OF_A_PART = """
    -k             keyword      deselected
    -m             markexpr     deselected
    --deselect     deselect     deselected
    --ignore       ignore       hidden
    --ignore-glob  ignore_glob  hidden
    --lf           lf           hidden
    --sw           stepwise     deselected
    --setup-only   setuponly    stopped
    --setup-plan   setupplan    stopped
"""
_STOPPED = "the run was stopped early"
_PART_NAMED = "only a part of the tests was named"
_WHOLE_RUNS = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


def plain_id(node: Any) -> str:
    """Return the id of a test, class, module or package, by which it owns recordings.

    xdist's `@group` is no part of it, and the file is relative to the rootdir: pytest
    shortens the id of a file outside of the rootdir, so that two may be equal.
    """
    nodeid = _without_group(node.nodeid)
    rootdir = node.config.rootpath
    if not nodeid or node.path.is_relative_to(rootdir):
        return nodeid
    _, colons, name = nodeid.partition("::")
    file = Path(os.path.relpath(node.path, rootdir)).as_posix()
    return f"{file}{colons}{name}"


def test_of(report: pytest.TestReport) -> str:
    """Return the id of a report's test, by which it owns recordings."""
    test: str = vars(report).get("mimic_test") or _without_group(report.nodeid)
    return test


def _without_group(nodeid: str) -> str:
    test, at, group = nodeid.rpartition("@")
    # An `@` may also stand in a parameter or in the name of a folder.
    is_group = bool(at) and "::" in test and set("[]/:").isdisjoint(group)
    return test if is_group else nodeid


class SelectedTests:
    """A plugin that tells `usage` what was collected, left out and run.

    Attributes:
        has_run: Whether the run came to its tests: not with `--collect-only`.
        partly_named: The files of which the command line names single tests.
        began: When the run began.
        reports: Those of all phases, in order, for `--mimic-report`.
    """

    has_run = False

    def __init__(self, config: pytest.Config, usage: Usage) -> None:
        self.began = monotonic()
        self.reports: list[pytest.TestReport] = []
        self._config = config
        self._usage = usage
        self._collected: list[pytest.Item] = []
        self.partly_named: set[str] = set()
        for arg in config.args:
            file, colons, _ = arg.partition("::")
            if colons:
                path = Path(config.invocation_params.dir, file).resolve()
                relative = os.path.relpath(path, config.rootpath.resolve())
                self.partly_named.add(Path(relative).as_posix())

    def whole_files(self) -> dict[str, set[str]]:
        """Return the tests by file, of the files all of whose tests were selected."""
        if self._usage.partial.keys() - {_PART_NAMED}:
            return {}
        files: dict[str, set[str]] = {}
        for test in self._usage.outcomes:
            file = test.partition("::")[0]
            if file not in self.partly_named:
                files.setdefault(file, set()).add(test)
        return files

    def note_collection(self, selected: Iterable[pytest.Item]) -> None:
        """Note which part of the project's tests will run."""
        config, usage = self._config, self._usage
        for row in _OPTIONS_OF_A_PART.strip().splitlines():
            flag, name, kind = row.split()
            if getattr(config.option, name, None):
                usage.partial[f"{flag} was given"] = kind
        if not _are_all_named(config):
            usage.partial[_PART_NAMED] = "hidden"
        kept = set(map(id, selected))
        # A hook may have dropped tests without an option.
        dropped = [item for item in self._collected if id(item) not in kept]
        if dropped:
            tests = "test" if len(dropped) == 1 else "tests"
            usage.partial[f"{len(dropped)} {tests} deselected"] = "deselected"
        usage.selected.update(map(plain_id, self._collected))
        self._collected.clear()

    def note_end(self, session: pytest.Session, exitstatus: int) -> None:
        """Note whether the run came to its end."""
        was_stopped = session.shouldstop or session.shouldfail
        if was_stopped or exitstatus not in _WHOLE_RUNS:
            self._usage.partial[_STOPPED] = "stopped"

    # -- hooks

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._collected.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._usage.skipped.add(report.nodeid)
            return
        self._usage.collected.add(report.nodeid.partition("::")[0])
        if report.failed:
            self._usage.partial["a collection error"] = "stopped"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        self.has_run = not session.config.option.collectonly

    def pytest_keyboard_interrupt(self) -> None:
        self._usage.partial[_STOPPED] = "stopped"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._config.option.mimic_report:
            self.reports.append(report)
        outcome: str = report.outcome
        if outcome == "passed" and report.when != "call":
            return  # it says nothing of the test
        outcomes = self._usage.outcomes
        test = test_of(report)
        if outcome not in ("passed", "failed", "skipped"):
            # An attempt that is made again: `rerun` or `retried`.
            outcomes.pop(test, None)
        elif outcome == "passed" and not hasattr(report, "wasxfail"):
            outcomes.setdefault(test, vars(report).get("mimic_outcome", "passed"))
        else:
            outcomes[test] = "failed" if outcome == "failed" else "skipped"


def _are_all_named(config: pytest.Config) -> bool:
    """Return whether the paths of the command line contain all `testpaths`."""
    start = config.invocation_params.dir
    named = [Path(start, arg).resolve() for arg in config.args if "::" not in arg]
    folders = []
    for pattern in config.getini("testpaths"):
        # As pytest does it: Path.glob takes neither `.` nor an absolute pattern.
        path = str(config.rootpath / pattern)
        found = glob.glob(path, recursive=True)  # noqa: PTH207
        folders += [Path(folder).resolve() for folder in found]
    folders = folders or [config.rootpath.resolve()]
    return all(any(map(path.is_relative_to, named)) for path in folders)
