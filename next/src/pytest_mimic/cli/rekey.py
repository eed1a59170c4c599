"""`rekey`: recordings follow lines and secret names, without a call."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_mimic.cli.project import Lines, Project
from pytest_mimic.cli.select import Found, select, told
from pytest_mimic.client import (
    Adapter,
    Plain,
    StandIn,
    differing_answers,
    parts_that_count,
)
from pytest_mimic.engine.verifying import is_equal, paths_of
from pytest_mimic.errors import CorruptRecordingError, TargetError
from pytest_mimic.patch.targets import Options, read_options
from pytest_mimic.secrets.issued import CallMark, Hide, Scope
from pytest_mimic.secrets.names import Names
from pytest_mimic.secrets.placeholders import is_placeholder
from pytest_mimic.secrets.redactor import Redactor
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import shelve, unshelve
from pytest_mimic.values.tree import Path, Tree, parts, without
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import plural


class _StaysError(Exception):
    """A recording cannot follow its line. The text says why."""


@dataclass
class _Step:
    """What becomes of one call.

    Attributes:
        file: Where it stands.
        recording: What stands there.
        old: The call as it is recorded.
        new: The call as today's lines and names have it.
        options: Those of its line.
        target: The file of what all tests share that it moves to; empty: it stays.
        reason: Why it cannot follow; empty: it can.
    """

    file: str
    recording: Recording
    old: Entry
    new: Entry
    options: Options
    target: str = ""
    reason: str = ""

    @property
    def is_change(self) -> bool:
        return not self.reason and (bool(self.target) or self.new != self.old)


def rekey(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Give recordings the identities that today's lines and secret names give."""
    selection = select(project, options)
    plan = _Plan(project)
    for found in selection.found:
        plan.add(Found(found.name, found.recording, found.recording.entries))
    plan.settle()
    changes = [step for step in plan.steps if step.is_change]
    left = [step for step in plan.steps if step.reason]
    if changes:
        verb = "would get" if options.dry_run else "have got"
        if len(changes) == 1 and not options.dry_run:
            verb = "has got"
        yield f"{plural(len(changes), 'recording')} {verb} what today's lines say"
        if not options.dry_run:
            plan.carry_out()
    elif not left and not selection.unmatched:
        yield f"nothing to change in {project.vault.label}"
    if left:
        yield from _listed(project, left)
    yield from told(project, selection)
    return 1 if left else selection.code


def _listed(project: Project, left: Sequence[_Step]) -> Iterator[str]:
    yield "cannot follow:"
    for step in left:
        owner = Found(step.file, step.recording, []).owner
        yield f"  {project.label(step.old)}    {owner}"
        yield f"    {step.reason}"
    places = [(step.file, step.recording.owner) for step in left]
    again = project.record_again("--mimic-rerecord", places)
    yield f"to record them again: {again}"


