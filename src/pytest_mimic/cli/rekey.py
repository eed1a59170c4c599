"""`rekey`: recordings follow lines and secret names, without a call."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_mimic.cli.exchanges import Exchanges, identity_under
from pytest_mimic.cli.project import Lines, Project
from pytest_mimic.cli.select import Found, select, told
from pytest_mimic.client import Adapter, Plain, differing_answers
from pytest_mimic.engine.verifying import is_equal, paths_of
from pytest_mimic.errors import CorruptRecordingError, TargetError
from pytest_mimic.patch.targets import NO_OPTIONS, Options, read_options
from pytest_mimic.secrets.names import Names
from pytest_mimic.secrets.placeholders import is_placeholder
from pytest_mimic.secrets.redactor import Redactor
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import shelve, unshelve
from pytest_mimic.values.tree import Path, Tree, parts, without
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.words import plural


class _StaysError(Exception):
    """A recording cannot follow its line. The text says why."""


@dataclass
class _Step:
    """What becomes of one call.

    Attributes:
        found: The file in which it stands.
        old: The call as it is recorded.
        new: The call as today's lines and names have it.
        options: Those of its line.
        target: The file of what all tests share that it moves to; empty: it stays.
        reason: Why it cannot follow; empty: it can.
    """

    found: Found
    old: Entry
    new: Entry
    options: Options = NO_OPTIONS
    target: str = ""
    reason: str = ""

    @property
    def is_change(self) -> bool:
        return bool(self.target) or self.new != self.old

    def stay(self, reason: str = "") -> None:
        """Leave the call as it is."""
        self.new, self.target = self.old, ""
        self.reason = self.reason or reason


def rekey(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Give recordings the identities that today's lines and secret names give."""
    selection = select(project, options)
    lines = Lines(project)
    steps: list[_Step] = []
    for found in selection.found:
        steps += _File(project, found).steps(lines)
    _refuse_rivals(project, steps)
    changes = [step for step in steps if step.is_change]
    left = [step for step in steps if step.reason]
    if changes:
        verb = "has got" if len(changes) == 1 else "have got"
        verb = "would get" if options.dry_run else verb
        yield f"{plural(len(changes), 'recording')} {verb} what today's lines say"
        if not options.dry_run:
            _carry_out(project, steps)
    elif not left and not selection.unmatched:
        yield f"nothing to change in {project.vault.label}"
    if left:
        yield from _listed(project, left)
    yield from told(project, selection)
    return 1 if left else selection.code


def _listed(project: Project, left: Sequence[_Step]) -> Iterator[str]:
    yield "cannot follow:"
    for step in left:
        yield f"  {project.label(step.old)}    {step.found.owner}"
        yield f"    {step.reason}"
    places = [(step.found.name, step.found.recording.owner) for step in left]
    again = project.record_again("--mimic-rerecord", places)
    yield f"to record them again: {again}"


def _refuse_rivals(project: Project, steps: Sequence[_Step]) -> None:
    """Let only calls with equal outcomes become one that all tests share."""
    by_target: dict[str, list[_Step]] = defaultdict(list)
    for step in steps:
        if step.target:
            by_target[step.target].append(step)
    for target, moving in by_target.items():
        first = moving[0].new
        rivals = moving[1:]
        recorded = project.vault.read(target)
        if recorded is not None:
            first, rivals = recorded.entries[0], moving
        if not all(_are_equal(project, first, step) for step in rivals):
            for step in moving:
                step.stay("equal calls have different outcomes")


def _are_equal(project: Project, entry: Entry, step: _Step) -> bool:
    adapter = project.adapter(entry.target)
    if adapter is None or "answer" not in step.new.body:
        return is_equal(entry, step.new, step.options)
    recorded: Any = unshelve(entry.body.get("answer", {}), project.vault)
    answer: Any = unshelve(step.new.body["answer"], project.vault)
    return not differing_answers(adapter, recorded, answer, step.options)


