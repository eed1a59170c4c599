"""Show what differs between the vault and a revision of git, test by test.

Calls and outcomes are compared rather than bytes. For each test, the commands of git
that put it back as a whole are shown.
The exit code is 0 if nothing differs, 1 if something does.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence

from pytest_mimic._core.tree.differing import difference_lines
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
    """Compare. Found: something differs."""
    revision = invocation.options.revision
    settings = invocation.settings
    repository = Repository(settings.vault)
    old_store = RevisionStore(repository, repository.commit(revision))
    old_label = f"{revision}:{settings.shown_vault}"
    new_store = FolderStore(settings.vault)
    old = Vault(old_store, pickles="forbid", label=old_label)
    new = Vault(new_store, pickles="forbid", label=settings.shown_vault)
    differences = vault_differences(old, new, invocation.redactor)
    if not differences:
        return Result([], {"differences": [], "put_back": []})
    putting_back = PuttingBack(
        repository, revision, old=old, new=new, here=invocation.project.here
    )
    commands = [
        (group, putting_back.commands(group[0].test or "", _files(group)))
        for group in _by_test(differences)
    ]
    data = {
        "differences": [difference.to_plain() for difference in differences],
        "put_back": [
            {"test": group[0].test, "commands": lines} for group, lines in commands
        ],
    }
    return Result(_lines(differences, commands), data, found=True)


_Group = list[FileDifference]


def _by_test(differences: Sequence[FileDifference]) -> list[_Group]:
    """Return the differences of each test together, in the order of the tests; what no test has recorded stands last, file by file."""
    groups: dict[tuple[bool, str], _Group] = {}
    for difference in differences:
        key = (difference.test is None, difference.test or difference.file)
        groups.setdefault(key, []).append(difference)
    return [groups[key] for key in sorted(groups)]


def _files(group: _Group) -> list[str]:
    return [difference.file for difference in group]


def _lines(
    differences: Sequence[FileDifference], commands: list[tuple[_Group, list[str]]]
) -> Iterator[Line]:
    for group, lines in commands:
        test = group[0].test
        yield [(test, "bold")] if test else "recorded by no test:"
        for difference in group:
            yield from _lines_of(difference)
        if len(lines) == 1:
            yield f"  to put it back: {lines[0]}"
        elif lines:
            yield "  to put it back:"
            for line in lines:
                yield f"    {line}"
        yield ""
    counts = Counter(difference.change for difference in differences)
    yield ", ".join(
        f"{counts[change]} {change}" for change in CHANGES if counts[change]
    )


def _lines_of(difference: FileDifference) -> Iterator[Line]:
    yield [f"  {difference.change}: ", (difference.call, "bold")]
    yield from (
        f"    {line}"
        for line in difference_lines(
            difference.outcomes, "before", most=MOST_DIFFERENCES
        )
    )
    yield from (f"    {line}" for line in difference.lines)
