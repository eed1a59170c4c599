"""`rekey`: recordings follow lines and secret names, without a call."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pytest_mimic.cli.exchanges import Exchanges, identity_under, secret_values
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found, select
from pytest_mimic.client import Adapter, Plain, differing_answers
from pytest_mimic.engine.verifying import is_equal, paths_of
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import NO_OPTIONS, Options, read_options
from pytest_mimic.secrets.names import Names
from pytest_mimic.secrets.placeholders import is_placeholder
from pytest_mimic.secrets.redactor import Redactor
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import shelve, shelve_answer, unshelve
from pytest_mimic.values.tree import Path, Tree, below, parts, without
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
        options: Those of its line.
        reason: Why it cannot follow; empty: it can.
    """

    found: Found
    old: Entry
    new: Entry
    file: str
    options: Options = NO_OPTIONS
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
    """Give recordings the identities that today's lines and secret names give."""
    selection = select(project, options)
    moves: list[_Move] = []
    for found in selection.found:
        moves += _moves_of(project, found)
    makers = _makers(project, moves)
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
        _carry_out(project, moves, makers)
    if left:
        yield from _listed(project, left)
    yield from selection.told(project)
    return 1 if left else selection.code


def _listed(project: Project, left: Sequence[_Move]) -> Iterator[str]:
    yield "cannot be adapted:"
    for move in left:
        yield f"  {project.label(move.old)}    {move.found.owner}"
        yield f"    {move.reason}"
    in_logs = []
    for move in left:
        has_place = _has_place(project, move.old, move.options)
        if has_place and not _is_shared(move.found):
            in_logs.append((move.found.name, move.found.recording.owner))
    if in_logs:
        again = project.record_again("--mimic-rerecord", in_logs)
        yield f"to record them again: {again}"
    if len(in_logs) < len(left):
        # Recorded again, they would stand in other files.
        again = project.commands.pytest("--mimic-record", "--mimic-clear-unused")
        yield f"to record again what tests share, and drop the old: {again}"


def _moves_of(project: Project, found: Found) -> list[_Move]:
    """Return what becomes of the calls of a file; where one cannot follow, all stay.

    Another call would else take its place among equal ones.
    """
    moves = []
    exchanges = Exchanges(project, is_placeholder)
    for entry in found.recording.entries:
        move = _Move(found, entry, entry, found.name)
        moves.append(move)
        if entry.end == "empty":
            continue
        line = project.line_of(entry)
        if line is None:
            continue
        move.options = line.options
        try:
            move.new = _under(project, found, entry, line.options, exchanges)
            move.file = _file_of(project, found, move.new, line.options)
        except MimicError as reason:
            move.reason = reason.what
    if any(move.reason for move in moves):
        for move in moves:
            move.stay()
    return moves


# -- the call as it would be recorded today


