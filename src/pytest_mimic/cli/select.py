"""The calls that a subcommand was asked for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_mimic.cli.exchanges import recordings
from pytest_mimic.cli.project import Project
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.words import plural


@dataclass
class Found:
    """Calls of one file.

    Attributes:
        name: The file.
        recording: What it holds.
        entries: Those of its calls that were asked for.
    """

    name: str
    recording: Recording
    entries: list[Entry]

    @property
    def owner(self) -> str:
        """The test or the fixture, and the cassette, as a line names them."""
        owner = self.recording.owner
        if not self.is_cassette:
            return owner
        name = self.name.removeprefix("cassettes/").removesuffix(".json")
        return f"{owner}, cassette {name}" if owner else f"cassette {name}"

    @property
    def is_cassette(self) -> bool:
        """Whether the calls have a name of their own."""
        return self.name.startswith("cassettes/")


@dataclass
class Selection:
    """What selectors have found in a vault.

    Attributes:
        found: The calls, file by file.
        damaged: What is wrong with files that may be meant, too.
        unmatched: The selectors that found nothing.
    """

    found: list[Found] = field(default_factory=list)
    damaged: list[CorruptRecordingError] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many calls were found."""
        return sum(len(found.entries) for found in self.found)

    @property
    def code(self) -> int:
        """The exit code of a subcommand that only looks at them."""
        return 1 if self.damaged or self.unmatched else 0

    def told(self, project: Project) -> Iterator[str]:
        """Say which selectors found nothing, and that files cannot be read."""
        for word in self.unmatched:
            yield f"nothing in {project.vault.label} matches {word}"
        if self.damaged:
            count = plural(len(self.damaged), "file")
            yield f"{count} cannot be read: {project.commands.mimic('check')}"


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
    selectors = [_Selector(project, word) for word in words]
    matched = set()
    selection = Selection()
    for name, recording in recordings(project):
        if isinstance(recording, CorruptRecordingError):
            naming = {one.word for one in selectors if one.names_file(name)}
            matched |= naming
            if naming or not words:
                selection.damaged.append(recording)
            continue
        entries = recording.entries
        if words:
            taken: set[int] = set()
            for selector in selectors:
                found = selector.of_file(name, recording)
                if found:
                    matched.add(selector.word)
                    taken.update(map(id, found))
            entries = [entry for entry in entries if id(entry) in taken]
        if entries:
            selection.found.append(Found(name, recording, entries))
    selection.unmatched = [word for word in words if word not in matched]
    return selection


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
