"""One run of pytest: starts what is mimicked, joins its processes, and ends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic.commands import Commands
from pytest_mimic.engine.cassettes import Cassettes
from pytest_mimic.engine.coverings import Coverings, missing_modules
from pytest_mimic.engine.events import Event
from pytest_mimic.engine.former_answers import FormerAnswers, former_answers
from pytest_mimic.engine.processes import edge_of_starts
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.servers import edge_of_servers
from pytest_mimic.engine.unused import (
    READ_UNASKED,
    GoneTests,
    Judgement,
    clear,
    files_in,
    judge,
    size_of,
)
from pytest_mimic.engine.usage import Reason, Usage, UsageFile
from pytest_mimic.errors import MimicError, TargetError
from pytest_mimic.run.fixtures import Fixtures
from pytest_mimic.run.phases import Phases
from pytest_mimic.run.selection import Selection
from pytest_mimic.run.settings import Settings
from pytest_mimic.values.places import Places
from pytest_mimic.vault.vault import Vault

if TYPE_CHECKING:
    from pytest_mimic.engine.events import Plain
    from pytest_mimic.run.files_of_tests import FilesOfTests

_HEADERS = {
    "replay": "replay from {}",
    "record": "record into {}",
    "rerecord": "re-record into {}",
    "verify": "verify against {}",
    "live": "live, every call runs for real, {} is left alone",
}
_WITHOUT_FAILURE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_CALLS_IN_HEAD = re.compile(rb'"calls": (\d+)')


def too_late() -> TargetError:
    """Return the error of a test that asks for the plugin when none was prepared."""
    return TargetError(
        "nothing was prepared for mimicking before the tests",
        remedies=[
            (
                "import it at the top of the test's file or of conftest.py",
                "from pytest_mimic import mimic",
            )
        ],
    )


class Session:
    """A plugin: the run of this process, or what the workers of xdist have in common.

    Attributes:
        settings: What the user has asked for.
        commands: Writes the commands to paste.
        run: The engine's run.
        coverings: What is mimicked.
        cassettes: The cassettes that are open.
        usage: What this run collected, ran and used.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = settings = Settings.of(config)
        self.commands = Commands(
            config.rootpath, config.invocation_params.dir, settings.vault_option
        )
        vault = Vault(settings.vault, label=settings.vault_label)
        self.run = Run(
            settings.mode,
            vault,
            Places(config.rootpath),
            self.commands,
            forbids_pickles=settings.pickle == "forbid",
            source=settings.source,
            inputs=settings.inputs,
            redact=settings.redact,
            may_record=settings.may_record,
            may_begin=settings.may_record and not settings.is_ci,
        )
        shows_calls = config.option.verbose > 0 or settings.report is not None
        self.run.events.shows_calls = shows_calls
        self.coverings = Coverings(self.run, settings)
        self.cassettes = Cassettes(self.run)
        self.usage = Usage()
        self.judgement = Judgement()
        self._selection = Selection(config, self.usage)
        self._phases = Phases(self)
        self.fixtures = Fixtures(self)
        self._errors: list[str] = []
        self._former_answers: list[FormerAnswers] = []
        self._cleared = 0
        # What no line may leave out, as the workers have seen it.
        self._held: set[tuple[str, str]] = set()
        self._is_worker = hasattr(config, "workerinput")

    def start(self) -> None:
        """Mimic the configured targets, and listen to pytest."""
        self.config.add_cleanup(self._close)
        if self.settings.foreign_lines or not self.settings.targets:
            why = self.settings.foreign_lines or "mimic_functions names nothing"
            self.usage.foreign_lines.add(why)
        if self.settings.writes:
            self.run.vault.recording()
            self.note_what_is_made_anew()
        if not self._is_worker:
            self._prepare_files()
        self.coverings.cover(self.settings.targets)
        if self.settings.mode != "live":
            starts = edge_of_starts(self.run, self.coverings)
            self.coverings.intercept([starts, edge_of_servers(self.run)])
        plugins: list[object] = [self, self._selection, self._phases, self.fixtures]
        if self.settings.mode == "verify":
            # Only a verifying run needs the module.
            from pytest_mimic.run.drifts import DriftReports

            plugins.append(DriftReports(self._phases))
        for plugin in plugins:
            self.config.pluginmanager.register(plugin)

    def note_what_is_made_anew(self) -> None:
        """Name at the end what the recorded calls hold that the next run makes anew."""
        # Only a run that records needs it.
        from pytest_mimic.engine.anew import Anew

        if self.run.anew is None:
            self.run.anew = Anew(self.run.events, self._is_in_files)

    def _is_in_files(self, text: str) -> bool:
        return text in self._files_of_tests

    @cached_property
    def _files_of_tests(self) -> FilesOfTests:
        from pytest_mimic.run.files_of_tests import FilesOfTests  # few runs ask

        settings = self.settings
        return FilesOfTests(self.usage.collected, settings.rootdir, settings.vault)

    def _prepare_files(self) -> None:
        settings = self.settings
        try:
            if settings.usage is not None:
                UsageFile.prepare(settings.usage)
            if settings.report is not None:
                from pytest_mimic.run.report import Tests  # few ask

                self._tests = Tests()
                self.config.pluginmanager.register(self._tests)
        except MimicError as error:
            raise pytest.UsageError(str(error)) from None

    def _close(self) -> None:
        self.coverings.close()
        self.run.close()

    @property
    def _is_controller(self) -> bool:
        return bool(self.config.pluginmanager.hasplugin("dsession"))

    # -- before the tests

    def pytest_report_header(self) -> str | None:
        settings = self.settings
        if not settings.targets and not settings.vault.is_dir():
            return None
        header = _HEADERS[settings.mode].format(settings.vault_label)
        if not settings.may_record:
            header += ", nothing may be recorded"
        count = sum(not target.excluded for target in settings.targets)
        targets = f" ({count} target{'s' if count > 1 else ''})" if count else ""
        return f"mimic: {header}{targets}"

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Judge the targets, as far as the collected tests tell whether they exist.

        Raises:
            pytest.UsageError: Some name nothing.
        """
        self._selection.note_collection(session.items)
        self.run.refusals.gone = GoneTests(
            self.usage, self.settings.rootdir, self._selection.partly_named
        )
        if self._is_controller:
            return
        problems = self.coverings.new_problems()
        if not self.usage.partial:
            problems += missing_modules(self.settings.targets)
        if not problems or session.config.option.collectonly:
            return
        texts = sorted({str(problem) for problem in problems})
        if not self._is_worker:
            raise pytest.UsageError(*texts)
        # A worker cannot end the run: its tests fail, and the controller hears why.
        self._phases.target_error = problems[0]
        self._errors += texts

    # -- xdist

    def end_worker(self, told: Any, error: object) -> None:
        """Count what happened in a worker as a part of this run."""
        if told is None or error is not None:
            self.usage.partial.add(Reason("stopped", "a worker crashed"))
        if told is None:
            return
        self.usage.add(Usage.of_plain(told["usage"]))
        self.run.events.rows += [Event(*row) for row in told["events"]]
        self._errors += [text for text in told["errors"] if text not in self._errors]
        self._held |= {(target, path) for target, path in told["held"]}

    def _tell_controller(self) -> None:
        told: dict[str, Plain] = {
            "usage": self.usage.to_plain(),
            "events": [list(event) for event in self.run.events.rows],
            "errors": list(self._errors),
            "held": [list(one) for one in self.run.anew.held] if self.run.anew else [],
        }
        # xdist has this attribute in its workers.
        self.config.workeroutput["mimic"] = told  # type: ignore[attr-defined]

    # -- after the tests

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the run: what is unused is known now, and the exit code."""
        self._selection.note_end(session, exitstatus)
        self.safely(self.run.end)
        self._phases.keep_strays()
        self.usage.mimicked |= self.coverings.names
        self.usage.note(self.run.events.rows)
        if self._is_worker:
            self._tell_controller()
            return
        if self._selection.has_run:
            self.safely(self._judge)
        changed = self.run.events.of("set up anew")
        if changed:
            self._former_answers = former_answers(self.run.vault, changed)
        if self.settings.usage is not None:
            self.safely(self._write_usage)
        self.safely(self.run.vault.end)
        if self.settings.report is not None:
            self.safely(self._write_report)
        self._set_exit_code(session, exitstatus)

    def keep_error(self, error: MimicError) -> None:
        """Name an error in the summary that belongs to no test; the run fails."""
        text = f"{type(error).__name__}: {error}"
        if text not in self._errors:
            self._errors.append(text)

    def safely(self, step: Callable[[], object]) -> None:
        """Do a step of the end; an error of it, as of a full disk, is no traceback."""
        try:
            step()
        except MimicError as error:
            self.keep_error(error)

    def _judge(self) -> None:
        settings = self.settings
        is_asked = settings.clears_unused or settings.fails_on_unused
        if settings.mode == "live" or (self.usage.partial and not is_asked):
            return
        limit = None if is_asked else READ_UNASKED
        vault = self.run.vault
        self.judgement = judge(vault, self.usage, settings.rootdir, limit=limit)
        if settings.clears_unused and settings.may_record:
            self._cleared = clear(vault, self.judgement.unused)

    def _write_usage(self) -> None:
        assert self.settings.usage is not None
        self.usage.vault = files_in(self.run.vault)
        UsageFile.write(self.settings.usage, self.usage, self.settings.rootdir)

    def _set_exit_code(self, session: pytest.Session, exitstatus: int) -> None:
        is_wrong = any(
            not text.partition(": ")[0].isidentifier() for text in self._errors
        )
        if self._is_controller and is_wrong:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif exitstatus in _WITHOUT_FAILURE and self._has_failed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _has_failed(self) -> bool:
        fails = self.settings.fails_on_unused and bool(self.judgement.unused)
        return fails or bool(self._errors)

    def _write_report(self) -> None:
        from pytest_mimic.run.report import Page, write  # few runs ask

        settings = self.settings
        assert settings.report is not None
        heading = _HEADERS[settings.mode].format(settings.vault_label)
        notes, rootdir = self._summary(), settings.rootdir
        page = Page(rootdir.name, heading, notes, self._tests, self.run)
        write(settings.report, page)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = self._summary()
        if self.config.option.mimic_report:
            lines.append(f"report: {self.config.option.mimic_report}")
        if lines:
            terminalreporter.write_sep("=", "mimic")
        for line in lines:
            terminalreporter.write_line(line)

    def _summary(self) -> list[str]:
        # Workers say nothing, and a run that ends early has nothing to say.
        from pytest_mimic.run.facts import Facts
        from pytest_mimic.run.summary import summary

        option = vars(self.config.option).items()
        facts = Facts(
            settings=self.settings,
            commands=self.commands,
            events=self.run.events,
            judgement=self.judgement,
            outcomes=self.usage.outcomes,
            whole_files=self._selection.whole_files(),
            has_cache=self.config.pluginmanager.hasplugin("lfplugin"),
            cleared=self._cleared,
            former_answers=self._former_answers,
            held=self._held | (self.run.anew.held if self.run.anew else set()),
            is_whole=not self.usage.partial,
            vault=self._size_of_vault(),
            errors=self._errors,
            verbosity=self.config.option.verbose,
            was_asked=any(v for name, v in option if name.startswith("mimic_")),
            is_mimicking=bool(self.usage.mimicked),
        )
        return summary(facts)

    def _size_of_vault(self) -> tuple[int, int] | None:
        """Return how many recordings the vault has, and its bytes, if some are new."""
        if not self.run.events.of("recorded"):
            return None
        vault = self.run.vault
        count = 0
        for name in vault.names():
            if name.startswith("calls/"):
                count += 1
                continue
            with (vault.path / name).open("rb") as file:
                head = _CALLS_IN_HEAD.search(file.read(1000))
            count += int(head[1]) if head else 1
        return count, size_of(vault.path)