def _under(
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
    if entry.python and entry.line != _text_of(options):
        raise MimicError("its options were given in Python")
    if entry.request is None:
        return _function(project, entry, options)
    adapter = project.adapter(entry.target)
    if adapter is None:
        raise MimicError(f"the adapter of {entry.target} is not installed")
    vault = project.vault
    request: Any = unshelve(entry.request, vault)
    answer: Any = unshelve(entry.body.get("answer"), vault)
    _refuse_names_taken_out(project.secrets.names, adapter, request, answer)
    new = copied(entry, line=_text_of(options))
    hidden = exchanges.request(adapter, request)
    is_hidden = hidden != request
    if is_hidden or new.line != entry.line:
        parts = adapter.parts(request)
        if identity_under(adapter, parts, _options_of(entry.line)) != entry.identity:
            raise MimicError("it was edited by hand")
        if is_hidden:
            parts = adapter.parts(hidden)
            new.signature = adapter.signature(hidden)
            new.request = hidden
        new.identity = identity_under(adapter, parts, options)
    if answer is not None:
        owner = "" if _is_shared(found) else found.recording.owner
        shown = exchanges.answer(adapter, answer, hidden, owner, new.identity)
        if shown != answer:
            new.body = {**entry.body, "answer": shown}
    return new


def _function(project: Project, entry: Entry, options: Options) -> Entry:
    new = copied(entry, line=_text_of(options))
    arguments: Tree = entry.arguments or {}
    if new.line != entry.line:
        arguments = _without_ignored(arguments, _options_of(entry.line), options)
        if arguments != entry.arguments:
            if identity_of(entry.target, entry.arguments) != entry.identity:
                raise MimicError("a part of it is hidden, or it was edited by hand")
            new.identity = identity_of(entry.target, arguments)
    hidden, paths = project.secrecy.without_secrets(arguments)
    assert isinstance(hidden, dict)
    new.arguments = hidden
    new.hidden = tuple(dict.fromkeys([*entry.hidden, *paths]))
    return new


def _without_ignored(arguments: Tree, before: Options, now: Options) -> Tree:
    """Return the arguments of a call without what its line ignores today.

    Raises:
        MimicError: It needs more than these.
    """
    if set(before.content) != set(now.content):
        raise MimicError("content= needs the call itself")
    if not set(before.ignore) <= set(now.ignore):
        raise MimicError("what its line ignored was not stored")
    paths = paths_of(now.ignore)
    if _lead_into_digest(arguments, paths):
        raise MimicError(
            "a path of ignore= leads into a part of which only a digest is stored"
        )
    return without(arguments, paths)


def _lead_into_digest(tree: Tree, paths: Sequence[Path]) -> bool:
    if not paths or () in paths:
        return False
    if isinstance(tree, dict) and "$long" in tree:
        return True
    return any(
        _lead_into_digest(part, below(paths, step)) for step, part in parts(tree)
    )


# Many calls have one line.
_text_of = lru_cache(Options.text)


@lru_cache
def _options_of(line: str) -> Options:
    return read_options(shlex.split(line))


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
    has_place = _has_place(project, entry, options)
    if _is_shared(found):
        if has_place:
            raise MimicError("all tests share it, so its place in a log is unknown")
        return call_name(entry.target, entry.identity)
    if has_place or found.is_cassette:
        return found.name
    if _is_token_sent_back(project, found.recording, entry):
        raise MimicError("a later call sends back a token of its answer")
    return call_name(entry.target, entry.identity)


def _has_place(project: Project, entry: Entry, options: Options) -> bool:
    adapter = project.adapter(entry.target)
    if adapter is None:
        return bool(options.sequence)
    return adapter.is_session or options.sequence is not False


def _is_token_sent_back(project: Project, recording: Recording, entry: Entry) -> bool:
    secrets = project.secrets
    tokens = secrets.tokens_in(entry.body.get("answer", {}))
    if not tokens:
        return False
    sent = [
        {**other.request, "headers": {}} for other in recording.entries if other.request
    ]
    return not set(tokens).isdisjoint(secrets.tokens_in(sent))


def _makers(project: Project, moves: Sequence[_Move]) -> list[_Move]:
    """Return the calls that make a new file, one for each.

    Only calls with equal outcomes become one that all tests share; others stay.
    """
    makers = []
    by_file: dict[str, list[_Move]] = defaultdict(list)
    for move in moves:
        if move.leaves:
            by_file[move.file].append(move)
    for file, rivals in by_file.items():
        first = rivals[0].new
        recorded = project.vault.read(file)
        if recorded is not None:
            first = recorded.entries[0]
        if not all(_are_equal(project, first, rival) for rival in rivals):
            for rival in rivals:
                rival.stay("equal calls have different outcomes")
        elif recorded is None:
            makers.append(rivals[0])
    return makers


def _are_equal(project: Project, entry: Entry, move: _Move) -> bool:
    if entry is move.new:
        return True
    adapter = project.adapter(entry.target)
    if adapter is None or "answer" not in move.new.body:
        return is_equal(entry, move.new, move.options)
    recorded: Any = unshelve(entry.body.get("answer", {}), project.vault)
    answer: Any = unshelve(move.new.body["answer"], project.vault)
    return not differing_answers(adapter, recorded, answer, move.options)


def _carry_out(
    project: Project, moves: Sequence[_Move], makers: Sequence[_Move]
) -> None:
    """Write new files before old ones go: a process may be killed between."""
    vault = project.vault
    files: dict[str, list[_Move]] = defaultdict(list)
    for move in moves:
        files[move.found.name].append(move)
        _shelve(project, move)
    for move in makers:
        call = copied(move.new, begin=0, ended=None)
        owner = move.found.recording.owner
        vault.write(move.file, Recording(owner, call.recorded, [call]))
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
