"""Shows the calls of each test: in a section of its report with `-v`, and in the HTML page of `--mimic-report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_mimic._core.words import seconds
from pytest_mimic._run.configuration import verbosity
from pytest_mimic._run.summary import mode_line
from pytest_mimic._tools.page.call_log import CallLog, Row
from pytest_mimic.errors import printable

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session

# What a page of ours holds at its beginning.
_MARKS = (
    b'<meta name="generator" content="pytest-mimic">',
    b"<title>pytest-mimic report</title>",
)
# Shorter times, in seconds, would be shown as 0.00 s.
_WORTH_SAYING = 0.005


class CallReports:
    """A plugin that shows the rows of calls that the account of the run has."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._session = session
        path: str | None = config.option.mimic_report
        # Made now, because a test may change the current folder.
        self._path = (
            None
            if path is None
            else Path(config.invocation_params.dir, path).expanduser()
        )
        self._shown_path = path
        self._has_sections = verbosity(config) > 0
        self._done = 0  # how many rows are in sections
        # By test: how long its phases took in seconds, and where it stands.
        self._durations: dict[str, float] = {}
        self._lines: dict[str, str] = {}
        if (
            path
        ):  # loaded now, because a test may replace functions that these modules bind
            import pytest_mimic._tools.page.report  # noqa: F401
        session.state.log = CallLog(session.state, details=bool(path)).note

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> None:
        """Show the rows since the last phase in a section of the test's report."""
        rows = self._session.ledger.calls
        if self._has_sections and rows[self._done :]:
            item.add_report_section(
                call.when, "mimic", "\n".join(map(line_of, rows[self._done :]))
            )
        if self._path is None:
            rows.clear()
        self._done = len(rows)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how long a test took and where it stands, also of a worker's test."""
        if self._path is None:
            return
        before = self._durations.get(report.nodeid, 0.0)
        self._durations[report.nodeid] = before + report.duration
        path, line, _ = report.location
        self._lines[report.nodeid] = path if line is None else f"{path}:{line + 1}"

    def refuse_other_kinds(self) -> None:
        """Check that the page would replace no file of another kind.

        Raises:
            MimicError: It would.
        """
        if self._path is not None:
            from pytest_mimic._core.whole_files import refuse_other_kinds

            refuse_other_kinds(self._path, is_page, option="--mimic-report")

    def write(self, notes: Sequence[str]) -> list[str]:
        """Write the page, if one was requested, and return a line that names it.

        MimicError: It cannot be written.
        """
        if self._path is None:
            return []
        from pytest_mimic._core.whole_files import write_whole
        from pytest_mimic._tools.page.report import TestFacts, page

        ledger = self._session.ledger
        settings = self._session.settings
        tests = {
            test: TestFacts(
                ledger.outcomes.get(test, ""),
                self._durations.get(test, 0.0),
                self._lines.get(test, ""),
            )
            for test in {*ledger.outcomes, *self._durations}
        }
        text = page(
            mode_line(settings),
            ledger.calls,
            project=settings.rootdir.name,
            notes=notes,
            tests=tests,
            vault=settings.shown_vault,
        )
        write_whole(self._path, text, label=f"the report {self._path}")
        return [f"report: {self._shown_path}"]


def is_page(start: bytes) -> bool:
    """Check whether a file that begins with these bytes is a page of ours, of older versions, too."""
    is_html = start.startswith(b"<!DOCTYPE html>")
    return is_html and any(mark in start for mark in _MARKS)


def line_of(row: Row) -> str:
    """Return a call in one line: `replayed http GET /users?page=2 (0.8 s saved)`."""
    saved = " saved" if row["kind"] == "replayed" else ""
    time = (
        f" ({seconds(row['seconds'])}{saved})"
        if row["seconds"] >= _WORTH_SAYING
        else ""
    )
    what = f"{row['kind']} {row['label']}{time}"
    return printable(" ".join(what.splitlines()))
