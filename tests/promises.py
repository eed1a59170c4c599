"""docs/explanation/promises.md, held to its word: the tests that it names exist, and a whole run runs them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs/explanation/promises.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")


def named(page: Path = PAGE) -> set[str]:
    """The ids of the tests that the page names, without parameters."""
    return set(NAMED.findall(page.read_text(encoding="utf-8")))


def written(file: Path) -> set[str]:
    """The test functions of a file that are not skipped in any case."""
    functions = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if _is_test(node)]
    return {node.name for node in functions}


def _is_test(node: ast.stmt) -> bool:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or not node.name.startswith("test_"):
        return False
    return not any(ast.unparse(mark).startswith("pytest.mark.skip(") for mark in node.decorator_list)


class PromisesRan:
    """Fails a whole run in which a test that the page names did not run; tells those that were skipped, and why."""

    def __init__(self, page: Path = PAGE) -> None:
        self._page = page
        self._ran: set[str] = set()
        self._skipped: dict[str, str] = {}
        self._lines: list[str] = []

    def pytest_collectreport(self, report: Any) -> None:
        """A file that skips itself skips its tests."""
        if report.skipped:
            self._skipped[report.nodeid] = _reason(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Notes what ran, here or in a worker of xdist."""
        test = re.split(r"[\[@]", report.nodeid)[0]
        if report.skipped:
            self._skipped[test] = _reason(report)
        elif report.when == "call":
            self._ran.add(test)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Judges a whole run that went well."""
        if exitstatus != pytest.ExitCode.OK or not _is_whole(session.config):
            return
        for test in sorted(named(self._page) - self._ran):
            reason = self._skipped.get(test) or self._skipped.get(test.partition("::")[0])
            self._lines.append(f"{test}: {reason or 'did not run'}")
            if reason is None:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tells the promises that this run has not shown."""
        if self._lines:
            terminalreporter.section("promises not shown here")
            for line in self._lines:
                terminalreporter.write_line(line)


def _is_whole(config: pytest.Config) -> bool:
    """Whether the whole suite was asked for; a worker of xdist sees a part only."""
    option = config.option
    narrower = (option.keyword, option.markexpr, option.deselect, option.collectonly)
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    return not (is_named or any(narrower) or hasattr(config, "workerinput"))


def _reason(report: Any) -> str:
    """Why a test or a file was skipped."""
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(told).removeprefix("Skipped: ")