class _Plan:
    """What becomes of each call of some files, before anything is written.

    Attributes:
        steps: The calls, file by file.
    """

    def __init__(self, project: Project) -> None:
        self.steps: list[_Step] = []
        self._project = project
        self._lines = Lines(project)

    def add(self, found: Found) -> None:
        """Plan for a file. Where a call cannot follow, all of the file stays.

        Another call would else take its place among equal ones.
        """
        following = _Following(self._project, found)
        steps = [self._step(entry, following) for entry in found.entries]
        if any(step.reason for step in steps):
            steps = [
                step if step.reason else replace(step, new=step.old, target="")
                for step in steps
            ]
        self.steps += steps

    def _step(self, entry: Entry, following: _Following) -> _Step:
        found = following.found
        line = None if entry.end == "empty" else self._lines.of(entry)
        options = Options() if line is None else line.options
        step = _Step(found.name, found.recording, entry, entry, options)
        if line is None:
            return step
        try:
            step.new = following.under(entry, options)
            step.target = following.target(step)
        except (_StaysError, CorruptRecordingError) as reason:
            step.new, step.reason = entry, str(reason)
        return step

    def settle(self) -> None:
        """Let calls become one that have equal outcomes; all others stay."""
        targets: dict[str, list[_Step]] = {}
        for step in self.steps:
            if step.target:
                targets.setdefault(step.target, []).append(step)
        for target, steps in targets.items():
            first, *others = [*self._recorded_at(target), *steps]
            if not all(self._are_equal(first, other) for other in others):
                for step in steps:
                    step.new, step.target = step.old, ""
                    step.reason = "equal calls have different outcomes"

    def _recorded_at(self, name: str) -> list[_Step]:
        """Return what all tests share at a place already."""
        found = self._project.vault.read(name)
        if found is None:
            return []
        entry = found.entries[0]
        return [_Step(name, found, entry, entry, Options())]

    def _are_equal(self, one: _Step, other: _Step) -> bool:
        adapter = self._project.adapter(one.old.target)
        if adapter is None or "answer" not in one.new.body:
            return is_equal(one.new, other.new, other.options)
        vault = self._project.vault
        recorded, answer = (
            unshelve(step.new.body.get("answer", {}), vault) for step in (one, other)
        )
        assert isinstance(recorded, dict)
        assert isinstance(answer, dict)
        return not differing_answers(adapter, recorded, answer, other.options)

    # -- writing

    def carry_out(self) -> None:
        """Write new files before old ones go: a process may be killed between."""
        vault = self._project.vault
        for step in self.steps:
            if step.target and vault.folder.size(step.target) == 0:
                owner, day = step.recording.owner, step.new.recorded
                vault.write(step.target, Recording(owner, day, [step.new]))
        files: dict[str, list[_Step]] = {}
        for step in self.steps:
            files.setdefault(step.file, []).append(step)
        gone = [name for name, steps in files.items() if not _rewrite(vault, steps)]
        vault.delete(gone)
        vault.end()


def _rewrite(vault: Vault, steps: Sequence[_Step]) -> bool:
    """Write a file without the calls that have moved; whether one is left."""
    left = [step.new for step in steps if not step.target]
    if left and any(step.is_change for step in steps):
        vault.write(steps[0].file, replace(steps[0].recording, entries=left))
    return bool(left)


