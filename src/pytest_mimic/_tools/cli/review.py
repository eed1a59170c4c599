"""Review outcomes that changed, one by one: accept them into the vault, or refuse them.

They are what runs with --mimic-review have found: new, changed and drifted outcomes.
The exit code is 0 if no change is left, 1 if some are undecided.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter

from pytest_mimic._core.ambient import vault_command
from pytest_mimic._core.pending.waiting import review_of
from pytest_mimic._core.tree.differing import difference_lines
from pytest_mimic._tools.cli.output import Line, Output, Result
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import SELECTOR_HELP, VaultFile, matching
from pytest_mimic._tools.shown.comparing import (
    MOST_DIFFERENCES,
    compare_outcomes,
    outcomes_in,
)
from pytest_mimic.errors import MimicError

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
    parser.add_argument(
        "--refuse-all", action="store_true", help="refuse all others, without asking"
    )


def run(invocation: Invocation) -> Result:
    options, review = invocation.options, Review(invocation)
    if not review.undecided:
        return Result(["no change waits for a review"])
    has_quit = is_done = True
    if options.accept or options.refuse_all:
        is_done = review.accept_matching(options.accept) if options.accept else True
        for file in list(review.undecided) if options.refuse_all and is_done else ():
            review.refuse(file)
    else:
        has_quit = review.ask_all()
    review.waiting.tidy()
    left = review.undecided
    counts = {**review.decided, "undecided": len(left)}
    lines: list[Line] = [
        ", ".join(f"{count} {decision}" for decision, count in counts.items() if count)
    ]
    if not has_quit and left:
        accept = vault_command("review", "--accept", left[0].test or left[0].name)
        lines.append(["to accept without a terminal, for example: ", (accept, "bold")])
        lines.append(
            [
                "to refuse the others: ",
                (vault_command("review", "--refuse-all"), "bold"),
            ]
        )
    return Result(lines, found=bool(left) or not is_done)


class Review:
    """The changes that wait, and what is decided about them now."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation, self._out = invocation, invocation.out
        self.waiting = review_of(invocation.settings)
        self.waiting.check_links()
        self.undecided = [self._file(name) for name in self.waiting.names()]
        self.undecided.sort(key=lambda file: (file.test, file.label()))
        self.decided: Counter[str] = Counter()

    def _file(self, name: str) -> VaultFile:
        """Return a recording or cassette that waits; of one that is to go, that of the vault."""
        file = VaultFile(name, self.waiting.after)
        file = file if file.error is None else VaultFile(name, self.waiting.before)
        file.hide(self._invocation.redactor)
        return file

    def accept_matching(self, words: list[str]) -> bool:
        """Accept what selectors name, and return whether each names something and all of that was accepted."""
        files, unmatched = matching(
            self.undecided, words, vault=self._invocation.settings.shown_vault
        )
        accepted = [self._accept(file) for file in files]
        if unmatched:
            self._out.line(f"no undecided change matches {', '.join(unmatched)}")
        return all(accepted) and not unmatched

    def _accept(self, file: VaultFile) -> bool:
        try:
            self.waiting.accept([file.name])
        except MimicError as error:
            for line in f"{file.label()} was not accepted: {error}".splitlines():
                self._out.line([(line, "red")])
            return False
        self._decide("accepted", file)
        return True

    def refuse(self, file: VaultFile) -> None:
        self.waiting.store.discard(file.name)
        self._decide("refused", file)

    def _decide(self, decision: str, file: VaultFile) -> None:
        self.undecided.remove(file)
        self.decided[decision] += 1
        self._out.line(f"{decision}: {file.label()}")

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

    def _show(self, file: VaultFile, place: str) -> None:
        """Show how the outcomes of a change differ from those in the vault."""
        waiting = self.waiting
        is_new, is_gone = (
            store.size(file.name) is None
            for store in (waiting.store.vault, waiting.store)
        )
        try:
            old, new = (
                outcomes_in(vault, file.name)
                for vault in (waiting.before, waiting.after)
            )
            found, lines = compare_outcomes(old, new, self._invocation.redactor)
        except MimicError as error:
            found, lines = [], [error.what]
        if not found and not lines:
            lines = [
                "the outcome is equal: the source, or what the call reaches and reads, has changed"
            ]
        how = " (new)" if is_new else " (no longer made)" if is_gone else ""
        self._out.line([f"{place}: ", (file.label(), "bold"), how])
        for text in ([file.test, ""] if file.test else [""]) + [
            *difference_lines(found, most=MOST_DIFFERENCES),
            *lines,
        ]:
            self._out.line(f"  {text}")
        self._out.line()
        self._out.line("  a accept   r refuse   s skip   q quit   ? help")


def _answer(out: Output) -> str:
    """Return the first character of the line that the user types, `?` of an empty one; empty at the end of the input."""
    out.ask("> ")
    try:
        line = sys.stdin.readline() if sys.stdin else ""
    except KeyboardInterrupt:
        line = ""
    if not line or not sys.stdin.isatty():  # a terminal has shown it
        out.line(line.strip())
    return (line.strip()[:1].lower() or "?") if line else ""
