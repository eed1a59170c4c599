"""Show recordings: arguments, and each outcome as it is in the vault.

A pickle is not loaded: its size, its preview and its imports are shown. Secret names
are hidden.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from math import inf

from pytest_mimic._core.tree.drawing import lines_of
from pytest_mimic._core.vault.format import damaged
from pytest_mimic._core.vault.long_parts import whole
from pytest_mimic._core.vault.recording_facts import MISSHAPED, Recording
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import Line, Result, short_seconds
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    VaultFile,
    add_selectors,
    given,
    nothing,
    select,
    total_size,
)
from pytest_mimic._tools.shown.outcome_lines import Part, argument_parts, outcome_parts
from pytest_mimic._tools.shown.outcome_words import call_in_short, error_of
from pytest_mimic.errors import MimicError


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)


def run(invocation: Invocation) -> Result:
    """Show them."""
    if not given(invocation):
        raise MimicError(
            "show needs a SELECTOR: what to show",
            remedies=["see pytest-mimic show --help"],
        )
    chosen = select(invocation)
    if not chosen.files and chosen.damaged:
        return Result(
            [str(file.error) for file in chosen.damaged],
            found=True,
            unmatched=chosen.unmatched,
        )
    if not chosen.files:
        return nothing(invocation, chosen)
    return Result(
        _lines(invocation, chosen.files),
        unmatched=chosen.unmatched,
        damaged=len(chosen.damaged),
    )


def _lines(invocation: Invocation, files: list[VaultFile]) -> Iterator[Line]:
    vault, shown = invocation.vault, invocation.settings.shown_vault
    for number, file in enumerate(_in_order(files)):
        if number:
            yield ""
        file.calls = [
            call._replace(arguments=whole(call.arguments, vault.store.read))
            for call in file.calls
        ]
        if invocation.settings.redact:
            file.hide(invocation.redactor)
        yield [(file.label(10_000), "bold")]
        by = f" by {file.test}" if file.test else ""
        yield f"  recorded {file.recorded}{by} in {short_seconds(file.duration)}"
        if file.owner and file.owner != file.test:
            yield f"  belongs to {file.owner}"
        held = f", with {plural(len(file.objects), 'object')} {size(total_size(vault, [file]))}"
        yield f"  {shown}/{file.name}, {size(file.size)}{held if file.objects else ''}"
        for number, call in enumerate(file.calls, 1):
            try:
                yield from _call_lines(
                    invocation, call, f"{number}. " if file.is_cassette else ""
                )
            except MISSHAPED as reason:  # a shape that nobody thought of
                raise damaged(f"{shown}/{file.name}", reason, test=file.test) from None


def _in_order(files: list[VaultFile]) -> list[VaultFile]:
    """Return recordings by test, and those of a test in the order of its calls.

    Recordings that say nothing of their order come last, by their names.
    """
    return sorted(files, key=lambda file: (file.owner or file.test, _first_call(file)))


def _first_call(file: VaultFile) -> float:
    """Return the number of the first call of a file among those of its test."""
    numbers = []
    for call in file.calls:
        numbers += [stored.number for stored in call.outcomes if stored.number]
    return min(numbers, default=inf)


# What is said of an outcome that is not whole.
_END_WORDS = {
    "waiting": "waiting: it was cancelled before more came",
    "open": "stopped: its test ended first",
    "empty": "empty: nothing is kept of the call in this place",
}


def _call_lines(invocation: Invocation, call: Recording, place: str) -> Iterator[Line]:
    width, indent = invocation.out.width, "    " if place else "  "
    if place:
        yield ""
        heading = (f"{place}{call_in_short(call, 10_000)}", "bold")
        yield ["  ", heading, f"  {short_seconds(call.stored.duration)}"]
    yield from _part_lines(argument_parts(call), indent, width)
    for number, stored in enumerate(call.outcomes, 1):
        if len(call.outcomes) > 1:
            yield f"{indent}outcome {number} of {len(call.outcomes)}, {short_seconds(stored.duration)}"
        if stored.mark:
            yield f"{indent}{_END_WORDS[stored.mark]}"
        if stored.mark == "empty":
            continue
        style = "red" if error_of(call.target, stored.entry) else ""
        parts = outcome_parts(call.target, stored, invocation.redactor)
        yield from _part_lines(parts, indent, width, heading=style)


def _part_lines(
    parts: Iterable[Part], indent: str, width: int, *, heading: str = ""
) -> Iterator[Line]:
    room = max(width - len(indent), 40)
    for title, node in parts:
        first, *others = [""] if node is None else lines_of(node, room - len(title))
        yield [indent, (title, heading), first]
        yield from (f"{indent}{line}" for line in others)
