"""The recordings and cassettes of a vault, and those that a subcommand was asked for: by SELECTOR, age and errors."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_mimic._clients.bundled import HTTP_CLIENTS
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.registry import (
    is_client,
    kind_of,
    names_client,
)
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.tree.stored import bare
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import CASSETTES, parse_recording, recording_name
from pytest_mimic._core.vault.long_parts import long_parts
from pytest_mimic._core.vault.objects import objects_of
from pytest_mimic._core.vault.recording_facts import Recording, calls_of
from pytest_mimic._tools.cli.output import Result
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.shown.outcome_words import error_of, label_of
from pytest_mimic.errors import MimicError

SELECTOR_HELP = (
    "a test, a file or folder of tests; a target (shop.api:fetch, httpx); a pattern of calls (GET '/users/*'); a path in the "
    "vault; the name of a cassette; or the first digits of a recording's name, four or more"
)
# Fewer could be the beginning of many.
_DIGITS = re.compile(r"[0-9a-f]{4,32}")


class VaultFile:
    """A recording, which has one call, or a cassette, which has any number.

    Attributes:
        error: Why it cannot be read, or None. It has no calls then.
        calls: Its calls, whose outcomes are as they are in the file.
        test: The test that recorded it, or empty.
        owner: For a sequence, the test, module, package or session that it belongs to,
            or empty.
        recorded: The date, `2026-11-02`.
        size: Its bytes, without objects.
    """

    def __init__(self, name: str, vault: Vault) -> None:
        self.name = name  # in the vault, `calls/shop.api/fetch/5f0c….json`
        self.is_cassette = name.startswith(CASSETTES)
        self.error: MimicError | None = None
        self.calls: list[Recording] = []
        self.test = self.owner = self.recorded = ""
        self.size = 0
        try:
            data = vault.store.read(name) or b""
            self.size = len(data)
            facts = parse_recording(data, vault.label, name)
            self.calls = calls_of(vault.objects, name, facts)
        except MimicError as error:
            self.error = error
        else:
            self.test, self.owner, self.recorded = (
                str(facts.get(fact) or "") for fact in ("test", "owner", "recorded")
            )

    @property
    def short_name(self) -> str:
        """The first digits of a recording's name."""
        return "cassette" if self.is_cassette else self.name.rpartition("/")[2][:8]

    @property
    def duration(self) -> float:
        """How long the real calls took, in seconds: what one replay of each saves."""
        return sum(one.duration for call in self.calls for one in call.outcomes)

    @property
    def objects(self) -> set[str]:
        entries = (one.entry for call in self.calls for one in call.outcomes)
        named = {name for call in self.calls for name in long_parts(call.arguments)}
        return named.union(*map(objects_of, entries))

    @property
    def errors(self) -> list[str]:
        """The outcomes that are errors, in words."""
        found = (
            error_of(call.target, one.entry)
            for call in self.calls
            for one in call.outcomes
        )
        return [error for error in found if error]

    def label(self, width: int = 120) -> str:
        return label_of(self.name, self.calls, width)

    def hide(self, redactor: Redactor) -> None:
        """Hide secret names in the arguments.

        Those of `mimic_redact` may be younger than a recording.
        """
        for place, call in enumerate(self.calls):
            if call.arguments:
                self.calls[place] = bare(call, redactor)


def total_size(vault: Vault, files: Iterable[VaultFile]) -> int:
    """Return the bytes of recordings and cassettes with their objects, each of which counts once."""
    objects: set[str] = set().union(*(file.objects for file in files))
    return sum(file.size for file in files) + sum(
        vault.store.size(name) or 0 for name in objects
    )


class Chosen(NamedTuple):
    """The recordings that were asked for."""

    files: list[VaultFile]  # the recordings and cassettes, by name
    damaged: list[VaultFile]  # those that cannot be read
    unmatched: list[str]  # the selectors that match nothing


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


def given(invocation: Invocation) -> list[str]:
    """Return the words that choose recordings, empty if all were asked for."""
    options = invocation.options
    older = ("--older", options.older) if options.older else ()
    return [*options.selectors, *older, *(["--errors"] if options.errors else ())]


