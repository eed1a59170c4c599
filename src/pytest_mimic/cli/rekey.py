"""`rekey`: writes down what reading under today's lines and secret names gives."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_mimic.cli.change import replace_files
from pytest_mimic.cli.exchanges import Exchanges
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.proof import adapter_for
from pytest_mimic.cli.select import Found, Selection
from pytest_mimic.client import Plain, parts_that_count
from pytest_mimic.engine.following import identity_today
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import Options
from pytest_mimic.secrets.issued import Secrets
from pytest_mimic.secrets.names import SecretNames
from pytest_mimic.secrets.placeholders import is_placeholder
from pytest_mimic.values.outcome import shelve, shelve_answer, unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording, copied
from pytest_mimic.words import plural

_NO_PLACE = "all tests share it, so its place in a log is unknown"


@dataclass
class _Change:
    """What becomes of one file.

    Attributes:
        found: The file, with its calls as they are recorded.
        name: The file in which they stand under today's lines.
        entries: They as today's lines and names have them.
        left: The calls that cannot follow, and why. Where one cannot, all stay: another
            call would else take its place among equal ones.
    """

    found: Found
    name: str
    entries: list[Entry]
    left: list[tuple[Entry, str]]

    @property
    def count(self) -> int:
        """How many calls change."""
        if self.left:
            return 0
        if self.name != self.found.name:
            return len(self.entries)
        pairs = zip(self.entries, self.found.recording.entries, strict=True)
        return sum(new != old for new, old in pairs)


def rekey(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Write down the identities, places and hidden names that reading gives."""
    selection = Selection(project, options.selectors)
    changes = [_change_of(project, found) for found in selection]
    _refuse_different_outcomes(project, changes)
    count = sum(change.count for change in changes)
    left = [change for change in changes if change.left]
    if count:
        verb = "would be adapted" if options.dry_run else "adapted"
        yield f"{plural(count, 'recording')} {verb} to today's lines"
    elif not left and not selection.unmatched:
        yield f"nothing to change in {project.vault.label}"
    if count and not options.dry_run:
        moves = {
            one.found.name: (one.name, _written(project, one))
            for one in changes
            if one.count
        }
        replace_files(project.vault, moves)
    if left:
        yield from _listed(project, left)
    yield from selection.warnings()
    return 1 if left else selection.code


def _listed(project: Project, left: Sequence[_Change]) -> Iterator[str]:
    yield "cannot be adapted:"
    places = []
    for change in left:
        found = change.found
        for entry, reason in change.left:
            yield f"  {project.label(entry)}    {found.owner}"
            yield f"    {reason}"
            if reason != _NO_PLACE:
                places.append((found.name, entry.test or found.recording.owner))
    if places:
        again = project.record_again("--mimic-rerecord", dict.fromkeys(places))
        yield f"to record them again: {again}"
    if _NO_PLACE in [reason for change in left for _, reason in change.left]:
        command = project.commands.pytest
        yield f"to record one for each test: {command('--mimic-record')}"
        yield f"and then to drop the old: {command('--mimic-clear-unused')}"


def _change_of(project: Project, found: Found) -> _Change:
    change = _Change(found, found.name, [], [])
    exchanges = Exchanges(project, is_placeholder)
    for entry in found.recording.entries:
        new = entry
        options = project.options_of(entry)
        if entry.end != "empty" and options is not None:
            try:
                new = _today(project, found, entry, options, exchanges)
            except MimicError as reason:
                change.left.append((entry, reason.what))
        change.entries.append(new)
    if found.is_shared:
        # An empty place among the answers is one of the same call.
        whole = [one for one in change.entries if one.end != "empty"]
        [call, *_] = whole or change.entries
        key = {"identity": call.identity, "line": call.line}
        change.entries = [copied(one, **key) for one in change.entries]
        change.name = call_name(call.target, **key)
    return change


# -- the call as it would be recorded today


def _today(
    project: Project,
    found: Found,
    entry: Entry,
    options: Options,
    exchanges: Exchanges,
) -> Entry:
    """Return a call as it would be recorded today.

    Raises:
        MimicError: That cannot be told from what is kept.
    """
    vault, line = project.vault, options.text()
    if entry.python and entry.line != line:
        raise MimicError("its options were given in Python")
    adapter = adapter_for(entry.target)
    has_place = options.sequence is not False if adapter else bool(options.sequence)
    if found.is_shared and (has_place or (adapter and adapter.is_session)):
        raise MimicError(_NO_PLACE)
    new = copied(entry, line=line)
    if entry.request is None:
        if line != entry.line:
            new.identity = identity_today(entry, options, vault, None)
        hidden, paths = project.secrecy.without_secrets(entry.arguments or {})
        assert isinstance(hidden, dict)
        new.arguments = hidden
        new.hidden = tuple(dict.fromkeys([*entry.hidden, *paths]))
        return new
    if adapter is None:
        raise MimicError(f"the adapter of {entry.target} is not installed")
    request: Any = unshelve(entry.request, vault)
    answer: Any = unshelve(entry.body.get("answer"), vault)
    _refuse_names_taken_out(project.secrets, request, answer)
    shown = exchanges.request(adapter, request)
    if shown != request or line != entry.line:
        counted = partial(parts_that_count, adapter)
        new.identity = identity_today(entry, options, vault, counted, lambda _: shown)
    if shown != request:
        new.signature = adapter.signature(shown)
        new.request = shown
    if answer is not None:
        owner = "" if found.is_shared else found.recording.owner
        stored = exchanges.answer(adapter, answer, shown, owner, new.identity)
        if stored != answer:
            new.body = {**entry.body, "answer": stored}
    return new


def _refuse_names_taken_out(secrets: Secrets, request: Plain, answer: Any) -> None:
    """Refuse a call in which something is hidden that would not be today.

    Raises:
        MimicError: A line has taken a name out.
    """
    for name in secrets.hidden_names([request, answer]):
        if not secrets.names.secret(name) and SecretNames().secret(name):
            raise MimicError(f"{name}: what was hidden there is not stored")


# -- what is written


def _refuse_different_outcomes(project: Project, changes: Sequence[_Change]) -> None:
    """Leave shared calls that become equal and have different outcomes."""
    by_name: dict[str, list[_Change]] = defaultdict(list)
    for change in changes:
        if not change.left:
            by_name[change.name].append(change)
    for name, alike in by_name.items():
        outcomes = [_outcomes_of(change.entries) for change in alike]
        if all(change.found.name != name for change in alike):
            there = project.vault.read(name)
            outcomes += [_outcomes_of(there.entries)] if there else []
        if all(outcome == outcomes[0] for outcome in outcomes):
            continue
        for change in alike:
            if change.found.name != name:
                reason = "equal calls have different outcomes"
                change.left = [(one, reason) for one in change.found.recording.entries]


def _outcomes_of(entries: Sequence[Entry]) -> list[tuple[int, dict[str, Tree]]]:
    return [(entry.times, entry.body) for entry in entries]


def _written(project: Project, change: _Change) -> Recording:
    """Give the new recording of a file, and write its objects."""
    former = change.found.recording
    for new, old in zip(change.entries, former.entries, strict=True):
        if new.request is not old.request:
            request: Any = shelve(new.request, project.vault)
            new.request = request
        if new.body is not old.body:
            answer: Any = new.body["answer"]
            new.body = {**new.body, "answer": shelve_answer(answer, project.vault)}
    return copied(former, entries=change.entries)
