"""`rm` and `mv`: recordings go, or follow a test that has another name now."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace

from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found, Selection, below, select
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.vault.names import cassette_of_test, log_name
from pytest_mimic.vault.recording import Recording
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import plural, size_in_words


def rm(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Delete calls, and the objects that nothing else refers to."""
    selection = select(project, options)
    for found in selection.found:
        for entry in found.entries:
            yield f"{project.label(entry)}    {found.owner}"
    count = plural(calls_that_go(selection), "recording")
    if options.dry_run and selection.found:
        yield f"{count} would be deleted"
    elif selection.found:
        before = project.vault.size()
        delete_calls(project.vault, selection.found)
        yield f"{count} deleted, {size_in_words(before - project.vault.size())} freed"
        places = [(found.name, found.recording.owner) for found in selection.found]
        again = project.record_again("--mimic-record", places)
        yield f"  to record again: {again}"
    yield from selection.told(project)
    return selection.code


def calls_that_go(selection: Selection) -> int:
    """Return how many calls are deleted: a cassette goes as a whole."""
    return sum(
        len(found.recording.entries) if _goes_whole(found) else len(found.entries)
        for found in selection.found
    )


def delete_calls(vault: Vault, found: Iterable[Found]) -> None:
    """Delete calls: files as a whole, and of logs the calls that are named."""
    files = []
    parts: dict[str, list[Found]] = {}
    for one in found:
        if _goes_whole(one):
            files.append(one.name)
        else:
            parts.setdefault(one.name, []).append(one)
    for name, ones in parts.items():
        gone = {id(entry) for one in ones for entry in one.entries}
        recording = ones[0].recording
        kept = [entry for entry in recording.entries if id(entry) not in gone]
        vault.write(name, replace(recording, entries=kept))
    vault.delete(files)
    vault.end()


def _goes_whole(found: Found) -> bool:
    return found.is_cassette or len(found.entries) == len(found.recording.entries)


# -- mv


def mv(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Let the recordings of a test, class, file or folder go with it.

    Raises:
        MimicError: The one cannot become the other.
    """
    if any(":" in word and "::" not in word for word in (options.old, options.new)):
        yield "a function that was moved or renamed has to be recorded again"
        return 1
    old, new = _owner_at(project, options.old), project.place_of(options.new)
    if _kind_of(old) != _kind_of(new) or old == new:
        raise MimicError(
            f"mv cannot make {options.old} to {options.new}:"
            " it takes two tests, classes, files or folders"
        )
    renaming = _Renaming(old, new)
    moves: dict[str, tuple[str, Recording]] = {}
    found, stays = False, False
    for name, recording in project.vault.all():
        if isinstance(recording, CorruptRecordingError):
            continue
        moved = renaming.recording(recording)
        if moved == recording:
            continue
        found = True
        to = _new_name(name, recording.owner, moved.owner)
        if to != name and project.vault.folder.size(to) > 0:
            stays = True
            yield f"{moved.owner}: not moved, {to} has recordings of its own"
            continue
        moves[name] = to, moved
        if moved.owner != recording.owner:
            yield f"{recording.owner} -> {moved.owner}"
    if not found:
        yield f"nothing in {project.vault.label} is of a test {options.old}"
    elif not options.dry_run:
        _carry_out(project.vault, moves)
    return 1 if stays or not found else 0


@dataclass(frozen=True)
class _Renaming:
    """Gives the ids under a test, class, file or folder their new names."""

    old: str
    new: str

    def recording(self, recording: Recording) -> Recording:
        """Return a recording as it names its owner, and fixtures, then."""
        fixtures = {self._of(one): each for one, each in recording.fixtures.items()}
        return replace(recording, owner=self._of(recording.owner), fixtures=fixtures)

    def _of(self, owner: str) -> str:
        # `tests/test_a.py::db (module, tests/conftest.py)`: where a fixture is defined.
        fixture = re.fullmatch(r"(.*) \((\w+), (.+?)\)(\[.*\])?", owner)
        if fixture is None:
            return self._place(owner)
        name, scope, place, parameters = fixture.groups("")
        return f"{self._place(name)} ({scope}, {self._place(place)}){parameters}"

    def _place(self, owner: str) -> str:
        rest = below(self.old, owner)
        return owner if rest is None else f"{self.new}{rest}"


def _owner_at(project: Project, word: str) -> str:
    """Return the test, class, file or folder of a word; a log stands for its owner."""
    name = project.file_of(word)
    recording = project.vault.read(name) if name.startswith("logs/") else None
    return project.place_of(word) if recording is None else recording.owner


def _kind_of(place: str) -> str:
    """Return what a place holds; a class holds tests as a file does."""
    file, _, name = place.partition("::")
    if name and not name.rpartition("::")[2][:1].isupper():
        return "test"
    return "file" if file.endswith(".py") else "folder"


def _new_name(name: str, before: str, owner: str) -> str:
    if name.startswith("logs/"):
        return log_name(owner)
    default = f"cassettes/{cassette_of_test(before)}"
    rest = name.removeprefix(default)
    # The second cassette of a test ends with `-2`.
    if rest != name and re.fullmatch(r"(-\d+)?\.json", rest):
        return f"cassettes/{cassette_of_test(owner)}{rest}"
    return name


def _carry_out(vault: Vault, moves: Mapping[str, tuple[str, Recording]]) -> None:
    """Write new files before old ones go: a process may be killed between."""
    for to, recording in moves.values():
        vault.write(to, recording)
    vault.delete(name for name, (to, _) in moves.items() if to != name)
    vault.end()
