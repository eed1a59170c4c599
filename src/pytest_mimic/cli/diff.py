"""`diff`: where the calls of a vault differ from the vault of a revision of git."""

from __future__ import annotations

import json
import shlex
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from pytest_mimic.cli.exchanges import identity_under
from pytest_mimic.cli.git import Revision
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.proof import FALSE, adapter_for
from pytest_mimic.cli.select import Found, files_in, opened
from pytest_mimic.client import differing_answers, volatile_paths
from pytest_mimic.engine.nearest import nearest_of
from pytest_mimic.engine.verifying import RealValues, by_part
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import NO_OPTIONS, Options, read_options
from pytest_mimic.values.differences import (
    Difference,
    Rules,
    difference_line,
    differences,
)
from pytest_mimic.values.made_anew import ignorable
from pytest_mimic.values.tree import paths_of
from pytest_mimic.vault.recording import MALFORMED, Entry, Recording, copied, parse
from pytest_mimic.vault.vault import FOLDERS, objects_in
from pytest_mimic.words import SHOWN, and_more, plural

_CHANGES = ("changed", "added", "removed")
_SIDES = ("before", "now")


class _Row(NamedTuple):
    """One call that differs.

    Attributes:
        change: What has happened to it: `changed`, `added` or `removed`.
        owner: The test, the fixture or the cassette, as a line names it.
        file: Where it stands.
        former: Where the call stood in whose place it is; empty: in the same file.
        call: The call on one line.
        target: Its target.
        differences: Where it differs, a line each.
    """

    change: str
    owner: str
    file: str
    former: str
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
    revision = Revision(project.vault.path, project.rootdir, options.revision or "HEAD")
    with closing(revision):
        rows: list[_Row] = []
        real = RealValues()
        former = _replaced(project, revision)
        # Tests ask for what fixtures were given.
        for name in sorted(
            {*revision.changed_files} - {*former.values()},
            key=lambda name: ("/fixture-" not in name, name),
        ):
            rows += _rows_of_file(project, revision, name, former.get(name, ""), real)
        rows.sort(key=lambda row: (row.owner, _CHANGES.index(row.change)))
        blocks: dict[str, list[_Row]] = {}
        for row in rows:
            blocks.setdefault(row.owner, []).append(row)
        commands = {
            owner: _put_back(project, revision, of_owner)
            for owner, of_owner in blocks.items()
        }
    if options.json:
        put_back = [
            {"owner": owner, "commands": lines} for owner, lines in commands.items()
        ]
        plain = {"differences": [row._asdict() for row in rows], "put_back": put_back}
        yield from json.dumps(plain, indent=1).split("\n")
    elif rows:
        yield from _draw_blocks(blocks, commands)
        changes = Counter(row.change for row in rows)
        yield ", ".join(f"{changes[one]} {one}" for one in _CHANGES if changes[one])
    return 1 if rows else 0


def _draw_blocks(
    blocks: Mapping[str, list[_Row]], commands: Mapping[str, list[str]]
) -> Iterator[str]:
    """Draw the calls of each owner; what an earlier owner has shown is counted."""
    visited: set[tuple[str, ...]] = set()
    repeated: list[_Row] = []
    for owner, rows in blocks.items():
        if all(row.cause in visited for row in rows):
            repeated += rows
            continue
        yield owner
        for row in rows:
            yield f"  {row.change}: {row.call}"
            yield from (f"    {text}" for text in row.differences[:SHOWN])
            yield from (f"  {more}" for more in and_more(len(row.differences) - SHOWN))
        visited |= {row.cause for row in rows if row.cause}
        for command in commands[owner]:
            yield f"  to put it back: {command}"
        yield ""
    if repeated:
        tests = plural(len({row.owner for row in repeated}), "other test")
        yield f"the same in {plural(len(repeated), 'call')} of {tests}:"
        owners = list(dict.fromkeys(row.owner for row in repeated))
        for owner in owners[:SHOWN]:
            yield f"  {owner}"
            yield from (f"    to put it back: {one}" for one in commands[owner])
        yield from and_more(len(owners) - SHOWN)


def _put_back(project: Project, revision: Revision, rows: Sequence[_Row]) -> list[str]:
    """Return the commands for the files of some calls, with their objects."""
    files = [name for row in rows for name in (row.file, row.former) if name]
    names = list(dict.fromkeys(files))
    pending = list(names)
    while pending:
        content = revision.read(pending.pop()) or b""
        for name in sorted(objects_in(content).difference(names)):
            if project.vault.folder.size(name) == 0:
                names.append(name)
            if name.endswith(".json"):
                pending.append(name)
    return revision.put_back(names, project.start)


# -- what differs


def _replaced(project: Project, revision: Revision) -> dict[str, str]:
    """Return the file of each new shared call, and of the one in whose place it is.

    That is the nearest one of its test that is gone, or that the test asks no more.
    """
    asked = project.asked
    added: dict[str, Entry] = {}
    gone: dict[str, Entry] = {}
    for name in revision.changed_files:
        if name.startswith("calls/"):
            new = _first_of(partial(project.vault.read, name))
            old = _first_of(partial(_parsed, project, revision, name))
            if new is not None and old is None:
                added[name] = new
            elif old is not None and new is None:
                gone[name] = old
    folders = {name.split("/")[1] for name in added}
    # Of functions, whose folders have a dot, nobody notes which tests ask.
    for folder in sorted(one for one in folders if "." not in one):
        for file in project.vault.folder.listed(f"calls/{folder}"):
            name = f"calls/{folder}/{file}"
            one = _first_of(partial(project.vault.read, name))
            is_left = one and name not in asked.get(one.test, [name])
            if one is not None and is_left and name not in added:
                gone[name] = one
    found: dict[str, str] = {}
    for name, entry in added.items():
        kin = [
            one
            for one, other in gone.items()
            if (other.test, other.target) == (entry.test, entry.target)
        ]
        if kin:
            trees = [gone[one].arguments or gone[one].request for one in kin]
            number, _ = nearest_of(entry.arguments or entry.request, trees)
            found[name] = kin[number]
            del gone[kin[number]]
    return found


