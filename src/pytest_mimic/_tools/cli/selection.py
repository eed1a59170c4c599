"""The recordings and cassettes of a vault that a subcommand takes.

SELECTORs, an age and recorded errors choose them.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_mimic._clients.bundled import HTTP_CLIENTS
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.registry import is_client, kind_of_client, names_client
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.tree.outcome_trees import call_without_secrets
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    parse_recording,
    recording_folder,
)
from pytest_mimic._core.vault.long_parts import names_of_long_parts
from pytest_mimic._core.vault.outcome_entries import objects_of_entry
from pytest_mimic._core.vault.recording_facts import Recording, calls_of
from pytest_mimic._tools.cli.output import Result
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.shown.outcome_words import error_of, label_of
from pytest_mimic.errors import CorruptRecordingError, Damage, MimicError

SELECTOR_HELP = (
    "a test, a file or folder of tests; a target (shop.api:fetch, httpx); a pattern of "
    "calls (GET '/users/*'); a path in the vault; the name of a cassette; or the first "
    "digits of a recording's name, four or more"
)
# Fewer than four digits could be the beginning of many names.
_FIRST_DIGITS = re.compile(r"[0-9a-f]{4,32}")


class VaultFile:
    """A recording, which has one call, or a cassette, which has any number.

    Attributes:
        name: The name of the file in the vault, `calls/shop.api/fetch/5f0c….json`.
        read_error: Why the file cannot be read, or None. With it, `calls` is empty.
        calls: The calls in the file, whose outcomes are as they are there.
        test: The test that recorded the file, or empty.
        owner: For a sequence, the test, module, package or session that it belongs to,
            or empty.
        recorded: The date of the recording, `2026-11-02`.
        size: The bytes of the file, without objects.
    """

    def __init__(self, name: str, vault: Vault) -> None:
        self.name = name
        self.is_cassette = name.startswith(CASSETTES_PREFIX)
        self.read_error: MimicError | None = None
        self.calls: list[Recording] = []
        self.test = ""
        self.owner = ""
        self.recorded = ""
        self.size = 0
        try:
            content = vault.store.read(name) or b""
            self.size = len(content)
            facts = parse_recording(content, vault.label, name)
            self.calls = calls_of(vault.objects, name, facts)
        except MimicError as error:
            # Frames and causes would keep the content of each damaged file alive.
            error.__context__ = error.__cause__ = None
            self.read_error = error.with_traceback(None)
        else:
            self.test = str(facts.get("test") or "")
            self.owner = str(facts.get("owner") or "")
            self.recorded = str(facts.get("recorded") or "")

    @property
    def short_name(self) -> str:
        """The first digits of a recording's name; of a cassette, `cassette`."""
        if self.is_cassette:
            return "cassette"
        return self.name.rpartition("/")[2][:8]

    @property
    def duration(self) -> float:
        """How long the real calls took, in seconds: what one replay of each saves."""
        seconds = 0.0
        for call in self.calls:
            for stored_outcome in call.outcomes:
                seconds += stored_outcome.duration
        return seconds

    @property
    def object_names(self) -> set[str]:
        """The names of the objects to which arguments and outcomes of calls refer."""
        object_names: set[str] = set()
        for call in self.calls:
            object_names.update(names_of_long_parts(call.arguments))
            for stored_outcome in call.outcomes:
                object_names.update(objects_of_entry(stored_outcome.entry))
        return object_names

    def size_with_objects(self, vault: Vault) -> int:
        """Return the bytes of the file and its objects; a missing object has none."""
        sizes = [vault.store.size(name) or 0 for name in self.object_names]
        return self.size + sum(sizes)

    @property
    def errors_in_words(self) -> list[str]:
        """The recorded outcomes that are errors: `gave 503`.

        The option `--errors` chooses files by them. Why the file itself cannot be read
        is another matter: see `read_error`.
        """
        errors_in_words = []
        for call in self.calls:
            for stored_outcome in call.outcomes:
                error_in_words = error_of(call.target, stored_outcome.entry)
                if error_in_words is not None:
                    errors_in_words.append(error_in_words)
        return errors_in_words

    def label(self, width: int = 120) -> str:
        """Return the file in one line, see `label_of`."""
        return label_of(self.name, self.calls, width)

    def hide(self, redactor: Redactor) -> None:
        """Hide the values of secret names in the arguments of the calls.

        A name may stand in `mimic_redact` only since the call was recorded.
        """
        for place, call in enumerate(self.calls):
            if call.arguments:
                self.calls[place] = call_without_secrets(call, redactor)


