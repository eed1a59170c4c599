"""Which tests a run selects, whether these are all of the project, and how they end."""

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
    from pytest_mimic._core.engine.account import Account
    from pytest_mimic._tools.unused.usage import UsageFile

# Options of pytest with which a run is partial, by their names in `config.option`, each
# with its flag for the message that says why nothing was judged.
# These options deselect tests once all are known.
_OPTIONS_THAT_DESELECT = {
    "keyword": "-k",
    "markexpr": "-m",
    "deselect": "--deselect",
    "stepwise": "--sw",
}
# These options keep files from being collected.
_OPTIONS_THAT_HIDE_FILES = {
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "lf": "--lf",
}
# With these options, pytest runs no test.
_OPTIONS_THAT_RUN_NOTHING = {"setuponly": "--setup-only", "setupplan": "--setup-plan"}
_REASON_PART = "only a part of the tests was named"
STOPPED = "the run was stopped early"
# `phases.py` sets these attributes of reports. xdist sends them to its controller,
# where this module and `call_report.py` read them.
#: The attribute of a report that says that the test's function was not called.
UNCALLED = "mimic_uncalled"
#: The attribute of a report with the id of `plain_id`, where pytest has another one.
PLAIN_ID = "mimic_test"


def plain_id(node: Any) -> str:
    """Return the id of a test, module, package or class, by which it owns recordings.

    The file in the id is relative to the rootdir. pytest's own id of a file outside of
    the rootdir is shortened, so that two files may have the same id.
    """
    nodeid = without_group(node.nodeid)
    rootdir = node.config.rootpath
    if not nodeid or str(node.path).startswith(f"{rootdir}{os.sep}"):
        return nodeid
    _, colons, name = nodeid.partition("::")
    return f"{relative_path(node.path, start=rootdir)}{colons}{name}"


def without_group(nodeid: str) -> str:
    """Return a test's id without the `@group` that `--dist loadgroup` appends."""
    test, at_sign, group = nodeid.rpartition("@")
    # An `@` may also stand in a parameter, in a folder or in a name.
    is_group = set("[]/:").isdisjoint(group)
    if at_sign and "::" in test and is_group:
        return test
    return nodeid


def id_of_reported_test(report: pytest.TestReport) -> str:
    """Return the id of the test that a report is about, as `plain_id` gives it.

    So a report and a recording of a test have one id, also in the controller of xdist.
    """
    # `phases.py` has added the id to the report, where pytest's id is another one.
    id_from_plugin: str | None = vars(report).get(PLAIN_ID)
    return id_from_plugin or without_group(report.nodeid)


def note_selection(
    account: Account,
    option: object,
    *,
    args: Sequence[str],
    testpaths: Sequence[str],
    rootdir: Path,
    cwd: Path,
) -> None:
    """Note which part of the tests a command line requests.

    With a reason in `deselected`, `hiding` or `selection`, the run judges no unused
    recordings. From `wanted` and `covered`, the command `unused` sees whether several
    runs have covered all tests together.

    Args:
        account: The account of the run.
        option: The options that pytest has parsed.
        args: The arguments, whose paths are relative to `cwd`.
        testpaths: The folders of tests, relative to the rootdir.
        rootdir: The rootdir of the project.
        cwd: The folder where pytest was started.
    """
    for reasons, flags in (
        (account.deselected, _OPTIONS_THAT_DESELECT),
        (account.hiding, _OPTIONS_THAT_HIDE_FILES),
        (account.selection, _OPTIONS_THAT_RUN_NOTHING),
    ):
        for name, flag in flags.items():
            if getattr(option, name, None):
                reasons.add(f"{flag} was given")
    requested_paths = []
    for arg in args:
        # An argument that names a test requests a part of its file.
        if "::" not in arg:
            requested_paths.append(Path(cwd, arg).resolve())
    resolved_rootdir = rootdir.resolve()
    test_folders: list[str] = []
    covered_folders: list[str] = []
    for path in _test_folders(testpaths, rootdir):
        folder = relative_path(path, start=resolved_rootdir)
        test_folders.append(folder)
        if any(map(path.is_relative_to, requested_paths)):
            covered_folders.append(folder)
    account.wanted.update(test_folders)
    if not account.hiding:
        account.covered.update(covered_folders)
    if len(covered_folders) < len(test_folders):
        account.hiding.add(_REASON_PART)


def _test_folders(testpaths: Sequence[str], rootdir: Path) -> list[Path]:
    """Return the folders of a project's tests; without `testpaths`, its rootdir."""
    folders: list[Path] = []
    for pattern in testpaths:
        # pytest uses glob.glob, too: Path.glob accepts neither `.` nor an absolute
        # pattern.
        for folder in glob(str(rootdir / pattern), recursive=True):  # noqa: PTH207
            folders.append(Path(folder).resolve())
    return folders or [rootdir.resolve()]