def _carry_out(project: Project, steps: Sequence[_Step]) -> None:
    """Write new files before old ones go: a process may be killed between."""
    vault = project.vault
    files: dict[str, list[_Step]] = defaultdict(list)
    for step in steps:
        files[step.found.name].append(step)
        if step.target and vault.folder.size(step.target) == 0:
            owner, day = step.found.recording.owner, step.new.recorded
            vault.write(step.target, Recording(owner, day, [step.new]))
    gone = []
    for name, of_file in files.items():
        left = [step.new for step in of_file if not step.target]
        if not left:
            gone.append(name)
        elif any(step.is_change for step in of_file):
            vault.write(name, replace(of_file[0].found.recording, entries=left))
    vault.delete(gone)
    vault.end()


class _File:
    """Computes the calls of one file anew."""

    def __init__(self, project: Project, found: Found) -> None:
        self._project = project
        self._found = found
        self._is_shared = found.name.startswith("calls/")
        self._exchanges = Exchanges(project, is_placeholder)

    def steps(self, lines: Lines) -> list[_Step]:
        """Return what becomes of the calls; where one cannot follow, all stay.

        Another call would else take its place among equal ones.
        """
        steps = [self._step(entry, lines) for entry in self._found.recording.entries]
        if any(step.reason for step in steps):
            for step in steps:
                step.stay()
        return steps

    def _step(self, entry: Entry, lines: Lines) -> _Step:
        step = _Step(self._found, entry, entry)
        line = None if entry.end == "empty" else lines.of(entry)
        if line is None:
            return step
        step.options = line.options
        try:
            if entry.python and entry.line != line.options.text():
                raise _StaysError("its options were given in Python")
            step.new = self._under(entry, line.options)
            step.target = self._target(step)
        except (_StaysError, CorruptRecordingError) as reason:
            step.stay(str(reason))
        return step

    def _target(self, step: _Step) -> str:
        """Return the file that a call moves to; empty: it stays where it is.

        Raises:
            _StaysError: It may not move.
        """
        entry, sequence = step.new, step.options.sequence
        is_in_log = sequence is not False if entry.request is not None else sequence
        if self._is_shared and is_in_log:
            raise _StaysError(
                "all tests share it (sequence=no), and nobody knows its place"
            )
        if not self._is_shared:
            if is_in_log or self._found.is_cassette:
                return ""
            if self._is_token_sent_back(entry):
                raise _StaysError("a later call sends back a token of its answer")
        name = call_name(entry.target, entry.identity)
        return "" if name == self._found.name else name

    def _is_token_sent_back(self, entry: Entry) -> bool:
        secrets = self._project.secrets
        tokens = secrets.tokens_in(entry.body.get("answer", {})).split()
        sent = [
            {name: part for name, part in other.request.items() if name != "headers"}
            for other in self._found.recording.entries
            if tokens and other.request is not None
        ]
        return not set(tokens).isdisjoint(secrets.tokens_in(sent).split())

    def _under(self, entry: Entry, options: Options) -> Entry:
        """Return a call as it would be recorded today.

        Raises:
            _StaysError: It cannot be told from what is kept.
        """
        if entry.request is None:
            return self._function(entry, options)
        adapter = self._project.adapter(entry.target)
        if adapter is None:
            raise _StaysError(f"the adapter of {entry.target} is not installed")
        return self._client(entry, options, adapter)

    def _function(self, entry: Entry, options: Options) -> Entry:
        tree: Tree = entry.arguments or {}
        identity = entry.identity
        if entry.line != options.text():
            paths = paths_of(options.ignore)
            tree = _without_ignored(tree, _options_of(entry), options)
            if tree != entry.arguments:
                if identity_of(entry.target, entry.arguments) != identity:
                    raise _StaysError(
                        "a part of it is hidden, or it was edited by hand"
                    )
                identity = identity_of(entry.target, tree)
            _refuse_paths_into_digests(tree, paths)
        tree, hidden = self._project.secrecy.without_secrets(tree)
        assert isinstance(tree, dict)
        return replace(
            entry,
            arguments=tree,
            identity=identity,
            line=options.text(),
            hidden=tuple(dict.fromkeys([*entry.hidden, *hidden])),
        )

    def _client(self, entry: Entry, options: Options, adapter: Adapter) -> Entry:
        vault = self._project.vault
        request: Any = unshelve(entry.request, vault)
        answer: Any = unshelve(entry.body.get("answer"), vault)
        _refuse_unhidden(self._project.secrets.names, adapter, request, answer)
        new = replace(entry, line=options.text())
        hidden = self._exchanges.request(adapter, request)
        if hidden != request or new.line != entry.line:
            if identity_under(adapter, request, _options_of(entry)) != entry.identity:
                raise _StaysError("it was edited by hand")
            new.identity = identity_under(adapter, hidden, options)
        if hidden != request:
            new.signature = adapter.signature(hidden)
            stored: Any = shelve(hidden, vault)
            new.request = stored
        if answer is not None:
            owner = "" if self._is_shared else self._found.recording.owner
            shown = self._exchanges.answer(
                adapter, answer, hidden, owner=owner, identity=new.identity
            )
            if shown != answer:
                new.body = {**entry.body, "answer": shelve(shown, vault)}
        return new


