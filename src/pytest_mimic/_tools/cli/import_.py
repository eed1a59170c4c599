"""Import cassettes of vcrpy and pytest-recording (YAML, JSON) into the vault.

A cassette of pytest-recording becomes recordings of its test. Any other one
becomes a cassette of its name. Secrets are hidden as in a recording run, and
nothing is overwritten. The exit code is 1 if something was not imported.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pytest_mimic._clients.http.http_calls import MATCHERS
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.cassette_names import cassette_name
from pytest_mimic._core.words import did_you_mean, plural
from pytest_mimic._tools.cli.output import Result, add_dry_run
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.foreign.cassette_file import (
    ForeignExchange,
    UnreadableError,
    read_cassette,
)
from pytest_mimic._tools.foreign.overlay import ImportOverlay
from pytest_mimic._tools.foreign.owning_tests import OwningTests
from pytest_mimic._tools.foreign.recording_exchanges import (
    Destination,
    ExchangeImporter,
    http_lines,
)
from pytest_mimic.errors import CassetteError, MimicError

# The files in a folder that may be cassettes. A file that the command names is read
# whatever its suffix.
_SUFFIXES_OF_CASSETTES = (".yaml", ".yml", ".json")
# Each cassette of vcrpy has this word. A file in a folder without it is no cassette.
_WORD_OF_CASSETTES = b"interactions"
# Windows allows none of these characters in the name of a file.
_SIGNS_IN_NO_NAME = re.compile(r'[\\:<>|?*"\0]')


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a file, or a folder of files",
    )
    parser.add_argument(
        "--match",
        default="method,uri",
        metavar="PARTS",
        help="what counts, as in match_on of vcrpy: method, scheme, host, port, path, "
        "query, uri, headers, body (default: method,uri)",
    )
    add_dry_run(parser, "say what would be done, and write nothing")


def run(invocation: Invocation) -> Result:
    """Import cassettes. `has_finding` of the result: something was not imported."""
    importer = Importer(invocation)
    lines = list(importer.run())
    return Result(lines, has_finding=bool(importer.refused))


class Importer:
    """One import, and its report.

    Attributes:
        refused: A line for each file or entry that was not imported, with its reason.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._options = invocation.options
        self._vault = invocation.vault
        self._settings = invocation.settings
        self._here = invocation.project.here
        self._targets = invocation.project.ini.targets()
        self._match = read_match(self._options.match)
        # By test: the names of its recordings, with which imported ones do not mix.
        self._recordings_of_test: dict[str, set[str]] = defaultdict(set)
        for heading in self._vault.reader.headings(self._vault.names()):
            self._recordings_of_test[heading.test].add(heading.name)
        # A line of the report for each test or cassette that a file became.
        self._imported_lines: list[str] = []
        self._imported_call_count = 0
        # The tests and cassettes that got something new.
        self._destinations: list[Destination] = []
        self.refused: list[str] = []

    def run(self) -> Iterator[str]:
        """Import every file, and yield the report in lines.

        Raises:
            MimicError: A path does not exist, or the vault cannot be written.
        """
        files, ignored = find_files(self._options.paths, self._here)
        tests = OwningTests(self._settings.rootdir, [file.path for file in files])
        for file in files:
            self._import_file(file, tests)
        verb = "would import" if self._options.dry_run else "imported"
        calls = plural(self._imported_call_count, "call")
        yield f"{verb} {calls} into {self._vault.label}"
        yield from self._imported_lines
        if ignored:
            yield f"no cassettes: {', '.join(ignored)}"
        if self.refused:
            yield "not imported:"
            yield from self.refused
        yield from self._next_steps()

    def _next_steps(self) -> Iterator[str]:
        """Yield how tests replay the imported calls."""
        has_tests = any(destination.test for destination in self._destinations)
        if has_tests and not http_lines(self._targets):
            yield "to replay them, add to mimic_functions: http"
        for destination in self._destinations:
            if destination.cassette:
                example = f'mimic_auto("{destination.cassette}")'
                yield f"cassettes replay in blocks, with {example}"
                return

    def _import_file(self, file: ForeignFile, tests: OwningTests) -> None:
        """Import a file for each of its tests, or as a cassette if it has none."""
        try:
            exchanges = read_cassette(file.path)
            if not exchanges:
                # A cassette without entries has nothing to import, which is no error.
                return
            for destination in _destinations_of(file, tests):
                self._import(file.shown_path, exchanges, destination)
        except (UnreadableError, OSError, CassetteError) as error:
            self._refuse(file.shown_path, str(error).partition("\n")[0])
        except RecursionError:
            self._refuse(file.shown_path, "is nested too deeply")

    def _import(
        self,
        shown_path: str,
        exchanges: list[ForeignExchange],
        destination: Destination,
    ) -> None:
        """Record exchanges beside the vault, and copy the recordings if they are whole.

        The recordings are made in a temporary folder over the vault. Nothing of them is
        copied if one of them has the place of another recording.
        """
        with TemporaryDirectory(prefix="pytest-mimic-") as folder:
            overlay = ImportOverlay(FolderStore(Path(folder)), self._vault.store)
            overlay_vault = Vault(overlay, pickles="forbid", label=self._vault.label)
            importer = ExchangeImporter(
                self._settings,
                overlay_vault,
                self._targets,
                destination,
                match=self._match,
            )
            call_count = self._record_or_refuse(shown_path, exchanges, importer)
            imported_names = importer.close()
            # An import that is repeated makes the files that the vault has already.
            new_names = overlay.changed_recordings()
            obstacle = self._obstacle(destination, new_names, imported_names)
            # All of the file or nothing: the n-th equal request gets the n-th answer.
            if obstacle is not None:
                problem = f"{destination} has other recordings: {obstacle}"
                self._refuse(shown_path, problem)
                return
            if not self._options.dry_run:
                self._copy(new_names, overlay_vault)
        if call_count:
            note = "" if new_names else ", already there"
            calls = plural(call_count, "call")
            line = f"  {shown_path} -> {destination} ({calls}{note})"
            self._imported_lines.append(line)
        if new_names:
            self._imported_call_count += call_count
            self._destinations.append(destination)
            if destination.test:
                self._recordings_of_test[destination.test] |= imported_names

    def _record_or_refuse(
        self,
        shown_path: str,
        exchanges: list[ForeignExchange],
        importer: ExchangeImporter,
    ) -> int:
        """Record the exchanges of one file, and return how many could be recorded.

        The report says why an exchange was refused.
        """
        recorded_count = 0
        for exchange in exchanges:
            reason = importer.record(exchange)
            if reason:
                self._refuse(f"{shown_path}, entry {exchange.number}", reason)
            else:
                recorded_count += 1
        return recorded_count

    def _obstacle(
        self, destination: Destination, new_names: list[str], imported_names: set[str]
    ) -> str | None:
        """Return the recording that keeps a file from being imported, or None.

        Args:
            destination: What the file becomes.
            new_names: The recordings that differ from those in the vault.
            imported_names: All recordings that were made of the file.
        """
        for name in new_names:
            if self._vault.store.size(name) is not None:
                # An import overwrites nothing.
                return name
        if new_names and destination.test:
            # A test with recordings of its own and imported ones would mix answers of
            # two times.
            own_names = self._recordings_of_test[destination.test] - imported_names
            return min(own_names, default=None)
        return None

    def _copy(self, names: list[str], source: Vault) -> None:
        """Copy recordings of a source, with their objects, into the project's vault."""
        if not names:
            return
        for name in names:
            self._vault.writer.copy(name, source.objects)
        # The command is no run of pytest, so nothing else flushes the files and leaves
        # the locks.
        self._vault.store.end_writing()

    def _refuse(self, subject: str, reason: str) -> None:
        """Report a file, or an entry in it, that is not imported.

        A file may be read for several tests: its line stands once.
        """
        line = f"  {subject}: {reason}"
        if line not in self.refused:
            self.refused.append(line)


