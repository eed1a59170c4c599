"""Imports cassettes of other tools: finds and reads them, and records what they hold in the project's vault."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._clients.http.exchange import MATCHERS
from pytest_mimic._core.pending.waiting import Waiting
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.file_names import cassette_name
from pytest_mimic._core.words import did_you_mean, plural
from pytest_mimic._tools.foreign.cassette_file import UnreadableError, read_cassette
from pytest_mimic._tools.foreign.owning_tests import OwningTests
from pytest_mimic._tools.foreign.recording_exchanges import Conversation, Destination, http_lines
from pytest_mimic.errors import CassetteError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.target import Target
    from pytest_mimic._tools.foreign.cassette_file import ForeignExchange


class ImportRequest(NamedTuple):
    """The files and folders to import into a project, and how."""

    paths: Sequence[Path]
    settings: Settings
    targets: Sequence[Target]
    today: str  # the date of the recordings
    here: Path  # the folder to which shown names are relative
    match: str  # the parts of a request that count; see `read_match`
    dry_run: bool = False


class Importer:
    """One import, and what it has done.

    Attributes:
        lines: What was carried over, and what not, with its reason.
        is_whole: Whether nothing was left out.
    """

    def __init__(self, request: ImportRequest) -> None:
        self._request = request
        settings = request.settings
        self._vault = Vault(FolderStore(settings.vault), pickles=settings.pickles, label=settings.shown_vault)
        self._of_test: dict[str, set[str]] = defaultdict(set)  # the recordings of each test
        self._done: list[str] = []
        self._left: list[str] = []
        self._calls = 0
        self._to_tests = False
        self._cassettes: list[str] = []

    @property
    def is_whole(self) -> bool:
        return not self._left

    def run(self) -> Iterator[str]:
        """Import everything, and yield what was done in lines.

        MimicError: a path does not exist, or the vault cannot be written.
        """
        files, ignored = find_files(self._request.paths, self._request.here)
        tests = OwningTests(self._request.settings.rootdir, [each.path for each in files])
        for name, test, _ in self._vault.tests_of(self._vault.names()):
            self._of_test[test].add(name)
        with TemporaryDirectory(prefix="pytest-mimic-") as folder:
            for number, found in enumerate(files):
                exchanges = self._read(found)
                for place, to in enumerate(self._destinations(found, tests) if exchanges else ()):
                    self._import(found.shown, exchanges, to, Path(folder, f"{number}-{place}"))
        would = "would import" if self._request.dry_run else "imported"
        yield f"{would} {plural(self._calls, 'call')} into {self._vault.label}"
        yield from self._done
        if ignored:
            yield f"no cassettes: {', '.join(ignored)}"
        if self._left:
            yield "not imported:"
            yield from self._left
        if self._to_tests and not http_lines(self._request.targets):
            yield "to replay them, add to mimic_functions: http"
        if self._cassettes:
            yield f'cassettes replay in blocks, with mimic_auto("{self._cassettes[0]}")'

    def _read(self, found: Found) -> list[ForeignExchange]:
        """Return the exchanges of a file: none if it cannot be read, which is reported."""
        try:
            return read_cassette(found.path)
        except (UnreadableError, OSError) as error:
            self._leave(found.shown, str(error))
            return []

    def _destinations(self, found: Found, tests: OwningTests) -> list[Destination]:
        """Return what a file becomes. Nothing if that is not known, which is reported."""
        owning = tests.find(found.path)
        if owning.tests:
            return [Destination(test=nodeid) for nodeid in owning.tests]
        try:
            if owning.problem:
                raise CassetteError(owning.problem)
            # A name without what Windows does not allow.
            name = cassette_name(re.sub(r'[\\:<>|?*"\0]', "-", found.name))
        except CassetteError as error:
            self._leave(found.shown, error.what)
            return []
        return [Destination(cassette=name)]

    def _import(self, shown: str, exchanges: list[ForeignExchange], to: Destination, folder: Path) -> None:
        settings, waiting = self._request.settings, Waiting(folder, self._request.settings)
        conversation = Conversation(
            settings,
            Vault(waiting.store, label=settings.shown_vault),
            self._request.targets,
            to,
            match=self._request.match,
            today=self._request.today,
        )
        count = 0
        for exchange in exchanges:
            if reason := conversation.record(exchange):
                sent = exchange.request
                request = conversation.shown(sent.method, sent.url)
                self._leave(f"{shown}, entry {exchange.number}: {request}", reason)
            else:
                count += 1
        made, names = conversation.close(), waiting.names()
        if not count:
            return
        others = self._of_test[to.test]
        obstacles = [name for name in names if name in others or self._vault.store.size(name) is not None]
        if names and to.test and _belongs_to_test(waiting.after, names[0]):
            obstacles += sorted(others - made)
        if obstacles:
            self._leave(shown, f"{to} has other recordings: {obstacles[0]}")
            return
        there = "" if names else ", already there"
        self._done.append(f"  {shown} -> {to} ({plural(count, 'call')}{there})")
        if names:
            if not self._request.dry_run:
                waiting.accept(names)
            others |= made if to.test else set()
            self._calls += count
            self._to_tests |= bool(to.test)
            self._cassettes += [to.cassette] if to.cassette else []

    def _leave(self, what: str, reason: str) -> None:
        """Report what was not carried over. A file may be read for several tests."""
        line = f"  {what}: {reason}"
        if line not in self._left:
            self._left.append(line)


def _belongs_to_test(vault: Vault, name: str) -> bool:
    """Check whether a recording is part of its test's conversation, in which no other answers may stand."""
    recording = vault.read(name)
    return recording is not None and recording.owner is not None


def read_match(text: str) -> str:
    """Return vcrpy's words for the parts that count, `method,uri`, in one order and as in the names of recordings.

    MimicError: a word is none of these.
    """
    words = text.replace(",", " ").split()
    for word in words or [text]:
        if word not in MATCHERS:
            raise MimicError(f"--match: {word!r} is no part of a request{did_you_mean(word, MATCHERS)}")
    return "-".join(part for part in MATCHERS if part in words)


_SUFFIXES = (".yaml", ".yml", ".json")
# The word that vcrpy has in each cassette.
_MARK = b"interactions"


class Found(NamedTuple):
    """A file to read."""

    path: Path  # the file, absolute
    shown: str  # its name in messages
    # The name of the cassette that it may become: its place in the folder that was given, without suffix.
    name: str


def find_files(paths: Sequence[Path], here: Path) -> tuple[list[Found], list[str]]:
    """Return the files to import, and those in folders that are no cassettes.

    MimicError: a path does not exist, or a folder holds nothing to import.
    """
    files: dict[Path, Found] = {}
    ignored: list[str] = []
    for given in paths:
        path = Path(os.path.abspath(here / given))  # noqa: PTH100 - links stay as they are
        if not path.exists():
            raise MimicError(f"no such file or folder: {_shown(path, here)}")
        below = [one for one in sorted(path.rglob("*")) if one.suffix.lower() in _SUFFIXES and one.is_file()]
        if path.is_dir() and not below:
            raise MimicError(f"{_shown(path, here)} has no files of {', '.join(_SUFFIXES)}")
        for file in below if path.is_dir() else [path]:
            name = (file.relative_to(path) if path.is_dir() else Path(path.name)).with_suffix("").as_posix()
            if path.is_dir() and _MARK not in file.read_bytes():
                ignored.append(_shown(file, here))
            else:
                files.setdefault(file, Found(file, _shown(file, here), name))
    return list(files.values()), ignored


def _shown(path: Path, here: Path) -> str:
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
