"""Shows what a run did where a CI system shows it: GitHub's summary and annotations, and the report of JUnit."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger

# GitHub shows so many annotations of one step.
_ANNOTATIONS = 10
# This plugin annotates each failing test, with the same message.
_OTHER = "pytest_github_actions_annotate_failures"


class CiReports:
    """A plugin for the environment variables of GitHub Actions and for `--junitxml`.

    `summary` returns the lines of the summary.
    """

    def __init__(self, config: pytest.Config, ledger: Ledger, summary: Callable[[], list[str]]) -> None:
        self._config = config
        self._ledger = ledger
        self._summary = summary
        self._counts_before: dict[str, float] = {}
        self._annotates = os.environ.get("GITHUB_ACTIONS") == "true" and not config.pluginmanager.hasplugin(
            _OTHER
        )
        self._has_properties = bool(getattr(config.option, "xmlpath", None))
        self._annotations: dict[tuple[str, int], list[str]] = {}

    def pytest_runtest_logstart(self) -> None:
        """Note the counts before a test."""
        self._counts_before = self._counts()

    def _counts(self) -> dict[str, float]:
        ledger = self._ledger
        counts = {name: getattr(ledger, name) for name in ("replayed", "recorded", "verified")}
        lists = {"drifted": len(ledger.drifted), "missing": len(ledger.missing)}
        return {**counts, **lists, "seconds saved": ledger.saved}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the counts of a test on its last report."""
        report = yield
        if report.when == "teardown" and self._has_properties:
            before = self._counts_before
            for name, count in self._counts().items():
                if more := round(count - before.get(name, 0), 3):
                    report.user_properties.append((f"mimic {name}", str(more)))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the misses and drifts of a failed phase, with the place of its test."""
        problems: list[str] = vars(report).get("mimic_problems", [])
        if problems and report.failed and self._annotates:
            file, line, _ = report.location
            self._annotations.setdefault((os.fspath(file), (line or 0) + 1), []).extend(problems)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the annotations, and append the summary to that of GitHub's job."""
        found = list(self._annotations.items())
        for (file, line), problems in found[:_ANNOTATIONS]:
            place = _in_workspace(Path(self._config.rootpath, file))
            terminalreporter.write_line(annotation(place, line, "\n".join(problems)))
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        lines = self._summary() if path else []
        if path and lines:
            try:
                with Path(path).open("a", encoding="utf-8") as opened:
                    opened.write(markdown(self._counts(), lines))
            except OSError as reason:
                terminalreporter.write_line(f"mimic: cannot write GITHUB_STEP_SUMMARY: {reason.strerror}")


def _in_workspace(path: Path) -> str:
    """Return a path as GitHub names it: relative to the checkout, with slashes."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    path = Path(os.path.normpath(path))
    if workspace and path.is_relative_to(workspace):
        path = path.relative_to(workspace)
    return path.as_posix()


def annotation(file: str, line: int, message: str) -> str:
    """Return the command by which a job annotates a line of a file, escaped as GitHub's runner reads it."""
    return f"::error file={_property(file)},line={line},title=pytest-mimic::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def markdown(counts: dict[str, float], lines: Sequence[str]) -> str:
    """Return the summary as markdown: the counts as a table, and the lines as they are."""
    named = {name: str(round(count, 1)) for name, count in counts.items() if count}
    table = [
        f"| {' | '.join(named)} |",
        f"|{' ---: |' * len(named)}",
        f"| {' | '.join(named.values())} |",
        "",
    ]
    # No line can end the block: a longer row of backticks would have to stand in it.
    ticks = max((len(row) for line in lines for row in re.findall("`+", line)), default=0)
    fence = "`" * max(3, ticks + 1)
    return "\n".join(
        ["### pytest-mimic", "", *(table if named else []), f"{fence}text", *lines, fence, "", ""]
    )
