"""The report of an import, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pytest_mimic._core.words import SHOWN, and_more, plural
from pytest_mimic._tools.foreign.vault_placing import Placement


class ImportedFile(NamedTuple):
    """A file of which calls were carried over."""

    file: str
    to: str  # the test, or the cassette
    calls: int
    how: Placement


class Leftover(NamedTuple):
    """An entry, or a whole file, that was not carried over; `request` is its method and URL without secrets."""

    file: str
    entry: int
    request: str
    reason: str


class Report:
    """The result of one import."""

    def __init__(self, vault: str, *, is_dry: bool) -> None:
        self.vault = vault
        self.is_dry = is_dry  # whether nothing was written
        self.imported: list[ImportedFile] = []  # the files of which calls were carried over
        self.leftovers: list[Leftover] = []  # what was not
        self.ignored: list[str] = []  # files in folders that are no cassettes
        self.lacks_line = False  # whether no line of `mimic_functions` takes HTTP requests
        self.cassettes: list[str] = []

    def leave(self, one: Leftover) -> None:
        """Add what was not carried over. A file may be read for several tests."""
        if one not in self.leftovers:
            self.leftovers.append(one)

    def as_json(self) -> dict[str, Any]:
        return {
            "vault": self.vault,
            "dry_run": self.is_dry,
            "imported": [one._asdict() for one in self.imported],
            "not_imported": [one._asdict() for one in self.leftovers],
            "ignored": self.ignored,
            "lacks_line": self.lacks_line,
        }

    def lines(self) -> Iterator[str]:
        written = [one for one in self.imported if one.how != "same"]
        there = len({one.file for one in self.imported if one.how == "same"})
        would = "would import" if self.is_dry else "imported"
        calls = sum(one.calls for one in written)
        also = f"; {plural(there, 'file')} of the same content already there" if there else ""
        yield f"{would} {plural(calls, 'call')} of {plural(len({one.file for one in written}), 'file')} into {self.vault}{also}"
        for one in written[:SHOWN]:  # JSON has all of them; what was not carried over is always named
            more = ", in place of what was there" if one.how == "replaced" else ""
            yield f"  {one.file} -> {one.to} ({plural(one.calls, 'call')}{more})"
        yield from (f"  {more}" for more in and_more(len(written) - SHOWN))
        if self.ignored:
            yield f"no cassettes, left alone: {_few(self.ignored, 5)}"
        if self.leftovers:
            yield f"not imported: {len(self.leftovers):,} {'entry' if len(self.leftovers) == 1 else 'entries'}"
            yield from _named(self.leftovers)
        if self.lacks_line and any("::" in one.to for one in written):
            yield "to replay them, add to mimic_functions: http"
        if self.cassettes:
            yield f'cassettes replay in blocks, with mimic_auto("{self.cassettes[0]}"): {_few(self.cassettes, 3)}'


def _named(leftovers: list[Leftover]) -> Iterator[str]:
    """Yield the entries, those of one reason that follow one another with the reason at the end."""
    for index, one in enumerate(leftovers):
        where = f"{one.file}, entry {one.entry}" if one.entry else one.file
        yield f"  {where}{': ' if one.request else ''}{one.request}"
        following = leftovers[index + 1] if index + 1 < len(leftovers) else None
        if following is None or following.reason != one.reason:
            yield f"    {one.reason}"


def _few(names: list[str], most: int) -> str:
    return " ".join([", ".join(names[:most]), *and_more(len(names) - most)])
