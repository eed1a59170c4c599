"""`import`: cassettes of vcrpy and pytest-recording become logs of their tests."""

from __future__ import annotations

import ast
import re
from argparse import Namespace
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pytest_mimic.cli import foreign
from pytest_mimic.cli.exchanges import Exchanges, identity_under
from pytest_mimic.cli.foreign import Exchange, ForeignError
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.proof import adapter_for
from pytest_mimic.errors import CassetteError, MimicError
from pytest_mimic.patch.targets import NO_OPTIONS
from pytest_mimic.values.outcome import shelve, shelve_answer
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.names import (
    as_pytest_recording_writes,
    call_name,
    cassette_name,
    log_name,
)
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.words import plural

# What filters of vcrpy write in place of a secret.
_FILTERED = re.compile(r"(?i)\W*(dummy|redacted|filtered|hidden|masked|fake|x+|)\W*")

_WAY_OUT = (
    "to import a cassette whose test was not found",
    "name it TEST or CLASS.TEST, or copy it to another folder,"
    " where it becomes a cassette of its name",
)


def import_(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Make cassettes to logs of their tests; nothing in the vault is replaced.

    Raises:
        MimicError: There is no such file.
    """
    vault = project.vault
    count = 0
    rows: list[str] = []
    problems: list[tuple[str, ForeignError | CassetteError]] = []
    # The files whose tests were found, by what is in them, and others.
    imported: dict[bytes, str] = {}
    without_test: list[Path] = []
    for path, name in _files_at(project, options.paths):
        file = project.commands.folder(path)
        try:
            exchanges, unreadable = foreign.read(path)
            problems += [(file, problem) for problem in unreadable]
            tests = _owners(project, path)
            if not tests:
                without_test.append(path)
                continue
            imported[path.read_bytes()] = file
            for test in tests:
                place = test or f"cassette {name}"
                recordings = _recordings(project, test, name, exchanges)
                is_known = _are_known(project, place, recordings)
                calls = sum(len(one.entries) for one in recordings.values())
                known = ", already there" if is_known else ""
                rows.append(f"  {file} -> {place} ({plural(calls, 'call')}{known})")
                count += 0 if is_known else calls
                if not is_known and not options.dry_run:
                    for file_name, recording in recordings.items():
                        vault.write(file_name, recording)
        except (ForeignError, CassetteError) as error:
            problems.append((file, error))
    for path in without_test:
        file, copy = project.commands.folder(path), imported.get(path.read_bytes())
        if copy is None:
            problems.append((file, _without_test(path)))
        else:
            rows.append(f"  {file} has the calls of {copy}")
    # Objects that nothing refers to go, as those of a dry run.
    vault.close()
    verb = "would import" if options.dry_run else "imported"
    yield f"{verb} {plural(count, 'call')} into {vault.label}"
    yield from rows
    if problems:
        yield "not imported:"
        yield from (f"  {file}: {problem.what}" for file, problem in problems)
    ways = [way for _, problem in problems for way in problem.remedies]
    yield from (f"{words}: {way}" for words, way in dict.fromkeys(ways))
    return 1 if problems else 0


def _files_at(project: Project, words: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Yield the cassettes at some paths, each with its name from there.

    What stands in the vault is none.

    Raises:
        MimicError: Nothing is there.
    """
    for word in words:
        path = project.start / word
        if path.is_file():
            yield path, path.stem
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                is_ours = file.is_relative_to(project.vault.path)
                if file.suffix in foreign.SUFFIXES and file.is_file() and not is_ours:
                    yield file, file.relative_to(path).with_suffix("").as_posix()
        else:
            raise MimicError(f"no such file or folder: {word}")


# -- the tests that pytest-recording has named a cassette after


def _owners(project: Project, path: Path) -> list[str]:
    """Return the tests of a cassette; an empty text: it has a name of its own.

    There are none where its module has no test that is called so.

    `tests/cassettes/test_api/test_get.yaml` is of a test in `tests/test_api.py`. For
    what no file can be called pytest-recording writes hyphens. They stay if pytest has
    not collected such a test here, and its miss tells how to move its recordings.

    Raises:
        ForeignError: The module is no Python.
    """
    folder = path.parent
    module = folder.parent.parent / f"{folder.name}.py"
    if folder.parent.name != "cassettes" or not module.is_file():
        return [""]
    tree = _tree_of(module)
    # `TestUsers.test_get`, without the classes around the innermost one.
    name, bracket, parameters = path.stem.partition("[")
    tests = [one for one in _tests_in(tree) if one.split("::")[-2:] == name.split(".")]
    file = project.place_of(str(module.resolve()))
    owners: list[str] = []
    for test in tests:
        case = f"{file}::{test}{bracket}{parameters}"
        alike = [one for one in project.tests if _is_written(one, case)]
        owners += alike or [case]
    return owners


def _is_written(test: str, case: str) -> bool:
    """Return whether pytest-recording names a file of a test so."""
    function, _, parameters = test.partition("[")
    written = as_pytest_recording_writes(parameters)
    return f"{function}[{written}" == case


def _without_test(path: Path) -> ForeignError:
    test = path.stem.partition("[")[0].replace(".", "::")
    what = f"{path.parent.name}.py has no test {test}"
    return ForeignError(what, remedies=[_WAY_OUT])


@cache
def _tree_of(module: Path) -> ast.Module:
    try:
        return ast.parse(module.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise ForeignError(f"{module.name} cannot be read: {error}") from None


def _tests_in(node: ast.AST, around: str = "") -> Iterator[str]:
    """Yield the functions in a module or class, `TestUsers::test_get`."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{around}{inner.name}"
        else:
            name = f"{inner.name}::" if isinstance(inner, ast.ClassDef) else ""
            yield from _tests_in(inner, f"{around}{name}")


# -- what is written


def _are_known(
    project: Project, place: str, recordings: Mapping[str, Recording]
) -> bool:
    """Return whether all of what a cassette holds is in the vault already.

    Raises:
        ForeignError: The vault has other recordings.
    """
    formers = {file: project.vault.read(file) for file in recordings}
    for file, former in formers.items():
        if former is not None and _outcomes(former) != _outcomes(recordings[file]):
            raise ForeignError(f"{place} has other recordings: {file}")
    return None not in formers.values()


def _outcomes(recording: Recording) -> list[tuple[str, dict[str, Tree]]]:
    return [(entry.identity, entry.body) for entry in recording.entries]


def _recordings(
    project: Project, test: str, name: str, exchanges: Sequence[Exchange]
) -> dict[str, Recording]:
    """Return the log or the cassette, and what all tests share, by their files.

    Raises:
        CassetteError: No cassette can have this name.
    """
    file = log_name(test) if test else cassette_name(name)
    adapter = adapter_for("http")
    assert adapter is not None
    vault = project.vault
    # What a filter has written in place of a secret stays.
    hiding = Exchanges(project, _FILTERED.fullmatch)
    log: list[Entry] = []
    recordings: dict[str, Recording] = {}
    for sent, given in exchanges:
        request = hiding.request(adapter, sent)
        entry = Entry(
            "http",
            signature=adapter.signature(request),
            request=request,
            imported=True,
        )
        options = project.options_of(entry) or NO_OPTIONS
        is_shared = bool(test) and options.sequence is False
        entry.line = options.text()
        entry.identity = identity_under(adapter, request, options)
        entry.recorded = vault.today
        owner = "" if is_shared else test or file
        answer = hiding.answer(adapter, given, request, owner, entry.identity)
        entry.body = {"answer": shelve_answer(answer, vault)}
        stored: Any = shelve(request, vault)
        entry.request = stored
        if is_shared:
            shared = call_name(entry.target, entry.identity, entry.line)
            recordings.setdefault(shared, Recording(test, vault.today, [entry]))
        else:
            entry.at = [2 * len(log), 2 * len(log) + 1]
            log.append(entry)
    if log:
        recordings[file] = Recording(test, vault.today, log)
    return recordings
