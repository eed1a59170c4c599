"""Show what differs between the vault and a revision of git, test by test.

Calls and outcomes are compared rather than bytes. For each test, the commands
of git that put it back as a whole are shown. The exit code is 0 if nothing
differs, 1 if something does.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import ABSENT, Difference, differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.outcome_trees import outcome_tree
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.format import CASSETTES_PREFIX
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._tools.cli.output import Line, Result, add_json
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.putting_back import PuttingBack
from pytest_mimic._tools.cli.read_once import ReadOnceStore
from pytest_mimic._tools.cli.revision import Repository, RevisionStore
from pytest_mimic._tools.shown.outcome_words import call_in_short, label_of
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome

#: The differences of one recording that are shown.
MOST_DIFFERENCES = 40
#: The ways in which a file may differ, in the order in which they are shown.
CHANGES = ("changed", "added", "removed", "damaged")


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
    """Compare the vault with a revision.

    `has_finding` of the result: something differs.

    Raises:
        MimicError: There is no git, no repository, or no such revision.
    """
    revision = invocation.options.revision
    settings = invocation.settings
    repository = Repository(settings.vault)
    # No pickle is loaded, and no vault written.
    old_store = RevisionStore(repository, repository.commit(revision))
    old_label = f"{revision}:{settings.shown_vault}"
    new_store = ReadOnceStore(FolderStore(settings.vault))
    old_vault = Vault(old_store, pickles="forbid", label=old_label)
    new_vault = Vault(new_store, pickles="forbid", label=settings.shown_vault)
    file_differences = vault_differences(old_vault, new_vault, invocation.redactor)
    if not file_differences:
        return Result([], {"differences": [], "put_back": []})
    putting_back = PuttingBack(
        repository,
        revision,
        old=old_vault,
        new=new_vault,
        here=invocation.project.here,
    )
    groups = _by_test(file_differences, putting_back)
    json_data = {
        "differences": [difference.to_plain() for difference in file_differences],
        "put_back": [
            {"test": group.test, "commands": group.commands} for group in groups
        ],
    }
    return Result(_lines(file_differences, groups), json_data, has_finding=True)


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
    file_differences: Sequence[FileDifference], putting_back: PuttingBack
) -> list[_Group]:
    """Return the differences of each test together, in the order of the tests.

    Files that no test has recorded stand last, one by one.
    """
    # By the rank of a group in the order: whether it has no test, and its test or file.
    differences_by_rank: dict[tuple[bool, str], list[FileDifference]] = {}
    for difference in file_differences:
        # False sorts before True, so that files without a test come last.
        has_no_test = difference.test is None
        rank = (has_no_test, difference.test or difference.file)
        differences_by_rank.setdefault(rank, []).append(difference)
    groups = []
    for rank in sorted(differences_by_rank):
        differences_of_test = differences_by_rank[rank]
        # All members of a group have the same test.
        test = differences_of_test[0].test
        files = [difference.file for difference in differences_of_test]
        commands = putting_back.commands(test or "", files)
        groups.append(_Group(test, differences_of_test, commands))
    return groups


def _lines(
    file_differences: Sequence[FileDifference], groups: Sequence[_Group]
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
    count_by_change = Counter([difference.change for difference in file_differences])
    shown_counts = []
    for change in CHANGES:
        if count_by_change[change]:
            shown_counts.append(f"{count_by_change[change]} {change}")
    yield ", ".join(shown_counts)


def _lines_of(difference: FileDifference) -> Iterator[Line]:
    """Yield a file that differs: its call, and how the outcomes differ."""
    yield [f"  {difference.change}: ", (difference.call, "bold")]
    lines = difference_lines(
        difference.outcomes, old_word="before", most=MOST_DIFFERENCES
    )
    for shown_line in (*lines, *difference.lines):
        yield f"    {shown_line}"


# How the outcomes of two vaults differ


Compared = tuple[list[Difference], list[str]]
"""The differences between outcomes, and lines about those that cannot be read."""

Outcomes = dict[Hashable, tuple[str, "StoredOutcome"]]
"""The outcomes of a recording or cassette, each with its name in messages.

