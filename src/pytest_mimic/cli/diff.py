"""`diff`: where the calls of a vault differ from those of a revision of git."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from pytest_mimic.cli.git import Revision
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found
from pytest_mimic.client import differing_answers
from pytest_mimic.engine.verifying import paths_of
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import NO_OPTIONS, Options
from pytest_mimic.values.differences import (
    Difference,
    Rules,
    difference_line,
    differences,
)
from pytest_mimic.values.drawing import line
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import BODIES, Entry, Recording, parse
from pytest_mimic.vault.vault import FOLDERS, objects_in
from pytest_mimic.words import SHOWN, plural

_CHANGES = ("changed", "added", "removed")
_VERBS = {"value": "returned ", "raised": "raised ", "items": "gave ", "answer": ""}


class _Row(NamedTuple):
    """One call that differs.

    Attributes:
        change: What has happened to it: `changed`, `added` or `removed`.
        owner: The test, the fixture or the cassette, as a line names it.
        file: Where it stands.
        call: The call on one line.
        target: Its target.
        differences: Where it differs, a line each.
    """

    change: str
    owner: str
    file: str
    call: str
    target: str
    differences: list[str]

    @property
    def cause(self) -> tuple[str, ...]:
        """What rows of other tests have in common with it; nothing: it stands alone."""
        return (self.target, *self.differences) if self.change == "changed" else ()


def diff(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Show what differs, test by test, with the commands that put it back.

    Raises:
        MimicError: There is no repository, or no such revision.
    """
    revision = Revision(project.vault.path, options.revision)
    try:
        comparison = _Comparison(project, revision)
        rows = [row for name in revision.changed for row in comparison.of_file(name)]
        rows.sort(key=lambda row: (row.owner, _CHANGES.index(row.change)))
        blocks: dict[str, list[_Row]] = {}
        for row in rows:
            blocks.setdefault(row.owner, []).append(row)
        if options.json:
            put_back = [
                {"owner": owner, "commands": comparison.put_back(of_owner)}
                for owner, of_owner in blocks.items()
            ]
            plain = {
                "differences": [row._asdict() for row in rows],
                "put_back": put_back,
            }
            yield from json.dumps(plain, indent=1).split("\n")
        elif rows:
            yield from _told(comparison, blocks)
            changes = Counter(row.change for row in rows)
            yield ", ".join(f"{changes[one]} {one}" for one in _CHANGES if changes[one])
            yield f"to put all back: {revision.put_all_back(project.start)}"
    finally:
        revision.close()
    return 1 if rows else 0


def _told(comparison: _Comparison, blocks: dict[str, list[_Row]]) -> Iterator[str]:
    """Draw the calls of each owner; what an earlier one has shown is only counted."""
    seen: set[tuple[str, ...]] = set()
    repeated: list[_Row] = []
    for owner, rows in blocks.items():
        if all(row.cause in seen for row in rows):
            repeated += rows
            continue
        yield owner
        for row in rows:
            yield f"  {row.change}: {row.call}"
            yield from (f"    {text}" for text in row.differences[:SHOWN])
            more = len(row.differences) - SHOWN
            if more > 0:
                yield f"    and {more} more"
        seen |= {row.cause for row in rows if row.cause}
        for command in comparison.put_back(rows):
            yield f"  to put it back: {command}"
        yield ""
    if repeated:
        tests = plural(len({row.owner for row in repeated}), "other test")
        yield f"the same in {plural(len(repeated), 'call')} of {tests}"


