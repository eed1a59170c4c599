"""`diff`: where the calls of a vault differ from those of a revision of git."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from pytest_mimic.cli.git import Revision
from pytest_mimic.cli.project import Lines, Project
from pytest_mimic.cli.select import Found
from pytest_mimic.client import differing_answers
from pytest_mimic.engine.verifying import paths_of
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import Options
from pytest_mimic.values.differences import Difference, Rules, differences
from pytest_mimic.values.drawing import difference_line, line
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import BODIES, Entry, Recording, parse
from pytest_mimic.vault.vault import FOLDERS, objects_in
from pytest_mimic.words import plural

_SHOWN = 10
_CHANGES = ("changed", "added", "removed")
_VERBS = {"value": "returned ", "raised": "raised ", "items": "gave ", "answer": ""}


@dataclass(frozen=True)
class _Row:
    """One call that differs.

    Attributes:
        change: What has happened to it.
        owner: The test, the fixture or the cassette, as a line names it.
        file: Where it stands.
        call: The call on one line.
        target: Its target.
        lines: Where it differs.
    """

    change: Literal["changed", "added", "removed"]
    owner: str
    file: str
    call: str
    target: str
    lines: tuple[str, ...] = ()

    @property
    def cause(self) -> tuple[str, ...]:
        """What rows of other tests have in common with it; nothing: it stands alone."""
        return (self.target, *self.lines) if self.change == "changed" else ()


def diff(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Show what differs, test by test, with the commands that put it back.

    Raises:
        MimicError: There is no repository, or no such revision.
    """
    revision = Revision(project.vault.path, options.revision)
    try:
        comparison = _Comparison(project, revision)
        rows = [row for name in revision.changed() for row in comparison.of_file(name)]
        by_owner: dict[str, list[_Row]] = {}
        for row in rows:
            by_owner.setdefault(row.owner, []).append(row)
        blocks = dict(sorted(by_owner.items()))
        for of_owner in blocks.values():
            of_owner.sort(key=lambda row: _CHANGES.index(row.change))
        if options.json:
            plain = _plain(comparison, blocks)
            yield from json.dumps(plain, indent=1).split("\n")
        elif rows:
            yield from _told(project, comparison, blocks)
    finally:
        revision.close()
    return 1 if rows else 0


def _told(
    project: Project, comparison: _Comparison, blocks: dict[str, list[_Row]]
) -> Iterator[str]:
    seen: set[tuple[str, ...]] = set()
    repeated: list[_Row] = []
    for owner, rows in blocks.items():
        if all(row.cause in seen for row in rows):
            repeated += rows
            continue
        yield owner
        for row in rows:
            yield from _lines_of(row)
            if row.cause:
                seen.add(row.cause)
        for number, command in enumerate(comparison.put_back(rows)):
            yield f"    {command}" if number else f"  to put it back: {command}"
        yield ""
    if repeated:
        tests = plural(len({row.owner for row in repeated}), "other test")
        yield f"the same in {plural(len(repeated), 'call')} of {tests}"
    changes: Counter[str] = Counter(
        row.change for rows in blocks.values() for row in rows
    )
    yield ", ".join(f"{changes[name]} {name}" for name in _CHANGES if changes[name])
    yield f"to put all back: {comparison.revision.put_all_back(project.start)}"


def _lines_of(row: _Row) -> Iterator[str]:
    yield f"  {row.change}: {row.call}"
    yield from (f"    {text}" for text in row.lines[:_SHOWN])
    more = len(row.lines) - _SHOWN
    if more > 0:
        yield f"    and {more} more"


def _plain(comparison: _Comparison, blocks: dict[str, list[_Row]]) -> dict[str, object]:
    rows = [
        {
            "change": row.change,
            "owner": row.owner,
            "file": row.file,
            "call": row.call,
            "differences": list(row.lines),
        }
        for rows in blocks.values()
        for row in rows
    ]
    put_back = [
        {"owner": owner, "commands": comparison.put_back(rows)}
        for owner, rows in blocks.items()
    ]
    return {"differences": rows, "put_back": put_back}