def _first_of(read: Callable[[], Recording | None]) -> Entry | None:
    """Return the first answer of a file, with its test; nothing: it has none."""
    with suppress(CorruptRecordingError):
        recording = read()
        if recording is not None and recording.entries:
            first = recording.entries[0]
            return copied(first, test=first.test or recording.owner)
    return None


def _parsed(project: Project, revision: Revision, name: str) -> Recording | None:
    content = revision.read(name)
    return None if content is None else parse(content, project.path_of(name))


def _rows_of_file(
    project: Project, revision: Revision, name: str, former: str, real: RealValues
) -> Iterator[_Row]:
    """Yield a row for each call of a file that differs.

    Args:
        project: The project.
        revision: The revision of git.
        name: The file.
        former: The file of the call in whose place it is; empty: it is the same.
        real: What stands at volatile paths of earlier answers.
    """
    if name.partition("/")[0] not in FOLDERS or not name.endswith(".json"):
        return
    label = project.path_of(name)
    [new] = [*files_in(project, [name])] or [Found(name, Recording(), [])]
    try:
        old = _parsed(project, revision, former or name) or Recording()
        if new.damage is not None:
            raise new.damage
    except CorruptRecordingError as error:
        yield _Row("changed", label, name, former, label, label, [error.what])
        return
    owner = new.owner if new.entries else Found(name, old, []).owner
    for before, now in _pairs(old.entries, new.entries):
        lines: list[str] = []
        change = "added" if now else "removed"
        if before and now:
            change = "changed"
            try:
                lines = _differing(project, revision, before, now, real)
            except MALFORMED as error:  # One of the two was edited.
                lines = [f"cannot be compared ({type(error).__name__}: {error})"]
        if now and new.proof(now).is_false:
            lines.append(f"it {FALSE}")
        shown = now or before
        if shown is not None and (lines or change != "changed"):
            call = project.label(shown)
            yield _Row(change, owner, name, former, call, shown.target, lines)


def _pairs(
    old: Sequence[Entry], new: Sequence[Entry]
) -> list[tuple[Entry | None, Entry | None]]:
    """Return each call with the former call in its place."""
    former: list[Entry | None] = [None] * len(new)
    left = list(old)
    for names in (("target", "identity"), ("target", "signature"), ("target",)):
        alike = attrgetter(*names)
        waiting: dict[object, list[Entry]] = defaultdict(list)
        for entry in reversed(left):
            waiting[alike(entry)].append(entry)
        for place, entry in enumerate(new):
            if former[place] is None and waiting[alike(entry)]:
                former[place] = waiting[alike(entry)].pop()
        found = {id(entry) for entry in former}
        left = [entry for entry in left if id(entry) not in found]
    return [*zip(former, new, strict=True), *[(entry, None) for entry in left]]


def _differing(
    project: Project, revision: Revision, old: Entry, new: Entry, real: RealValues
) -> list[str]:
    """Return where a call differs from the former call, a line each."""
    try:
        asked, body, left = opened(old, revision)
        asked_now, body_now, left_now = opened(new, project.vault)
    except CorruptRecordingError as error:
        return [error.what]
    for entry, held in ((old, body), (new, body_now)):
        if entry.end:
            held["end"] = entry.end
    found: list[Difference] = []
    if not _is_same_request(old, new, asked_now, real):
        found += differences(asked, asked_now, Rules(sides=_SIDES))
    if body != body_now:
        found += _differing_outcomes(project, new, body, body_now, real)
    found += by_part(differences(left, left_now, Rules(sides=_SIDES)))
    # An id is new wherever a call was made again.
    rest = [one for one in found if not ignorable([one])]
    lines = []
    for difference in rest or found:
        secrets = project.secrets
        masked = project.secrecy.masked_difference(difference, secrets.shown)
        line = difference_line(masked, _SIDES)
        lines.append(secrets.shown_text(line))
    return lines


def _is_same_request(old: Entry, new: Entry, asked: Any, real: RealValues) -> bool:
    """Return whether two calls ask the same, but for what is new in each run."""
    if old.identity == new.identity:
        return True
    adapter = adapter_for(new.target)
    if adapter is None:
        return False
    options = read_options(shlex.split(new.line))
    requests: Iterator[Any] = real.candidates(asked)
    return any(
        identity_under(adapter, request, options) == old.identity
        for request in requests
    )


def _differing_outcomes(
    project: Project,
    entry: Entry,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    real: RealValues,
) -> list[Difference]:
    """Return where two outcomes differ, without what `volatile=` leaves out."""
    volatile = (project.options_of(entry) or NO_OPTIONS).volatile
    adapter = adapter_for(entry.target)
    common = old.keys() & new.keys()
    before, now = (
        {key: one[key] for key in one if key not in common} for one in (old, new)
    )
    found = differences(before, now)
    if adapter is not None and "answer" in common:
        options = Options(volatile=volatile)
        real.learn(old["answer"], new["answer"], volatile_paths(adapter, options))
        answers = old["answer"], new["answer"]
        return found + differing_answers(adapter, *answers, options, sides=_SIDES)
    paths = paths_of(volatile)
    for key in sorted(common):
        below = tuple(("*", *path) for path in paths) if key == "items" else paths
        found += differences(old[key], new[key], Rules(volatile=below, sides=_SIDES))
    return found
