"""The course of one run: starts what is mimicked, joins its processes, ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic.engine.lifecycle import end_run
from pytest_mimic.engine.processes import edges_of_processes
from pytest_mimic.engine.unused import READ_UNASKED, clear, judge
from pytest_mimic.engine.usage import (
    ASKED,
    CRASHED,
    IMPORTED,
    GoneTests,
    Usage,
    asked_now,
    imported_now,
)
from pytest_mimic.errors import MimicError, TargetError
from pytest_mimic.patch.clients import Edge
from pytest_mimic.patch.modules import missing_modules
from pytest_mimic.patch.targets import Target, as_targets
from pytest_mimic.run.fixtures import Fixtures
from pytest_mimic.run.phases import Phases
from pytest_mimic.run.session import Session
from pytest_mimic.vault.vault import FOLDERS
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


class Course(Session):
    """A plugin: the run of this process, or what workers of xdist have in common."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        self._fixtures = Fixtures(self)
        self._phases = Phases(self, self._fixtures)
        self._is_worker = hasattr(config, "workerinput")
        # Those of pytest and its plugins.
        self._threads_before: set[threading.Thread] = set()

    def start(self) -> None:
        """Mimic the configured targets, and listen to pytest."""
        settings = self.settings
        # The last one is called first.
        self.config.add_cleanup(self.run.close)
        self.config.add_cleanup(self.activations.close)
        if settings.foreign_lines or not settings.targets:
            why = settings.foreign_lines or "mimic_functions is empty"
            self.usage.foreign_lines.add(why)
        try:
            if settings.writes:
                self.run.vault.try_out(f"{folder}/" for folder in (*FOLDERS, "objects"))
                self.run.vault.close()
        except MimicError as error:
            raise pytest.UsageError(str(error)) from None
        self.activations.start(settings.targets, self._edges())
        for plugin in (self, self.selection, self._phases, self._fixtures):
            self.config.pluginmanager.register(plugin)

    def _edges(self) -> Iterator[Edge]:
        """Yield what a run in this mode replaces beside its targets."""
        mode = self.settings.mode
        if self.settings.writes:
            self.note_new_test_ids()
        if mode != "live":
            yield from edges_of_processes(self.run, self.activations)
            yield self.run.servers.edge(self.run.events)
        if mode == "replay":
            # Others connect.
            from pytest_mimic.engine.connections import edges_of_connections

            yield from edges_of_connections(self.run)

    @property
    def _is_controller(self) -> bool:
        return bool(self.config.pluginmanager.hasplugin("dsession"))

    # -- before the tests

    def pytest_report_header(self) -> str | None:
        settings = self.settings
        if not settings.targets and not settings.vault.is_dir():
            return None
        header = _HEADERS[settings.mode].format(settings.vault_label)
        needs_vault = settings.mode != "live" and not settings.writes
        if needs_vault and not settings.vault.is_dir():
            header += ", which does not exist"
        if self.config.option.mimic_no_record:
            header += ", nothing may be recorded"
        count = sum(not target.excluded for target in settings.targets)
        if count:
            header += f" ({plural(count, 'target')})"
        return on_one_line(f"mimic: {header}")

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Collect nothing below the vault, which a stranger may have written."""
        vault = self.settings.vault
        return True if collection_path.is_relative_to(vault) else None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Judge the targets, as far as the collected tests tell whether they exist.

        Raises:
            pytest.UsageError: Some name nothing.
        """
        self._threads_before = set(threading.enumerate())
        self.selection.note_collection(session.items)
        self.run.refusals.gone = GoneTests(
            self.usage, self.settings.rootdir, self.selection.partly_named
        )
        if self._is_controller:
            return
        # The holders of all tests' functions are searched for once.
        self.activations.prepare(_targets_of_marks(session.items))
        problems = self.activations.new_problems()
        if not self.usage.partial:
            problems += missing_modules(self.settings.targets)
        if not problems or session.config.option.collectonly:
            return
        texts = sorted({str(problem) for problem in problems})
        if not self._is_worker:
            raise pytest.UsageError(*texts)
        # A worker cannot end the run: its tests fail, and the controller hears why.
        self._phases.target_error = problems[0]
        for text in texts:
            self.run.events.add("wrong target", text)

    # -- xdist

    def end_worker(self, sent: Any, error: object) -> None:
        """Count what happened in a worker as a part of this run."""
        usage = self.usage
        if sent is None or error is not None:
            usage.partial[CRASHED] = "stopped"
        if sent is not None:
            usage.add(Usage.of_plain(sent["usage"]))
            self.run.events.add_plain(sent["events"])
            self.run.vault.loose.update(sent["loose"])

    # -- after the tests

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the run: what is unused is known now, and the exit code."""
        run, events, usage = self.run, self.run.events, self.usage
        self.selection.note_end(session, exitstatus)
        self.safely(end_run, run)
        self._phases.keep_strays()
        usage.mimicked |= self.activations.names
        left = set(threading.enumerate()) - self._threads_before
        usage.threads = {thread.name for thread in left}
        # Where a client is installed, its recordings may be needed.
        absent = self.activations.absent
        usage.foreign_lines |= {f"{client} is not installed" for client in absent}
        usage.mimicked -= set(absent.values())
        usage.add_events(events.rows)
        if run.has_calls_of_children:
            usage.partial["a forked child made calls"] = "stopped"
        if self._is_worker:
            # What this worker leaves, others may need until they have ended.
            sent = {"usage": vars(usage), "events": events.to_plain()}
            sent["loose"] = sorted(run.vault.loose)
            self.safely(run.vault.close)
            # xdist has this attribute in its workers.
            self.config.workeroutput["mimic"] = sent  # type: ignore[attr-defined]
            return
        if events.of_kinds("set up anew"):
            from pytest_mimic.run.remarks import note_former_answers  # few set up anew

            self.safely(note_former_answers, self)
        if self.selection.has_run:
            self.safely(self._judge)
        if self.settings.mode == "accept-source":
            from pytest_mimic.functions.accepting import accept  # few runs ask

            self.safely(accept, run.vault, events, usage.outcomes)
        self._keep_asked()
        self.safely(run.vault.close)
        self.safely(self._write_report)
        is_misused = self._is_controller and events.of_kinds("wrong target")
        if is_misused or events.of_kinds("not writable"):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif exitstatus in _WITHOUT_FAILURE and self._has_failed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self) -> None:
        settings = self.settings
        is_asked = settings.clears_unused or settings.fails_on_unused
        if settings.mode == "live" or (self.usage.partial and not is_asked):
            return
        limit = None if is_asked else READ_UNASKED
        vault = self.run.vault
        self.judgement = judge(vault, self.usage, settings.rootdir, limit=limit)
        if settings.clears_unused and settings.may_record:
            self.cleared = clear(vault, self.judgement.unused)

    def _keep_asked(self) -> None:
        # Of pytest; there is none with `-p no:cacheprovider`.
        cache = getattr(self.config, "cache", None)
        if cache is None:
            return
        rows, outcomes = self.run.events.rows, self.usage.outcomes
        for key, now_of in ((ASKED, asked_now), (IMPORTED, imported_now)):
            before = cache.get(key, {})
            now = now_of(before, rows, outcomes)
            if now != before:
                cache.set(key, now)

    def _has_failed(self) -> bool:
        if self.settings.fails_on_unused and self.judgement.unused:
            return True
        of = self.run.events.of_kinds
        # Logs that do not fit one another would fail the next run.
        misfits = of("former answers", "two answers", "new test id")
        lost = [event for event in of("not recorded") if "misses" in event.facts]
        return bool(misfits or lost or of("stray", "wrong target"))

    def _write_report(self) -> None:
        settings = self.settings
        if settings.report is None:
            return
        from pytest_mimic.run.report import write  # few runs ask

        heading = _HEADERS[settings.mode].format(settings.vault_label)
        notes = self._summary(is_whole=True)
        write(settings.report, heading, notes, self.selection, self.run)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        option = self.config.option
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

        return summary(self, is_whole=is_whole)


def _targets_of_marks(items: list[pytest.Item]) -> list[Target]:
    """Return the targets of all markers; the test itself reports a wrong target."""
    targets: dict[str, Target] = {}
    for item in items:
        for mark in item.iter_markers("mimic"):
            with suppress(TargetError):
                targets |= {target.name: target for target in as_targets(mark.args)}
    return list(targets.values())
