"""`check`: whatever is wrong with a vault, and what of it `--fix` has removed."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Container, Generator, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from pytest_mimic.cli.change import delete_calls
from pytest_mimic.cli.exchanges import hides_more, recordings_in
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.making import Judge
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.names import call_name, is_own, log_name
from pytest_mimic.vault.recording import Entry, Recording, part_line_of
from pytest_mimic.vault.vault import PART, objects_in
from pytest_mimic.words import plural, size_in_words

# What a person can put right, or what belongs to another version.
_KEPT_DAMAGE = (
    *("pointer", "conflict", "merged", "newer"),
    *("foreign", "irregular", "linked", "unreadable"),
)


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
    findings, counts = _findings(project)
    wrong = [finding for finding in findings if not finding.is_harmless]
    going = [finding for finding in wrong if finding.goes]
    if options.json:
        rows = [finding._asdict() for finding in findings]
        for row in rows:
            del row["found"]
        yield from json.dumps({"findings": rows}, indent=1).split("\n")
    else:
        label = project.vault.label
        if not wrong:
            yield f"{label} is sound; {counts}"
        yield from _rows(findings)
        if wrong:
            yield f"{label}: {plural(len(wrong), 'problem')}; {counts}"
        if going and not options.fix:
            fix = project.commands.mimic("check", "--fix")
            yield f"  to remove what cannot be used or is left over: {fix}"
    if options.fix:
        yield from _fix(project, going, only_shows=options.dry_run)
    if options.fix and not options.dry_run:
        # What has an owner is to be recorded again.
        wrong = [finding for finding in wrong if not finding.goes or finding.owner]
    return 1 if wrong else 0


def _rows(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield finding.problem
        if finding.owner:
            yield f"  recorded by {finding.owner}"
        if finding.remedy:
            yield f"  {finding.remedy}"


def _fix(
    project: Project, going: Sequence[Finding], *, only_shows: bool
) -> Iterator[str]:
    vault = project.vault
    names = {finding.file for finding in going}
    # Another process may have put a file right since.
    again = [one for one in _findings(project)[0] if one.goes and one.file in names]
    if not again:
        return
    count = plural(len(again), "problem")
    if only_shows:
        yield f"  {count} would be removed"
        return
    before = vault.size()
    delete_calls(vault, [one.found for one in again if one.found])
    vault.delete(one.file for one in again if not one.found)
    vault.delete(vault.unneeded_objects())
    yield f"  {count} removed, {size_in_words(before - vault.size())} freed"
    places = [(one.file, one.owner) for one in again if one.owner]
    if places:
        command = project.record_again("--mimic-record", places)
        yield f"  to record again: {command}"


# -- looking


def _findings(project: Project) -> tuple[list[Finding], str]:
    """Return what is wrong, and how much was looked at, in words."""
    vault = project.vault
    findings: list[Finding] = []
    calls = 0
    objects = vault.objects()
    looked_at = _Objects(project)
    for name, recording in recordings_in(project):
        if isinstance(recording, CorruptRecordingError):
            findings.append(_damaged(project, name, recording))
            continue
        calls += len(recording.entries)
        findings += _of_file(project, name, recording)
        for entry in recording.entries:
            found = Found(name, recording, [entry])
            needed = objects_in(part_line_of(entry))
            findings += looked_at.damage(found, entry, needed)
            findings += _of_values(project, found, entry)
    findings += _left_over(project, {finding.file for finding in findings})
    findings = [
        finding if is_own(finding.file) else finding._replace(goes=False)
        for finding in findings
    ]
    counts = f"{plural(calls, 'recording')} and {plural(len(objects), 'object')}"
    return findings, f"{counts} checked"


def _damaged(project: Project, name: str, error: CorruptRecordingError) -> Finding:
    words, command = error.remedies[0] if error.remedies else ("", "")
    remedy = f"{words}: {command}" if command else words
    goes = error.damage not in _KEPT_DAMAGE
    return Finding(name, error.what, _owner_in(project, name), remedy, goes)


def _owner_in(project: Project, name: str) -> str:
    """Return who recorded a file of which nothing else can be read."""
    try:
        content = project.vault.folder.read(name) or b""
    except CorruptRecordingError:
        return ""
    found = re.search(rb'"owner": ("(?:[^"\\\n]|\\.)*")', content[:2_000])
    try:
        return str(json.loads(found[1])) if found else ""
    except ValueError:
        return ""


def _of_file(project: Project, name: str, recording: Recording) -> Iterator[Finding]:
    label, owner = project.path_of(name), recording.owner
    calls = {call_name(one.target, one.identity, one.line) for one in recording.entries}
    if name.startswith("calls/") and calls != {name}:
        problem = f"{label} is not named after its content, so no run can use it"
        yield Finding(name, problem, owner, goes=True)
    if name.startswith("logs/") and name != log_name(owner):
        # Another test may use it: its name was given by hand.
        command = project.commands.mimic("mv", owner, "TEST")
        problem = f"{label} is not the file of its test"
        yield Finding(name, problem, owner, f"if another test uses it: {command}")
    if recording.edited:
        yield Finding(name, f"{label} was edited by hand", is_harmless=True)


class _Objects:
    """The objects of a vault. Each is read once, however many recordings name it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._read: dict[str, tuple[set[str], CorruptRecordingError | None]] = {}

    def damage(
        self, found: Found, entry: Entry, pending: set[str]
    ) -> Iterator[Finding]:
        """Find the objects that a call needs and that cannot be used."""
        name, label = found.name, self._project.path_of(found.name)
        while pending:
            needed = pending.pop()
            if needed not in self._read:
                self._read[needed] = self._look_at(needed)
            inner, error = self._read[needed]
            pending |= inner
            if error is None:
                continue
            if needed == entry.inputs:
                yield Finding(name, f"{error.what}: what {label} has reached")
                continue
            problem = f"{error.what}, and {label} names it"
            goes = error.damage not in _KEPT_DAMAGE
            yield Finding(name, problem, found.recording.owner, goes=goes, found=found)

    def _look_at(self, name: str) -> tuple[set[str], CorruptRecordingError | None]:
        try:
            content = self._project.vault.read_object(name)
        except CorruptRecordingError as error:
            return set(), error
        return (objects_in(content[:]) if name.endswith(".json") else set()), None