def _destinations_of(file: ForeignFile, tests: OwningTests) -> list[Destination]:
    """Return the tests of a file, or a cassette of its name.

    Raises:
        CassetteError: The file has no test, and its name cannot be that of a cassette.
    """
    destinations = [Destination(test=test) for test in tests.find(file.path)]
    if destinations:
        return destinations
    name = _SIGNS_IN_NO_NAME.sub("-", file.cassette)
    return [Destination(cassette=cassette_name(name))]


def read_match(text: str) -> str:
    """Return vcrpy's words for the parts that count, in the order of recordings' names.

    `uri, method` becomes `method-uri`.

    Raises:
        MimicError: A word is none of vcrpy's.
    """
    words = text.replace(",", " ").split()
    for word in words or [text]:
        if word not in MATCHERS:
            hint = did_you_mean(word, MATCHERS)
            raise MimicError(f"--match: {word!r} is no part of a request{hint}")
    return "-".join(part for part in MATCHERS if part in words)


class ForeignFile(NamedTuple):
    """A file to read, which may be a cassette of vcrpy.

    Attributes:
        path: The file, absolute.
        shown_path: The file in messages.
        cassette: The name of the cassette that it may become: its path in the folder
            that the command line names, without suffix.
    """

    path: Path
    shown_path: str
    cassette: str


def find_files(
    paths: Sequence[Path], here: Path
) -> tuple[list[ForeignFile], list[str]]:
    """Return the files to import, and the files in folders that are no cassettes.

    A file that the command line names itself is to be imported whatever it has.

    Raises:
        MimicError: A path does not exist, or a folder has nothing to import.
    """
    # By path: a file that the command line names twice is imported once.
    file_by_path: dict[Path, ForeignFile] = {}
    ignored: list[str] = []
    for word in paths:
        # Links stay as they are: the user knows these names.
        path = Path(os.path.abspath(here / word))  # noqa: PTH100
        if not path.exists():
            raise MimicError(f"no such file or folder: {_shown_path(path, here)}")
        if not path.is_dir():
            cassette = Path(path.name).with_suffix("").as_posix()
            file = ForeignFile(path, _shown_path(path, here), cassette)
            # The first name of a file counts, by which its cassette is called.
            file_by_path.setdefault(path, file)
            continue
        for file_below in _files_below(path, here):
            shown_path = _shown_path(file_below, here)
            if _WORD_OF_CASSETTES in file_below.read_bytes():
                cassette = file_below.relative_to(path).with_suffix("").as_posix()
                file_by_path.setdefault(
                    file_below, ForeignFile(file_below, shown_path, cassette)
                )
            else:
                ignored.append(shown_path)
    return list(file_by_path.values()), ignored


def _files_below(folder: Path, here: Path) -> list[Path]:
    """Return the files in a folder that may be cassettes by their suffix.

    Raises:
        MimicError: The folder has no such file.
    """
    possible_cassettes = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES_OF_CASSETTES and path.is_file():
            possible_cassettes.append(path)
    if not possible_cassettes:
        suffixes = ", ".join(_SUFFIXES_OF_CASSETTES)
        raise MimicError(f"{_shown_path(folder, here)} has no files of {suffixes}")
    return possible_cassettes


def _shown_path(path: Path, here: Path) -> str:
    """Return the path of a cassette for the report of an import.

    It is relative to the current folder if it is below.
    """
    if path.is_relative_to(here):
        return path.relative_to(here).as_posix()
    return str(path)
