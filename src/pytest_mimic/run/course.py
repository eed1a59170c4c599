"""The course of one run: starts what is mimicked, joins its processes, ends it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic.engine.events import Plain
from pytest_mimic.engine.lives import end_run
from pytest_mimic.engine.processes import edges_of_processes
from pytest_mimic.engine.unused import READ_UNASKED, clear, files_in, judge
from pytest_mimic.engine.usage import (
    CRASHED,
    GoneTests,
    Usage,
    prepare_usage_file,
    write_usage_file,
)
from pytest_mimic.errors import MimicError, TargetError
from pytest_mimic.patch.modules import missing_modules
from pytest_mimic.patch.targets import Target, as_targets
from pytest_mimic.run.fixtures import Fixtures
from pytest_mimic.run.phases import Phases
from pytest_mimic.run.session import Session
from pytest_mimic.vault.vault import FOLDERS, vault_above
from pytest_mimic.words import on_one_line, plural

_HEADERS = {
    "replay": "replay from {}",
    "record": "record into {}",
    "rerecord": "re-record into {}",
    "verify": "verify against {}",
    "accept-source": "replay from {}, accepting changed source",
    "live": "live, every call runs for real, {} is left alone",
}
_WITHOUT_FAILURE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


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


class Course:
    """A plugin: the run of this process, or what the workers of xdist have in common.

    Attributes:
        session: What the run has.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.session = Session(config)
        self._fixtures = Fixtures(self.session)
        self._phases = Phases(self.session, self._fixtures)
        self._config = config
        self._is_worker = hasattr(config, "workerinput")

    def start(self) -> None:
        """Mimic the configured targets, and listen to pytest."""
        session, settings = self.session, self.session.settings
        # The last one is called first.
        self._config.add_cleanup(session.run.close)
        self._config.add_cleanup(session.coverings.close)
        if settings.foreign_lines or not settings.targets:
            why = settings.foreign_lines or "mimic_functions is empty"
            session.usage.foreign_lines.add(why)
        try:
            if settings.writes:
                session.run.vault.try_out(
                    f"{folder}/" for folder in (*FOLDERS, "objects")
                )
                session.run.vault.close()
            if not self._is_worker:
                self._prepare_files()
        except MimicError as error:
            raise pytest.UsageError(str(error)) from None
        if settings.writes:
            # Only a run that records needs it.
            from pytest_mimic.engine.effects import edges_of_effects

            session.note_changing_values()
            session.coverings.intercept(edges_of_effects(session.run.inside))
        session.coverings.cover(settings.targets)
        if settings.mode != "live":
            session.coverings.intercept(
                [
                    *edges_of_processes(session.run, session.coverings),
                    session.run.servers.edge(session.run.events),
                ]
            )
        if settings.mode == "replay":
            # Others connect.
            from pytest_mimic.engine.connections import edges_of_connections

            session.coverings.intercept(edges_of_connections(session.run))
        for plugin in (self, session.selection, self._phases, self._fixtures):
            self._config.pluginmanager.register(plugin)

    def _prepare_files(self) -> None:
        settings = self.session.settings
        if settings.usage is not None:
            prepare_usage_file(settings.usage)
        if settings.report is not None:
            from pytest_mimic.run.report import Tests  # few ask

            self._tests = Tests()
            self._config.pluginmanager.register(self._tests)

    @property
    def _is_controller(self) -> bool:
        return bool(self._config.pluginmanager.hasplugin("dsession"))

    # -- before the tests

    def pytest_report_header(self) -> str | None:
        settings = self.session.settings
        if not settings.targets and not settings.vault.is_dir():
            return None
        header = _HEADERS[settings.mode].format(settings.vault_label)
        if settings.mode != "live" and not settings.vault.is_dir():
            if not settings.writes:
                header += ", which does not exist"
            above = vault_above(settings.vault, settings.rootdir)
            if above is not None:
                there = self.session.commands.folder(above)
                header += f" (a vault in {there} has recordings of these tests)"
        if self._config.option.mimic_no_record:
            header += ", nothing may be recorded"
        count = sum(not target.excluded for target in settings.targets)
        if count:
            header += f" ({plural(count, 'target')})"
        return on_one_line(f"mimic: {header}")

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Collect nothing below the vault, which a stranger may have written."""
        vault = self.session.settings.vault
        return True if collection_path.is_relative_to(vault) else None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Judge the targets, as far as the collected tests tell whether they exist.

        Raises:
            pytest.UsageError: Some name nothing.
        """
        ours = self.session
        ours.selection.note_collection(session.items)
        ours.run.refusals.gone = GoneTests(
            ours.usage, ours.settings.rootdir, ours.selection.partly_named
        )
        if self._is_controller:
            return
        # The holders of all tests' functions are searched for once.
        ours.coverings.prepare(_targets_of_marks(session.items))
        problems = ours.coverings.new_problems()
        if not ours.usage.partial:
            problems += missing_modules(ours.settings.targets)
        if not problems or session.config.option.collectonly:
            return
        texts = sorted({str(problem) for problem in problems})
        if not self._is_worker:
            raise pytest.UsageError(*texts)
        # A worker cannot end the run: its tests fail, and the controller hears why.
        self._phases.target_error = problems[0]
        for text in texts:
            ours.run.events.add("wrong target", text)

    # -- xdist

    def end_worker(self, told: Any, error: object) -> None:
        """Count what happened in a worker as a part of this run."""
        usage = self.session.usage
        if told is None or error is not None:
            usage.partial[CRASHED] = "stopped"
        if told is not None:
            usage.add(Usage.of_plain(told["usage"]))
            self.session.run.events.take(told["events"])

    def _tell_controller(self) -> None:
        told: dict[str, Plain] = {
            "usage": vars(self.session.usage),
            "events": self.session.run.events.to_plain(),
        }
        # xdist has this attribute in its workers.
        self._config.workeroutput["mimic"] = told  # type: ignore[attr-defined]

    # -- after the tests

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the run: what is unused is known now, and the exit code."""
        ours, usage = self.session, self.session.usage
        ours.selection.note_end(session, exitstatus)
        ours.safely(lambda: end_run(ours.run))
        self._phases.keep_strays()
        usage.mimicked |= ours.coverings.names
        # Where a client is installed, its recordings may be needed.
        absent = ours.coverings.absent
        usage.foreign_lines |= {f"{client} is not installed" for client in absent}
        usage.mimicked -= set(absent.values())
        usage.note(ours.run.events.rows)
        if self._is_worker:
            self._tell_controller()
            return
        if ours.settings.mode == "accept-source":
            from pytest_mimic.engine.accepting import accept  # few runs ask

            ours.safely(lambda: accept(ours.run.vault, ours.run.events, usage.outcomes))
        if ours.run.events.of("set up anew"):
            from pytest_mimic.run.remarks import note_former_answers  # few set up anew

            ours.safely(lambda: note_former_answers(ours))
        if ours.selection.has_run:
            ours.safely(self._judge)
        ours.safely(self._write_usage)
        ours.safely(ours.run.vault.close)
        ours.safely(self._write_report)
        is_misused = self._is_controller and ours.run.events.of("wrong target")
        if is_misused or ours.run.events.of("not writable"):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif exitstatus in _WITHOUT_FAILURE and self._has_failed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self) -> None:
        ours, settings = self.session, self.session.settings
        is_asked = settings.clears_unused or settings.fails_on_unused
        if settings.mode == "live" or (ours.usage.partial and not is_asked):
            return
        limit = None if is_asked else READ_UNASKED
        vault = ours.run.vault
        ours.judgement = judge(vault, ours.usage, settings.rootdir, limit=limit)
        if settings.clears_unused and settings.may_record:
            ours.cleared = clear(vault, ours.judgement.unused)

    def _write_usage(self) -> None:
        settings = self.session.settings
        if settings.usage is None:
            return
        self.session.usage.vault = files_in(self.session.run.vault)
        write_usage_file(settings.usage, self.session.usage, settings.rootdir)

    def _has_failed(self) -> bool:
        ours = self.session
        fails = ours.settings.fails_on_unused and bool(ours.judgement.unused)
        wrong = ours.run.events.of("stray", "wrong target")
        # Logs that do not fit one another would fail the next run.
        unfit = ours.run.events.of("former answers", "two answers")
        return fails or bool(wrong or unfit)

    def _write_report(self) -> None:
        ours, settings = self.session, self.session.settings
        if settings.report is None:
            return
        from pytest_mimic.run.report import write  # few runs ask

        heading = _HEADERS[settings.mode].format(settings.vault_label)
        notes = self._summary(is_whole=True)
        write(settings.report, heading, notes, self._tests, ours.run)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        option = self._config.option
        lines = self._summary(is_whole=option.verbose > 0)
        if option.mimic_report:
            lines.append(f"report: {option.mimic_report}")
        if lines:
            terminalreporter.write_sep("=", "mimic")
        for line in lines:
            terminalreporter.write_line(on_one_line(line))

    def _summary(self, *, is_whole: bool) -> list[str]:
        # Workers say nothing, and a run that ends early has nothing to say.
        from pytest_mimic.run.summary import summary

        return summary(self.session, is_whole=is_whole)


def _targets_of_marks(items: list[pytest.Item]) -> list[Target]:
    """Return the targets of all markers; the test itself reports a wrong one."""
    targets: dict[str, Target] = {}
    for item in items:
        for mark in item.iter_markers("mimic"):
            with suppress(TargetError):
                targets |= {target.name: target for target in as_targets(mark.args)}
    return list(targets.values())