def _without_ignored(tree: Tree, before: Options, now: Options) -> Tree:
    """Return the arguments of a call without what its line ignores today.

    Raises:
        _StaysError: It needs more than these.
    """
    if now.key is not None or set(before.content) != set(now.content):
        raise _StaysError("content= and key= need the call itself")
    if not set(before.ignore) <= set(now.ignore):
        raise _StaysError("what its line has ignored is not kept")
    return without(tree, paths_of(now.ignore))


def _options_of(entry: Entry) -> Options:
    """Return the options under which a call was recorded.

    Raises:
        _StaysError: They are none of this version.
    """
    words = shlex.split(entry.line)
    if "key" in words:
        raise _StaysError("key= needs the call itself")
    try:
        return read_options(words)
    except TargetError as error:
        raise _StaysError(error.what) from None


def _refuse_unhidden(
    names: Names, adapter: Adapter, request: Plain, answer: Plain | None
) -> None:
    """Refuse a call in which something is hidden that would not be today.

    Raises:
        _StaysError: A line has taken a name out.
    """
    if not names.takes_out:
        return
    hidden_today = _hidden_paths(Redactor(names), adapter, request, answer)
    for path in _hidden_paths(Redactor(Names(())), adapter, request, answer):
        if path not in hidden_today:
            raise _StaysError(f"{path}: what was hidden there is not kept")


def _hidden_paths(
    redactor: Redactor, adapter: Adapter, request: Plain, answer: Plain | None
) -> dict[str, None]:
    """Return the paths of secret names behind which a placeholder stands."""
    paths: dict[str, None] = {}

    def note(value: str, path: str) -> str:
        if is_placeholder(value):
            paths[path] = None
        return value

    adapter.hide_request(redactor, request, note)
    if answer is not None:
        adapter.hide_answer(redactor, answer, note, request)
    return paths


def _refuse_paths_into_digests(tree: Tree, paths: Sequence[Path]) -> None:
    """Refuse to leave out a part of what stands by its digest.

    Raises:
        _StaysError: A path leads into such a part.
    """
    for path in paths:
        if _leads_into_digest(tree, path):
            where = ".".join(path)
            raise _StaysError(f"{where} leads into a part of which a digest is kept")


def _leads_into_digest(tree: Tree, path: Path) -> bool:
    if not path:
        return False
    if isinstance(tree, dict) and "$long" in tree:
        return True
    return any(
        _leads_into_digest(part, path[1:])
        for step, part in parts(tree)
        if path[0] in (step, "*")
    )