class _Comparison:
    """Compares files of the vault with what they held in a revision."""

    def __init__(self, project: Project, revision: Revision) -> None:
        self._revision = revision
        self._project = project
        self._vault = project.vault

    def put_back(self, rows: Sequence[_Row]) -> list[str]:
        """Return the commands for the files of some calls, with their objects."""
        names = list(dict.fromkeys(row.file for row in rows))
        pending = list(names)
        while pending:
            content = self._revision.read(pending.pop()) or b""
            for name in sorted(objects_in(content).difference(names)):
                if self._vault.folder.size(name) == 0:
                    names.append(name)
                if name.endswith(".json"):
                    pending.append(name)
        return self._revision.put_back(names, self._project.start)

    def of_file(self, name: str) -> Iterator[_Row]:
        """Yield a row for each call of a file that differs."""
        if name.partition("/")[0] not in FOLDERS or not name.endswith(".json"):
            return
        try:
            old = _parsed(name, self._revision.read(name))
            new = _parsed(name, self._vault.folder.read(name))
        except CorruptRecordingError as error:
            yield _Row("changed", name, name, name, name, [error.what])
            return
        owner = Found(name, new if new.entries else old, []).owner
        for before, now in _pairs(old.entries, new.entries):
            change, lines = self._compared(before, now)
            entry = now or before
            if change and entry is not None:
                label = self._project.label(entry)
                yield _Row(change, owner, name, label, entry.target, lines)

    def _compared(self, old: Entry | None, new: Entry | None) -> tuple[str, list[str]]:
        """Return what has happened to a call, if anything, and where it differs."""
        if old is None:
            return "added", []
        if new is None:
            return "removed", []
        try:
            lines = [*self._calls(old, new), *self._outcomes(old, new)]
        except CorruptRecordingError as error:
            lines = [error.what]
        return ("changed" if lines else ""), lines

    def _calls(self, old: Entry, new: Entry) -> list[str]:
        if old.identity == new.identity:
            return []
        before = unshelve(old.arguments or old.request or {}, self._revision)
        now = unshelve(new.arguments or new.request or {}, self._vault)
        return self._drawn(differences(before, now))

    def _outcomes(self, old: Entry, new: Entry) -> list[str]:
        before = _body_of(old, self._revision)
        now = _body_of(new, self._vault)
        if (old.end, before) == (new.end, now):
            return []
        if old.end != new.end or before.keys() != now.keys():
            return [f"{self._told(old, before)} before, {self._told(new, now)} now"]
        found = self._project.line_of(new)
        volatile = (NO_OPTIONS if found is None else found.options).volatile
        adapter = self._project.adapter(new.target)
        if adapter is not None and "answer" in now:
            options = Options(volatile=volatile)
            answers = before["answer"], now["answer"]
            return self._drawn(differing_answers(adapter, *answers, options))
        lines = []
        for key in before:
            paths = paths_of(volatile)
            if key == "items":
                paths = tuple(("*", *path) for path in paths)
            rules = Rules(volatile=paths)
            lines += self._drawn(differences(before[key], now[key], rules))
        return lines

    def _told(self, entry: Entry, body: dict[str, Tree]) -> str:
        """Say what a call gave, where two gave something of different kinds."""
        for key in BODIES:
            if key in body:
                shown = line(self._project.shown(body[key]))
                return f"{_VERBS[key]}{shown}{entry.end and f', {entry.end}'}"
        return entry.end

    def _drawn(self, found: Sequence[Difference]) -> list[str]:
        lines = []
        for one in found:
            masked = self._project.secrecy.masked_difference(one)
            text = difference_line(masked, ("before", "now"))
            lines.append(self._project.secrets.masked_text(text))
        return lines


def _parsed(name: str, content: bytes | None) -> Recording:
    return Recording("", "", []) if content is None else parse(content, name)


def _body_of(entry: Entry, objects: Objects) -> dict[str, Any]:
    return {key: unshelve(part, objects) for key, part in entry.body.items()}


def _pairs(
    old: Sequence[Entry], new: Sequence[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield each call with the former one: the same, or another one in its place."""
    keys = [(entry.target, entry.identity) for entry in old]
    keys_now = [(entry.target, entry.identity) for entry in new]
    matcher = SequenceMatcher(None, keys, keys_now, autojunk=False)
    for _, start, end, start_now, end_now in matcher.get_opcodes():
        left = list(old[start:end])
        for entry in new[start_now:end_now]:
            same = next((one for one in left if one.target == entry.target), None)
            if same is not None:
                left.remove(same)
            yield same, entry
        yield from ((one, None) for one in left)
