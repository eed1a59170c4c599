"""Which tests a run selects, whether they are all tests of the project, and how they end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.words import plural
from pytest_mimic._run.configuration import Hooks

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger

# Options of pytest, and their flags for messages: those that deselect tests once all
# are known, those that keep files from being collected, and those that run no test.
_DESELECTING = {
    "keyword": "-k",
    "markexpr": "-m",
    "deselect": "--deselect",
    "stepwise": "--sw",
}
_HIDING = {"ignore": "--ignore", "ignore_glob": "--ignore-glob", "lf": "--lf"}
_IDLE = {"setuponly": "--setup-only", "setupplan": "--setup-plan"}
_PART = "only a part of the tests was named"
STOPPED = "the run was stopped early"


def plain_id(node: Any) -> str:
    """Return the id of a test, module, package or class.

    Its file is relative to the rootdir. pytest's own id of a file outside of the
    rootdir is shortened, so that two files may have the same.
    """
    nodeid = without_group(node.nodeid)
    rootdir = node.config.rootpath
    if not nodeid or str(node.path).startswith(f"{rootdir}{os.sep}"):
        return nodeid
    _, colons, name = nodeid.partition("::")
    return f"{relative_path(node.path, start=rootdir)}{colons}{name}"


def without_group(nodeid: str) -> str:
    """Return a test's id without the `@group` that `--dist loadgroup` appends."""
    head, at, group = nodeid.rpartition("@")
    if at and "::" in head and not set("[]/:") & set(group):
        return head
    return nodeid


def note_selection(
    ledger: Ledger,
    option: object,
    *,
    args: Sequence[str],
    testpaths: Sequence[str],
    rootdir: Path,
    cwd: Path,
) -> None:
    """Note which part of the tests a command line requests.

    The paths in `args` are relative to `cwd`, where pytest was started, and those in
    `testpaths` to the rootdir.
    """
    for reasons, flags in (
        (ledger.deselected, _DESELECTING),
        (ledger.hiding, _HIDING),
        (ledger.selection, _IDLE),
    ):
        for name, flag in flags.items():
            if getattr(option, name, None):
                reasons.add(f"{flag} was given")
    given = [Path(cwd, arg).resolve() for arg in args if "::" not in arg]
    # glob.glob as in pytest, because Path.glob accepts neither `.` nor an absolute
    # pattern.
    found = [
        path
        for pattern in testpaths
        for path in glob(str(rootdir / pattern), recursive=True)  # noqa: PTH207
    ]
    wanted = [Path(path).resolve() for path in found or [str(rootdir)]]
    named = [
        one for one in wanted if any(one.is_relative_to(folder) for folder in given)
    ]
    start = rootdir.resolve()
    ledger.wanted.update(relative_path(one, start=start) for one in wanted)
    if not ledger.hiding:
        ledger.covered.update(relative_path(one, start=start) for one in named)
    if len(named) < len(wanted):
        ledger.hiding.add(_PART)


class SelectedTests(Hooks):
    """A plugin that notes which tests a run collects and selects, and how they end."""

    def __init__(self, config: pytest.Config, ledger: Ledger) -> None:
        self.have_run = (
            False  # whether tests were run: `--fixtures` and the like never do
        )
        self._config = config
        self._ledger = ledger
        self._collected: list[pytest.Item] = []
        self._count = 0  # of the selected tests

    def narrowed(self) -> list[str]:
        """Return the reasons why not all tests run."""
        return [*self._ledger.deselected, *self._ledger.hiding, *self._ledger.selection]

    def narrow(self, reason: str) -> None:
        """Note a reason why not all tests run."""
        self._ledger.selection.add(reason)

    def have_all_passed(self) -> bool:
        """Return whether all tests of the project have run and passed."""
        outcomes = [
            *self._ledger.outcomes.values()
        ]  # a plugin may have run tests in its own way
        all_passed = len(outcomes) >= self._count and set(outcomes) <= {"passed"}
        return all_passed and not self._ledger.skipped_modules and not self.narrowed()

    def finish_collection(
        self, selected: Sequence[pytest.Item], *, are_listed: bool
    ) -> None:
        """Note which tests are requested, which of the collected ones will not run, and if `listed`, the ids of all."""
        config = self._config
        note_selection(
            self._ledger,
            config.option,
            args=config.args,
            testpaths=config.getini("testpaths"),
            rootdir=config.rootpath,
            cwd=config.invocation_params.dir,
        )
        kept, self._count = set(map(id, selected)), len(selected)
        deselected = sum(id(item) not in kept for item in self._collected)
        if are_listed:
            from pytest_mimic._tools.unused.usage import in_environment

            self._ledger.tests.update(
                in_environment(plain_id(item)) for item in self._collected
            )
        self._collected.clear()
        if deselected:
            self._ledger.deselected.add(f"{plural(deselected, 'test')} deselected")

    # -- hooks

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._collected.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._ledger.skipped_modules.add(report.nodeid)
            return
        self._ledger.collected.add(report.nodeid.partition("::")[0])
        if report.failed:
            self.narrow("a collection error")

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
        outcomes = self._ledger.outcomes
        if str(report.outcome) == "rerun":  # an outcome of pytest-rerunfailures
            outcomes.pop(nodeid, None)
        elif report.outcome != "passed" or hasattr(report, "wasxfail"):
            outcomes[nodeid] = "failed" if report.failed else "skipped"
        else:
            outcomes.setdefault(nodeid, "passed")
