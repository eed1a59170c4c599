"""The calls that a subcommand was asked for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

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
    def is_whole(self) -> bool:
        """Whether all calls of the file were asked for."""
        return len(self.entries) == len(self.recording.entries)

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
    selection = Selection()
    for name, recording in project.vault.all():
        is_named = not words or _any_of(one.names_file(name) for one in selectors)
        if isinstance(recording, CorruptRecordingError):
            if is_named:
                selection.damaged.append(recording)
            continue
        entries = recording.entries
        is_owned = _any_of(one.names_owner(recording) for one in selectors)
        taken = [_any_of(one.takes(entry) for one in selectors) for entry in entries]
        if not is_named and not is_owned:
            entries = [entry for entry, is_taken in zip(entries, taken) if is_taken]
        if entries:
            selection.found.append(Found(name, recording, entries))
    selection.unmatched = [one.word for one in selectors if not one.has_found]
    return selection


def _any_of(answers: Iterable[bool]) -> bool:
    """Ask each selector, so that each knows whether it has found something."""
    return any(list(answers))


def told(project: Project, selection: Selection) -> Iterator[str]:
    """Say which selectors found nothing, and which files cannot be read."""
    for word in selection.unmatched:
        yield f"nothing in {project.vault.label} matches {word}"
    if selection.damaged:
        count = plural(len(selection.damaged), "file")
        yield f"{count} cannot be read: {project.commands.mimic('check')}"


class _Selector:
    """One word: a test, a file or folder, a target, a pattern, or a path in the vault.

    Attributes:
        has_found: Whether it has found something.
    """

    def __init__(self, project: Project, word: str) -> None:
        self.word = word
        self.has_found = False
        self._project = project
        self._patterns = Patterns([word])
        client = client_of(word)
        self._kind = client.kind if client is not None else word
        self._place = project.place_of(word)
        self._file = project.file_of(word).removesuffix(".json")

    def names_file(self, name: str) -> bool:
        """Return whether a file of the vault is named, or is in a folder that is."""
        is_named = below(self._file, name.removesuffix(".json")) is not None
        return self._noted(is_named)

    def names_owner(self, recording: Recording) -> bool:
        """Return whether the test or fixture is named that has recorded a file."""
        is_named = below(self._place, recording.owner) is not None
        return self._noted(is_named or self._place == ".")

    def takes(self, entry: Entry) -> bool:
        """Return whether the target of a call is named, or a pattern matches it."""
        if entry.end == "empty":
            return False
        if entry.target in (self.word, self._kind):
            return self._noted(True)
        return self._noted(self._project.takes(self._patterns, entry))

    def _noted(self, is_found: bool) -> bool:
        self.has_found = self.has_found or is_found
        return is_found


def below(place: str, other: str) -> str | None:
    """Return what of a place stands below another one; None: it is elsewhere.

    Below `tests` are `tests/test_a.py` and `tests/test_a.py::test_x[1]`, and below
    `tests/test_a.py::test_x` its cases.
    """
    rest = other.removeprefix(place)
    if rest and (rest == other or not rest.startswith(("/", "::", "["))):
        return None
    return rest
