"""Import cassettes of vcrpy and pytest-recording (YAML, JSON) into the vault.

A cassette of pytest-recording becomes recordings of its test. Any other one becomes a
cassette of its name. Secrets are
hidden as in a recording run, and nothing is overwritten. The exit code is 1 if
something was not imported.
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

from pytest_mimic._clients.http.exchange import MATCHERS
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.format import cassette_name
from pytest_mimic._core.words import did_you_mean, plural
from pytest_mimic._tools.cli.output import Result, add_dry_run
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.foreign.cassette_file import (
    ForeignExchange,
    UnreadableError,
    read_cassette,
)
from pytest_mimic._tools.foreign.overlay import OverlayStore
from pytest_mimic._tools.foreign.owning_tests import OwningTests
from pytest_mimic._tools.foreign.recording_exchanges import (
    Conversation,
    Destination,
    http_lines,
)
from pytest_mimic.errors import CassetteError, MimicError

_SUFFIXES = (".yaml", ".yml", ".json")
# The word that vcrpy has in each cassette.
_MARK = b"interactions"


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
        help="what counts, as in match_on of vcrpy: method, scheme, host, port, path, query, uri, headers, body (default: method,uri)",
    )
    add_dry_run(parser, "say what would be done, and write nothing")


def run(invocation: Invocation) -> Result:
    """Import. Found: something was not imported."""
    importer = Importer(invocation)
    return Result([*importer.run()], found=bool(importer.left))


class Importer:
    """One import, and what it has done.

    Attributes:
        left: What was not carried over, in lines, with its reason.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._options, self._vault = invocation.options, invocation.vault
        self._settings, self._here = invocation.settings, invocation.project.here
        self._targets = invocation.project.ini.targets()
        self._match = read_match(self._options.match)
        self._of_test: dict[str, set[str]] = defaultdict(
            set
        )  # the recordings of each test
        self._done: list[str] = []
        self.left: list[str] = []
        self._calls = 0
        self._imported: list[Destination] = []

    def run(self) -> Iterator[str]:
        """Import everything, and yield what was done in lines.

        MimicError: a path does not exist, or the vault cannot be written.
        """
        files, ignored = find_files(self._options.paths, self._here)
        tests = OwningTests(self._settings.rootdir, [each.path for each in files])
        for name, test, _ in self._vault.tests_of(self._vault.names()):
            self._of_test[test].add(name)
        for found in files:
            try:
                exchanges = read_cassette(found.path)
                nodeids = tests.find(found.path) if exchanges else []
                # A name without what Windows does not allow.
                own_name = re.sub(r'[\\:<>|?*"\0]', "-", found.name)
                for to in [Destination(test=nodeid) for nodeid in nodeids] or (
                    [Destination(cassette=cassette_name(own_name))] if exchanges else []
                ):
                    self._import(found.shown, exchanges, to)
            except (UnreadableError, OSError, CassetteError) as error:
                self._leave(found.shown, str(error).partition("\n")[0])
            except RecursionError:
                self._leave(found.shown, "is nested too deeply")
        would = "would import" if self._options.dry_run else "imported"
        yield f"{would} {plural(self._calls, 'call')} into {self._vault.label}"
        yield from self._done
        if ignored:
            yield f"no cassettes: {', '.join(ignored)}"
        if self.left:
            yield "not imported:"
            yield from self.left
        if any(to.test for to in self._imported) and not http_lines(self._targets):
            yield "to replay them, add to mimic_functions: http"
        for to in [to for to in self._imported if to.cassette][:1]:
            yield f'cassettes replay in blocks, with mimic_auto("{to.cassette}")'

    def _import(
        self, shown: str, exchanges: list[ForeignExchange], to: Destination
    ) -> None:
        """Record exchanges in a folder over the vault, and copy them there unless something else has their place."""
        with TemporaryDirectory(prefix="pytest-mimic-") as folder:
            overlay = OverlayStore(FolderStore(Path(folder)), self._vault.store)
            vault = Vault(overlay, pickles="forbid", label=self._vault.label)
            conversation = Conversation(
                self._settings, vault, self._targets, to, match=self._match
            )
            count = 0
            for exchange in exchanges:
                if reason := conversation.record(exchange):
                    self._leave(f"{shown}, entry {exchange.number}", reason)
                else:
                    count += 1
            made = conversation.close()
            names = overlay.changed_recordings()
            others = self._of_test[to.test] if to.test else set[str]()
            obstacles = [
                name for name in names if self._vault.store.size(name) is not None
            ]
            obstacles += sorted(others - made) if names else []
            if obstacles:
                self._leave(shown, f"{to} has other recordings: {obstacles[0]}")
                return
            if names and not self._options.dry_run:
                for name in names:
                    self._vault.copy(name, vault)
                self._vault.store.end_run()
        if count:
            there = "" if names else ", already there"
            self._done.append(f"  {shown} -> {to} ({plural(count, 'call')}{there})")
        if names:
            others |= made
            self._calls += count
            self._imported.append(to)

    def _leave(self, what: str, reason: str) -> None:
        """Report what was not carried over. A file may be read for several tests."""
        line = f"  {what}: {reason}"
        if line not in self.left:
            self.left.append(line)


def read_match(text: str) -> str:
    """Return vcrpy's words for the parts that count, `method,uri`, in one order and as in the names of recordings.

    MimicError: a word is none of these.
    """
    words = text.replace(",", " ").split()
    for word in words or [text]:
        if word not in MATCHERS:
            raise MimicError(
                f"--match: {word!r} is no part of a request{did_you_mean(word, MATCHERS)}"
            )
    return "-".join(part for part in MATCHERS if part in words)


class Found(NamedTuple):
    """A file to read."""

    path: Path  # the file, absolute
    shown: str  # its name in messages
    # The name of the cassette that it may become: its place in the folder that was
    # given, without suffix.
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
        below = [
            one
            for one in sorted(path.rglob("*"))
            if one.suffix.lower() in _SUFFIXES and one.is_file()
        ]
        if path.is_dir() and not below:
            raise MimicError(
                f"{_shown(path, here)} has no files of {', '.join(_SUFFIXES)}"
            )
        for file in below if path.is_dir() else [path]:
            name = (
                (file.relative_to(path) if path.is_dir() else Path(path.name))
                .with_suffix("")
                .as_posix()
            )
            if path.is_dir() and _MARK not in file.read_bytes():
                ignored.append(_shown(file, here))
            else:
                files.setdefault(file, Found(file, _shown(file, here), name))
    return list(files.values()), ignored


def _shown(path: Path, here: Path) -> str:
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
