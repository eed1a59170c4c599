"""`import`: cassettes of vcrpy and pytest-recording become logs of their tests."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_mimic.cli import foreign
from pytest_mimic.cli.exchanges import Exchanges, identity_under
from pytest_mimic.cli.foreign import ForeignError, Interaction
from pytest_mimic.cli.owning_tests import OwningTests, module_of
from pytest_mimic.cli.project import Lines, Project
from pytest_mimic.errors import CassetteError, MimicError
from pytest_mimic.patch.targets import Options
from pytest_mimic.values.outcome import shelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.names import call_name, cassette_name, log_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.words import plural

# What filters of vcrpy write in place of a secret.
_FILTERED = re.compile(r"(?i)\W*(dummy|redacted|filtered|hidden|masked|fake|x+|)\W*")


@dataclass
class _Import:
    """What becomes of one file for one test, or for the cassette of its name.

    Attributes:
        file: The file, as it was named.
        place: Whose calls they are, in words.
        recordings: What is written, by the files of the vault.
        problems: What cannot be imported.
        is_known: Whether all of it is in the vault already.
    """

    file: str
    place: str = ""
    recordings: dict[str, Recording] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_known: bool = False

    @property
    def calls(self) -> int:
        return sum(len(one.entries) for one in self.recordings.values())


def import_(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Make cassettes to logs of their tests; nothing in the vault is replaced.

    Raises:
        MimicError: There is no such file.
    """
    files = [
        found
        for word in options.paths
        for found in _files_at(project.start / word, word)
    ]
    modules = filter(None, (module_of(path) for path, _ in files))
    tests = OwningTests(project, modules)
    imports = [
        one for path, name in files for one in _planned(project, path, name, tests)
    ]
    new = [one for one in imports if not one.is_known]
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
            known = ", already there" if one.is_known else ""
            yield f"  {one.file} -> {one.place} ({plural(one.calls, 'call')}{known})"
    problems = [
        f"  {one.file}: {problem}" for one in imports for problem in one.problems
    ]
    if problems:
        yield "not imported:"
        yield from problems
    return 1 if problems else 0


def _files_at(path: Path, word: str) -> Iterator[tuple[Path, str]]:
    """Yield the cassettes at a path, each with its name from there.

    Raises:
        MimicError: Nothing is there.
    """
    if path.is_file():
        yield path, path.stem
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in foreign.SUFFIXES and file.is_file():
                yield file, file.relative_to(path).with_suffix("").as_posix()
    else:
        raise MimicError(f"no such file or folder: {word}")


def _planned(
    project: Project, path: Path, name: str, tests: OwningTests
) -> Iterator[_Import]:
    is_below = path.is_relative_to(project.start)
    file = path.relative_to(project.start).as_posix() if is_below else str(path)
    module = module_of(path)
    try:
        found = foreign.read(path)
        owners = [""] if module is None else tests.of(path, module)
        names = [log_name(test) if test else cassette_name(name) for test in owners]
    except (ForeignError, CassetteError) as error:
        yield _Import(file, problems=[error.what])
        return
    for test, file_name in zip(owners, names):
        plan = _Import(file, test or f"cassette {name}")
        plan.problems += [one.what for one in found if isinstance(one, ForeignError)]
        sound = [one for one in found if isinstance(one, Interaction)]
        plan.recordings = _Recorder(project, test, file_name).recordings(sound)
        _compare(project, plan)
        yield plan


def _compare(project: Project, plan: _Import) -> None:
    """Leave out what is in the vault already, and refuse to replace anything."""
    known = {name: project.vault.read(name) for name in plan.recordings}
    found = {name: recording for name, recording in known.items() if recording}
    if all(_is_same(plan.recordings[name], one) for name, one in found.items()):
        plan.is_known = bool(found) and len(found) == len(plan.recordings)
        return
    plan.problems.append(f"{plan.place} has other recordings: {min(found)}")
    plan.recordings = {}


def _is_same(new: Recording, old: Recording) -> bool:
    asked = [(entry.identity, entry.body) for entry in new.entries]
    return asked == [(entry.identity, entry.body) for entry in old.entries]


class _Recorder:
    """Makes entries of requests and answers, as a run would record them."""

    def __init__(self, project: Project, test: str, name: str) -> None:
        self._project = project
        self._test = test
        self._name = name
        self._day = project.vault.today
        self._lines = Lines(project)
        # What a filter has written in place of a secret stays.
        self._exchanges = Exchanges(project, _FILTERED.fullmatch)

    def recordings(self, found: Iterable[Interaction]) -> dict[str, Recording]:
        """Return the log, or the cassette, and what all tests share."""
        in_log: list[Entry] = []
        shared: dict[str, Recording] = {}
        for interaction in found:
            entry, is_shared = self._entry(interaction)
            if is_shared:
                name = call_name(entry.target, entry.identity)
                shared.setdefault(name, Recording(self._test, self._day, [entry]))
            else:
                entry.begin, entry.ended = 2 * len(in_log), 2 * len(in_log) + 1
                in_log.append(entry)
        if in_log:
            shared[self._name] = Recording(self._test, self._day, in_log)
        return shared

    def _entry(self, interaction: Interaction) -> tuple[Entry, bool]:
        """Return a call, and whether all tests share it."""
        vault = self._project.vault
        adapter = self._project.adapter("http")
        assert adapter is not None
        request = self._exchanges.request(adapter, interaction.request)
        entry = Entry("http", signature=adapter.signature(request), request=request)
        line = self._lines.of(entry)
        options = line.options if line is not None else Options()
        is_shared = bool(self._test) and options.sequence is False
        entry.line = options.text()
        entry.recorded = self._day
        entry.identity = identity_under(adapter, request, options)
        answer = self._exchanges.answer(
            adapter,
            interaction.answer,
            request,
            owner="" if is_shared else self._test or self._name,
            identity=entry.identity,
        )
        entry.body = {"answer": shelve(answer, vault)}
        stored: Tree = shelve(request, vault)
        assert isinstance(stored, dict)
        entry.request = stored
        return entry, is_shared
