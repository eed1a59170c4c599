"""pytest's side of one run, loaded once something is mimicked: what hooks see, handed to the session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from inspect import unwrap
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._ledger import proven_unused
from pytest_mimic._run.fixtures import WiderFixtures
from pytest_mimic._run.node_ids import plain_id, without_group
from pytest_mimic._run.options import settings_of
from pytest_mimic._run.progress import Progress
from pytest_mimic._run.report import Judgement, Unused, plural, size, summary
from pytest_mimic._run.selection import GoneTests, narrowed_by
from pytest_mimic._session import Session
from pytest_mimic._settings import Mode
from pytest_mimic._swallowed.handled import handled_in, where_swallowed
from pytest_mimic._targets.target import Target, as_targets, parse_target
from pytest_mimic._vault.names import FOLDERS
from pytest_mimic.errors import DriftError, MimicError, MissingRecordingError, TargetError, printable

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mimic._session import Covering

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_SHOWN_UNUSED = 10
_STOPPED = "the run was stopped early"
#: Exit codes of runs that came to their end.
_COMPLETE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Run:
    """One pytest process's run.

    Args:
        config: pytest's.
        item: The running test, where the run is made in the midst of one.

    Attributes:
        session: What does the work.
        has_started: The configured targets are covered.
    """

    def __init__(self, config: pytest.Config, item: pytest.Item | None = None) -> None:
        self.config = config
        self.session = Session(settings_of(config))
        self.is_worker = hasattr(config, "workerinput")
        self.is_controller = not self.is_worker and _distributes(config)
        self._marks: list[Covering] = []
        self._wider = WiderFixtures(self.session)
        self._outcomes: dict[str, str] = {}
        self._collected: list[pytest.Item] = []
        self._phases_passed = True
        self._judgement = Judgement()
        self._progress: Progress | None = None
        if item is not None:
            self.session.begin_test(plain_id(item))
        self._ran_tests = False
        self.has_started = False
        self._late_problems: list[TargetError] = []

    # -- start

    def start(self) -> None:
        """Covers the configured targets.

        Raises:
            pytest.UsageError: A line is wrong; all wrong lines are told.
        """
        self.has_started = True
        hooks = self.config.hook.pytest_mimic_targets
        self._cover([*self._targets_of_ini(), *self._targets_of(lambda: hooks(config=self.config))])
        self.config.pluginmanager.register(_Watching(self), "mimic-run")
        if self.config.pluginmanager.hasplugin("xdist"):
            from pytest_mimic._run.xdist import Merging

            self.config.pluginmanager.register(Merging(self), "mimic-xdist")

    def take_late(self, plugin: object) -> None:
        """Covers the targets of a conftest.py that is loaded when its folder is collected; a wrong one is told then."""
        try:
            if self.has_started:
                self._cover(self._late_targets(plugin))
            else:
                self.start()
        except pytest.UsageError as error:
            self._late_problems.append(TargetError(str(error)))

    def _late_targets(self, plugin: object) -> list[Target]:
        known = self.config.hook.pytest_mimic_targets.get_hookimpls()
        hooks = [
            partial(one.function, *[self.config] * len(one.argnames)) for one in known if one.plugin is plugin
        ]
        return self._targets_of(lambda: [hook() for hook in hooks])

    def _cover(self, targets: Sequence[Target]) -> None:
        self.session.targets += targets
        if not self.is_controller:
            self.session.cover(targets)

    def _show_progress(self) -> None:
        """Tells of real calls that take long, where a recording run has a terminal."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if self.session.settings.mode.writes and terminal is not None and terminal.isatty:
            self._progress = Progress(self.session.state, terminal)

    def _targets_of_ini(self) -> list[Target]:
        targets, problems = [], []
        for number, line in enumerate(self.config.getini("mimic_functions"), 1):
            try:
                target = parse_target(line, origin=f"mimic_functions, line {number}")
            except TargetError as error:
                problems.append(str(error))
                continue
            if target is not None:
                targets.append(target)
        if problems:
            raise pytest.UsageError(*problems)
        return targets

    def _targets_of(self, call_hooks: Callable[[], list[Any]]) -> list[Target]:
        try:
            made = call_hooks()
            for targets in made:
                if not isinstance(targets, (list, tuple)):
                    raise TargetError(f"{targets!r} is no list of Target")
            return as_targets(target for targets in made for target in targets)
        except TargetError as error:
            raise pytest.UsageError(f"pytest_mimic_targets: {error}") from None
        except Exception as error:  # the hook's own code may raise anything
            raise pytest.UsageError(f"pytest_mimic_targets raised {type(error).__name__}: {error}") from error

    def header(self) -> list[str]:
        """The line that names the mode and the vault."""
        settings = self.session.settings
        if not self.session.targets and not self._holds_recordings():
            return []
        verb = {Mode.RECORD: "record into", Mode.RERECORD: "record anew into", Mode.VERIFY: "verify against"}
        targets = plural(sum(not target.excluded for target in self.session.targets), "target")
        if settings.mode is Mode.LIVE:
            return [
                f"mimic: live, every call runs for real, {settings.shown_vault} is left alone ({targets})"
            ]
        return [f"mimic: {verb.get(settings.mode, 'replay from')} {settings.shown_vault} ({targets})"]

    # -- targets

    def note_collected(self, item: pytest.Item) -> None:
        """Notes a test that may yet be deselected."""
        self._collected.append(item)

    def collected(self, selected: Sequence[pytest.Item]) -> None:
        """Judges the selection and the targets, now that the tests are collected.

        Args:
            selected: The tests that will run.

        Raises:
            pytest.UsageError: A target does not exist. Under xdist the tests fail instead.
        """
        kept = set(map(id, selected))
        left_out = sum(id(item) not in kept for item in self._collected)
        self._collected.clear()
        if left_out:
            self.narrow(f"{plural(left_out, 'test')} deselected")
        self._show_progress()
        problems = [*self._late_problems, *self.session.new_problems()]
        if not self._narrowed():
            problems += self.session.missing_modules()
        if not problems:
            return
        self.session.ledger.problems += [str(problem) for problem in problems]
        if not self.is_worker:
            raise pytest.UsageError(*self.session.ledger.problems)
        self._broken = problems[0]

    _broken: TargetError | None = None

    # -- tests

    def note_loop(self) -> None:
        """Notes that tests are run: a run that only shows something, as `--fixtures`, never comes to it."""
        self._ran_tests = True

    def begin_test(
        self, item: pytest.Item, decorations: Sequence[Sequence[Target]], marks: Sequence[pytest.Mark]
    ) -> None:
        """A test's set-up begins.

        Args:
            item: The test.
            decorations: The targets that its class is decorated with, the outermost first.
            marks: Its markers, the closest first.

        Raises:
            TargetError: A target does not exist.
        """
        self._phases_passed = True
        self.session.take_strays()
        self.session.begin_test(plain_id(item))
        if self._broken is not None:
            raise self._broken
        for targets in decorations:
            self._marks.append(self.session.enter(targets))
        for mark in reversed(marks):
            if not mark.args:
                raise TargetError('the marker names no target: write it as mimic("shop.api:fetch_rates")')
            self._marks.append(self.session.enter(as_targets(mark.args, mark.kwargs)))

    def end_marks(self) -> None:
        """Restores what the test's markers, and the decorators of its class, covered."""
        while self._marks:
            self.session.uncover(self._marks.pop())

    def fixture_scope(self, fixturedef: Any, request: Any) -> AbstractContextManager[None]:
        """While a fixture of wider scope is set up or torn down, its calls belong to that scope."""
        if fixturedef.scope == "function":
            return nullcontext()
        return self._wider.scope(fixturedef, request, plain_id(request.node))

    def note_temporary(self, factory: pytest.TempPathFactory) -> None:
        """Paths under pytest's base temporary folder count relative to it."""
        self.session.add_root(str(factory.getbasetemp()), "tmp")

    def judge_phase(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Fails a phase that passed only because an error of ours was swallowed."""
        if self.session.state.test != report.nodeid:  # a report goes to xdist's controller, which has no test
            vars(report)["mimic_test"] = self.session.state.test
        for error in self.session.take_pending():
            if not isinstance(error, (DriftError, TargetError)) and handled_in(error, _files_of(item)):
                continue
            self._tell(item, report, error)
        self._phases_passed = self._phases_passed and report.outcome != "failed"
        if report.when == "teardown":
            self._note_errors(lambda: self.session.end_test(passed=self._phases_passed))

    def _tell(self, item: pytest.Item, report: pytest.TestReport, error: MimicError) -> None:
        if report.failed:
            if error.what not in report.longreprtext:
                report.sections.append(("mimic", str(error)))
            return
        if report.skipped and hasattr(report, "wasxfail"):
            return
        report.longrepr = self._told(report, error)
        if hasattr(report, "wasxfail") and _is_expected(item, error):
            report.outcome = "skipped"
        else:
            report.outcome = "failed"
            vars(report).pop("wasxfail", None)  # pytest counts no failure that has it

    def _told(self, report: pytest.TestReport, error: MimicError) -> str:
        if isinstance(error, TargetError):
            return f"{type(error).__name__}: {error}"
        kind = _kind(error)
        place = where_swallowed(error, self.session.settings.rootdir)
        how = "was skipped after" if report.skipped else "passed only because"
        told = f"{how} {kind} was swallowed{f' in {place}' if place else ''}"
        return "\n".join([told, *(f"  {line}" for line in f"{type(error).__name__}: {error}".splitlines())])

    # -- the end

    def note_outcome(self, report: pytest.TestReport) -> None:
        """Notes how a test ended: failed in any phase, skipped, or passed."""
        nodeid = vars(report).get("mimic_test") or without_group(report.nodeid)
        if str(report.outcome) == "rerun":  # of pytest-rerunfailures
            self._outcomes.pop(nodeid, None)
        elif report.outcome != "passed" or hasattr(report, "wasxfail"):
            self._outcomes[nodeid] = "failed" if report.failed else "skipped"
        elif report.when == "call":
            self._outcomes.setdefault(nodeid, "passed")

    def note_collection(self, report: pytest.CollectReport) -> None:
        """Notes what was collected, and what collecting left out."""
        self.session.ledger.collected.add(report.nodeid.partition("::")[0])
        if report.failed:
            self.narrow("a collection error")
        elif report.skipped:
            self.session.ledger.skipped_modules.add(report.nodeid)

    def narrow(self, reason: str) -> None:
        """Notes why the run was not complete."""
        if reason not in self.session.ledger.selection:
            self.session.ledger.selection.append(reason)

    def _narrowed(self) -> list[str]:
        asked = narrowed_by(
            self.config.option,
            args=self.config.args,
            testpaths=self.config.getini("testpaths"),
            rootdir=self.config.rootpath,
            cwd=self.config.invocation_params.dir,
        )
        return [*asked, *self.session.ledger.selection]

    def finish(self, session: pytest.Session) -> None:
        """Ends the run: ships the account, or judges, clears and sets the exit code."""
        if self._progress is not None:
            self._progress.stop()
        self.session.take_strays()
        self._note_errors(self.session.break_off)
        self.session.state.report_unfinished()
        if not self.is_controller:
            complete = session.exitstatus in _COMPLETE
            self._note_errors(lambda: self.session.close(passed=complete and not session.testsfailed))
        if self.is_worker:
            self.config.workeroutput["mimic"] = self.session.ledger.to_plain()  # type: ignore[attr-defined]
            return
        if session.shouldstop or session.shouldfail or session.exitstatus not in _COMPLETE:
            self.narrow(_STOPPED)
        self._note_errors(lambda: self.session.vault.collect(self.session.ledger.replaced))
        self._note_errors(self._judge)
        self.session.take_strays()  # of threads that tests have left behind
        self._set_exit_code(session)

    def _note_errors(self, step: Callable[[], object]) -> None:
        """Takes a step at the end of a test or of the run: an error of ours becomes a line of the summary."""
        try:
            step()
        except MimicError as error:
            self.session.ledger.errors.append(str(error))

    def _judge(self) -> None:
        settings = self.session.settings
        if not self._ran_tests or self.config.option.collectonly:
            return
        reasons = self._narrowed()
        if settings.mode is Mode.LIVE:
            asked = settings.clear_unused or settings.fail_on_unused
            self._judgement = Judgement(not_judged="--mimic-live was given" if asked else "")
        elif reasons:
            self._judgement = Judgement(not_judged=", ".join(reasons) if self._holds_recordings() else "")
        else:
            names = self.session.vault.names()
            unused = set(names) - self.session.ledger.used
            all_passed = not self.session.ledger.skipped_modules and set(self._outcomes.values()) <= {
                "passed"
            }
            proven = sorted(self._proven(unused, all_passed=all_passed))
            self._judgement = Judgement(
                unused=len(proven),
                shown=[self._shown(name) for name in proven[:_SHOWN_UNUSED]],
                unproven=len(unused) - len(proven),
                unproven_as=_why_unproven(
                    len(unused) - len(proven), all_passed=all_passed, is_shared=self._is_shared
                ),
                **self._clear(proven),
            )
        if settings.mode.writes and self.session.ledger.recorded:
            self._judgement = self._judgement._replace(vault=self._vault_line())
            if self.session.vault.is_old():
                self.session.ledger.note(
                    f"{settings.shown_vault}/*.pkl are recordings of pytest-mimic 0.x, which serve nothing any more: "
                    "delete them"
                )

    def _proven(self, unused: set[str], *, all_passed: bool) -> Iterator[str]:
        return proven_unused(
            unused,
            outcomes=self._outcomes,
            all_passed=all_passed,
            test_of=self.session.test_of,
            gone=GoneTests(
                collected=self.session.ledger.collected,
                ran=self._outcomes.keys(),
                rootdir=self.config.rootpath,
                is_shared=self._is_shared,
            ),
        )

    @cached_property
    def _is_shared(self) -> bool:
        """Whether the vault lies where other projects may record into it as well."""
        settings = self.session.settings
        return not settings.vault.resolve().is_relative_to(settings.rootdir.resolve())

    def _shown(self, name: str) -> Unused:
        label, test = self.session.label_of(name)
        return Unused(label, test, is_gone=bool(test) and test not in self._outcomes)

    def _clear(self, names: list[str]) -> dict[str, str]:
        """Clears where it was asked for; gives what the judgement says of it."""
        settings = self.session.settings
        if not settings.clear_unused or not names:
            return {}
        if settings.no_record:
            return {"not_cleared": "--mimic-no-record was given"}
        cleared = self.session.vault.delete(names)
        return {
            "cleared": f"{plural(cleared.recordings, 'unused recording')} cleared ({size(cleared.bytes)})"
        }

    def _holds_recordings(self) -> bool:
        """Whether the vault has any: a look at two folders, not a listing."""
        return any(self.session.settings.vault.joinpath(folder).is_dir() for folder in FOLDERS)

    def _vault_line(self) -> str:
        count, total = self.session.vault.size()
        return f"vault: {self.session.settings.shown_vault}, {plural(count, 'recording')}, {size(total)}"

    def _set_exit_code(self, session: pytest.Session) -> None:
        ledger = self.session.ledger
        if ledger.problems:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and (
            ledger.strays
            or ledger.errors
            or (self.session.settings.fail_on_unused and self._judgement.unused)
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def summary(self) -> list[str]:
        """The lines of the section titled `mimic`."""
        ledger = self.session.ledger
        # Without xdist, pytest tells the usage error itself.
        problems = [f"ERROR: {problem}" for problem in ledger.problems if self.is_controller]
        lines = summary(ledger, self._judgement, quiet=self.config.option.verbose < 0)
        return [printable(line) for line in (*problems, *lines)]

    def close(self) -> None:
        """Restores everything, where the run did not come to its end."""
        self.session.close(passed=False)


class _Watching:
    """The hooks that only a run with something mimicked needs."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        self._run.note_loop()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._run.note_outcome(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._run.note_collection(report)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._run.note_collected(item)

    def pytest_keyboard_interrupt(self) -> None:
        self._run.narrow(_STOPPED)


def _why_unproven(count: int, *, all_passed: bool, is_shared: bool) -> str:
    if not all_passed:
        return "some tests did not pass"
    if is_shared:
        return "the vault is outside of the rootdir, where other projects may use it"
    return "its test may still exist" if count == 1 else "their tests may still exist"


def _kind(error: MimicError) -> str:
    """What sort of error it is, in words: `a missing recording`, `an UnstableIdentityError`."""
    if isinstance(error, MissingRecordingError):
        return "a missing recording"
    name = type(error).__name__
    return f"an {name}" if name.startswith("U") else f"a {name}"


def _distributes(config: pytest.Config) -> bool:
    """Whether xdist runs the tests in workers, as it decides it."""
    option = config.option
    return (
        getattr(option, "dist", "no") != "no" and bool(getattr(option, "tx", None)) and not option.collectonly
    )


def _is_expected(item: pytest.Item, error: MimicError) -> bool:
    """Whether the error is one that a test marked as an expected failure may fail with."""
    mark = item.get_closest_marker("xfail")
    raises = mark.kwargs.get("raises") if mark is not None else None
    if raises is None or isinstance(raises, (type, tuple)):
        return raises is None or isinstance(error, raises)
    return bool(raises.matches(error))  # a pytest.RaisesExc or RaisesGroup


def _files_of(item: pytest.Item) -> set[str]:
    """The files whose handling of a miss counts as deliberate: the test's own."""
    doctest = getattr(item, "dtest", None)
    if doctest is not None:  # its own code is that of the examples: its file may be the code under test
        examples = (f"<doctest {doctest.name}[{number}]>" for number in range(len(doctest.examples)))
        return {*examples, str(sys.modules["doctest"].__file__)}
    function: Any = getattr(item, "function", None)
    if function is not None:
        function = unwrap(function)  # a decorator's file is not the test's
    code = getattr(function, "__code__", None)
    return {str(item.path), *([code.co_filename] if code is not None else [])}
