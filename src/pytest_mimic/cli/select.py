"""The calls that a subcommand was asked for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_mimic.cli.exchanges import hides_more, identity_under
from pytest_mimic.cli.project import Project
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import NO_OPTIONS
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.vault.recording import MALFORMED, Entry, Recording, shapeless
from pytest_mimic.vault.vault import FOLDERS
from pytest_mimic.words import plural


@dataclass
class Found:
    """Calls of one file.

    Attributes:
        name: The file.
        recording: What it holds.
        entries: Those of its calls that were asked for.
        damage: Why it cannot be read.
        is_edited: Whether it was changed by hand.
    """

    name: str
    recording: Recording
    entries: list[Entry]
    damage: CorruptRecordingError | None = None
    is_edited: bool = False

    @property
    def owner(self) -> str:
        """The test or the fixture, and the cassette, as a line names them."""
        owner = self.recording.owner
        if not self.is_cassette:
            return owner
        name = self.name.removeprefix("cassettes/").removesuffix(".json")
        return f"{owner}, cassette {name}" if owner else f"cassette {name}"

    @property
    def is_shared(self) -> bool:
        """Whether all tests share the call."""
        return self.name.startswith("calls/")

    @property
    def is_cassette(self) -> bool:
        """Whether the calls have a name of their own."""
        return self.name.startswith("cassettes/")


def files_in(project: Project, names: Iterable[str] | None = None) -> Iterator[Found]:
    """Yield the files of the vault, or some of them, each with all of its calls."""
    for name, found in project.vault.all(names):
        is_edited = False
        if isinstance(found, Recording) and found.edited:
            is_edited = True
            found = damage_of_edit(project, name, found) or found
        if isinstance(found, Recording):
            yield Found(name, found, found.entries, is_edited=is_edited)
        else:
            yield Found(name, Recording(), [], damage=found)


def damage_of_edit(
    project: Project, name: str, recording: Recording
) -> CorruptRecordingError | None:
    """Return what is wrong with a file that was edited to what no adapter can read."""
    try:
        for entry in recording.entries:
            _try(project, entry)
    except CorruptRecordingError:
        pass  # An object is gone, which is named where it is needed.
    except MALFORMED as error:
        reason = f"{type(error).__name__}: {error}"
        return shapeless(project.path_of(name), reason)
    return None


def _try(project: Project, entry: Entry) -> None:
    """Let an adapter read a call in each way in which subcommands ask it to."""
    adapter = project.adapter(entry.target)
    if adapter is None or entry.request is None:
        return
    call: Any = unshelve(entry.request, project.vault)
    body: Any = unshelve(entry.body, project.vault)
    answer = body.get("answer", {})
    project.label(entry)
    adapter.host(call)
    adapter.comparable(answer, answer)
    identity_under(adapter, adapter.parts(call), NO_OPTIONS)
    hides_more(project, adapter, call, body)


class Selection:
    """What selectors find in a vault: its files, one after another.

    Attributes:
        calls: How many calls were found until now.
        size: The bytes of their files.
        damaged: What is wrong with files that may be meant, too.
    """

    def __init__(self, project: Project, words: Sequence[str]) -> None:
        self.calls = 0
        self.size = 0
        self.damaged: list[CorruptRecordingError] = []
        self._project = project
        self._words = words
        self._selectors = [_Selector(project, word) for word in words]
        self._matched: set[str] = set()

    def __iter__(self) -> Iterator[Found]:
        """Yield the calls, file by file. What they are told of is known at the end."""
        for found in files_in(self._project, self._files()):
            if found.damage is not None:
                self._note_damage(found.name, found.damage)
                continue
            found.entries = self._entries_of(found.name, found.recording)
            if found.entries:
                self.calls += len(found.entries)
                self.size += self._project.vault.folder.size(found.name)
                yield found

    def _files(self) -> list[str] | None:
        """Return the files that the selectors name; None: it takes all to find them."""
        files: set[str] = set()
        for selector in self._selectors:
            if selector.file is None:
                return None
            files.add(selector.file)
        return sorted(files) or None

    def _note_damage(self, name: str, error: CorruptRecordingError) -> None:
        naming = {one.word for one in self._selectors if one.names_file(name)}
        self._matched |= naming
        if naming or not self._words:
            self.damaged.append(error)

    def _entries_of(self, name: str, recording: Recording) -> list[Entry]:
        if not self._words:
            return recording.entries
        taken: set[int] = set()
        for selector in self._selectors:
            found = selector.of_file(name, recording)
            if found:
                self._matched.add(selector.word)
                taken.update(map(id, found))
        return [entry for entry in recording.entries if id(entry) in taken]

    @property
    def unmatched(self) -> list[str]:
        """The selectors that found nothing."""
        return [word for word in self._words if word not in self._matched]

    @property
    def code(self) -> int:
        """The exit code of a subcommand that only looks at them."""
        return 1 if self.damaged or self.unmatched else 0

    def told(self) -> Iterator[str]:
        """Say which selectors found nothing, and that files cannot be read."""
        for word in self.unmatched:
            yield f"nothing in {self._project.vault.label} matches {word}"
        if self.damaged:
            count = plural(len(self.damaged), "file")
            check = self._project.commands.mimic("check")
            yield f"{count} cannot be read: {check}"


def select(project: Project, options: Namespace) -> Selection:
    """Return the calls that the selectors of a command name; without any, all.

    Raises:
        MimicError: A selector is empty.
    """
    words: list[str] = options.selectors
    if not all(word.strip() for word in words):
        raise MimicError(
            "a selector is empty (a variable of the shell that is not set?)"
        )
    return Selection(project, words)


class _Selector:
    """One word: a test, file or folder, a target, a pattern, a path in the vault."""

    def __init__(self, project: Project, word: str) -> None:
        self.word = word
        self._project = project
        self._patterns = Patterns([word])
        client = client_of(word)
        self._targets = (word, client.kind if client is not None else word)
        self._place = project.place_of(word)
        self._file = project.file_of(word).removesuffix(".json")

    @property
    def file(self) -> str | None:
        """The file of the vault that it names, if that exists."""
        name = f"{self._file}.json"
        is_in_vault = name.partition("/")[0] in FOLDERS
        is_there = is_in_vault and self._project.vault.folder.size(name) > 0
        return name if is_there else None

    def names_file(self, name: str) -> bool:
        """Return whether a file of the vault is named, or is in a folder that is."""
        return below(self._file, name.removesuffix(".json")) is not None

    def of_file(self, name: str, recording: Recording) -> list[Entry]:
        """Return the calls of a file that the word names."""
        if self.names_file(name) or self._names_owner(recording.owner):
            return recording.entries
        return [entry for entry in recording.entries if self._takes(entry)]

    def _names_owner(self, owner: str) -> bool:
        return self._place == "." or below(self._place, owner) is not None

    def _takes(self, entry: Entry) -> bool:
        if entry.end == "empty":
            return False
        if entry.target in self._targets:
            return True
        return self._project.takes(self._patterns, entry)


def below(place: str, other: str) -> str | None:
    """Return what of a place stands below another one; None: it is elsewhere.

    Below `tests` are `tests/test_a.py` and `tests/test_a.py::test_x[1]`, and below
    `tests/test_a.py::test_x` its cases.
    """
    rest = other.removeprefix(place)
    if rest and (rest == other or not rest.startswith(("/", "::", "["))):
        return None
    return rest
