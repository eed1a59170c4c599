"""Imports files of other tools: finds and reads them, and records what they hold in the project's vault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._clients.http.exchange import MATCHERS
from pytest_mimic._clients.http.message import header_of
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.words import did_you_mean
from pytest_mimic._tools.foreign.cassette_file import read_cassette
from pytest_mimic._tools.foreign.finding import Found, find_files
from pytest_mimic._tools.foreign.foreign_exchanges import ForeignFile, Refusal, UnreadableError
from pytest_mimic._tools.foreign.har import read_har
from pytest_mimic._tools.foreign.import_report import ImportedFile, Leftover, Report
from pytest_mimic._tools.foreign.owning_tests import OwningTests
from pytest_mimic._tools.foreign.recording_exchanges import Conversation, Destination, http_lines
from pytest_mimic._tools.foreign.vault_placing import Placed, Placer
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.target import Target
    from pytest_mimic._tools.foreign.foreign_exchanges import ForeignExchange


class ImportRequest(NamedTuple):
    """The files and folders to import into a project, and how."""

    paths: Sequence[Path]
    settings: Settings
    targets: Sequence[Target]
    today: str  # the date of recordings whose own date is not known
    here: Path  # the folder to which shown names are relative
    match: str  # the parts of a request that count; see `read_match`
    as_cassettes: bool = False  # also where the name of a file leads to a test
    overwrite: bool = False
    dry_run: bool = False


class _Ready(NamedTuple):
    """A file that was read, for one destination, and its name. A test may have `further` ones, each for it alone."""

    shown: str
    file: ForeignFile
    destination: Destination
    is_further: bool = False
    further: tuple[_Ready, ...] = ()


def _joined(ready: Iterable[_Ready]) -> list[_Ready]:
    """Return the files with each further one in that which its test has by default, or in the first one of the test."""
    found: list[_Ready] = []
    places: dict[Destination, int] = {}
    for one in sorted(ready, key=lambda one: one.is_further):  # stable
        first = places.setdefault(one.destination, len(found))
        if one.is_further and first < len(found):
            found[first] = found[first]._replace(further=(*found[first].further, one))
        else:
            found.append(one)
    return found


class Importer:
    """One import."""

    def __init__(self, request: ImportRequest) -> None:
        self._request = request
        settings = request.settings
        self._vault = Vault(
            FolderStore(request.settings.vault),
            pickles=settings.pickles,
            label=settings.shown_vault,
            detaches=settings.detaches,
        )
        self._placer = Placer(self._vault, overwrite=request.overwrite, dry_run=request.dry_run)
        self._tests = OwningTests(settings.rootdir, ())
        self.report = Report(settings.shown_vault, is_dry=request.dry_run)

    def run(self) -> Report:
        """Import everything, each file as a whole or not at all, and return what was done.

        MimicError: a path does not exist, or the vault cannot be written.
        """
        files, self.report.ignored = find_files(self._request.paths, self._request.here)
        if not self._request.as_cassettes:
            paths = [each.path for each in files if not each.is_har]
            self._tests = OwningTests(self._request.settings.rootdir, paths)
        with TemporaryDirectory(prefix="pytest-mimic-") as folder:
            ready = _joined([one for each in files for one in self._read(each)])
            for number, one in enumerate(ready):
                self._import(one, Path(folder, str(number)))
        if not self._request.dry_run:
            self._vault.collect(self._vault.replaced)
            self._vault.store.flush()
        self.report.lacks_line = not http_lines(self._request.targets)
        return self.report

    # -- reading

    def _read(self, found: Found) -> list[_Ready]:
        """Return a file for each of its destinations. There are none if it cannot be read, which is reported."""
        try:
            file = read_har(found.path) if found.is_har else read_cassette(found.path)
        except UnreadableError as error:
            self._leave(found.shown, str(error))
            return []
        except OSError as error:
            self._leave(found.shown, f"cannot be read: {error.strerror or error}")
            return []
        destinations = self._destinations(found, is_talk=file.is_talk)
        return [_Ready(found.shown, file, *destination) for destination in destinations]

    def _destinations(self, found: Found, *, is_talk: bool) -> list[tuple[Destination, bool]]:
        """Return what a file becomes, and whether it is a further one. Nothing if that is not known, which is reported."""
        from pytest_mimic._core.vault.file_names import cassette_name
        from pytest_mimic.errors import CassetteError

        if not self._request.as_cassettes and not is_talk:
            test = self._tests.find(found.path)
            if test.tests or test.further:
                by_default = [(Destination(test=nodeid), False) for nodeid in test.tests]
                return [*by_default, *((Destination(test=nodeid), True) for nodeid in test.further)]
            if test.problem:
                self._leave(found.shown, test.problem)
                return []
        try:
            # A name without what Windows does not allow.
            name = cassette_name(re.sub(r'[\\:<>|?*"\0]', "-", found.name))
        except CassetteError as error:
            self._leave(found.shown, f"{error.what}: rename the file")
            return []
        return [(Destination(cassette=name), False)]

    # -- carrying over

    def _conversation(self, one: _Ready, folder: Path) -> Conversation:
        settings, targets = self._request.settings._replace(vault=folder), self._request.targets
        exchanges = (exchange for each in (one, *one.further) for exchange in each.file.exchanges)
        date = min(filter(None, map(_date_of, exchanges)), default=self._request.today)
        return Conversation(settings, targets, one.destination, match=self._request.match, today=date)

    def _import(self, one: _Ready, folder: Path) -> None:
        conversation = self._conversation(one, folder)
        counts = [(each.shown, self._record(each, conversation)) for each in (one, *one.further)]
        conversation.close()
        if any(count for _, count in counts):
            placed = self._placer.place(conversation.vault)
            for shown, count in filter(itemgetter(1), counts):
                self._note(shown, str(one.destination), placed, count)
            if one.destination.cassette and placed.how in ("new", "replaced"):
                self.report.cassettes.append(one.destination.cassette)

    def _record(self, one: _Ready, conversation: Conversation) -> int:
        """Record the exchanges of a file, report those for which that cannot be done, and return the number of the others."""
        refusals = list(one.file.refusals)
        for exchange in one.file.exchanges:
            if reason := conversation.record(exchange):
                sent = exchange.request
                refusals.append(Refusal(exchange.number, reason, sent.method, sent.url))
        for refusal in sorted(refusals, key=lambda refusal: refusal.number):
            self.report.leave(self._leftover(one, conversation, refusal))
        return len(one.file.exchanges) - (len(refusals) - len(one.file.refusals))

    def _note(self, shown: str, to: str, placed: Placed, count: int) -> None:
        """Report a file that was placed, with the number of its calls."""
        if placed.is_from_here:
            self._leave(shown, f"another file of this import became {to}: import one of them, or rename it")
        elif placed.how == "kept":
            self._leave(shown, f"{to} has other recordings ({placed.obstacle}): --overwrite replaces them")
        else:
            self.report.imported.append(ImportedFile(shown, to, count, placed.how))

    @staticmethod
    def _leftover(one: _Ready, conversation: Conversation, refusal: Refusal) -> Leftover:
        request = conversation.shown(refusal.method, refusal.url) if refusal.url else refusal.method
        return Leftover(one.shown, refusal.number, request, refusal.reason)

    def _leave(self, shown: str, reason: str) -> None:
        self.report.leave(Leftover(shown, 0, "", reason))


def read_match(text: str) -> str:
    """Return vcrpy's words for the parts that count, `method,uri`, in one order and as in the names of recordings.

    MimicError: a word is none of these.
    """
    words = text.replace(",", " ").split()
    for word in words or [text]:
        if word not in MATCHERS:
            raise MimicError(f"--match: {word!r} is no part of a request{did_you_mean(word, MATCHERS)}")
    return "-".join(part for part in MATCHERS if part in words)


def _date_of(exchange: ForeignExchange) -> str:
    """Return the day of an exchange, which servers send; empty if it is not known."""
    from email.utils import parsedate_to_datetime

    if exchange.date:
        return exchange.date
    try:
        return parsedate_to_datetime(header_of(exchange.head["headers"], "date") or "").date().isoformat()
    except (ValueError, TypeError):
        return ""