class _Comparison:
    """Compares files of the vault with what they held in a revision."""

    def __init__(self, project: Project, revision: Revision) -> None:
        self.revision = revision
        self._project = project
        self._vault = project.vault
        self._lines = Lines(project)

    def put_back(self, rows: Sequence[_Row]) -> list[str]:
        """Return the commands for the files of some calls, with their objects."""
        names: dict[str, None] = {}
        for row in rows:
            names[row.file] = None
            for name in self._old_objects(row.file):
                if self._vault.folder.size(name) == 0:
                    names[name] = None
        return self.revision.put_back(list(names), self._project.start)

    def _old_objects(self, file: str) -> list[str]:
        found: dict[str, None] = {}
        pending = [file]
        while pending:
            name = pending.pop()
            if name.endswith(".json"):
                new = objects_in(self.revision.read(name) or b"") - found.keys()
                found.update(dict.fromkeys(sorted(new)))
                pending += new
        return list(found)

    def of_file(self, name: str) -> Iterator[_Row]:
        """Yield a row for each call of a file that differs."""
        if name.partition("/")[0] not in FOLDERS or not name.endswith(".json"):
            return
        old = self._parsed(name, self.revision.read(name))
        new = self._parsed(name, self._vault.folder.read(name))
        for one in (old, new):
            if isinstance(one, str):
                yield _Row("changed", name, name, name, name, (one,))
                return
        assert not isinstance(old, str)
        assert not isinstance(new, str)
        known = new or old
        assert known is not None
        owner = Found(name, known, []).owner
        pairs = _pairs(old.entries if old else [], new.entries if new else [])
        for before, now in pairs:
            row = self._row(name, owner, before, now)
            if row is not None:
                yield row

    def _parsed(self, name: str, content: bytes | None) -> Recording | str | None:
        try:
            return None if content is None else parse(content, name)
        except CorruptRecordingError as error:
            return error.what

    def _row(
        self, name: str, owner: str, old: Entry | None, new: Entry | None
    ) -> _Row | None:
        entry = new or old
        assert entry is not None
        label = self._project.label(entry)
        if old is None or new is None:
            change: Literal["added", "removed"] = "added" if old is None else "removed"
            return _Row(change, owner, name, label, entry.target)
        try:
            lines = [*self._calls(old, new), *self._outcomes(old, new)]
        except CorruptRecordingError as error:
            lines = [error.what]
        if not lines:
            return None
        return _Row("changed", owner, name, label, entry.target, tuple(lines))

    def _calls(self, old: Entry, new: Entry) -> list[str]:
        if old.identity == new.identity:
            return []
        trees = [
            unshelve(entry.arguments or entry.request or {}, objects)
            for entry, objects in self._sides(old, new)
        ]
        return self._drawn(differences(trees[0], trees[1]))

    def _sides(self, old: Entry, new: Entry) -> list[tuple[Entry, Objects]]:
        return [(old, self.revision), (new, self._vault)]

    def _outcomes(self, old: Entry, new: Entry) -> list[str]:
        found = self._lines.of(new)
        options = Options() if found is None else found.options
        bodies = [
            {key: unshelve(part, objects) for key, part in entry.body.items()}
            for entry, objects in self._sides(old, new)
        ]
        before, now = bodies
        if (old.end, before) == (new.end, now):
            return []
        if old.end != new.end or before.keys() != now.keys():
            return [f"{self._told(old, before)} before, {self._told(new, now)} now"]
        adapter = self._project.adapter(new.target)
        if adapter is not None and isinstance(now.get("answer"), dict):
            only_volatile = Options(volatile=options.volatile)
            one, other = before["answer"], now["answer"]
            assert isinstance(one, dict)
            assert isinstance(other, dict)
            return self._drawn(differing_answers(adapter, one, other, only_volatile))
        volatile = paths_of(options.volatile)
        lines = []
        for key in before:
            paths = volatile
            if key == "items":
                paths = tuple(("*", *path) for path in volatile)
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
        masked = map(self._project.secrecy.masked_difference, found)
        words = ("before", "now")
        lines = [difference_line(one, words=words) for one in masked]
        return list(map(self._project.secrets.masked_text, lines))


def _pairs(
    old: Sequence[Entry], new: Sequence[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield each call with the former one: the same, or another one in its place."""
    keys = [(entry.target, entry.identity) for entry in old]
    keys_now = [(entry.target, entry.identity) for entry in new]
    matcher = SequenceMatcher(None, keys, keys_now, autojunk=False)
    for _, start, end, start_now, end_now in matcher.get_opcodes():
        yield from _in_place(old[start:end], new[start_now:end_now])


def _in_place(
    old: Sequence[Entry], new: Sequence[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    left = list(old)
    for entry in new:
        same = next((one for one in left if one.target == entry.target), None)
        if same is not None:
            left.remove(same)
        yield same, entry
    yield from ((one, None) for one in left)
