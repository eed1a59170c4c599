"""Shows the calls of each test: in a section of its report with `-v`, and in the HTML page of `--mimic-report`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from pytest_mimic._core.words import SHOWN, seconds
from pytest_mimic._run.configuration import verbosity
from pytest_mimic._run.summary import mode_line
from pytest_mimic._tools.shown.call_log import CallLog, Row
from pytest_mimic._tools.unused.judging import Judgement
from pytest_mimic.errors import printable

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session

# How many recordings that are unused the page lists.
_UNUSED = 5_000
# Shorter times, in seconds, would be shown as 0.00 s.
_WORTH_SAYING = 0.005


class CallReports:
    """A plugin that shows the rows of calls that the account of the run has."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        path: str | None = config.option.mimic_report
        # Made now, because a test may change the current folder.
        self._path = None if path is None else Path(config.invocation_params.dir, path).expanduser()
        self._shown_path = path
        self._has_sections = verbosity(config) > 0
        self.unused_listed = SHOWN if path is None else _UNUSED  # how many unused recordings are listed
        self._done = 0  # how many rows are in sections
        self._places: dict[str, tuple[str, str]] = {}  # the line of each test, and a link to its file
        if path:  # loaded now, because a test may replace functions that these modules bind
            import pytest_mimic._tools.shown.page  # noqa: F401
        session.state.log = CallLog(session.state, details=bool(path)).note

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Show the rows since the last phase in a section of the test's report."""
        rows = self._session.ledger.calls
        if self._has_sections and rows[self._done :]:
            item.add_report_section(call.when, "mimic", "\n".join(map(line_of, rows[self._done :])))
        if self._path is None:
            rows.clear()
        self._done = len(rows)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the place of a test for the page. Of a test that runs again, only the last attempt counts."""
        if str(report.outcome) == "rerun":
            rows = self._session.ledger.calls
            rows[:] = [row for row in rows if row["test"] != report.nodeid]
            self._done = len(rows)
        if self._path is not None and report.when == "setup":
            self._places[report.nodeid] = self._place(self._path, *report.location)

    def _place(self, page: Path, file: str, line: int | None, _name: str) -> tuple[str, str]:
        """Return the line of a test for people, and a link from the page to its file, empty on another drive."""
        shown = Path(file).as_posix() if line is None else f"{Path(file).as_posix()}:{line + 1}"
        try:
            return shown, quote(Path(os.path.relpath(self._config.rootpath / file, page.parent)).as_posix())
        except ValueError:  # pragma: no cover (Windows)
            return shown, ""

    def write(self, judgement: Judgement, *, notes: Sequence[str], outcomes: dict[str, str]) -> list[str]:
        """Write the page, if one was requested, and return a line that names it. MimicError: It cannot be written."""
        if self._path is None:
            return []
        from pytest_mimic._core.whole_files import write_whole
        from pytest_mimic._tools.shown.page import page

        rows = self._session.ledger.calls
        heading = mode_line(self._session.settings)
        text = page(
            heading,
            rows,
            notes=notes,
            tests=outcomes,
            places={row["test"]: self._places[row["test"]] for row in rows if row["test"] in self._places},
            unused=judgement.shown,
        )
        write_whole(self._path, text, label=f"the report {self._path}")
        return [f"report: {self._shown_path}"]


def line_of(row: Row) -> str:
    """Return a call in one line: `replayed http GET /users?page=2 (0.8 s saved)`."""
    saved = " saved" if row["kind"] == "replayed" else ""
    time = f" ({seconds(row['seconds'])}{saved})" if row["seconds"] >= _WORTH_SAYING else ""
    what = f"{row['kind']} {row['label']}{row.get('query', '')}{time}"
    return printable(" ".join(what.splitlines()))
