"""The end of a run: judges unused recordings, writes files, sets the exit code."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_mimic._core.engine.account_events import OlderAnswers
from pytest_mimic._core.engine.owners import is_in_scope
from pytest_mimic._core.vault.folder import holds_recordings
from pytest_mimic._core.vault.format import CASSETTES_PREFIX, recording_folder
from pytest_mimic._core.words import ROW_WIDTH, limited, plural, size
from pytest_mimic._run.selected_tests import STOPPED, SelectedTests
from pytest_mimic._run.summary import summary
from pytest_mimic._tools.unused.judging import (
    NOTHING,
    GoneTests,
    Judgement,
    judge_unused,
    stands_in_file,
)
from pytest_mimic.errors import MimicError, printable

if TYPE_CHECKING:
    from pytest_mimic._run.call_report import CallReports
    from pytest_mimic._run.session import Session
    from pytest_mimic._tools.unused.usage import UsageFile


# The exit codes of runs that were not stopped. After another one, a run is partial, and
# proves no recording unused.
_EXITS_OF_WHOLE_RUNS = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)
# The exit codes of runs in which nothing failed. Only these are changed for a problem
# that belongs to no test.
_EXITS_WITHOUT_FAILURE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Ending:
    """Ends a run, or one of its processes under xdist.

    Attributes:
        call_reports: What shows the calls, with `-v` and in the HTML report, or None.
        usage_file: The file of `--mimic-usage`, or None.
    """

    def __init__(
        self,
        config: pytest.Config,
        session: Session,
        tests: SelectedTests,
        *,
        is_controller: bool,
    ) -> None:
        self.call_reports: CallReports | None = None
        self.usage_file: UsageFile | None = None
        self._config = config
        self._session = session
        self._tests = tests
        self._is_worker = hasattr(config, "workerinput")
        self._is_controller = is_controller
        # Which recordings are unused; empty until `_judge`.
        self._judgement = Judgement()
        # The line of the summary that names the HTML report, once it was written.
        self._lines_of_page: list[str] = []

    def prepare(self) -> None:
        """Make the places ready into which the end of the run writes.

        Raises:
            pytest.UsageError: A file of another kind is there.
        """
        settings = self._session.settings
        if self._is_worker:
            return
        try:
            if self.usage_file is not None:
                self.usage_file.remove_old()
            if self.call_reports is not None:
                self.call_reports.refuse_other_kinds()
        except MimicError as error:
            raise pytest.UsageError(str(error)) from None
        if settings.mode.writes and self._is_controller:
            # Workers of xdist write into the vault. Until the run ends, no process
            # deletes objects of it.
            self._session.do_and_keep_error(self._session.vault.store.share)

    def finish(self, session: pytest.Session) -> None:
        """End the run: judge, clear and set the exit code.

        A worker of xdist sends its account to the controller, which does this.

        The order of the steps counts: each adds to the account what later ones judge.
        """
        mimic_session = self._session
        mimic_session.keep_strays_for_summary()
        mimic_session.do_and_keep_error(mimic_session.break_off)
        mimic_session.do_and_keep_error(mimic_session.run.report_inputs)
        has_ended_by_itself = session.exitstatus in _EXITS_OF_WHOLE_RUNS
        if session.shouldstop or session.shouldfail or not has_ended_by_itself:
            self._tests.narrow(STOPPED)
        # The controller of xdist runs no test.
        if not self._is_controller:
            has_run_all = self._has_run_all(session)
            mimic_session.do_and_keep_error(
                partial(mimic_session.close, is_complete=has_run_all)
            )
            if mimic_session.run.account.next_run is not None:
                mimic_session.do_and_keep_error(
                    mimic_session.run.account.next_run.report
                )
        mimic_session.do_and_keep_error(self._count_tokens)
        if self._is_worker:
            mimic_session.vault.store.end_writing()
            account = mimic_session.account.to_plain()
            # xdist sends this to the controller: `plugin.pytest_testnodedown` reads it.
            self._config.workeroutput["mimic"] = account  # type: ignore[attr-defined]
            return
        if mimic_session.account.replaced_objects:
            # This waits for the end of all tests: a recording that a test puts back
            # needs its objects again.
            mimic_session.do_and_keep_error(
                partial(
                    mimic_session.vault.writer.delete,
                    (),
                    candidates=mimic_session.account.replaced_objects,
                )
            )
        mimic_session.do_and_keep_error(self._find_dropped_placeholders)
        mimic_session.do_and_keep_error(self._find_older_answers)
        mimic_session.do_and_keep_error(self._judge)
        mimic_session.do_and_keep_error(self._keep_usage)
        # Threads that tests have left running may have made calls meanwhile.
        mimic_session.keep_strays_for_summary()
        # The page comes last, since it shows the summary.
        mimic_session.do_and_keep_error(self._write_page)
        self._set_exit_code(session)

    def _has_run_all(self, session: pytest.Session) -> bool:
        """Check whether this process has run all tests of the project, which passed.

        Only then the scope of the session may drop what nobody recorded again.
        """
        # A worker runs a part of the tests, and does not know how the others ended.
        if self._is_worker or session.testsfailed:
            return False
        return self._tests.have_all_passed()

    def _set_exit_code(self, session: pytest.Session) -> None:
        """Let a run fail for problems that belong to no test."""
        account = self._session.account
        # Wrong targets are a usage error. Under xdist, each test has failed for one.
        if account.target_problems:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif session.exitstatus in _EXITS_WITHOUT_FAILURE and self._has_failed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _has_failed(self) -> bool:
        """Check whether there is a problem that belongs to no test.

        Such a problem is an unused recording with `--mimic-fail-on-unused`, a miss
        outside of tests, or a file that cannot be written.
        """
        account = self._session.account
        if self._session.settings.fail_on_unused and self._judgement.unused:
            return True
        has_miss_outside_of_tests = any(not miss.test for miss in account.misses)
        return has_miss_outside_of_tests or bool(account.errors)

    def _judge(self) -> None:
        """Judge the recordings that no test used, for the summary."""
        account = self._session.account
        # A run that a fixture has started on its own does not know the tests.
        if self._tests.have_run and not self._config.option.collectonly:
            if account.misses:
                # Before the judgement, by which no recording is unused that can move.
                self._find_moves()
            reasons_for_partial_run = self._tests.reasons_for_partial_run()
            self._judgement = judge_unused(
                self._session.vault,
                account,
                self._session.settings,
                reasons=reasons_for_partial_run,
            )
            if not reasons_for_partial_run:
                # No call has such a path, so it may be misspelt: `ignore=filter.dat`.
                for option in sorted(account.ignored_paths - account.met_paths):
                    account.notes.add(f"{option} met nothing in any call")
        if account.recorded:
            count, total_bytes = self._session.vault.size()
            shown_vault = self._session.settings.shown_vault
            recordings = plural(count, "recording")
            self._judgement.vault = (
                f"vault: {shown_vault}, {recordings}, {size(total_bytes)}"
            )

    def _count_tokens(self) -> None:
        """Count the tokens that replayed answers of language models have saved."""
        account = self._session.account
        recordings = self._session.run.made_recordings
        # The seconds and the file of each replay that may have answered a chat.
        replayed_answers = []
        for replay in account.each_replay():
            if replay.recording.startswith(("calls/http/", CASSETTES_PREFIX)):
                replayed_answers.append((replay.seconds, replay.recording))
        if replayed_answers and recordings is not None:
            from pytest_mimic._run.token_counts import tokens_of

            tokens = tokens_of(
                replayed_answers, self._session.vault, recordings.read_or_written
            )
            account.saved_tokens.append(tokens)

    def _find_dropped_placeholders(self) -> None:
        """Find the tests whose recordings hold a dropped placeholder.

        Such a placeholder stood for a secret in the answer of a fixture, which has
        another one now. A replay would give a test the old one, so the summary lists
        these tests to be recorded again.
        """
        account = self._session.account
        vault = self._session.vault
        if not account.dropped_placeholders:
            return
        for recording in vault.names():
            text = (vault.store.read(recording) or b"").decode("utf-8", "replace")
            for placeholder in account.dropped_placeholders:
                if placeholder in text:
                    account.tests_with_dropped_placeholders.add(
                        vault.test_of(recording) or recording
                    )

    def _find_older_answers(self) -> None:
        """Find the tests with answers from before a wider fixture made new calls.

        Those that ran are noted. Of the others, nobody knows which of them use the
        fixture, so all that its scope has, and that use its client, are listed.
        """
        account = self._session.account
        vault = self._session.vault
        rootdir = self._session.settings.rootdir
        # By client: its tests in the vault that exist and did not run.
        tests_by_client: dict[str, set[str]] = {}
        for changed in account.changed_fixtures:
            if changed.client not in tests_by_client:
                tests = tests_by_client[changed.client] = set()
                names = list(vault.store.names(recording_folder(changed.client)))
                for heading in vault.reader.headings(names):
                    test = heading.test
                    is_of_test = heading.owner == test and test not in account.outcomes
                    if is_of_test and stands_in_file(test, rootdir):
                        tests.add(test)
            for test in tests_by_client[changed.client]:
                if is_in_scope(test, changed.scope):
                    account.older_answers.add(
                        OlderAnswers(test, changed.fixture, is_certain=False)
                    )

    def _find_moves(self) -> None:
        """Find the moves that give tests the recordings of tests that are gone."""
        from pytest_mimic._tools.unused.renamed_tests import moved_tests

        account = self._session.account
        settings = self._session.settings
        # By test: the identity of its first missing call.
        first_misses: dict[str, str] = {}
        targets: set[str] = set()
        for miss in account.misses:
            # A stale call has a recording of its own test, which so was not renamed.
            if miss.test and miss.key and not miss.is_stale:
                first_misses.setdefault(miss.test, miss.key)
                targets.add(miss.target)
        for test in account.outcomes:
            # pytest reports no collection of a file if the command line names a test in
            # it.
            file, _, _ = test.partition("::")
            account.collected.add(file)
        gone_tests = GoneTests(
            account, settings, is_complete=not self._tests.reasons_for_partial_run()
        )
        moves = moved_tests(
            self._session.vault, first_misses, gone_tests, targets=targets
        )
        for move in moves.certain:
            account.moved.append(move)
        # No command is offered for these: it would be a guess.
        for test, candidates in moves.unclear.items():
            named_candidates = limited(candidates, most=3, of=" tests")
            gone = "one of the tests that are gone and began with the same call"
            if len(candidates) == 1:
                gone = "the test that is gone and began with the same call"
            account.unclear_moves.add(
                f"{test} may be {gone}: {', '.join(named_candidates)} "
                "(pytest-mimic mv --help)"
            )

    def _keep_usage(self) -> None:
        """Write the file of `--mimic-usage`, which `pytest-mimic unused` reads."""
        usage_file = self.usage_file
        account = self._session.account
        # Without tests, as with `--fixtures`, a file would prove all recordings unused.
        if usage_file is None or not self._tests.have_run:
            return
        account.known = set(self._session.vault.names())
        account.ran = set(map(usage_file.in_environment, account.outcomes))
        usage_file.write(account, self._session.settings)

    def _write_page(self) -> None:
        """Write the HTML report of `--mimic-report`, if one was requested."""
        if self.call_reports is not None and not self._config.option.collectonly:
            summary_lines = self.summary(quiet=False)
            self._lines_of_page = self.call_reports.write(summary_lines)

    def summary(
        self, *, quiet: bool | None = None, row_width: int | None = None
    ) -> list[str]:
        """Return the lines of the section titled `mimic`, also for the HTML report.

        Args:
            quiet: Whether only problems are shown; None: as `-q` says.
            row_width: The characters that a row of a list should take at most, without
                its indent; None: the usual number, where there is no terminal.
        """
        account = self._session.account
        if quiet is None:
            quiet = self._config.option.verbose < 0
        lines = summary(
            account,
            self._judgement,
            self._session.settings,
            quiet=bool(quiet),
            cache=cache_of(self._config),
            whole_files=self._tests.whole_files(),
            row_width=row_width or ROW_WIDTH,
        )
        if not quiet:
            lines += self._lines_of_page
        if not lines and self._has_nothing_to_mimic():
            # A run with `--mimic-record` and without targets would else say nothing.
            lines = [NOTHING]
        problems = []
        if self._is_controller:
            # Without xdist, pytest itself prints the usage error.
            problems = [f"ERROR: {problem}" for problem in account.target_problems]
        return [printable(line) for line in (*problems, *lines)]

    def _has_nothing_to_mimic(self) -> bool:
        """Check whether nothing was mimicked, though an option or a vault asks for it.

        This is False for a run without tests. Else the summary says it: a misspelt
        target or a wrong ini file may be the reason.
        """
        session = self._session
        if session.account.mimicked or not self._tests.have_run:
            return False
        for name, value in vars(self._config.option).items():
            if name.startswith("mimic_") and value:
                return True
        return holds_recordings(session.settings.vault)


def cache_of(config: pytest.Config) -> Path | None:
    """Return the folder of pytest's cache, or None if pytest keeps none.

    Commands of the summary may name a file of tests in it, or `--lf`.
    """
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return None
    return Path(config.rootpath, config.getini("cache_dir"))
