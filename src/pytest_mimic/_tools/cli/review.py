"""Review outcomes that changed, one by one: accept them into the vault, or refuse them.

They are what runs with --mimic-review have found: new, changed and drifted outcomes.
The exit code is 0 if no change is left, 1 if some are undecided.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import vault_command
from pytest_mimic._core.pending.waiting import review_of
from pytest_mimic._core.tree.wording import difference_lines
from pytest_mimic._tools.cli.output import Line, Result
from pytest_mimic._tools.cli.selection import SELECTOR_HELP, Selectors, of_file
from pytest_mimic._tools.shown.catalog import Catalog, CatalogFile, hide_arguments
from pytest_mimic._tools.shown.comparing import Compared, compare_outcomes, outcomes_in
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.project import Invocation

_KEYS = (("a", "accept"), ("r", "refuse"), ("s", "skip"), ("q", "quit"))
# The differences of one change that are shown.
_MOST = 40
_HELP = (
    "a  accept: the vault gets the new outcome, as if it had been recorded again; an equal one is marked as verified",
    "r  refuse: the recording stays as it is",
    "s  skip: decide later",
    "q  quit: decide about this and the following changes later",
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="SELECTOR",
        help=f"accept the changes that match, without asking: {SELECTOR_HELP}",
    )
    parser.add_argument("--refuse-all", action="store_true", help="refuse all others, without asking")


def run(invocation: Invocation) -> Result:
    options, review = invocation.options, Review(invocation)
    if not review.undecided:
        return Result(["no change waits for a review"])
    unmatched: list[str] = []
    has_quit = True
    if options.accept or options.refuse_all:
        unmatched = review.accept_matching(options.accept)
        if options.refuse_all and not unmatched and not review.failed:
            for file in list(review.undecided):
                review.refuse(file)
    else:
        has_quit = review.ask_all()
    review.waiting.tidy()
    left = review.undecided
    counts = {**review.decided, "undecided": len(left)}
    lines: list[Line] = [", ".join(f"{count} {decision}" for decision, count in counts.items() if count)]
    if not has_quit and left:
        accept = vault_command("review", "--accept", left[0].test or left[0].name)
        lines.append(["to accept without a terminal, for example: ", (accept, "bold")])
        lines.append(["to refuse the others: ", (vault_command("review", "--refuse-all"), "bold")])
    return Result(lines, found=bool(left or unmatched))


class Review:
    """The changes that wait, and what is decided about them now."""

    def __init__(self, invocation: Invocation) -> None:
        self._out, self._vault = invocation.out, invocation.settings.shown_vault
        self._redactor = invocation.redactor
        self.waiting = review_of(invocation.settings)
        self.waiting.check_links()
        after, before = Catalog(self.waiting.after), Catalog(self.waiting.before)
        files = [_file(name, after, before) for name in self.waiting.names()]
        hide_arguments(files, invocation.redactor)
        self.undecided = sorted(files, key=lambda file: (file.test or "", file.label()))
        self.decided: Counter[str] = Counter()
        self.failed = False  # whether a change could not be accepted

    def accept_matching(self, words: list[str]) -> list[str]:
        """Accept what selectors name, and return those that name nothing."""
        selectors = Selectors(words, vault=self._vault)
        for file in selectors.choose(self.undecided, of_file) if words else ():
            self._accept(file)
        if selectors.left:
            self._out.line(f"no undecided change matches {', '.join(selectors.left)}")
        return selectors.left

    def _accept(self, file: CatalogFile) -> None:
        try:
            self.waiting.accept([file.name])
        except MimicError as error:
            self.failed = True
            for line in f"{file.label()} was not accepted: {error}".splitlines():
                self._out.line([(line, "red")])
        else:
            self._decide("accepted", file)

    def refuse(self, file: CatalogFile) -> None:
        self.waiting.store.discard(file.name)
        self._decide("refused", file)

    def _decide(self, decision: str, file: CatalogFile) -> None:
        self.undecided.remove(file)
        self.decided[decision] += 1
        self._out.line(f"{decision}: {file.label()}")

    # -- asking

    def ask_all(self) -> bool:
        """Ask about each change, and return whether the user said where to end; not where the input has ended."""
        files = list(self.undecided)
        for number, file in enumerate(files, 1):
            self._show(file, f"{number} of {len(files)}")
            while (key := _answer(self._out)) not in ("a", "r", "s", "q", ""):
                for text in _HELP:
                    self._out.line(text)
            if key in ("q", ""):
                return key == "q"
            if key == "a":
                self._accept(file)
            elif key == "r":
                self.refuse(file)
            self._out.line()
        return True

    def _show(self, file: CatalogFile, place: str) -> None:
        found, lines = self._differences(file.name)
        is_new, is_gone = (
            store.size(file.name) is None for store in (self.waiting.store.vault, self.waiting.store)
        )
        how = " (new)" if is_new else " (no longer made)" if is_gone else ""
        if not found and not lines:
            lines = ["the outcome is equal: the source, or what the call reaches and reads, has changed"]
        self._out.line([f"{place}: ", (file.label(), "bold"), how])
        if file.test:
            self._out.line(f"  {file.test}")
        self._out.line()
        for text in (*difference_lines(found, most=_MOST), *lines):
            self._out.line(f"  {text}")
        self._out.line()
        self._out.line(["  ", *(f"{key} {word}   " for key, word in _KEYS), "? help"])

    def _differences(self, name: str) -> Compared:
        """Return how the outcomes of a change differ from those in the vault."""
        try:
            old, new = (outcomes_in(vault, name) for vault in (self.waiting.before, self.waiting.after))
        except MimicError as error:
            return [], [error.what]
        return compare_outcomes(old, new, self._redactor)


def _file(name: str, after: Catalog, before: Catalog) -> CatalogFile:
    """Return a recording or cassette that waits; of one that is to go, that of the vault."""
    try:
        found = after.read(name) or before.read(name)
    except MimicError:
        found = None
    return found or CatalogFile.of(name, {"target": name, "outcomes": [{"duration": 0}], "calls": []}, 0)


def _answer(out: Output) -> str:
    """Return the first character of the line that the user types, `?` of an empty one; empty at the end of the input."""
    out.ask("> ")
    stream = sys.stdin or io.StringIO()
    try:
        line = stream.readline()
    except KeyboardInterrupt:
        line = ""
    key = line.strip()[:1].lower() or "?" if line else ""
    if not line or not stream.isatty():  # a terminal has shown it
        out.line(key)
    return key
