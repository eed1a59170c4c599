"""Show what differs between the vault and a revision of git, test by test.

Calls and outcomes are compared rather than bytes. For each test, the commands
of git that put it back as a whole are shown. The exit code is 0 if nothing
differs, 1 if something does.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.cli.output import Line, Result, add_json
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.putting_back import PuttingBack
from pytest_mimic._tools.cli.revision import Repository, RevisionStore
from pytest_mimic._tools.shown.comparing import (
    CHANGES,
    MOST_DIFFERENCES,
    FileDifference,
    vault_differences,
)
from pytest_mimic._tools.shown.read_once import ReadOnceStore


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revision",
        nargs="?",
        default="HEAD",
        metavar="REV",
        help="the revision (default: HEAD)",
    )
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """Compare the vault with a revision. `found` of the result: something differs.

    Raises:
        MimicError: There is no git, no repository, or no such revision.
    """
    revision = invocation.options.revision
    settings = invocation.settings
    repository = Repository(settings.vault)
    old_store = RevisionStore(repository, repository.commit(revision))
    old_label = f"{revision}:{settings.shown_vault}"
    new_store = ReadOnceStore(FolderStore(settings.vault))
    old = Vault(old_store, pickles="forbid", label=old_label)
    new = Vault(new_store, pickles="forbid", label=settings.shown_vault)
    differences = vault_differences(old, new, invocation.redactor)
    if not differences:
        return Result([], {"differences": [], "put_back": []})
    putting_back = PuttingBack(
        repository, revision, old=old, new=new, here=invocation.project.here
    )
    groups = _by_test(differences, putting_back)
    data = {
        "differences": [difference.to_plain() for difference in differences],
        "put_back": [
            {"test": group.test, "commands": group.commands} for group in groups
        ],
    }
    return Result(_lines(differences, groups), data, found=True)


class _Group(NamedTuple):
    """The differences of one test, or of one file that no test has recorded.

    Attributes:
        test: The test, or None.
        differences: The differences of the test's recordings.
        commands: The commands of git that put the test's recordings back.
    """

    test: str | None
    differences: list[FileDifference]
    commands: list[str]


def _by_test(
    differences: Sequence[FileDifference], putting_back: PuttingBack
) -> list[_Group]:
    """Return the differences of each test together, in the order of the tests.

    Files that no test has recorded stand last, one by one.
    """
    by_key: dict[tuple[bool, str], list[FileDifference]] = {}
    for difference in differences:
        # False sorts before True, so that files without a test come last.
        has_no_test = difference.test is None
        key = (has_no_test, difference.test or difference.file)
        by_key.setdefault(key, []).append(difference)
    groups = []
    for key in sorted(by_key):
        members = by_key[key]
        # All members of a group have the same test.
        test = members[0].test
        files = [difference.file for difference in members]
        commands = putting_back.commands(test or "", files)
        groups.append(_Group(test, members, commands))
    return groups


def _lines(
    differences: Sequence[FileDifference], groups: Sequence[_Group]
) -> Iterator[Line]:
    """Yield each group with its commands, and how many files differ in which way."""
    for group in groups:
        if group.test:
            yield [(group.test, "bold")]
        else:
            yield "recorded by no test:"
        for difference in group.differences:
            yield from _lines_of(difference)
        if len(group.commands) == 1:
            yield f"  to put it back: {group.commands[0]}"
        elif group.commands:
            yield "  to put it back:"
            for command in group.commands:
                yield f"    {command}"
        yield ""
    numbers = Counter([difference.change for difference in differences])
    counts = []
    for change in CHANGES:
        if numbers[change]:
            counts.append(f"{numbers[change]} {change}")
    yield ", ".join(counts)


def _lines_of(difference: FileDifference) -> Iterator[Line]:
    """Yield a file that differs: its call, and how the outcomes differ."""
    yield [f"  {difference.change}: ", (difference.call, "bold")]
    lines = difference_lines(
        difference.outcomes, old_word="before", most=MOST_DIFFERENCES
    )
    for line in (*lines, *difference.lines):
        yield f"    {line}"
