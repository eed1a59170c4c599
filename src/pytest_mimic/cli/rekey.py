"""`rekey`: writes down what reading under today's lines and secret names gives."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_mimic.cli.exchanges import Exchanges, secret_values
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found, select
from pytest_mimic.client import (
    Adapter,
    Plain,
    differing_answers,
    parts_that_count,
)
from pytest_mimic.engine.following import identity_today
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import NO_OPTIONS, Options
from pytest_mimic.secrets.names import Names
from pytest_mimic.secrets.placeholders import is_placeholder
from pytest_mimic.secrets.redactor import Redactor
from pytest_mimic.values.outcome import shelve, shelve_answer, unshelve
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording, copied
from pytest_mimic.words import plural


@dataclass
class _Move:
    """What becomes of one call.

    Attributes:
        found: The file in which it stands.
        old: The call as it is recorded.
        new: The call as today's line and names have it.
        file: The file in which it stands then.
        reason: Why it cannot follow; empty: it can.
    """

    found: Found
    old: Entry
    new: Entry
    file: str
    reason: str = ""

    @property
    def leaves(self) -> bool:
        return self.file != self.found.name

    @property
    def is_change(self) -> bool:
        return self.leaves or self.new != self.old

    def stay(self, reason: str = "") -> None:
        """Leave the call as it is."""
        self.new, self.file = self.old, self.found.name
        self.reason = self.reason or reason


def rekey(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Write down the identities, places and hidden names that reading gives."""
    selection = select(project, options)
    moves: list[_Move] = []
    for found in selection:
        moves += _moves_of(project, found)
    made = _made(project, moves)
    count = sum(move.is_change for move in moves)
    left = [move for move in moves if move.reason]
    if count:
        verb = "were"
        if options.dry_run:
            verb = "would be"
        elif count == 1:
            verb = "was"
        yield f"{plural(count, 'recording')} {verb} adapted to today's lines"
    elif not left and not selection.unmatched:
        yield f"nothing to change in {project.vault.label}"
    if count and not options.dry_run:
        _carry_out(project, moves, made)
    if left:
        yield from _listed(project, left)
    yield from selection.told()
    return 1 if left else selection.code


def _listed(project: Project, left: Sequence[_Move]) -> Iterator[str]:
    yield "cannot be adapted:"
    for move in left:
        yield f"  {project.label(move.old)}    {move.found.owner}"
        yield f"    {move.reason}"
    places = []
    for move in left:
        recording = move.found.recording
        places.append((move.found.name, move.old.test or recording.owner))
    again = project.record_again("--mimic-rerecord", dict.fromkeys(places))
    yield f"to record them again: {again}"


def _moves_of(project: Project, found: Found) -> list[_Move]:
    """Return what becomes of the calls of a file; where one cannot follow, all stay.

    Another call would else take its place among equal ones.
    """
    moves = []
    exchanges = Exchanges(project, is_placeholder)
    for entry in found.recording.entries:
        move = _Move(found, entry, entry, found.name)
        moves.append(move)
        line = project.line_of(entry)
        if entry.end == "empty" or line is None:
            continue
        try:
            move.new = _today(project, found, entry, line.options, exchanges)
            move.file = _file_of(project, found, move.new, line.options)
        except MimicError as reason:
            move.reason = reason.what
    if any(move.reason for move in moves):
        for move in moves:
            move.stay()
    return moves


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
    new = copied(entry, line=line)
    if entry.request is None:
        if line != entry.line:
            new.identity = identity_today(entry, options, vault, None)
        hidden, paths = project.secrecy.without_secrets(entry.arguments or {})
        assert isinstance(hidden, dict)
        new.arguments = hidden
        new.hidden = tuple(dict.fromkeys([*entry.hidden, *paths]))
        return new
    adapter = project.adapter(entry.target)
    if adapter is None:
        raise MimicError(f"the adapter of {entry.target} is not installed")
    request: Any = unshelve(entry.request, vault)
    answer: Any = unshelve(entry.body.get("answer"), vault)
    _refuse_names_taken_out(project.secrets.names, adapter, request, answer)
    shown = exchanges.request(adapter, request)
    if shown != request or line != entry.line:
        counted = partial(parts_that_count, adapter)
        new.identity = identity_today(entry, options, vault, counted, lambda _: shown)
    if shown != request:
        new.signature = adapter.signature(shown)
        new.request = shown
    if answer is not None:
        owner = "" if _is_shared(found) else found.recording.owner
        stored = exchanges.answer(adapter, answer, shown, owner, new.identity)
        if stored != answer:
            new.body = {**entry.body, "answer": stored}
    return new