class Chosen(NamedTuple):
    """The recordings that the words of a command choose.

    Attributes:
        files: The recordings and cassettes, by name.
        damaged: The chosen files that cannot be read.
        unmatched: The selectors that match nothing.
    """

    files: list[VaultFile]
    damaged: list[VaultFile]
    unmatched: list[str]


def add_selectors(parser: ArgumentParser) -> None:
    parser.add_argument("selectors", metavar="SELECTOR", nargs="*", help=SELECTOR_HELP)
    parser.add_argument(
        "--older",
        metavar="SPAN",
        help="only those recorded longer ago than this: 90d, 12w",
    )
    parser.add_argument(
        "--errors", action="store_true", help="only those with an error as an outcome"
    )


def selecting_words(invocation: Invocation) -> list[str]:
    """Return the words of the command that select recordings, empty if none does."""
    options = invocation.options
    words = list(options.selectors)
    if options.older:
        words += ["--older", options.older]
    if options.errors:
        words.append("--errors")
    return words


class Selection:
    """The recordings that a command was asked for, read one after another.

    All recordings of a large vault do not fit into memory.

    Attributes:
        damaged: The files that cannot be read, complete after the last file.

    Raises:
        MimicError: An option has a wrong value.
    """

    def __init__(self, invocation: Invocation) -> None:
        options = invocation.options
        self._invocation = invocation
        # Only recordings from before this date are taken; None: of any date.
        self._recorded_before: str | None = None
        if options.older:
            self._recorded_before = _date_before(options.older)
        self._only_errors: bool = options.errors
        self._selectors: list[str] = options.selectors
        # The selectors that a file has matched so far.
        self._matched_selectors: set[str] = set()
        self.damaged: list[VaultFile] = []

    def __iter__(self) -> Iterator[VaultFile]:
        vault = self._invocation.vault
        for name in sorted(vault.names()):
            file = VaultFile(name, vault)
            if self._invocation.settings.redact:
                file.hide(self._invocation.redactor)
            if not self._is_selected(file):
                continue
            if file.read_error is None:
                if self._passes_options(file):
                    yield file
            # Of a damaged file, neither the age nor the outcome is known.
            elif self._recorded_before is None and not self._only_errors:
                self.damaged.append(file)

    def _is_selected(self, file: VaultFile) -> bool:
        """Check whether any selector names a file, and note each one that does.

        Without selectors, every file is selected.
        """
        shown_vault = self._invocation.settings.shown_vault
        is_named = False
        for selector in self._selectors:
            if _selects(selector, file, shown_vault=shown_vault):
                is_named = True
                self._matched_selectors.add(selector)
        return is_named or not self._selectors

    def _passes_options(self, file: VaultFile) -> bool:
        """Check whether a readable file fits `--errors` and `--older`."""
        if self._only_errors and not file.errors_in_words:
            return False
        if self._recorded_before is None:
            return True
        return bool(file.recorded) and file.recorded < self._recorded_before

    @property
    def unmatched(self) -> list[str]:
        """The selectors that match nothing, known after the last file."""
        selectors = dict.fromkeys(self._selectors)
        return [
            selector
            for selector in selectors
            if selector not in self._matched_selectors
        ]


def chosen_files(invocation: Invocation) -> Chosen:
    """Return the recordings that the command was asked for, all at once.

    Raises:
        MimicError: An option has a wrong value.
    """
    selection = Selection(invocation)
    files = list(selection)
    return Chosen(files, damaged=selection.damaged, unmatched=selection.unmatched)


def _date_before(span: str) -> str:
    """Return the date that lies so long ago, `2026-08-24` for `90d`.

    Raises:
        MimicError: The text is no span of days or weeks.
    """
    match = re.fullmatch(r"(\d{1,5}) ?([dw])", span)
    if match is None:
        raise MimicError(f"--older takes days or weeks, such as 90d or 12w, not {span}")
    number, unit = int(match[1]), match[2]
    age = timedelta(days=number)
    if unit == "w":
        age = timedelta(weeks=number)
    return (date.today() - age).isoformat()


def result_of_nothing_chosen(invocation: Invocation, chosen: Chosen) -> Result:
    """Return the result of a command that chose nothing, or found an empty vault."""
    words = selecting_words(invocation)
    if not invocation.vault.names():
        recording_command = invocation.commands.pytest("--mimic-record")
        lines = [
            f"no recordings in {invocation.settings.shown_vault}",
            f"  to record: {recording_command}",
        ]
        # Who asked for certain recordings gets exit code 1, as they are not there.
        return Result(lines, has_finding=bool(words))
    unmatched = chosen.unmatched
    if not unmatched and not chosen.damaged:
        # Each selector matches something, but nothing matches all the words together.
        unmatched = [" ".join(words)]
    return Result(
        unmatched=unmatched,
        damaged=len(chosen.damaged),
        former_format=count_former_format(chosen.damaged),
        has_finding=True,
    )


