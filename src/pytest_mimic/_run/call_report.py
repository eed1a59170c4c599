"""Shows the calls of each test.

With `-v` they stand in a section of the test's report, with `--mimic-report` in an HTML
page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_mimic._core.whole_files import refuse_other_kinds, write_whole
from pytest_mimic._core.words import SHORTEST_SHOWN, in_seconds
from pytest_mimic._run.configuration import verbosity
from pytest_mimic._run.selected_tests import id_of_reported_test
from pytest_mimic._run.summary import mode_in_words
from pytest_mimic._tools.page.call_log import CallLog, CallRow
from pytest_mimic._tools.page.html_page import TestFacts, html_page, is_page
from pytest_mimic.errors import printable

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session


class CallReports:
    """A plugin that shows the calls that are noted in the account of the run."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._session = session
        path: str | None = config.option.mimic_report
        # None: only sections are asked for, and no page.
        self._path_of_page: Path | None = None
        if path is not None:
            # Made now, because a test may change the current folder.
            self._path_of_page = Path(config.invocation_params.dir, path).expanduser()
        self._shown_path_of_page = path
        self._shows_sections = verbosity(config) > 0
        # How many rows of the account stand in sections already.
        self._count_of_shown_rows = 0
        # By test: how long its phases took, in seconds.
        self._durations: dict[str, float] = {}
        # By test: its file and line, `test_a.py:12`.
        self._places: dict[str, str] = {}
        # The engine notes each call by this function, as a row of `Account.calls`.
        session.run.account.log = CallLog(session.run, details=bool(path)).note

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> None:
        """Show the rows since the last phase in a section of the test's report."""
        rows = self._session.account.calls
        new_rows = rows[self._count_of_shown_rows :]
        if self._shows_sections and new_rows:
            call_lines = "\n".join(line_of(row) for row in new_rows)
            item.add_report_section(call.when, "mimic", call_lines)
        if self._path_of_page is None:
            # Only a page needs them at the end of the run.
            rows.clear()
        self._count_of_shown_rows = len(rows)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how long a test took and where it stands, also of a worker's test."""
        if self._path_of_page is None:
            return
        test = id_of_reported_test(report)
        seconds_of_earlier_phases = self._durations.get(test, 0.0)
        self._durations[test] = seconds_of_earlier_phases + report.duration
        file, line, _ = report.location
        place = file
        if line is not None:
            place = f"{file}:{line + 1}"
        self._places[test] = place

    def refuse_other_kinds(self) -> None:
        """Check that the page would replace no file of another kind.

        Raises:
            MimicError: A file of another kind is there.
        """
        if self._path_of_page is not None:
            refuse_other_kinds(self._path_of_page, is_page, option="--mimic-report")

    def write(self, notes: Sequence[str]) -> list[str]:
        """Write the page, if one was requested, and return a line that names it.

        Args:
            notes: The lines of the summary, which the page has, too.

        Raises:
            MimicError: The page cannot be written.
        """
        if self._path_of_page is None:
            return []
        account = self._session.account
        settings = self._session.settings
        tests = {}
        # The account knows how tests ended, and pytest's reports how long they took.
        # Of a run that was stopped, only one of them may know a test.
        for test in {*account.outcomes, *self._durations}:
            # By the id that the rows of calls have, which the page groups by it.
            tests[test] = TestFacts(
                outcome=account.outcomes.get(test, ""),
                seconds=self._durations.get(test, 0.0),
                place=self._places.get(test, ""),
            )
        html = html_page(
            mode_in_words(settings),
            account.calls,
            project=settings.rootdir.name,
            notes=notes,
            tests=tests,
            shown_vault=settings.shown_vault,
        )
        write_whole(self._path_of_page, html, label=f"the report {self._path_of_page}")
        return [f"report: {self._shown_path_of_page}"]


def line_of(row: CallRow) -> str:
    """Return a call in one line: `replayed http GET /users?page=2 (0.8 s saved)`."""
    line = f"{row['kind']} {row['label']}"
    if row["seconds"] >= SHORTEST_SHOWN:
        duration = in_seconds(row["seconds"])
        if row["kind"] == "replayed":
            duration += " saved"
        line += f" ({duration})"
    return printable(" ".join(line.splitlines()))