The key of an outcome is its place, which is the same in another vault: the identity of
its call, and the number of the outcome among those of this call.
"""


def outcomes_in(calls: Sequence[Recording], file_name: str) -> Outcomes:
    """Return the outcomes of a recording or a cassette, to compare with another vault.

    Args:
        calls: The calls in the file.
        file_name: The name of the file in the vault.
    """
    outcomes: Outcomes = {}
    # A cassette may have several calls of one identity, whose outcomes are counted on.
    count_by_identity = Counter[str | None]()
    for call in calls:
        for number, stored_outcome in enumerate(call.outcomes, 1):
            # The difference is printed behind the label: `outcome 2: rows[0].price`.
            if file_name.startswith(CASSETTES_PREFIX):
                label = call_in_short(call)
            elif len(call.outcomes) > 1:
                label = f"outcome {number}"
            else:
                label = ""
            count_by_identity[call.identity] += 1
            place = call.identity, count_by_identity[call.identity]
            outcomes[place] = (label, stored_outcome)
    return outcomes


def compare_outcomes(
    old_outcomes: Outcomes, new_outcomes: Outcomes, redactor: Redactor
) -> Compared:
    """Return the differences between the outcomes of one file in two vaults."""
    labelled_differences: list[Difference] = []
    problems: list[str] = []
    for place in dict.fromkeys([*old_outcomes, *new_outcomes]):
        label, _ = new_outcomes.get(place) or old_outcomes[place]
        try:
            differences_of_outcome = _compare(
                old_outcomes.get(place), new_outcomes.get(place), redactor
            )
        except MimicError as error:
            # Another outcome of the file may still differ, so the comparison goes on.
            problems.append(error.what)
        except RecursionError:
            problems.append("nested too deeply to be shown")
        else:
            for difference in differences_of_outcome:
                path = _labelled_path(label, difference.path)
                labelled_differences.append(difference._replace(path=path))
    return labelled_differences, problems


def _compare(
    old_outcome: tuple[str, StoredOutcome] | None,
    new_outcome: tuple[str, StoredOutcome] | None,
    redactor: Redactor,
) -> list[Difference]:
    """Return the differences between an outcome of one vault and that of the other."""
    old_tree: Any = ABSENT
    if old_outcome is not None:
        old_tree = outcome_tree(old_outcome[1], redactor)
    new_tree: Any = ABSENT
    if new_outcome is not None:
        new_tree = outcome_tree(new_outcome[1], redactor)
    if old_outcome is None or new_outcome is None:
        return [Difference("", old_tree, new_tree)]
    return differences(old_tree, new_tree)


def _labelled_path(label: str, path: str) -> str:
    """Return where a difference is, for messages: `outcome 2: result[0].price`.

    Args:
        label: The name of the outcome, `outcome 2`; empty if there is only one.
        path: The path in the outcome, `[0].price`; empty for the outcome as a whole.
    """
    if path.startswith("["):
        # A path into a list begins with a bracket, which needs a name before it.
        path = f"result{path}"
    if label and path:
        return f"{label}: {path}"
    return label or path


class FileDifference(NamedTuple):
    """A recording or cassette that differs between two vaults.

    Attributes:
        change: One of `CHANGES`.
        call: The call of the recording, or the name of the cassette.
        file: The name of the recording or cassette in the vault.
        test: The test or scope that the file belongs to, or None.
        outcomes: The differences between the outcomes in the file.
        lines: Problems in words, such as a damaged file.
    """

    change: str
    call: str
    file: str
    test: str | None = None
    outcomes: Sequence[Difference] = ()
    lines: Sequence[str] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return the difference as `--json` prints it."""
        outcomes = []
        for difference in self.outcomes:
            old_text = _plain_part(difference.old)
            new_text = _plain_part(difference.new)
            outcomes.append({"path": difference.path, "old": old_text, "new": new_text})
        return {**self._asdict(), "outcomes": outcomes, "lines": list(self.lines)}


def _plain_part(part: Any) -> str | None:
    """Return one side of a difference for `--json`, None where there is none."""
    if part is ABSENT:
        return None
    return line(part)


def vault_differences(
    old_vault: Vault, new_vault: Vault, redactor: Redactor
) -> list[FileDifference]:
    """Return how a vault differs from what it was."""
    file_differences: list[FileDifference] = []
    for name in sorted({*old_vault.names(), *new_vault.names()}):
        if _is_changed(name, old_vault, new_vault):
            file_differences += _of_file(name, old_vault, new_vault, redactor)
        elif isinstance(new_vault.store, ReadOnceStore):
            # All contents of a large vault do not fit into memory.
            new_vault.store.forget(name)
    file_differences.sort(key=_rank)
    return file_differences


def _rank(difference: FileDifference) -> int:
    """Return the place in the list of a file that differs, by the way it does."""
    return CHANGES.index(difference.change)


def _is_changed(name: str, old_vault: Vault, new_vault: Vault) -> bool:
    """Return whether the bytes of a file differ.

    A file that cannot be read counts as changed, so that `_of_file` reports it as
    damaged.
    """
    try:
        return old_vault.store.read(name) != new_vault.store.read(name)
    except MimicError:
        return True


def _of_file(
    name: str, old_vault: Vault, new_vault: Vault, redactor: Redactor
) -> Iterator[FileDifference]:
    """Yield the difference of a file, unless only facts beside its outcomes differ."""
    try:
        old_calls = read_calls(old_vault.objects, name)
        new_calls = read_calls(new_vault.objects, name)
        outcomes, lines = compare_outcomes(
            outcomes_in(old_calls or [], name),
            outcomes_in(new_calls or [], name),
            redactor,
        )
    except MimicError as error:
        yield FileDifference("damaged", name, name, lines=[error.what])
        return
    if old_calls is None:
        change = "added"
    elif new_calls is None:
        change = "removed"
        # The outcomes are left out: their file is gone, which says more.
        outcomes = []
    else:
        change = "changed"
        if not outcomes and not lines:
            # A date or a test differs, which no replay looks at.
            return
    calls = new_calls or old_calls or []
    # Under this heading, the file is listed and put back with others.
    test = None
    if calls:
        test = calls[0].owner or calls[0].test or None
    yield FileDifference(change, label_of(name, calls), name, test, outcomes, lines)
