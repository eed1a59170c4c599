"""Delete recordings and cassettes, and the objects that no other recording needs.

A cassette is deleted as a whole. Runs that record at the same time are not
disturbed.
"""

from __future__ import annotations

from argparse import ArgumentParser

from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import (
    OBJECTS_KEPT,
    Line,
    Result,
    add_dry_run,
    counted,
)
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    chosen_files,
    count_former_format,
    result_of_nothing_chosen,
    selecting_words,
)
from pytest_mimic.errors import MimicError


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    add_dry_run(parser, "only show what would be deleted")


def run(invocation: Invocation) -> Result:
    """Delete the chosen recordings.

    Raises:
        MimicError: No word chooses any: deleting everything would be a mistake.
    """
    if not selecting_words(invocation):
        raise MimicError(
            "rm needs a SELECTOR: what to delete",
            remedies=["see pytest-mimic rm --help"],
        )
    chosen = chosen_files(invocation)
    files = chosen.files
    if not files:
        return result_of_nothing_chosen(invocation, chosen)
    lines: list[Line] = []
    for file in files:
        lines.append(f"{file.short_name}  {file.label()}  {file.test}")
    names = [file.name for file in files]
    if invocation.options.dry_run:
        lines.append(f"{counted(names)} would be deleted")
    else:
        # The writer also deletes the objects that no other recording names.
        cleared = invocation.vault.writer.delete(names)
        freed_bytes = sum(file.size for file in files) + cleared.bytes
        tests = [file.test for file in files]
        recording_command = invocation.commands.for_tests("--mimic-record", tests=tests)
        lines.append(f"{counted(names)} deleted, {size(freed_bytes)} freed")
        lines.append(["  to record again: ", (recording_command, "bold")])
        if cleared.is_held:
            lines.append(OBJECTS_KEPT)
    return Result(
        lines,
        unmatched=chosen.unmatched,
        damaged=len(chosen.damaged),
        former_format=count_former_format(chosen.damaged),
    )
