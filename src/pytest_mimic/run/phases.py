"""Begins and ends each test, and judges each of its phases."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from pytest_mimic.engine.lifecycle import begin_test, end_test
from pytest_mimic.engine.logs import Ending
from pytest_mimic.engine.nesting import Unmimicked
from pytest_mimic.errors import (
    CorruptRecordingError,
    DriftError,
    MimicError,
    TargetError,
)
from pytest_mimic.patch.targets import as_targets
from pytest_mimic.run.fakes import keep_out_of_fakes
from pytest_mimic.run.fixtures import Fixtures
from pytest_mimic.run.selection import plain_id
from pytest_mimic.run.session import Session
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import few, on_one_line, plural

if TYPE_CHECKING:
    from pytest_mimic.secrets.issued import Secrets

# Damage that one command mends in all files.
_DAMAGES = {
    "pointer": "Git LFS pointers: git lfs pull",
    "conflict": "in conflict: git status",
    "format": "of another format: pytest --mimic-rerecord",
    "newer": "of a newer version: pip install --upgrade pytest-mimic",
}
# They answer for a test only after they have called its function.
_CALLERS = frozenset({"anyio", "python"})


class Phases:
    """A plugin: the test that runs, and what its phases have shown.

    Attributes:
        target_error: A wrong target, which fails each test of a worker of xdist.
    """

    target_error: TargetError | None = None
    # Whether drifts wait until the test has ended.
    _holds_drifts = False
    _ending: Ending = "passed"
    # Nothing proves what the recordings of such a test are for.
    _unproven = ""

    def __init__(self, session: Session, fixtures: Fixtures) -> None:
        # Drifts that no report shows.
        self._drifts: list[DriftError] = []
        # The phases of the test, by name.
        self._phases: dict[str, pytest.CallInfo[None]] = {}
        self._funcargs: dict[str, Any] = {}
        self._session = session
        self._fixtures = fixtures
        self._activations = ExitStack()

    def keep_strays(self) -> None:
        """Name the errors that belong to no test: of a thread, or of an import."""
        for error in self._session.run.take_noted():
            self._session.keep_error(error)

    # -- hooks

    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """While verifying, report a test when it has ended, as a failure of its call.

        A drift raises nothing: an error in the set-up would keep the test's body from
        running, and its drifts from being found. Where there is no call, the phase that
        kept it from being made fails, or else the last one.
        """
        if self._session.settings.mode != "verify" or _may_run_again(item):
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._holds_drifts = True
        try:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            self._holds_drifts = False
        judging = (one for one in reports if one.when == "call" or not one.passed)
        failing = next(judging, reports[-1])
        for report in reports:
            if report is failing and self._drifts:
                judged = self._judged_again(item, self._phases[report.when])
                shown = judged.sections
                former = [one for one in report.sections if one not in shown]
                judged.sections = former + shown
                report = judged
            hook.pytest_runtest_logreport(report=report)
        self._funcargs = {}
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _judged_again(
        self, item: Any, phase: pytest.CallInfo[None]
    ) -> pytest.TestReport:
        """Make the report of a phase of a test that has ended.

        Other plugins look at its fixtures, of which pytest has let go.
        """
        now, item.funcargs = getattr(item, "funcargs", None), self._funcargs
        try:
            made: pytest.TestReport = item.ihook.pytest_runtest_makereport(
                item=item, call=phase
            )
        finally:
            item.funcargs = now
        return made

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test, and mimic the targets of its markers.

        Raises:
            TargetError: A target does not exist.
        """
        session = self._session
        self._ending = "passed"
        self._unproven = ""
        self.keep_strays()
        keep_out_of_fakes()
        begin_test(session.run, plain_id(item))
        if session.run.new_test_ids is not None:
            parameters = getattr(getattr(item, "callspec", None), "params", {})
            session.run.new_test_ids.begin_test(parameters)
        self._fixtures.begin_test(item)
        if self.target_error is not None:
            raise self.target_error
        # The closest marker comes first, and is to decide: it is entered last.
        for mark in reversed(list(item.iter_markers("mimic"))):
            self._unproven = "left out" if mark.args == (False,) else ""
            if not self._unproven:
                self._enter_mark(item, mark)
        if self._unproven:
            nesting = session.run.nesting
            self._activations.callback(nesting.leave, nesting.enter(Unmimicked()))

    def _enter_mark(self, item: pytest.Item, mark: pytest.Mark) -> None:
        """Mimic the targets of a marker until the end of the test.

        Raises:
            TargetError: There is none, or one does not exist.
        """
        try:
            if not mark.args:
                raise TargetError(
                    "the marker names no target: "
                    'write it as mimic("shop.api:fetch_rates")'
                )
            targets = as_targets(mark.args, mark.kwargs)
            self._activations.callback(self._session.activations.enter(targets).close)
        except TargetError as error:
            # The error shows no line of the user's: no code of the test has run.
            file, line, _ = item.location
            error.facts += (f"in a marker of {file}:{(line or 0) + 1}",)
            raise

    def pytest_enter_pdb(self) -> None:
        self._session.run.note_debugger()

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, object, object]:
        for hook in pyfuncitem.ihook.pytest_pyfunc_call.get_hookimpls():
            is_wrapper = hook.wrapper or hook.hookwrapper
            # A plugin may answer for a test without a call of its function.
            if not is_wrapper and hook.plugin_name not in _CALLERS:
                self._unproven = self._unproven or "uncalled"
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        try:
            return (yield)
        finally:
            self._activations.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        errors = self._take_errors()
        drifts: list[DriftError] = []
        # A set-up that fails for them would hide the test.
        is_due = call.when != "setup" or call.excinfo is not None
        if is_due and not self._holds_drifts:
            drifts, self._drifts = self._drifts, []
        # A test of `unittest` keeps its failures until the report is made.
        kept: Any = getattr(item, "_excinfo", None)
        raised = call.excinfo or (kept[0] if kept else None)
        if errors or drifts or raised:
            from pytest_mimic.run.verdicts import judged  # Few phases need it.

            report = yield from judged(item, call, raised, errors, drifts)
        else:
            report = yield
        self._phases[call.when] = call
        if self._holds_drifts:
            self._funcargs = getattr(item, "funcargs", None) or {}
        is_ours = raised is not None and isinstance(raised.value, MimicError)
        is_explained = is_ours or bool(errors or drifts)
        self._note_outcome(item, report, is_explained=is_explained)
        return report

    # -- what a phase has shown

    def _take_errors(self) -> list[MimicError]:
        """Return the errors of calls that no report shows yet, and keep the drifts."""
        run = self._session.run
        wrong = self._session.activations.new_problems()
        errors = []
        for error in [*wrong, *run.take_noted()]:
            if type(error) in (CorruptRecordingError, MimicError):
                # Damage, or the system, keeps calls from what they would use.
                self._session.usage.partial["a recording was not read"] = "stopped"
            if isinstance(error, CorruptRecordingError) and error.damage in _DAMAGES:
                cause = _DAMAGES[error.damage]
                run.events.add("damaged", error.file, cause=cause)
            if isinstance(error, DriftError):
                self._drifts.append(error)
            else:
                errors.append(error)
        return errors

    def _note_outcome(
        self, item: pytest.Item, report: pytest.TestReport, *, is_explained: bool
    ) -> None:
        session = self._session
        test = session.run.test or plain_id(item)
        if test != report.nodeid:
            # The controller of xdist reads it there.
            vars(report)["mimic_test"] = test
        if self._unproven:
            vars(report)["mimic_outcome"] = self._unproven
        if report.failed:
            self._ending = "failed"
            if not is_explained:  # An error of ours says itself what to do.
                self._show_replays(report, test)
        is_skipped = report.skipped and not hasattr(report, "wasxfail")
        if is_skipped and self._ending == "passed":
            self._ending = "skipped"
        if report.when == "teardown":
            session.safely(end_test, session.run, self._ending)

    def _show_replays(self, report: pytest.TestReport, test: str) -> None:
        """Say in the report of a failure what its replayed calls gave otherwise."""
        run = self._session.run
        # No option records what `mimic_replay` has opened.
        left_out = run.test_owner.cassettes.only_replayed
        replayed = [
            event
            for event in run.events.of_kinds("replayed")
            if event.test == test and event.text("name") not in left_out
        ]
        if not replayed:
            return
        entries = [*_entries_in({one.text("name") for one in replayed}, run.vault)]
        # Alone, it would record again what the others are right with.
        sharing = dict.fromkeys([test, *(one.test for one in entries if one.test)])
        command = self._session.commands.pytest("--mimic-rerecord", tests=sharing)
        count = sum(event.times for event in replayed)
        them = "it" if count == 1 else "them"
        lines = [
            f"{plural(count, 'call')} replayed; to record {them} again: {command}",
            *_own_recordings(test, entries),
            *_given_otherwise(entries, run.secrecy.secrets),
        ]
        report.sections.append(("mimic", "\n".join(map(on_one_line, lines))))


