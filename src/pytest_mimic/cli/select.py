"""The calls that a subcommand was asked for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_mimic.cli.project import Project
from pytest_mimic.cli.proof import Proof, adapter_for, proof_of
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.vault.recording import (
    MALFORMED,
    Entry,
    Recording,
    check_exchange,
    shapeless,
)
from pytest_mimic.vault.vault import FOLDERS
from pytest_mimic.words import plural


@dataclass
class Found:
    """Calls of one file.

    Attributes:
        name: The file.
        recording: What it holds.
        entries: Those of its calls that were asked for.
        proofs: What is known of its calls, by their ids, where these are `proven`.
        damage: Why it cannot be read.
    """

    name: str
    recording: Recording
    entries: list[Entry]
    proofs: Mapping[int, Proof] = field(default_factory=dict)
    damage: CorruptRecordingError | None = None

    @property
    def owner(self) -> str:
        """The test or the fixture, and the cassette, as a line names them."""
        owner = self.recording.owner
        if not self.is_cassette:
            return owner
        name = self.name.removeprefix("cassettes/").removesuffix(".json")
        return f"{owner}, cassette {name}" if owner else f"cassette {name}"

    @property
    def going(self) -> list[Entry]:
        """The calls that go with the selected calls: a cassette goes as a whole."""
        return self.recording.entries if self.is_cassette else self.entries

    def proof(self, entry: Entry) -> Proof:
        """Return what is known of one of its calls."""
        return self.proofs[id(entry)]

    @property
    def is_edited(self) -> bool:
        """Whether it was changed by hand."""
        return self.damage is None and self.recording.edited

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
    return (proven(project, found) for found in _read(project, names))


def _read(
    project: Project,
    names: Iterable[str] | None,
    only: Callable[[str], bool] | None = None,
) -> Iterator[Found]:
    for name, found in project.vault.all(names, only=only):
        if isinstance(found, Recording):
            yield Found(name, found, found.entries)
        else:
            yield Found(name, Recording(), [], damage=found)


def proven(project: Project, found: Found) -> Found:
    """Return the calls of a file with what is known of them, or their damage."""
    if found.damage is None and not found.proofs:
        try:
            found.proofs = _proofs_of(project, found.name, found.recording)
        except CorruptRecordingError as error:
            return Found(found.name, Recording(), [], damage=error)
    return found


def _proofs_of(project: Project, name: str, recording: Recording) -> dict[int, Proof]:
    """Return what is known of the calls of a file, by their ids.

    Raises:
        CorruptRecordingError: No adapter can read one of them.
    """
    path = project.path_of(name)
    for entry in recording.entries:
        if entry.request is not None and entry.end != "empty":
            _check_readable(project, entry, path)
    return {
        id(entry): proof_of(entry, project.vault, path) for entry in recording.entries
    }


def _check_readable(project: Project, entry: Entry, path: str) -> None:
    adapter = adapter_for(entry.target)
    if adapter is None:
        return
    try:
        call, body, _ = opened(entry, project.vault)
        answer = body.get("answer", {})
        check_exchange(entry.target, call, answer, path)
        # Subcommands ask an adapter to read a call in each of these ways.
        project.label(entry)
        adapter.host(call)
        adapter.comparable(answer, answer)
    except CorruptRecordingError as error:
        if error.file == path:
            raise
        # An object is gone, which is named where it is needed.
    except MALFORMED as error:
        raise shapeless(path, f"{type(error).__name__}: {error}") from None


def opened(entry: Entry, objects: Objects) -> tuple[Any, Any, Any]:
    """Return what a call has asked, its outcome, and the states that it has left.

    Raises:
        CorruptRecordingError: An object is gone or damaged.
    """
    kept: Any = [entry.arguments or entry.request or {}, entry.body, entry.states]
    whole: Any = unshelve(kept, objects)
    return tuple(whole)


class Selection:
    """What selectors find in a vault: its files, one after another; without any, all.

    Args:
        project: The project.
        words: The selectors.
        with_asked: Whether a test selects what it asked for and another one recorded.

    Attributes:
        damaged: What is wrong with files that may be meant, too.

    Raises:
        MimicError: A selector is empty.
    """

    def __init__(
        self, project: Project, words: Sequence[str], *, with_asked: bool = False
    ) -> None:
        if not all(word.strip() for word in words):
            raise MimicError(
                "a selector is empty (a variable of the shell that is not set?)"
            )
        self.damaged: list[CorruptRecordingError] = []
        self._project = project
        self._selectors = [_Selector(project, word) for word in words]
        # The tests that asked for a file.
        self._askers: defaultdict[str, list[str]] = defaultdict(list)
        for test, names in project.asked.items() if with_asked else ():
            for name in names:
                self._askers[name].append(test)

    def __iter__(self) -> Iterator[Found]:
        """Yield the calls, file by file. What they are told of is known at the end."""
        files = {selector.file for selector in self._selectors}
        # Where a selector names no file, it takes all to find what it means.
        names = None if "" in files or not files else sorted(files)
        are_tests = self._selectors and all(one.text for one in self._selectors)
        only = self._may_name if are_tests else None
        for found in _read(self._project, names, only):
            # What is asked of a request may find that it was edited.
            if any(entry.request is not None for entry in found.entries):
                found = proven(self._project, found)
            owners = [found.recording.owner, *self._askers[found.name]]
            named = [one for one in self._selectors if one.take_of(found, owners)]
            if named or not self._selectors:  # Of very many files a few are asked for.
                found = proven(self._project, found)
            if found.damage is not None:
                # Whatever is asked for may lie behind a link.
                is_asked = named or not self._selectors
                if is_asked or found.damage.damage == "linked":
                    self.damaged.append(found.damage)
                continue
            if self._selectors:
                taken = {id(entry) for one in named for entry in one.taken}
                found.entries = [one for one in found.entries if id(one) in taken]
            if found.entries:
                yield found

    def _may_name(self, name: str) -> bool:
        """Return whether a file may hold what selectors name that are all of tests."""
        # What all tests share may be very many files.
        if not name.startswith("calls/") or name in self._askers:
            return True
        try:
            content = self._project.vault.folder.read(name) or b""
        except CorruptRecordingError:
            return True  # It may be told.
        return any(one.text in content for one in self._selectors)

    def names(self, test: str) -> bool:
        """Return whether a selector names a test."""
        return any(one.names(test) for one in self._selectors)

    @property
    def unmatched(self) -> list[str]:
        """The selectors that found nothing."""
        return [one.word for one in self._selectors if not one.is_matched]

    @property
    def code(self) -> int:
        """The exit code of a subcommand that only looks at them."""
        return 1 if self.damaged or self.unmatched else 0

    def warnings(self) -> Iterator[str]:
        """Say which selectors found nothing, and that files cannot be read."""
        for word in self.unmatched:
            yield f"nothing in {self._project.vault.label} matches {word}"
        linked = [one.what for one in self.damaged if one.damage == "linked"]
        yield from linked
        if len(self.damaged) > len(linked):
            count = plural(len(self.damaged) - len(linked), "file")
            check = self._project.commands.mimic("check")
            yield f"{count} cannot be read: {check}"


class _Selector:
    """One word: a test, file or folder, a target, a pattern, a path in the vault.

    Attributes:
        file: The file of the vault that it names; empty: it names none that exists.
        text: What stands in each file with a call of the tests that it names; empty: it
            may name something else.
        is_matched: Whether it has named anything until now.
        taken: The calls that it names of the file that was looked at last.
    """

    def __init__(self, project: Project, word: str) -> None:
        self.word = word
        self.is_matched = False
        self.taken: list[Entry] = []
        self._project = project
        self._patterns = Patterns([word])
        client = client_of(word)
        self._targets = (word, client.kind if client is not None else word)
        self._place = project.place_of(word)
        is_of_tests = ("::" in word or word.endswith(".py")) and word.isascii()
        self.text = json.dumps(self._place)[1:-1].encode() if is_of_tests else b""
        self._file = project.file_of(word).removesuffix(".json")
        name = f"{self._file}.json"
        is_in_vault = name.partition("/")[0] in FOLDERS
        is_there = is_in_vault and project.vault.folder.size(name) > 0
        self.file = name if is_there else ""

    def take_of(self, found: Found, owners: Iterable[str]) -> bool:
        """Take what the word names of a file, and return whether that is anything."""
        is_whole = _is_below(self._file, found.name.removesuffix(".json"))
        if found.damage is None:
            is_whole = is_whole or any(map(self.names, owners))
        self.taken = found.entries
        if not is_whole:
            self.taken = [entry for entry in found.entries if self._takes(entry)]
        is_named = is_whole or bool(self.taken)
        self.is_matched = self.is_matched or is_named
        return is_named

    def names(self, owner: str) -> bool:
        """Return whether the word is an owner, or a file or folder in which it is."""
        return _is_below(self._place, owner)

    def _takes(self, entry: Entry) -> bool:
        if entry.end == "empty":
            return False
        if entry.target in self._targets:
            return True
        return self._project.takes(self._patterns, entry)


def _is_below(place: str, other: str) -> bool:
    """Return whether two places are the same, or the first stands below the second.

    Below `tests` are `tests/test_a.py` and `tests/test_a.py::test_x[1]`, and below
    `tests/test_a.py::test_x` its cases. The rootdir, `.`, holds all tests.
    """
    rest = other.removeprefix(place)
    is_inside = rest != other and rest.startswith(("/", "::", "["))
    return is_inside or place in (other, ".")