class _Following:
    """Computes the calls of one file anew."""

    def __init__(self, project: Project, found: Found) -> None:
        self.found = found
        self._project = project
        self._scope = Scope()
        # What lines have taken out of the usual names is not hidden any more.
        self._usual = Names(())

    def target(self, step: _Step) -> str:
        """Return the file that a call moves to; empty: it stays where it is.

        Raises:
            _StaysError: It may not move.
        """
        entry, sequence = step.new, step.options.sequence
        is_in_log = sequence is not False if entry.request is not None else sequence
        if self.found.name.startswith("calls/"):
            if is_in_log:
                raise _StaysError(
                    "all tests share it (sequence=no), and nobody knows its place"
                )
        elif is_in_log or self.found.is_cassette:
            return ""
        elif self._is_token_sent_back(entry):
            raise _StaysError("a later call sends back a token of its answer")
        name = call_name(entry.target, entry.identity)
        return "" if name == self.found.name else name

    def _is_token_sent_back(self, entry: Entry) -> bool:
        secrets = self._project.secrets
        tokens = secrets.tokens_in(entry.body.get("answer", {})).split()
        sent = [
            {name: part for name, part in other.request.items() if name != "headers"}
            for other in self.found.recording.entries
            if tokens and other.request is not None
        ]
        return not set(tokens).isdisjoint(secrets.tokens_in(sent).split())

    def under(self, entry: Entry, options: Options) -> Entry:
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

    # -- functions

    def _function(self, entry: Entry, options: Options) -> Entry:
        tree: Tree = entry.arguments or {}
        identity = entry.identity
        if entry.line != options.text():
            before = _options_of(entry)
            if _without_ignore(before) != _without_ignore(options):
                raise _StaysError("content= and key= need the call itself")
            if not set(before.ignore) <= set(options.ignore):
                raise _StaysError("what its line has ignored is not kept")
            paths = paths_of(options.ignore)
            counted = without(tree, paths)
            if counted != tree:
                if identity_of(entry.target, tree) != identity:
                    raise _StaysError(
                        "a part of it is hidden, or it was edited by hand"
                    )
                identity = identity_of(entry.target, counted)
            _refuse_paths_into_digests(tree, paths)
            tree = counted
        tree, hidden = self._project.secrecy.without_secrets(tree)
        assert isinstance(tree, dict)
        return replace(
            entry,
            arguments=tree,
            identity=identity,
            line=options.text(),
            hidden=tuple(dict.fromkeys([*entry.hidden, *hidden])),
        )

    # -- clients

    def _client(self, entry: Entry, options: Options, adapter: Adapter) -> Entry:
        vault, secrets = self._project.vault, self._project.secrets
        request: Any = unshelve(entry.request, vault)
        answer: Any = unshelve(entry.body.get("answer"), vault)
        self._refuse_unhidden(adapter, request, answer)
        secrets.note_given(request, self._scope)
        hidden = secrets.hide_request(
            request, self._scope, hide=_hiding(adapter.hide_request)
        )
        identity = entry.identity
        if hidden != request or entry.line != options.text():
            before = _options_of(entry)
            counted = parts_that_count(adapter, request, before)
            if identity_of(entry.target, counted) != identity:
                raise _StaysError("it was edited by hand")
            counted = parts_that_count(adapter, hidden, options)
            identity = identity_of(entry.target, counted)
        body = entry.body
        if answer is not None:
            is_shared = self.found.name.startswith("calls/")
            owner = "" if is_shared else self.found.recording.owner
            mark = CallMark(owner, identity, self._scope.count(identity))

            def hide(redactor: Redactor, plain: Plain, stand_in: StandIn) -> Plain:
                return adapter.hide_answer(redactor, plain, _keeping(stand_in), hidden)

            shown = secrets.hide_answer(answer, self._scope, mark, hide=hide)
            if shown != answer:
                body = {**body, "answer": shelve(shown, vault)}
        stored = entry.request
        if hidden != request:
            found = shelve(hidden, vault)
            assert isinstance(found, dict)
            stored = found
        return replace(
            entry,
            request=stored,
            body=body,
            identity=identity,
            line=options.text(),
            signature=adapter.signature(hidden),
        )

    def _refuse_unhidden(self, adapter: Adapter, request: Any, answer: Any) -> None:
        """Refuse a call in which something is hidden that would not be today.

        Raises:
            _StaysError: A name was taken out.
        """
        names = self._project.secrets.names
        if not names.takes_out:
            return
        found = []
        for redactor in (Redactor(self._usual), Redactor(names)):
            paths: dict[str, None] = {}

            def note(value: str, path: str, paths: Any = paths) -> str:
                if is_placeholder(value):
                    paths[path] = None
                return value

            adapter.hide_request(redactor, request, note)
            if answer is not None:
                adapter.hide_answer(redactor, answer, note, request)
            found.append(paths)
        for path in found[0]:
            if path not in found[1]:
                raise _StaysError(f"{path}: what was hidden there is not kept")


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


def _without_ignore(options: Options) -> tuple[object, ...]:
    return options.key, set(options.content)


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


def _hiding(hide: Hide) -> Hide:
    """Return a way to hide that leaves what stands for a secret as it is."""

    def hiding(redactor: Redactor, plain: Any, stand_in: StandIn) -> Any:
        return hide(redactor, plain, _keeping(stand_in))

    return hiding


def _keeping(stand_in: StandIn) -> StandIn:
    def keeping(value: str, path: str) -> str:
        return value if is_placeholder(value) else stand_in(value, path)

    return keeping
