"""Review outcomes that changed, one by one: accept them into the vault, or refuse them.

They are what runs with --mimic-review have found: new, changed and drifted outcomes. Decisions are kept beside them.
The exit code is 0 if no change is left, 1 if some are undecided.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_mimic._tools.cli.selection import SELECTOR_HELP
from pytest_mimic._tools.shown.selectors import Selectors
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.pending.review_folder import Row
    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.cli.reviewing import Review

_KEYS = (("a", "accept"), ("r", "refuse"), ("s", "skip"), ("q", "quit"))
_HELP = (
    "a  accept: the vault gets the new outcome, as if it had been recorded again; an equal one is marked as verified",
    "r  refuse: the recording stays as it is",
    "s  skip: decide later",
    "q  quit: decide about this and the following changes later",
)


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="SELECTOR",
        help=f"accept the changes that match, without asking: {SELECTOR_HELP}",
    )
    parser.add_argument("--refuse-all", action="store_true", help="refuse all others, without asking")


def run(invocation: Invocation) -> int:
    from pytest_mimic._core.pending.waiting import folder_of
    from pytest_mimic._tools.cli.reviewing import Review

    options, out = invocation.options, invocation.out
    folder = folder_of(invocation.settings)
    if not folder.exists():
        out.line("no change waits for a review")
        return 0
    review = Review(folder, invocation.settings, invocation.redactor)
    before = {row["id"] for row in review.rows if row.get("decision")}
    is_asked = not (options.accept or options.refuse_all)
    is_whole = _decide_by_options(invocation, review)
    is_told = is_asked and _ask_all(invocation, review)
    _sum_up(invocation, [row for row in review.rows if row["id"] not in before])
    if is_asked and not is_told and review.undecided:
        _say_how(invocation, review.undecided[0])
    return 1 if review.undecided or not is_whole else 0


def _decide_by_options(invocation: Invocation, review: Review) -> bool:
    """Decide what the options say. Return whether each selector named a change, and each could be written."""
    options, out = invocation.options, invocation.out
    is_whole = True
    selectors = Selectors(options.accept, vault=invocation.settings.shown_vault)
    for row in review.matching(selectors) if options.accept else ():
        if row["id"] in {one["id"] for one in review.undecided}:  # else an equal place was accepted before
            is_whole &= _accept(invocation, review, row)
    if selectors.left:
        is_whole = False
        out.line(f"no undecided change matches {', '.join(selectors.left)}")
    if options.refuse_all and is_whole:
        for row in review.undecided:
            review.refuse(row)
            _say(invocation, "refused", row)
    return is_whole


def _accept(invocation: Invocation, review: Review, row: Row) -> bool:
    try:
        review.accept(row)
    except MimicError as error:
        for line in str(error).splitlines():
            invocation.out.line((line, "red"))
        return False
    _say(invocation, "accepted", row)
    return True


def _say(invocation: Invocation, decision: str, row: Row) -> None:
    invocation.out.line(f"{decision}: {row['call']}")


# -- asking


def _ask_all(invocation: Invocation, review: Review) -> bool:
    """Ask about each change, and return whether the user said where to end; not where the input has ended."""
    rows = review.undecided
    for number, row in enumerate(rows, 1):
        if row["id"] not in {one["id"] for one in review.undecided}:
            continue
        _show(invocation, review, row, f"{number} of {len(rows)}")
        while True:
            key = _answer(invocation.out)
            if key in ("q", ""):
                return key == "q"
            if _act(invocation, review, row, key):
                break
    return True


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


def _show(invocation: Invocation, review: Review, row: Row, place: str) -> None:
    from pytest_mimic._tools.shown.difference_lines import shown

    out = invocation.out
    how = {"new": "new", "removed": "no longer made", "equal": "the outcome is equal"}.get(row["change"], "")
    out.line(f"{place}: ", (row["call"], "bold"), f" ({how})" if how else "")
    for test in row.get("tests", ())[:5]:
        out.line(f"  {test}")
    out.line()
    found, lines = review.differences(row)
    for text in (*shown(found), *lines):
        out.line(f"  {text}")
    if row.get("problem"):
        out.line("  ", (f"cannot be accepted: {row['problem']}", "red"))
    out.line()
    out.line("  ", *(f"{key} {word}   " for key, word in _KEYS), "? help")


def _act(invocation: Invocation, review: Review, row: Row, key: str) -> bool:
    """Do what a key says, and return whether the next change follows."""
    out = invocation.out
    if key == "a":
        _accept(invocation, review, row)
    elif key == "r":
        review.refuse(row)
        _say(invocation, "refused", row)
    elif key != "s":
        for text in _HELP:
            out.line(text)
        return False
    out.line()
    return True


# -- results


def _sum_up(invocation: Invocation, rows: Sequence[Row]) -> None:
    """Print how many changes were decided now, and how many were not."""
    counts: dict[str, int] = {}
    for row in rows:
        decision = row.get("decision") or "undecided"
        counts[decision] = counts.get(decision, 0) + 1
    order = ("accepted", "refused", "superseded", "undecided")
    words = [f"{counts[name]} {name}" for name in order if name in counts]
    invocation.out.line(", ".join(words) or "no change waits for a review")


def _say_how(invocation: Invocation, row: Row) -> None:
    """Print how to decide where nobody can be asked."""
    selector = next(iter(row.get("tests", ())), row["target"])
    accept = invocation.command("review", "--accept", selector)
    invocation.out.line("to accept without a terminal, for example: ", (accept, "bold"))
    invocation.out.line("to refuse the others: ", (invocation.command("review", "--refuse-all"), "bold"))
