"""The phases of each test: its beginning, the judgement of each phase, its end.

`PytestRun` registers the plugin: a run that needs no `PytestRun` pays nothing for each
test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.modules import PACKAGE
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._run.configuration import Hooks
from pytest_mimic._run.selected_tests import PLAIN_ID, UNCALLED, plain_id
from pytest_mimic.errors import (
    Damage,
    DriftError,
    MimicError,
    TargetError,
    UnstableIdentityError,
    UnstorableOutcomeError,
)

if TYPE_CHECKING:
    from pytest_mimic._run.failure_layer import FailureLayer
    from pytest_mimic._run.session import Session


# The errors of calls that cannot be recorded. The report of a test that made one offers
# no command to record its calls again, as that would end in the same error.
_REFUSALS_OF_RECORDING = (UnstableIdentityError, UnstorableOutcomeError)
# The plugins that answer for a test only after they have called its function: pytest
# itself, as `python`, and anyio. With these alone, no function is watched.
_PLUGINS_THAT_CALL = frozenset({"anyio", "python"})


@cache
def failure_layer() -> type[FailureLayer]:
    """Return what judges and reports failures: the door to that part of the layer.

    A run whose tests pass needs none of it.
    """
    from pytest_mimic._run.failure_layer import FailureLayer

    return FailureLayer


class Phases(Hooks):
    """A plugin: the test that runs, and what its phases have shown so far.

    Attributes:
        target_error: The error of a wrong target, which each test of a worker of xdist
            raises: a worker has no other way to report it.
    """

    def __init__(self, session: Session) -> None:
        self.target_error: TargetError | None = None
        self._session = session
        # Functions that end the coverings of the test's markers, and of the decorators
        # of its class. The teardown calls them, the last one first.
        self._ends_of_coverings: list[Callable[[], None]] = []
        # Whether no phase of the test has failed so far.
        self._no_report_failed = True
        # Whether a test has begun and has not ended.
        self._is_test_running = False
        # Whether the test itself has raised something of which no report tells so far.
        self._has_unreported_error = False
        # Whether the test was neither skipped nor expected to fail, nor answered for.
        # Else it proves no recording unused.
        self._is_neither_skipped_nor_xfail = True
        # Whether a plugin has answered for the test without a call of its function.
        self._is_answered_without_call = False
        # Whether the targets of all tests' markers are patched: once in a run.
        self._are_marks_prepared = False
        # Whether all modules are loaded that pyfakefs must not change.
        self._has_loaded_before_fakes = False
        # How many replays the run had when the test began.
        self._replay_count_before_test = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test: mimic the targets of its class's decorators and of its markers.

        Raises:
            TargetError: A target does not exist.
        """
        if self._is_test_running:
            # A plugin (pytest-retry) makes a new attempt, without reports of the last.
            # What that attempt has recorded is not kept.
            self._session.end_test(passed=False, is_neither_skipped_nor_xfail=False)
        self._is_test_running = True
        self._no_report_failed = True
        self._has_unreported_error = False
        self._is_neither_skipped_nor_xfail = True
        self._is_answered_without_call = False
        # Errors since the last test, of threads or of a module that was imported, are
        # no fault of this test. They go into the summary.
        self._session.keep_strays_for_summary()
        self._session.begin_test(plain_id(item))
        run = self._session.run
        fixtures = getattr(item, "fixturenames", ())
        run.current.secret_scope = SecretScope(
            outer=partial(run.current.scopes_of, fixtures)
        )
        run.current.fixtures = fixtures
        run.current.own_files = partial(_own_files, item)
        self._replay_count_before_test = len(self._session.account.replays)
        self._load_before_fakes()
        if self.target_error is not None:
            raise self.target_error
        marks = list(item.iter_markers("mimic"))
        if marks and not self._are_marks_prepared:
            # All tests' functions are patched together, so that the modules that hold
            # them are searched for once, and not for each test.
            self._are_marks_prepared = True
            self._session.coverings.prepare(_targets_of_marks(item.session.items))
        for targets in _targets_of_class(item):
            self._enter(targets)
        # pytest yields the closest mark first. It is entered last, so that it counts
        # over the others.
        for mark in reversed(marks):
            self._enter_mark(item, mark)

    def _load_before_fakes(self) -> None:
        """Load all modules once pyfakefs is there, before it replaces `open` in any."""
        if self._has_loaded_before_fakes:
            return
        if "pyfakefs.fake_filesystem_unittest" in sys.modules:
            from pytest_mimic._run.layers import load_before_fakes

            load_before_fakes()
            self._has_loaded_before_fakes = True

    def _enter(self, targets: list[Target]) -> None:
        """Mimic targets until the end of the test."""
        self._ends_of_coverings.append(self._session.coverings.enter(targets).end)

    def _enter_mark(self, item: pytest.Item, mark: pytest.Mark) -> None:
        """Mimic the targets of a marker until the end of the test.

        Raises:
            TargetError: A target does not exist, or there is none.
        """
        try:
            if not mark.args:
                raise TargetError(
                    "the marker names no target: "
                    'write it as mimic("shop.api:fetch_rates")'
                )
            self._enter(as_targets(mark.args, mark.kwargs))
        except TargetError as error:
            # The error shows no line of the user's, as no code of the test has run.
            file, line, _ = item.location
            facts = (*error.facts, f"in a marker of {file}:{(line or 0) + 1}")
            raise TargetError(
                error.what, facts=facts, remedies=error.remedies, **error.data
            ) from None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Note that a test raises something: not every attempt of one has a report.

        An attempt that pytest-retry repeats has none, and what it recorded is not kept.
        """
        try:
            return (yield)
        except BaseException:
            self._has_unreported_error = True
            raise

    # The wrapper inside of all others: some of these give the test another function.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, object, object]:
        """Note that a plugin answers for a test without a call of its function."""
        if not _may_be_answered(pyfuncitem):
            return (yield)
        from pytest_mimic._run.answered_tests import WatchedFunction

        function = WatchedFunction(pyfuncitem)
        try:
            answer = yield
        finally:
            function.give_back()
        self._is_answered_without_call = not function.is_called
        return answer

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """Restore the functions that the markers and decorators of a test covered."""
        self._session.scopes.begin_teardown()
        try:
            return (yield)
        finally:
            while self._ends_of_coverings:
                end = self._ends_of_coverings.pop()
                end()

    # Not tryfirst: a wrapper of conftest.py that is tryfirst must see the judgement.
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.excinfo is not None or getattr(item, "_excinfo", None):
            failure_layer().shorten(item, call)
        report = yield
        self._judge_phase(item, call, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, call: pytest.CallInfo[None]) -> None:
        """Let `--pdb` stop at the call that missed, and not in this plugin.

        The report shows no line of this plugin either.
        """
        if call.excinfo is None:
            return
        trace = call.excinfo.value.__traceback__
        # `--pdb` stops at the end of the trace. The end becomes the last frame outside
        # of this plugin. If there is none, it is the first frame of all.
        last = trace
        while trace is not None:
            if not trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
                last = trace
            trace = trace.tb_next
        if last is not None:
            last.tb_next = None

    def _judge_phase(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        """Judge a phase of a test, and end the test after its teardown.

        A phase may pass by itself and still fail here: for a miss that code caught, or
        for a drift. `verdicts.py` decides that.
        """
        session = self._session
        test = session.run.current.test
        if test != report.nodeid:
            # Our id of a test is another one outside of the rootdir, and with `--dist
            # loadgroup`. xdist's controller gets the report alone, and reads it there.
            vars(report)[PLAIN_ID] = test
        errors_but_drifts = []
        pending = session.take_pending()
        for error in pending:
            if isinstance(error, DriftError):
                session.unreported_drifts.append(error)
            else:
                errors_but_drifts.append(error)
            if getattr(error, "damage", None) is Damage.POINTER:
                # The summary has one line for all of these: `git lfs pull`.
                session.account.lfs_pointers.add(getattr(error, "file", ""))
        if errors_but_drifts:
            raised = call.excinfo.value if call.excinfo is not None else None
            failure_layer().judge_phase(item, report, errors_but_drifts, raised)
        # Drifts of the set-up wait for the call: a failed set-up would hide the test.
        is_drift_due = session.reports_drifts_by_phase and call.when != "setup"
        if session.unreported_drifts and is_drift_due:
            drifts = session.unreported_drifts
            session.unreported_drifts = []
            failure_layer().fail_for_drifts(item, report, drifts)
        if call.when == "call":
            self._has_unreported_error = False
        if report.failed:
            self._tell_replays(report, test, pending)
            self._no_report_failed = False
        if report.outcome == "skipped" or hasattr(report, "wasxfail"):
            self._is_neither_skipped_nor_xfail = False
        if call.when == "call" and self._is_answered_without_call:
            # pytest says that the test passed, but it made none of its calls. So none
            # of its recordings is unused for that: see `SelectedTests`.
            self._is_neither_skipped_nor_xfail = False
            vars(report)[UNCALLED] = True
        if report.when == "teardown":
            session.do_and_keep_error(self._end_test)
            session.run.current.secret_scope = SecretScope()

    def _tell_replays(
        self, report: pytest.TestReport, test: str, pending: Sequence[MimicError]
    ) -> None:
        """Say in the report of a failure how many recorded calls the test has had.

        A recording may be the reason of the failure. If an error of ours is the reason,
        no placeholder in a recording is.

        Args:
            report: The report of the failure.
            test: The id of the test.
            pending: The errors of ours in the phase.
        """
        run = self._session.run
        since = self._replay_count_before_test
        replays = list(self._session.account.each_replay(since=since))
        if not replays:
            return
        reporting = failure_layer()
        # `--mimic-rerecord` makes these calls again, but not those of `mimic_replay`.
        opened_for_replay = run.current.cassettes.last_opened_for_replay
        renewable_count = 0
        for replay in replays:
            if replay.recording not in opened_for_replay:
                renewable_count += 1
        commands = self._session.settings.commands
        is_refused = any(isinstance(error, _REFUSALS_OF_RECORDING) for error in pending)
        section_lines = reporting.line_of_replays(
            len(replays), renewable_count, test, commands, is_refused=is_refused
        )
        # A miss or a drift in this phase explains the failure without a placeholder.
        if not pending:
            recordings = [replay.recording for replay in replays]
            line_of_placeholders = reporting.line_of_placeholders(
                recordings, run.vault, commands
            )
            if line_of_placeholders is not None:
                section_lines = f"{section_lines}\n{line_of_placeholders}"
        report.sections.append((reporting.SECTION, section_lines))

    def _end_test(self) -> None:
        """End the test after its teardown, as passed if all of its attempts have."""
        self._is_test_running = False
        # An attempt that pytest-retry repeats has raised, and has no report.
        passed = self._no_report_failed and not self._has_unreported_error
        self._session.end_test(
            passed=passed,
            is_neither_skipped_nor_xfail=self._is_neither_skipped_nor_xfail,
        )


def _may_be_answered(item: pytest.Function) -> bool:
    """Return whether a plugin might answer for a test without running it.

    Only then the function of the test is watched, which costs a frame of each test.
    """
    for hook in item.ihook.pytest_pyfunc_call.get_hookimpls():
        is_wrapper = hook.wrapper or hook.hookwrapper
        if not is_wrapper and hook.plugin_name not in _PLUGINS_THAT_CALL:
            return True
    return False


def _own_files(item: pytest.Item) -> set[str]:
    """Return the files of a test's own code, for the engine.

    A miss asks for them, and only then the layer that knows them is loaded.
    """
    return failure_layer().own_files(item)


def _targets_of_marks(items: Iterable[pytest.Item]) -> list[Target]:
    """Return the targets that the markers of all tests name, for `Coverings.prepare`.

    A wrong target is left out. It is reported when its test begins.
    """
    targets: dict[str, Target] = {}
    for item in items:
        for mark in item.iter_markers("mimic"):
            # The test raises the error in its first phase.
            with suppress(TargetError):
                for target in as_targets(mark.args):
                    targets[target.name] = target
    return list(targets.values())


def _targets_of_class(item: pytest.Item) -> list[Any]:
    """Return the targets of each `mimic` that decorates a test's class.

    The targets of base classes come first, so that those of the class count over them.
    """
    decorated: Any = getattr(item, "cls", None)
    # `_mimic.py` sets this attribute.
    if not hasattr(decorated, "__mimic_targets__"):
        return []
    targets_by_decorator: list[Any] = []
    for cls in reversed(decorated.__mro__):
        targets_by_decorator += vars(cls).get("__mimic_targets__", ())
    return targets_by_decorator