class Selection:
    """The recordings that a command was asked for. They are read one after another.

    A vault may hold more of them than the memory.

    Attributes:
        damaged: Those that cannot be read, once all were read.

    Raises:
        MimicError: An option has a wrong value.
    """

    def __init__(self, invocation: Invocation) -> None:
        options = invocation.options
        self._invocation = invocation
        self._latest = _latest(options.older) if options.older else None
        self._only_errors: bool = options.errors
        self._selectors: list[str] = options.selectors
        self._matched: set[str] = set()
        self.damaged: list[VaultFile] = []

    def __iter__(self) -> Iterator[VaultFile]:
        vault = self._invocation.vault
        for name in sorted(vault.names()):
            file = VaultFile(name, vault)
            if self._invocation.settings.redact:
                file.hide(self._invocation.redactor)
            if not self._is_selected(file):
                continue
            if file.error is None:
                if self._is_in_options(file):
                    yield file
            elif self._latest is None and not self._only_errors:
                self.damaged.append(file)

    def _is_selected(self, file: VaultFile) -> bool:
        """Check whether any selector names a file, or there is none; note which ones do."""
        vault = self._invocation.settings.shown_vault
        named = [word for word in self._selectors if _names(word, file, vault)]
        self._matched.update(named)
        return bool(named) or not self._selectors

    def _is_in_options(self, file: VaultFile) -> bool:
        if self._only_errors and not file.errors:
            return False
        if self._latest is None:
            return True
        return bool(file.recorded) and file.recorded < self._latest

    @property
    def unmatched(self) -> list[str]:
        """The selectors that match nothing, once all were read."""
        words = dict.fromkeys(self._selectors)
        return [word for word in words if word not in self._matched]


def select(invocation: Invocation) -> Chosen:
    """Return the recordings that the command was asked for, all at once.

    Raises:
        MimicError: An option has a wrong value.
    """
    selection = Selection(invocation)
    files = list(selection)
    return Chosen(files, selection.damaged, selection.unmatched)


def _latest(span: str) -> str:
    """Return the date that lies so long ago, `2026-08-24` for `90d`.

    MimicError: it is no span.
    """
    match = re.fullmatch(r"(\d{1,5}) ?([dw])", span)
    if match is None:
        raise MimicError(f"--older takes days or weeks, such as 90d or 12w, not {span}")
    days = int(match[1]) * (7 if match[2] == "w" else 1)
    return (date.today() - timedelta(days=days)).isoformat()


def nothing(invocation: Invocation, chosen: Chosen) -> Result:
    """Return that nothing was chosen, or that there is no recording at all."""
    words, damaged = given(invocation), len(chosen.damaged)
    if not invocation.vault.names():
        what = f"no recordings in {invocation.settings.shown_vault}"
        return Result(
            [what, f"  to record: {invocation.commands.pytest('--mimic-record')}"],
            found=bool(words),
        )
    unmatched = chosen.unmatched or ([] if damaged else [" ".join(words)])
    return Result(unmatched=unmatched, damaged=damaged, found=True)


# -- selectors


def _names(word: str, file: VaultFile, vault: str) -> bool:
    """Check whether a word names the target of a call, a test, or a path, or is a pattern that a call matches."""
    pattern = Selector(word)
    for call in file.calls:
        names = (call.target, *(HTTP_CLIENTS if call.target == "http" else ()))
        if any(fnmatchcase(name, word) for name in names) or pattern.takes(
            *signature_of(call)
        ):
            return True
    if file.error is not None and (":" in word or is_client(word)):
        folders = (
            recording_name(kind_of(word), "").rpartition("/")[0],
            f"calls/{word.replace(':', '/')}",
        )
        if any(fnmatchcase(file.name, f"{folder}/*") for folder in folders):
            return True
    is_path = _is_in_path(word.removeprefix(f"{vault}/").rstrip("/"), file.name)
    return is_path or any(_is_of_test(test, word) for test in (file.test, file.owner))


def signature_of(call: Recording) -> tuple[str, str | None]:
    """Return the text that patterns are matched with, `GET /users/1`, and the host.

    A function's is its name.
    """
    if not names_client(call.target):
        return call.target, None
    described = call.arguments or {}
    host = (
        call.host or urlsplit(str(described.get("url") or "")).netloc.rpartition("@")[2]
    )
    return call.signature or str(described.get("signature") or ""), host or None


def _is_in_path(path: str, name: str) -> bool:
    """Check whether a path is that of a recording or of a folder around it, or the first digits of its name."""
    whole = name.removesuffix(".json")
    if path in (name, whole, whole.removeprefix(CASSETTES)) or whole.startswith(
        f"{path}/"
    ):
        return True
    return _DIGITS.fullmatch(path) is not None and whole.rpartition("/")[2].startswith(
        path
    )


def _is_of_test(test: str, given: str) -> bool:
    """Check whether a test is the one given, or one of its cases, or of its class, file or folder."""
    plain = given.rstrip("/").removeprefix("./")
    return test == plain or test.startswith((f"{plain}::", f"{plain}[", f"{plain}/"))