def count_former_format(files: Iterable[VaultFile]) -> int:
    """Return how many of the chosen files have the former format, for `main`."""
    count = 0
    for file in files:
        error = file.read_error
        # The command offers `rekey` for such a file, and `check` for another one.
        if (
            isinstance(error, CorruptRecordingError)
            and error.damage is Damage.FORMER_FORMAT
        ):
            count += 1
    return count


# -- selectors


def _selects(selector: str, file: VaultFile, *, shown_vault: str) -> bool:
    """Check whether a selector names a file.

    =================================  ============================================
    `shop.api:fetch`, `httpx`          the target of a call in the file
    `GET '/users/*'`                   a pattern that a call in the file matches
    `.mimic_vault/calls/shop.api`      the file's path, or a folder around the file
    `5f0c`                             the first digits of the file's name
    `tests/test_a.py::test_b`          the file's test, or its class, file or folder
    =================================  ============================================
    """
    pattern = Selector(selector)
    for call in file.calls:
        if any(fnmatchcase(name, selector) for name in _target_names(call)):
            return True
        signature, host = signature_of(call)
        if pattern.takes(signature, host):
            return True
    # A file that cannot be read has no calls here, and no test.
    if file.read_error is not None and _is_in_folder_of(selector, file.name):
        return True
    path = selector.removeprefix(f"{shown_vault}/").rstrip("/")
    if _is_in_path(path, file.name) or _starts_with_digits(path, file.name):
        return True
    return _is_of_test(file.test, selector) or _is_of_test(file.owner, selector)


def _target_names(call: Recording) -> Sequence[str]:
    """Return the words that name the target of a call.

    All HTTP clients record under the target `http`, so that the name of any of them,
    such as `httpx`, names its calls.
    """
    if call.target == "http":
        return ("http", *HTTP_CLIENTS)
    return (call.target,)


def _is_in_folder_of(target: str, name: str) -> bool:
    """Check whether a file is in the folder of a target's recordings.

    This is asked for a file that cannot be read: only its folder tells the target.
    """
    if ":" not in target and not is_client(target):
        return False
    folder = recording_folder(kind_of_client(target))
    # A target may have a `*`, which `recording_folder` replaces, as no folder has one.
    # So the target is also tried as a pattern of folders.
    pattern = f"calls/{target.replace(':', '/')}"
    return fnmatchcase(name, f"{folder}/*") or fnmatchcase(name, f"{pattern}/*")


def signature_of(call: Recording) -> tuple[str, str | None]:
    """Return the text that patterns are matched with, `GET /users/1`, and the host.

    Selectors and `ls --json` use it, and `rekey`, which finds today's line by it.

    The text of a function is its name. The host is None for a function, and for a
    client without hosts.
    """
    if not names_client(call.target):
        return call.target, None
    # Only a call of a cassette has its signature and host beside its description.
    described = call.arguments or {}
    signature = call.signature or str(described.get("signature") or "")
    host = call.host
    if not host:
        address = urlsplit(str(described.get("url") or "")).netloc
        # A user's name and password stand before the host.
        host = address.rpartition("@")[2]
    return signature, host or None


def _is_in_path(path: str, name: str) -> bool:
    """Check whether a path is that of a recording, or of a folder around it.

    The suffix may be left out, and the folder of cassettes.
    """
    stem = name.removesuffix(".json")
    if path in (name, stem, stem.removeprefix(CASSETTES_PREFIX)):
        return True
    return stem.startswith(f"{path}/")


def _starts_with_digits(word: str, name: str) -> bool:
    """Check whether a word is the first digits of a recording's name.

    `5f0c` is the beginning of the name of `calls/shop.api/fetch/5f0c….json`.
    """
    if _FIRST_DIGITS.fullmatch(word) is None:
        # `tests` is no number, and `5f` has too few digits to mean one recording.
        return False
    file_name = name.rpartition("/")[2]
    return file_name.startswith(word)


def _is_of_test(test: str, selector: str) -> bool:
    """Check whether a selector is a test, or the class, file or folder around it."""
    test_or_place = selector.rstrip("/").removeprefix("./")
    # A class or file, a test with parameters, and a folder.
    beginnings = (f"{test_or_place}::", f"{test_or_place}[", f"{test_or_place}/")
    return test == test_or_place or test.startswith(beginnings)
