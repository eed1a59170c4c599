"""`check`: whatever is wrong with a vault, and what of it `--fix` has removed."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from pytest_mimic.cli.change import delete_calls
from pytest_mimic.cli.exchanges import hides_more
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.vault.names import call_name, log_name
from pytest_mimic.vault.recording import Entry, Recording, content_of
from pytest_mimic.vault.vault import FOLDERS, PART, objects_in
from pytest_mimic.words import plural, size_in_words

# What a person can put right, or what belongs to another version.
_KEPT_DAMAGE = ("pointer", "conflict", "merged", "newer", "irregular")


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
        file: The file in the vault.
        problem: What is wrong with it, and where it is.
        owner: Who recorded it; empty: it is not known.
        remedy: What to do about it.
        goes: Whether `--fix` removes it.
        is_harmless: Whether it is only named.
        found: The call that cannot be used; None: it is about the file.
    """

    file: str
    problem: str
    owner: str = ""
    remedy: str = ""
    goes: bool = False
    is_harmless: bool = False
    found: Found | None = None


def check(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Name what is wrong, and with `--fix` remove what cannot be used."""
    checked = _Check(project)
    findings = list(checked.findings())
    wrong = [finding for finding in findings if not finding.is_harmless]
    if options.json:
        rows = [finding._asdict() for finding in findings]
        for row in rows:
            del row["found"]
        yield from json.dumps({"findings": rows}, indent=1).split("\n")
    else:
        if not wrong:
            yield f"{project.vault.label} is sound; {checked.counts()}"
        yield from _rows(findings)
        if wrong:
            count = plural(len(wrong), "problem")
            yield f"{project.vault.label}: {count}; {checked.counts()}"
    going = [finding for finding in wrong if finding.goes]
    if going and not options.fix and not options.json:
        fix = project.commands.mimic("check", "--fix")
        yield f"  to remove what cannot be used or is left over: {fix}"
    if options.fix:
        yield from _fix(project, checked, going, only_shows=options.dry_run)
        wrong = [finding for finding in wrong if not finding.goes or finding.owner]
    return 1 if wrong else 0


def _rows(findings: list[Finding]) -> Iterator[str]:
    for finding in findings:
        yield finding.problem
        if finding.owner:
            yield f"  recorded by {finding.owner}"
        if finding.remedy:
            yield f"  {finding.remedy}"


def _fix(
    project: Project, checked: _Check, going: list[Finding], *, only_shows: bool
) -> Iterator[str]:
    names = {finding.file for finding in going}
    # Another process may have put a file right since.
    again = [one for one in checked.findings() if one.goes and one.file in names]
    count = plural(len(again), "problem")
    if not again:
        return
    if only_shows:
        yield f"  {count} would be removed"
        return
    before = project.vault.size()
    delete_calls(project.vault, [one.found for one in again if one.found])
    project.vault.delete(one.file for one in again if not one.found)
    yield f"  {count} removed, {size_in_words(before - project.vault.size())} freed"
    places = [(one.file, one.owner) for one in again if one.owner]
    if places:
        command = project.record_again("--mimic-record", places)
        yield f"  to record again: {command}"


class _Check:
    """Looks at each file of a vault."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._vault = project.vault
        self._recordings = 0
        self._objects: set[str] = set()

    def counts(self) -> str:
        """Return how much was checked."""
        recordings = plural(self._recordings, "recording")
        return f"{recordings} and {plural(len(self._objects), 'object')} checked"

    def findings(self) -> Iterator[Finding]:
        """Look at all files, and yield what is wrong."""
        self._recordings = 0
        self._objects = set(self._vault.objects())
        for name, recording in self._vault.all():
            if isinstance(recording, CorruptRecordingError):
                yield self._damaged(name, recording)
            else:
                self._recordings += len(recording.entries)
                yield from self._of_file(name, recording)
        yield from self._parts()
        for name in self._vault.unneeded_objects():
            yield Finding(name, f"{self._label(name)} is not needed", goes=True)
        yield from self._others()

    def _label(self, name: str) -> str:
        return f"{self._vault.label}/{name}"

    def _damaged(self, name: str, error: CorruptRecordingError) -> Finding:
        words, command = error.remedies[0] if error.remedies else ("", "")
        remedy = f"{words}: {command}" if command else words
        goes = error.damage not in _KEPT_DAMAGE
        return Finding(name, error.what, self._owner_in(name), remedy, goes)

    def _owner_in(self, name: str) -> str:
        """Return who recorded a file of which nothing else can be read."""
        try:
            content = self._vault.folder.read(name) or b""
        except CorruptRecordingError:
            return ""
        found = re.search(rb'"owner": ("(?:[^"\\\n]|\\.)*")', content[:2_000])
        try:
            return str(json.loads(found[1])) if found else ""
        except ValueError:
            return ""

    def _of_file(self, name: str, recording: Recording) -> Iterator[Finding]:
        owner = recording.owner
        if not _has_its_name(name, recording):
            problem = f"{self._label(name)} has not the name of what it holds"
            yield Finding(name, f"{problem}, and is not found", owner, goes=True)
        if recording.edited:
            problem = f"{self._label(name)} was edited by hand"
            yield Finding(name, problem, is_harmless=True)
        for entry in recording.entries:
            found = Found(name, recording, [entry])
            yield from self._objects_of(found, entry)
            yield from self._secrets_of(found, entry)

    def _objects_of(self, found: Found, entry: Entry) -> Iterator[Finding]:
        name, owner = found.name, found.recording.owner
        content = content_of(Recording("", "", [entry]))
        pending = [*objects_in(content) - {entry.inputs}]
        while pending:
            needed = pending.pop()
            try:
                content = self._vault.read_object(needed)
            except CorruptRecordingError as error:
                goes = error.damage not in _KEPT_DAMAGE
                problem = f"{error.what}, and {self._label(name)} names it"
                yield Finding(name, problem, owner, goes=goes, found=found)
            else:
                if needed.endswith(".json"):
                    pending += objects_in(content)
        if entry.inputs:
            try:
                self._vault.read_object(entry.inputs)
            except CorruptRecordingError as error:
                problem = f"{error.what}: what {self._label(name)} has reached"
                yield Finding(name, problem)

    def _parts(self) -> Iterator[Finding]:
        for name in self._vault.parts():
            is_left = self._vault.is_abandoned(name)
            words = "was left by a run that was killed" if is_left else "is being made"
            problem = f"{self._label(name)} {words}"
            remedy = "the next run that records takes it over" if is_left else ""
            yield Finding(name, problem, remedy=remedy, is_harmless=True)

    def _others(self) -> Iterator[Finding]:
        for name in self._vault.folder.names():
            is_recording = name.partition("/")[0] in FOLDERS and name.endswith(".json")
            if not is_recording and name not in self._objects and PART not in name:
                problem = f"{self._label(name)} is no file of a vault"
                yield Finding(name, problem, is_harmless=True)

    def _secrets_of(self, found: Found, entry: Entry) -> Iterator[Finding]:
        name, owner = found.name, found.recording.owner
        vault, secrets = self._project.vault, self._project.secrets
        try:
            call: Any = unshelve(entry.arguments or entry.request or {}, vault)
            body = {key: unshelve(part, vault) for key, part in entry.body.items()}
        except CorruptRecordingError:
            return  # it is named already
        label = f"{self._label(name)}: {self._project.label(entry)}"
        adapter = self._project.adapter(entry.target)
        if hides_more(self._project, adapter, call, body):
            again = self._project.record_again("--mimic-rerecord", [(name, owner)])
            problem = f"{label} holds what redaction hides today"
            yield Finding(name, problem, owner, f"to hide it: {again}")
        for shown, mark in dict.fromkeys(secrets.keys_in([call, body])):
            problem = f"{label} holds what looks like a key ({shown})"
            remedy = f"if it is none: mimic_redact = !{mark}"
            yield Finding(name, problem, owner, remedy)


def _has_its_name(name: str, recording: Recording) -> bool:
    """Whether a run finds a file: its name is made of what it holds."""
    if name.startswith("logs/"):
        return name == log_name(recording.owner)
    if name.startswith("calls/"):
        calls = [call_name(one.target, one.identity) for one in recording.entries]
        return calls == [name]
    return True