class SelectedTests(Hooks):
    """A plugin that notes which tests a run collects and selects, and how they end.

    Attributes:
        have_run: Whether the run came to its tests: one with `--fixtures`, for example,
            does not.
    """

    def __init__(self, config: pytest.Config, account: Account) -> None:
        self.have_run = False
        self._config = config
        self._account = account
        # The tests that pytest has collected, until the selection is known.
        self._collected_items: list[pytest.Item] = []
        self._selected_count = 0

    def reasons_for_partial_run(self) -> list[str]:
        """Return why the run is partial: it leaves out tests of the project.

        The list is empty if all tests run.
        """
        return [
            *self._account.deselected,
            *self._account.hiding,
            *self._account.selection,
        ]

    def narrow(self, reason: str) -> None:
        """Note a reason why not all tests run."""
        self._account.selection.add(reason)

    def whole_files(self) -> dict[str, set[str]]:
        """Return the tests of the files that the run has selected as a whole, by file.

        A command of the summary that runs all of them names the file in their place.

        A file is selected in part by an argument with `::`, and by options that leave
        out tests. It is not known how many tests a file has if the run stopped early.
        """
        option = self._config.option
        account = self._account
        if account.deselected or account.selection or getattr(option, "lf", False):
            return {}
        cwd = self._config.invocation_params.dir
        rootdir = self._config.rootpath.resolve()
        partly_selected_files = set()
        for arg in self._config.args:
            file, colons, _ = arg.partition("::")
            if colons:
                path = Path(cwd, file).resolve()
                partly_selected_files.add(relative_path(path, start=rootdir))
        tests_by_file: dict[str, set[str]] = {}
        for test in account.outcomes:
            file = test.partition("::")[0]
            if file not in partly_selected_files:
                tests_by_file.setdefault(file, set()).add(test)
        return tests_by_file

    def have_all_passed(self) -> bool:
        """Return whether all tests of the project have run and passed.

        Only then recordings of the session's fixtures go that were not made again.
        """
        if self._account.skipped_modules or self.reasons_for_partial_run():
            return False
        outcomes = list(self._account.outcomes.values())
        # A plugin may run tests in its own way, without a report of each.
        if len(outcomes) < self._selected_count:
            return False
        return all(outcome == "passed" for outcome in outcomes)

    def finish_collection(
        self, selected: Sequence[pytest.Item], *, usage_file: UsageFile | None
    ) -> None:
        """Note which tests are requested, and how many of the collected will not run.

        Args:
            selected: The tests that will run.
            usage_file: The file of `--mimic-usage`: for that, the ids of all collected
                tests are noted as well. None: the option was not given.
        """
        config = self._config
        note_selection(
            self._account,
            config.option,
            args=config.args,
            testpaths=config.getini("testpaths"),
            rootdir=config.rootpath,
            cwd=config.invocation_params.dir,
        )
        self._selected_count = len(selected)
        ids_of_selected = set(map(id, selected))
        # A hook of conftest.py or a plugin may drop tests, without an option.
        deselected_count = 0
        for item in self._collected_items:
            if id(item) not in ids_of_selected:
                deselected_count += 1
        if usage_file is not None:
            for item in self._collected_items:
                self._account.tests.add(usage_file.in_environment(plain_id(item)))
        self._collected_items.clear()
        if deselected_count:
            deselected_tests = plural(deselected_count, "test")
            self._account.deselected.add(f"{deselected_tests} deselected")

    # -- hooks

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._collected_items.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a file was collected, or skipped as a whole, or has an error."""
        if report.skipped:
            self._account.skipped_modules.add(report.nodeid)
            return
        self._account.collected.add(report.nodeid.partition("::")[0])
        if report.failed:
            self.narrow("a collection error")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        self.have_run = True

    def pytest_keyboard_interrupt(self) -> None:
        self.narrow(STOPPED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how the test ended: failed in any phase, skipped, passed, or uncalled.

        An uncalled test has passed, because a plugin answered in place of its function.
        """
        if report.outcome == "passed" and report.when != "call":
            # A set-up or teardown that passes says nothing of the test.
            return
        nodeid = id_of_reported_test(report)
        outcomes = self._account.outcomes
        if str(report.outcome) not in ("passed", "failed", "skipped"):
            # The test runs again. pytest-rerunfailures calls this attempt `rerun`, and
            # pytest-retry calls it `retried`.
            outcomes.pop(nodeid, None)
        elif report.outcome != "passed" or hasattr(report, "wasxfail"):
            outcomes[nodeid] = "failed" if report.failed else "skipped"
        # With `setdefault`, a failure of another phase or of another run of it stays.
        elif vars(report).get(UNCALLED):
            outcomes.setdefault(nodeid, "uncalled")
        else:
            outcomes.setdefault(nodeid, "passed")
