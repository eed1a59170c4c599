"""The recordings that a subcommand was asked for: by SELECTOR, age and errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pytest_mimic._core.ambient import command
from pytest_mimic._core.seam.registry import HTTP_CLIENTS
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._tools.cli.output import Result
from pytest_mimic._tools.shown.catalog import Catalog, CatalogFile, hide_arguments
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation


SELECTOR_HELP = (
    "a test, a file or folder of tests; a target (shop.api:fetch, httpx); a pattern of calls (GET '/users/*'); a path in the "
    "vault; or the first digits of a recording's name"
)


class Chosen(NamedTuple):
    """The recordings that were asked for."""

    catalog: Catalog
    files: list[CatalogFile]  # the recordings and cassettes, by name
    damaged: list[str]  # the names of those that cannot be read
    unmatched: list[str]  # the selectors that match nothing

    @property
    def names(self) -> list[str]:
        return [*(file.name for file in self.files), *self.damaged]


def add_selectors(parser: ArgumentParser) -> None:
    parser.add_argument("selectors", metavar="SELECTOR", nargs="*", help=SELECTOR_HELP)
    parser.add_argument("--older", metavar="SPAN", help="only those recorded longer ago than this: 90d, 12w")
    parser.add_argument("--errors", action="store_true", help="only those with an error as an outcome")


def given(invocation: Invocation) -> list[str]:
    """Return the words that choose recordings, empty if all were asked for."""
    options = invocation.options
    older = ("--older", options.older) if options.older else ()
    return [*options.selectors, *older, *(["--errors"] if options.errors else ())]


def select(invocation: Invocation) -> Chosen:
    """Return the recordings that the command was asked for. MimicError: an option has a wrong value."""
    options = invocation.options
    latest = _latest(options.older) if options.older else None
    catalog = Catalog(invocation.vault)
    files = catalog.files()
    if invocation.settings.redact:
        hide_arguments(files, invocation.redactor)
    selectors = Selectors(options.selectors, vault=invocation.settings.shown_vault)
    files = sorted(selectors.choose(files, of_file), key=lambda file: file.name)
    damaged = selectors.choose(sorted(catalog.damaged), lambda name: Selectable((name,), (), ()))
    if latest is not None:
        files = [file for file in files if file.recorded and file.recorded < latest]
    if options.errors:
        files = [file for file in files if is_error(file)]
    if latest is not None or options.errors:
        damaged = []
    return Chosen(catalog, files, damaged, selectors.left)


def _latest(span: str) -> str:
    """Return the date that lies so long ago, `2026-08-24` for `90d`. MimicError: it is no span."""
    match = re.fullmatch(r"(\d{1,5}) ?([dw])", span)
    if match is None:
        raise MimicError(f"--older takes days or weeks, such as 90d or 12w, not {span}")
    days = int(match[1]) * (7 if match[2] == "w" else 1)
    return (date.today() - timedelta(days=days)).isoformat()


def is_error(file: CatalogFile) -> bool:
    """Return whether an outcome of a recording or cassette is an error."""
    return any(error_of(call, entry) for call in file.calls for entry in call.outcomes)


def nothing(invocation: Invocation, chosen: Chosen) -> Result:
    """Return that nothing was chosen, or that there is no recording at all."""
    words, names, damaged = given(invocation), invocation.vault.names(), len(chosen.catalog.damaged)
    if not names:
        lines = [
            f"no recordings in {invocation.settings.shown_vault}",
            f"  to record: {command('--mimic-record')}",
        ]
        return Result(lines, found=bool(words))
    is_missing = not chosen.unmatched and len(names) > damaged
    return Result(
        unmatched=[" ".join(words)] if is_missing else chosen.unmatched, damaged=damaged, found=True
    )


_T = TypeVar("_T")
# Fewer could be the beginning of many.
_DIGITS = re.compile(r"[0-9a-f]{4,32}")


class Selectable(NamedTuple):
    """The names by which selectors find something."""

    names: Sequence[str]  # its paths in the vault, and other ids
    tests: Sequence[str]  # the tests that it belongs to
    # The target, the signature and the host of each of its calls.
    calls: Sequence[tuple[str, str, str | None]]


def of_file(file: CatalogFile) -> Selectable:
    return Selectable(
        (file.name,),
        [test for test in (file.test, file.owner) if test],
        [(call.target, call.signature, call.host) for call in file.calls],
    )


class Selectors:
    """Selects what one of some selectors names; without any, all is selected.

    `vault` is the vault's path as people see it, with which a path in it may begin.
    """

    def __init__(self, words: Sequence[str], *, vault: str) -> None:
        self._words = list(dict.fromkeys(words))
        self._vault = vault
        self.left = list(self._words)  # the selectors that have matched nothing so far

    def choose(self, found: Iterable[_T], describe: Callable[[_T], Selectable]) -> list[_T]:
        """Return those that are selected, in their order."""
        found = list(found)
        if not self._words:
            return found
        described = [describe(one) for one in found]
        chosen: set[int] = set()
        for word in self._words:
            pattern, path = Selector(word), word.removeprefix(f"{self._vault}/")
            here = {number for number, one in enumerate(described) if _is_named(one, word, pattern, path)}
            chosen |= here
            if here and word in self.left:
                self.left.remove(word)
        return [one for number, one in enumerate(found) if number in chosen]


def _is_named(one: Selectable, word: str, pattern: Selector, path: str) -> bool:
    """Check whether a word names the target of a call, a test, or a path, or is a pattern that a call matches."""
    for target, signature, host in one.calls:
        names = (target, *(HTTP_CLIENTS if target == "http" else ()))
        if any(fnmatchcase(name, word) for name in names) or pattern.takes(signature, host):
            return True
    return any(_is_of_test(test, word) for test in one.tests) or any(
        _is_in_path(path, name) for name in one.names
    )


def _is_in_path(path: str, name: str) -> bool:
    """Check whether a path is that of a recording or of a folder around it, or the first digits of its name."""
    path, whole = path.rstrip("/"), name.removesuffix(".json")
    if path in (name, whole) or whole.startswith(f"{path}/"):
        return True
    return _DIGITS.fullmatch(path) is not None and whole.rpartition("/")[2].startswith(path)


def _is_of_test(test: str, given: str) -> bool:
    """Check whether a test is the one given, or one of its cases, or of its class, file or folder."""
    plain = given.rstrip("/").removeprefix("./")
    return test == plain or test.startswith((f"{plain}::", f"{plain}[", f"{plain}/"))
