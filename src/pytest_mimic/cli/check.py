"""`check`: whatever is wrong with a vault, and what of it `--fix` has removed."""

from __future__ import annotations

import json
import marshal
import re
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple, TypeAlias

from pytest_mimic.cli.change import delete_calls
from pytest_mimic.cli.exchanges import hides_more
from pytest_mimic.cli.git import repositories_at
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.proof import FALSE, adapter_for
from pytest_mimic.cli.select import Found, files_in, opened
from pytest_mimic.clients.sql.database import fault_in
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.making import Inspector
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.names import OBJECT, call_name, is_own, log_name
from pytest_mimic.vault.recording import line_of
from pytest_mimic.vault.vault import Vault, objects_in, vault_label
from pytest_mimic.words import plural, size_in_words

# What a person can put right, or what belongs to another version.
_KEPT_DAMAGE = (
    *("pointer", "conflict", "merged", "newer"),
    *("foreign", "irregular", "linked", "unreadable"),
)

_RESTORE = "restore it from version control, or record it again"

_Object: TypeAlias = tuple[set[str], CorruptRecordingError | None]
"""The objects that an object refers to, and what is wrong with it."""


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
    # What is done about several calls of a file is said once.
    problems: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in findings:
        problems[one.file, one.owner, one.remedy].append(one.problem)
    for (_, owner, remedy), of_file in problems.items():
        yield from of_file
        if owner:
            yield f"  recorded by {owner}"
        if remedy:
            yield f"  {remedy}"


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
    findings: list[Finding] = []
    calls = unproven = 0
    # Each object is read once, however many recordings name it.
    look_at = cache(partial(_look_at, project.vault))
    # The set-ups of each wider fixture, and which of them the log of a test follows.
    setups: dict[str, set[str]] = {}
    followed: dict[tuple[str, str], dict[str, str]] = {}
    for found in files_in(project):
        name, recording = found.name, found.recording
        setups.setdefault(recording.owner, set()).add(recording.setup)
        if recording.fixtures:
            followed[name, recording.owner] = recording.fixtures
        calls += len(recording.entries)
        unproven += sum(proof.unproven != "" for proof in found.proofs.values())
        findings += _of_file(project, found)
        for entry in recording.entries:
            one = Found(name, recording, [entry], found.proofs)
            findings += _of_call(project, look_at, one)
    findings += _left_over(project, {finding.file for finding in findings})
    for (name, owner), fixtures in followed.items():
        for fixture, setup in fixtures.items():
            if setup not in setups.get(fixture, setup):
                findings.append(_of_another_setup(project, name, owner, fixture))
    findings = [
        finding if is_own(finding.file) else finding._replace(goes=False)
        for finding in findings
    ]
    count = plural(len(project.vault.objects()), "object")
    counts = f"{plural(calls, 'recording')} and {count} checked"
    return findings, f"{counts}, {unproven} unproven" if unproven else counts


def _of_file(project: Project, found: Found) -> Iterator[Finding]:
    name, recording, error = found.name, found.recording, found.damage
    label, owner = project.path_of(name), recording.owner
    if error is not None:
        words, command = error.remedies[0] if error.remedies else ("", "")
        remedy = f"{words}: {command}" if command else words
        goes = error.damage not in _KEPT_DAMAGE
        yield Finding(name, error.what, _owner_in(project, name), remedy, goes)
        return
    calls = {call_name(one.target, one.identity, one.line) for one in recording.entries}
    if name.startswith("calls/") and calls != {name}:
        problem = f"{label} is not named after its content, so no run can use it"
        yield Finding(name, problem, owner, goes=True)
    if name.startswith("logs/") and name != log_name(owner):
        # Another test may use it: its name was given by hand.
        place = project.commands.place_of(owner)
        command = project.commands.mimic("mv", place, "TEST")
        problem = f"{label} is not the file of its test"
        yield Finding(name, problem, owner, f"if another test uses it: {command}")
    if found.is_edited:
        yield Finding(name, f"{label} was edited by hand", is_harmless=True)
    if any(entry.imported for entry in recording.entries):
        for test, names in project.imported.items():
            if name in names:
                again = project.record_again("--mimic-rerecord", [(name, test)])
                problem = f"{label} was imported, and {test} sends another request now"
                remedy = f"to record it: {again}"
                yield Finding(name, problem, owner, remedy, is_harmless=True)


