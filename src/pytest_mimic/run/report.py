"""Writes a run as one HTML page: its tests, and what became of each of their calls."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from pytest_mimic.cli.git import commit_of
from pytest_mimic.cli.look import drawn, words_of
from pytest_mimic.cli.proof import proof_of
from pytest_mimic.engine.events import CALLS, Event
from pytest_mimic.engine.run import Run
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.clients import versions_of
from pytest_mimic.run.selection import SelectedTests, test_of
from pytest_mimic.secrets.known import map_texts
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import and_more, on_one_line

_TEMPLATE = Path(__file__).with_name("report.html")
# The command `show` has the rest.
_MOST_LINES = 300


def write(
    path: Path,
    heading: str,
    notes: list[str],
    tests: SelectedTests,
    run: Run,
) -> None:
    """Write the page of a run.

    Args:
        path: The file.
        heading: The mode of the run and its vault.
        notes: The lines of the summary.
        tests: When they began, and the reports of their phases.
        run: The run, with its events and its vault.

    Raises:
        MimicError: It cannot be written.
    """
    rootdir = run.refusals.commands.rootdir
    data = {
        "heading": heading,
        "project": rootdir.name,
        "when": f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        "commit": commit_of(rootdir)[:9],
        "python": platform.python_version(),
        "clients": versions_of(
            _client_of(event.call) for event in run.events.of_kinds(*CALLS)
        ),
        "seconds": monotonic() - tests.began,
        "notes": notes,
        "tests": list(_calls_by_test(tests.reports, run)),
    }
    # Inside of a script, `<` could begin its end.
    printable = map_texts(data, on_one_line)
    encoded = json.dumps(printable, ensure_ascii=False).replace("<", "\\u003c")
    text = _TEMPLATE.read_text("utf-8").replace("{data}", encoded)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", errors="backslashreplace")
    except OSError as error:
        raise MimicError(f"cannot write the report {path}: {error.strerror}") from None


def _calls_by_test(
    reports: Iterable[pytest.TestReport], run: Run
) -> Iterable[dict[str, Any]]:
    """Give each test with its calls, and last the calls outside of tests."""
    tests: dict[str, dict[str, Any]] = {}
    for report in reports:
        name = test_of(report)
        test = tests.setdefault(name, _without_calls(name))
        file, number, _ = report.location
        test["place"] = f"{file}:{(number or 0) + 1}"
        test["seconds"] += report.duration
        if report.when == "setup":  # Perhaps it is run again.
            test["outcome"], test["error"] = "", []
        if not test["outcome"] or report.outcome != "passed":
            test["outcome"] = report.outcome
        # In another mode it may hold a secret that only this run knows.
        if report.longrepr and run.mode == "replay":
            lines = report.longreprtext.splitlines()
            error: list[Any] = [line for line in lines if line.startswith("E ")]
            test["error"] += run.secrecy.masked(error[:_MOST_LINES])
    entries_of = cache(partial(_entries, run.vault))
    for event in run.events.of_kinds(*CALLS):
        test = tests.setdefault(event.test, _without_calls(event.test))
        test["calls"].append(_call(event, entries_of(event.text("name")), run))
    return tests.values()


def _without_calls(name: str) -> dict[str, Any]:
    facts = {"id": name, "outcome": "", "place": "", "seconds": 0.0}
    return {**facts, "error": [], "calls": []}


def _entries(vault: Vault, name: str) -> list[Entry]:
    try:
        recording = vault.read(name) if name else None
    except MimicError:
        return []  # the summary names it
    return [] if recording is None else recording.entries


def _call(event: Event, entries: list[Entry], run: Run) -> dict[str, Any]:
    """Give a call as the script of the page draws it.

    Args:
        event: What became of it.
        entries: The calls of its file.
        run: The run.
    """
    identity, at = event.facts.get("identity"), event.facts.get("at")
    equal = [entry for entry in entries if entry.identity == identity]
    equal.sort(key=lambda entry: entry.begin != at)
    return {
        **event.facts,
        "kind": event.kind,
        "label": event.call,
        "client": _client_of(event.call),
        "lines": _drawn(equal[0], event.text("name"), run) if equal else [],
    }


def _drawn(entry: Entry, name: str, run: Run) -> list[str]:
    """Draw a call of a file, and what nobody can vouch for."""
    try:
        proof = proof_of(entry, run.vault, name)
        shown = [*words_of(proof), *drawn(entry, run.vault, run.secrecy)]
    except MimicError as error:
        return [str(error)]
    return shown[:_MOST_LINES] + and_more(len(shown) - _MOST_LINES)


def _client_of(label: str) -> str:
    target = label.partition("(")[0].split()[0]
    return "function" if ":" in target else target