def _of_values(project: Project, found: Found, entry: Entry) -> Iterator[Finding]:
    if entry.end == "empty":
        return
    vault = project.vault
    try:
        call: Any = unshelve(entry.arguments or entry.request or {}, vault)
        body: Any = unshelve(entry.body, vault)
        if entry.request is None:
            states = unshelve(entry.states, vault)
            yield from _of_outcome(project, found, entry, [body, states])
    except CorruptRecordingError:
        return  # An object is damaged, which is named already.
    yield from _of_secrets(project, found, entry, call, body)


def _of_outcome(
    project: Project, found: Found, entry: Entry, trees: Sequence[Any]
) -> Iterator[Finding]:
    """Find what a readable outcome of a function, or a state, may not make."""
    fault = None
    for tree in trees:
        fault = fault or deeply(partial(Judge().fault_in, tree))
    if fault is not None:
        label = f"{project.path_of(found.name)}: {project.label(entry)}"
        problem = f"{label}: {fault.what}: {', '.join(fault.facts)}"
        owner = found.recording.owner
        yield Finding(found.name, problem, owner, goes=True, found=found)


def _of_secrets(
    project: Project, found: Found, entry: Entry, call: Any, body: Any
) -> Iterator[Finding]:
    name, owner = found.name, found.recording.owner
    is_visible = hides_more(project, project.adapter(entry.target), call, body)
    keys = dict.fromkeys(project.secrets.keys_in(call, body))
    if not is_visible and not keys:
        return
    label = f"{project.path_of(name)}: {project.label(entry)}"
    if is_visible:
        again = project.record_again("--mimic-rerecord", [(name, owner)])
        problem = f"{label} contains values that would be hidden today"
        yield Finding(name, problem, owner, f"to hide it: {again}")
    for shown, mark in keys:
        problem = f"{label} holds what looks like a key ({shown})"
        remedy = f"if it is not a key: mimic_redact = !{mark}"
        yield Finding(name, problem, owner, remedy)


def _left_over(project: Project, named: Container[str]) -> Iterator[Finding]:
    vault = project.vault
    for name in vault.unneeded_objects():
        yield Finding(name, f"{project.path_of(name)} is not needed", goes=True)
    for name in vault.folder.names():
        if name.endswith(PART):
            yield _of_part(project, name)
        elif not is_own(name) and name not in named:
            problem = f"{project.path_of(name)} is not a file of a vault"
            yield Finding(name, problem, is_harmless=True)


def _of_part(project: Project, name: str) -> Finding:
    vault, label = project.vault, project.path_of(name)
    if vault.is_abandoned(name):
        remedy = "the next recording run takes it over"
        problem = f"{label} was left by a run that was killed"
        return Finding(name, problem, remedy=remedy, is_harmless=True)
    problem = f"{label} is being written"
    try:
        vault.folder.read(name)
    except CorruptRecordingError as error:
        problem = error.what
    return Finding(name, problem, is_harmless=True)