def _refuse_names_taken_out(
    names: Names, adapter: Adapter, request: Plain, answer: Plain | None
) -> None:
    """Refuse a call in which something is hidden that would not be today.

    Raises:
        MimicError: A line has taken a name out.
    """
    if not names.takes_out:
        return
    body = {"answer": answer}
    today = {path for path, _ in secret_values(Redactor(names), adapter, request, body)}
    for path, value in secret_values(Redactor(Names()), adapter, request, body):
        if is_placeholder(value) and path not in today:
            raise MimicError(f"{path}: what was hidden there is not stored")


# -- where it stands


def _is_shared(found: Found) -> bool:
    return found.name.startswith("calls/")


def _file_of(project: Project, found: Found, entry: Entry, options: Options) -> str:
    """Return the file in which a call stands under its line.

    Raises:
        MimicError: It may not move there.
    """
    adapter = project.adapter(entry.target)
    has_place = bool(options.sequence)
    if adapter is not None:
        has_place = adapter.is_session or options.sequence is not False
    if _is_shared(found) and has_place:
        raise MimicError("all tests share it, so its place in a log is unknown")
    if not _is_shared(found) and (has_place or found.is_cassette):
        return found.name
    if not _is_shared(found) and _is_token_sent_back(project, found.recording, entry):
        raise MimicError("a later call sends back a token of its answer")
    return call_name(entry.target, entry.identity, entry.line)


def _is_token_sent_back(project: Project, recording: Recording, entry: Entry) -> bool:
    secrets = project.secrets
    tokens = secrets.tokens_in(entry.body.get("answer", {}))
    if not tokens:
        return False
    sent = [
        {**other.request, "headers": {}} for other in recording.entries if other.request
    ]
    return not set(tokens).isdisjoint(secrets.tokens_in(sent))


def _made(project: Project, moves: Sequence[_Move]) -> dict[str, list[_Move]]:
    """Return the answers that make a new file, by its name.

    Tests whose answers differ would no longer get their own: these stay.
    """
    by_file: dict[str, dict[str, list[_Move]]] = defaultdict(lambda: defaultdict(list))
    for move in moves:
        if move.leaves:
            by_file[move.file][move.found.name].append(move)
    made = {}
    for file, sources in by_file.items():
        rivals = [*sources.values()]
        recorded = project.vault.read(file)
        if recorded is not None:
            found = Found(file, recorded, recorded.entries)
            rivals.append([_Move(found, one, one, file) for one in found.entries])
        longest = max(rivals, key=len)
        is_function = longest[0].new.request is None
        are_equal = all(
            _are_equal(project, *pair)
            for rival in rivals
            for pair in zip(longest, rival, strict=False)
        )
        if not are_equal or (is_function and len(longest) > 1):
            for move in [move for rival in rivals for move in rival]:
                move.stay("equal calls have different outcomes")
        else:
            made[file] = longest
    return made


def _are_equal(project: Project, one: _Move, other: _Move) -> bool:
    if one is other:
        return True
    # Answers that only a line's comparison takes for equal are others to a test.
    adapter = project.adapter(one.new.target)
    bodies = one.new.body, other.new.body
    if adapter is None or not all("answer" in body for body in bodies):
        return is_equal(one.new, other.new, NO_OPTIONS)
    old, new = (unshelve(body["answer"], project.vault) for body in bodies)
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    return not differing_answers(adapter, old, new, NO_OPTIONS)


def _carry_out(
    project: Project, moves: Sequence[_Move], made: dict[str, list[_Move]]
) -> None:
    """Write new files before old ones go: a process may be killed between."""
    vault = project.vault
    files: dict[str, list[_Move]] = defaultdict(list)
    for move in moves:
        files[move.found.name].append(move)
        _shelve(project, move)
    for file, answers in made.items():
        owner = answers[0].found.recording.owner
        entries = [
            copied(one.new, begin=0, ended=None, test=one.new.test or owner)
            for one in answers
        ]
        vault.write(file, Recording(owner, entries[0].recorded, entries))
    gone = []
    for name, of_file in files.items():
        left = [move.new for move in of_file if not move.leaves]
        if not left:
            gone.append(name)
        elif any(move.is_change for move in of_file):
            vault.write(name, copied(of_file[0].found.recording, entries=left))
    vault.delete(gone)
    vault.close()


def _shelve(project: Project, move: _Move) -> None:
    """Put long parts of what has changed into objects."""
    new, old = move.new, move.old
    if new.request is not old.request:
        request: Any = shelve(new.request, project.vault)
        new.request = request
    if new.body is not old.body:
        answer: Any = new.body["answer"]
        new.body = {**new.body, "answer": shelve_answer(answer, project.vault)}