def _may_run_again(item: pytest.Item) -> bool:
    """Return whether a plugin with a protocol of its own may repeat a test.

    Each phase is then judged as it ends: `--reruns` of pytest-rerunfailures,
    `--force-flaky` of flaky; both know the marker `flaky`.
    """
    option = item.config.option
    if getattr(option, "reruns", None) or getattr(option, "force_flaky", None):
        return True
    return item.get_closest_marker("flaky") is not None


def _entries_in(files: Iterable[str], vault: Vault) -> Iterator[Entry]:
    for file, recording in vault.all(files):
        if isinstance(recording, Recording):
            for entry in recording.entries:
                if file.startswith("calls/"):  # All tests share it.
                    entry.test = entry.test or recording.owner
                yield entry


def _given_otherwise(entries: Sequence[Entry], secrets: Secrets) -> list[str]:
    """Say which values a test got as placeholders, and what effects it has not seen."""
    lines = []
    names = secrets.hidden_names([entry.body for entry in entries])
    if names:
        exempt = ", ".join(f"!{name}" for name in names)
        lines = [
            f"placeholders of secrets stand in these answers: {few(names)}",
            f"to keep a value that is none: mimic_redact = {exempt}",
        ]
    facts = [f"{one.target} {fact}" for one in entries for fact in one.unrepeated]
    if facts:
        lines.append(f"left out by the replay: {few(facts)}")
    return lines


def _own_recordings(test: str, entries: Iterable[Entry]) -> list[str]:
    """Say which line lets a test differ from a test that shares a call of it."""
    for entry in entries:
        if entry.test not in ("", test) and ":" in entry.target:
            line = " ".join(filter(None, (entry.target, entry.line, "sequence")))
            return [f"if it should differ from what {entry.test} got: {line}"]
    return []