def _of_another_setup(project: Project, name: str, owner: str, fixture: str) -> Finding:
    """Return what is wrong with a log that was merged."""
    again = project.record_again("--mimic-rerecord", [(name, owner)])
    problem = f"{project.path_of(name)} follows another set-up of {fixture}"
    return Finding(name, problem, owner, f"to record it again: {again}")


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


def _look_at(vault: Vault, name: str) -> _Object:
    try:
        content = vault.read_object(name)
    except CorruptRecordingError as error:
        return set(), error
    return (objects_in(content[:]) if name.endswith(".json") else set()), None


def _of_call(
    project: Project, look_at: Callable[[str], _Object], found: Found
) -> Iterator[Finding]:
    name, owner, [entry] = found.name, found.recording.owner, found.entries
    file = project.path_of(name)
    try:
        # It is ten times as quick as JSON, and names stand in it as they are.
        held = marshal.dumps([*vars(entry).values()])
    except ValueError:  # It is nested too deeply for that.
        held = line_of(entry)
    pending = sorted(objects_in(held))
    for needed_name in pending:  # It grows.
        inner, error = look_at(needed_name)
        pending += sorted(inner.difference(pending))
        if error is None:
            continue
        if needed_name == entry.inputs:
            yield Finding(name, f"{error.what}: what {file} has reached")
            continue
        problem = f"{error.what}, and {file} names it"
        goes = error.damage not in _KEPT_DAMAGE
        yield Finding(name, problem, owner, goes=goes, found=found)
    if found.proof(entry).is_false:
        problem = f"{file}: {project.label(entry)} {FALSE}"
        yield Finding(name, problem, owner, _RESTORE)
    if entry.request is None:
        names = project.secrets.hard_names_in([entry.body, entry.states])
        if names:
            label = project.label(entry)
            problem = f"{file}: {label} is kept in clear: {', '.join(names)}"
            yield Finding(name, problem, owner, is_harmless=True)
    for words, remedy in _of_values(project, found, held):
        problem = f"{file}: {project.label(entry)}{words}"
        yield Finding(name, problem, owner, remedy, goes=not remedy, found=found)


def _of_values(
    project: Project, found: Found, held: bytes
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with what a call holds, and a remedy; none: the call goes.

    Args:
        project: The project.
        found: The call.
        held: All that it holds, as bytes.
    """
    [entry] = found.entries
    if entry.end == "empty":
        return
    is_of_function = entry.request is None
    try:
        call, body, states = opened(entry, project.vault)
    except CorruptRecordingError as error:
        if not objects_in(held):  # Else a damaged one is named already.
            yield f": {error.what}", ""
        return
    # A readable outcome of a function, a state, or a row may not make everything.
    is_object = partial(re.fullmatch, OBJECT)
    trees = [body, states] if is_of_function and b"$" in held else []
    judged = [partial(Inspector(is_object).fault_in, tree) for tree in trees]
    if entry.target == "sqlalchemy":
        judged.append(partial(fault_in, body.get("answer")))
    for judge in judged:
        fault = deeply(judge)
        if fault is not None:
            yield f": {': '.join([fault.what, *fault.facts])}", ""
            break
    if hides_more(project, adapter_for(entry.target), call, body):
        places = [(found.name, found.recording.owner)]
        command = project.record_again("--mimic-rerecord", places)
        yield " contains values that would be hidden today", f"to hide it: {command}"
    for shown, mark in dict.fromkeys(project.secrets.keys_in(call, body)):
        remedy = f"if it is not a key: mimic_redact = !{mark}"
        yield f" holds what looks like a key ({shown})", remedy


def _left_over(project: Project, named: Container[str]) -> Iterator[Finding]:
    vault = project.vault
    for folder in repositories_at(vault.path, project.rootdir):
        label = vault_label(folder, project.rootdir)
        problem = f"{label} has the shape of a Git repository, and git runs what its"
        remedy = "delete it, or move the vault, before git is used there"
        yield Finding(label, f"{problem} settings say", remedy=remedy)
    for name in vault.unneeded_objects():
        yield Finding(name, f"{project.path_of(name)} is not needed", goes=True)
    for name in vault.folder.names():
        if not is_own(name) and name not in named and not _is_beside(name):
            problem = f"{project.path_of(name)} is not a file of a vault"
            yield Finding(name, problem, is_harmless=True)


def _is_beside(name: str) -> bool:
    """Return whether a file is what people put into a vault: a README, or of DVC."""
    last = name.rpartition("/")[2]
    return last.startswith("README") or last.endswith(".dvc")
