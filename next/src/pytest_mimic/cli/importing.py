"""`import`: cassettes of vcrpy and pytest-recording become logs of their tests."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pytest_mimic.cli import foreign
from pytest_mimic.cli.foreign import ForeignError, Interaction
from pytest_mimic.cli.project import Lines, Project
from pytest_mimic.client import Plain, parts_that_count
from pytest_mimic.errors import CassetteError, MimicError
from pytest_mimic.patch.targets import Options
from pytest_mimic.secrets.issued import CallMark, Scope
from pytest_mimic.secrets.redactor import Redactor, StandIn
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import shelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.names import call_name, cassette_name, log_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.words import plural

# What filters of vcrpy write in place of a secret.
_FILTERED = re.compile(r"(?i)\W*(dummy|redacted|filtered|hidden|masked|fake|x+|)\W*")


@dataclass
class _Import:
    """What becomes of one file.

    Attributes:
        file: The file, as it was named.
        place: Whose calls they are, in words.
        recordings: What is written, by the files of the vault.
        problems: What cannot be imported.
        note: Why nothing is written.
    """

    file: str
    place: str = ""
    recordings: dict[str, Recording] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def calls(self) -> int:
        return sum(len(one.entries) for one in self.recordings.values())


def import_(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Make cassettes to logs of their tests; nothing in the vault is replaced.

    Raises:
        MimicError: There is no such file.
    """
    imports = [
        _planned(project, path, start)
        for word in options.paths
        for path, start in _files_at(project.start / word, word)
    ]
    new = [one for one in imports if one.recordings and not one.note]
    if not options.dry_run:
        for one in new:
            for name, recording in one.recordings.items():
                project.vault.write(name, recording)
        project.vault.end()
    count = plural(sum(one.calls for one in new), "call")
    verb = "would import" if options.dry_run else "imported"
    yield f"{verb} {count} into {project.vault.label}"
    for one in imports:
        if one.recordings:
            told = ", ".join(filter(None, [plural(one.calls, "call"), one.note]))
            yield f"  {one.file} -> {one.place} ({told})"
    problems = [
        f"  {one.file}: {problem}" for one in imports for problem in one.problems
    ]
    if problems:
        yield "not imported:"
        yield from problems
    return 1 if problems else 0


def _files_at(path: Path, word: str) -> Iterator[tuple[Path, Path]]:
    """Yield the cassettes at a path, each with the folder that its name begins below.

    Raises:
        MimicError: Nothing is there.
    """
    if path.is_file():
        yield path, path.parent
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in foreign.SUFFIXES and file.is_file():
                yield file, path
    else:
        raise MimicError(f"no such file or folder: {word}")


def _planned(project: Project, path: Path, start: Path) -> _Import:
    file = project.start in path.parents and path.relative_to(project.start).as_posix()
    plan = _Import(file or str(path))
    try:
        interactions = foreign.read(path)
        test = _test_of(path, project.rootdir)
        name = path.relative_to(start).with_suffix("").as_posix()
        file_name = log_name(test) if test else cassette_name(name)
    except (ForeignError, CassetteError) as error:
        plan.problems.append(error.what)
        return plan
    plan.place = test or f"cassette {name}"
    plan.problems += [one.what for one in interactions if isinstance(one, ForeignError)]
    sound = [one for one in interactions if isinstance(one, Interaction)]
    plan.recordings = _Recorder(project, test, file_name).recordings(sound)
    _compare(project, plan)
    return plan


def _compare(project: Project, plan: _Import) -> None:
    """Leave out what is in the vault already, and refuse to replace anything."""
    known = {name: project.vault.read(name) for name in plan.recordings}
    found = {name: recording for name, recording in known.items() if recording}
    if not found:
        return
    if all(_is_same(plan.recordings[name], one) for name, one in found.items()):
        if len(found) == len(plan.recordings):
            plan.note = "already there"
        return
    plan.problems.append(f"{plan.place} has other recordings: {min(found)}")
    plan.recordings = {}


def _is_same(new: Recording, old: Recording) -> bool:
    asked = [(entry.identity, entry.body) for entry in new.entries]
    return asked == [(entry.identity, entry.body) for entry in old.entries]


def _test_of(path: Path, rootdir: Path) -> str:
    """Return the test whose cassette this is by pytest-recording; empty: none.

    `tests/cassettes/test_api/TestUsers.test_get[1.5].yaml` is that of
    `tests/test_api.py::TestUsers::test_get[1.5]`.
    """
    module, cassettes = path.parent, path.parent.parent
    file = cassettes.parent / f"{module.name}.py"
    if cassettes.name != "cassettes" or not file.is_file():
        return ""
    name, bracket, parameters = path.stem.partition("[")
    classes = name.replace(".", "::")
    if not file.resolve().is_relative_to(rootdir.resolve()):
        return ""
    place = file.resolve().relative_to(rootdir.resolve()).as_posix()
    return f"{place}::{classes}{bracket}{parameters}"


class _Recorder:
    """Makes entries of requests and answers, as a run would record them."""

    def __init__(self, project: Project, test: str, name: str) -> None:
        self._project = project
        self._test = test
        self._name = name
        self._day = date.today().isoformat()
        self._scope = Scope()
        self._lines = Lines(project)

    def recordings(self, found: Iterable[Interaction]) -> dict[str, Recording]:
        """Return the log, or the cassette, and what all tests share."""
        in_log: list[Entry] = []
        shared: dict[str, Recording] = {}
        for interaction in found:
            entry, options = self._entry(interaction)
            if self._test and options.sequence is False:
                name = call_name(entry.target, entry.identity)
                shared.setdefault(name, Recording(self._test, self._day, [entry]))
            else:
                entry.begin, entry.ended = 2 * len(in_log), 2 * len(in_log) + 1
                in_log.append(entry)
        if in_log:
            shared[self._name] = Recording(self._test, self._day, in_log)
        return shared

    def _entry(self, interaction: Interaction) -> tuple[Entry, Options]:
        project, secrets = self._project, self._project.secrets
        adapter = project.adapter("http")
        assert adapter is not None
        request = secrets.hide_request(
            interaction.request, self._scope, hide=adapter.hide_request
        )
        entry = Entry(
            target="http",
            signature=adapter.signature(request),
            request=request,
            recorded=self._day,
        )
        line = self._lines.of(entry)
        options = line.options if line is not None else Options()
        entry.line = options.text()
        counted = parts_that_count(adapter, request, options)
        entry.identity = identity_of("http", counted)

        def hide(redactor: Redactor, plain: Plain, stand_in: StandIn) -> Plain:
            return adapter.hide_answer(redactor, plain, _keeping(stand_in), request)

        number = self._scope.count(entry.identity)
        owner = "" if options.sequence is False else self._test or self._name
        mark = CallMark(owner, entry.identity, number)
        answer = secrets.hide_answer(interaction.answer, self._scope, mark, hide=hide)
        entry.body = {"answer": shelve(answer, project.vault)}
        stored: Tree = shelve(request, project.vault)
        assert isinstance(stored, dict)
        entry.request = stored
        return entry, options


def _keeping(stand_in: StandIn) -> StandIn:
    """Leave what a filter of vcrpy has written in the place of a secret."""

    def keeping(value: str, path: str) -> str:
        return value if _FILTERED.fullmatch(value) else stand_in(value, path)

    return keeping
