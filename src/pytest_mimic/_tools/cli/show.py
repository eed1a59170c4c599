"""Show recordings: arguments, and each outcome as it is in the vault.

A pickle is not loaded: its size, its preview and its imports are shown. Secret
names are hidden.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from math import inf

from pytest_mimic._core.tree.drawing import lines_of
from pytest_mimic._core.vault.format import changed_file_error
from pytest_mimic._core.vault.long_parts import with_long_parts
from pytest_mimic._core.vault.recording_facts import ERRORS_OF_SHAPE, Recording
from pytest_mimic._core.words import plural, short_seconds, size
from pytest_mimic._tools.cli.output import Line, Result
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    VaultFile,
    add_selectors,
    chosen_files,
    count_former_format,
    result_of_nothing_chosen,
    selecting_words,
)
from pytest_mimic._tools.shown.outcome_words import call_in_short, error_of
from pytest_mimic._tools.shown.shown_parts import Part, argument_parts, outcome_parts
from pytest_mimic.errors import MimicError

# A call is shown as a whole up to so many characters.
_MOST_OF_CALL = 10_000
# A narrower terminal breaks the lines itself.
_NARROWEST_LINES = 40


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)


def run(invocation: Invocation) -> Result:
    """Show the chosen recordings.

    Raises:
        MimicError: No word chooses any: a whole vault is too long to read.
    """
    if not selecting_words(invocation):
        raise MimicError(
            "show needs a SELECTOR: what to show",
            remedies=["see pytest-mimic show --help"],
        )
    chosen = chosen_files(invocation)
    # Why a file cannot be read is all that there is to show of it.
    if not chosen.files and chosen.damaged:
        return Result(
            [str(file.read_error) for file in chosen.damaged],
            has_finding=True,
            unmatched=chosen.unmatched,
        )
    if not chosen.files:
        return result_of_nothing_chosen(invocation, chosen)
    return Result(
        _lines(invocation, chosen.files),
        unmatched=chosen.unmatched,
        damaged=len(chosen.damaged),
        former_format=count_former_format(chosen.damaged),
    )


def _lines(invocation: Invocation, files: list[VaultFile]) -> Iterator[Line]:
    """Yield recordings and cassettes, with an empty line between them."""
    vault = invocation.vault
    label = invocation.settings.shown_vault
    for index, file in enumerate(_in_order(files)):
        if index > 0:
            yield ""
        file.calls = [
            call._replace(arguments=with_long_parts(call.arguments, vault.store.read))
            for call in file.calls
        ]
        if invocation.settings.redact:
            # The long parts, which were loaded just now, may hold secrets, too.
            file.hide(invocation.redactor)
        yield from _heading(invocation, file)
        for number, call in enumerate(file.calls, 1):
            number_in_cassette = ""
            if file.is_cassette:
                number_in_cassette = f"{number}. "
            try:
                yield from _call_lines(invocation, call, number_in_cassette)
            except ERRORS_OF_SHAPE as reason:
                # Nobody thought of this damage.
                raise changed_file_error(
                    f"{label}/{file.name}", reason, test=file.test
                ) from None


def _in_order(files: list[VaultFile]) -> list[VaultFile]:
    """Return recordings by test, and those of a test in the order of its calls.

    Recordings that say nothing of their order come last in their test, by their names.
    """
    return sorted(files, key=_test_and_place)


def _test_and_place(file: VaultFile) -> tuple[str, float]:
    """Return the test of a file, and the number of its first call in that test."""
    first_call = inf
    for call in file.calls:
        for stored_outcome in call.outcomes:
            # The number 0 says that its place in the test is not known.
            if stored_outcome.number:
                first_call = min(first_call, stored_outcome.number)
    return file.owner or file.test, first_call


def _heading(invocation: Invocation, file: VaultFile) -> Iterator[Line]:
    """Yield the call of a recording, who made it when, and its file."""
    yield [(file.label(_MOST_OF_CALL), "bold")]
    recorded = f"recorded {file.recorded}"
    if file.test:
        recorded += f" by {file.test}"
    yield f"  {recorded} in {short_seconds(file.duration)}"
    if file.owner and file.owner != file.test:
        yield f"  belongs to {file.owner}"
    path_and_size = (
        f"  {invocation.settings.shown_vault}/{file.name}, {size(file.size)}"
    )
    if file.object_names:
        total_size = size(file.size_with_objects(invocation.vault))
        objects = plural(len(file.object_names), "object")
        path_and_size += f", with {objects} {total_size}"
    yield path_and_size


# The line about an outcome that is not whole, by `StoredOutcome.mark`.
_LINE_BY_MARK = {
    "waiting": "waiting: it was cancelled before more came",
    "open": "stopped: its test ended first",
    "empty": "empty: nothing is kept of the call in this place",
}


def _call_lines(
    invocation: Invocation, call: Recording, number_in_cassette: str
) -> Iterator[Line]:
    """Yield the arguments and outcomes of a call.

    Args:
        invocation: The call of the command.
        call: The recorded call.
        number_in_cassette: The number of the call in a cassette, `3. `; empty for a
            recording, whose heading names the call already.
    """
    width = invocation.out.width
    indent = "  "
    if number_in_cassette:
        indent = "    "
        yield ""
        heading = (f"{number_in_cassette}{call_in_short(call, _MOST_OF_CALL)}", "bold")
        yield ["  ", heading, f"  {short_seconds(call.stored.duration)}"]
    yield from _lines_of_parts(argument_parts(call), indent, width)
    for number, stored_outcome in enumerate(call.outcomes, 1):
        if len(call.outcomes) > 1:
            time = short_seconds(stored_outcome.duration)
            yield f"{indent}outcome {number} of {len(call.outcomes)}, {time}"
        # The mark of an outcome that is whole is empty.
        if stored_outcome.mark:
            yield f"{indent}{_LINE_BY_MARK[stored_outcome.mark]}"
        if stored_outcome.mark == "empty":
            continue
        title_style = ""
        if error_of(call.target, stored_outcome.entry):
            title_style = "red"
        parts = outcome_parts(call.target, stored_outcome, invocation.redactor)
        yield from _lines_of_parts(parts, indent, width, title_style=title_style)


def _lines_of_parts(
    parts: Iterable[Part], indent: str, width: int, *, title_style: str = ""
) -> Iterator[Line]:
    """Yield the lines that show the arguments of a call, or an outcome of it.

    The title of a part stands in front of its first line, and the rest of its value in
    the lines below. A part without a value is a title alone.

    Args:
        parts: The titles and values, from `argument_parts` or `outcome_parts`.
        indent: What each line begins with.
        width: The width of the terminal.
        title_style: The style of the titles, `red` for an error.
    """
    width_of_part = max(width - len(indent), _NARROWEST_LINES)
    for title, value in parts:
        if value is None:
            yield [indent, (title, title_style), ""]
            continue
        # In the terminal, the title stands before the first line of the value.
        first, *others = lines_of(value, width_of_part - len(title))
        yield [indent, (title, title_style), first]
        for line in others:
            yield f"{indent}{line}"
