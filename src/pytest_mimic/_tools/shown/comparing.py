"""Compares the recordings of two vaults: the outcomes of each call, for people.

No pickle is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.tree.differing import ABSENT, Difference, differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.stored import outcome_tree
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import CASSETTES_PREFIX
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._tools.shown.outcome_words import call_in_short, label_of
from pytest_mimic._tools.shown.read_once import ReadOnceStore
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording, Stored


Compared = tuple[list[Difference], list[str]]
"""The differences between outcomes, and lines about those that cannot be read."""

Outcomes = dict[Hashable, tuple[str, "Stored"]]
"""The outcomes of a recording or cassette, each with its name in messages.

The key of an outcome is the same in another vault: the identity of its call, and the
number of the outcome among those of this call.
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
            key = call.identity, count_by_identity[call.identity]
            outcomes[key] = (label, stored_outcome)
    return outcomes


def compare_outcomes(
    old_outcomes: Outcomes, new_outcomes: Outcomes, redactor: Redactor
) -> Compared:
    """Return the differences between the outcomes of one file in two vaults."""
    differences: list[Difference] = []
    lines: list[str] = []
    for key in dict.fromkeys([*old_outcomes, *new_outcomes]):
        label, _ = new_outcomes.get(key) or old_outcomes[key]
        try:
            differences_of_outcome = _compare(
                old_outcomes.get(key), new_outcomes.get(key), redactor
            )
        except MimicError as error:
            lines.append(error.what)
        except RecursionError:
            lines.append("nested too deeply to be shown")
        else:
            for difference in differences_of_outcome:
                path = _labelled_path(label, difference.path)
                differences.append(difference._replace(path=path))
    return differences, lines


def _compare(
    old_outcome: tuple[str, Stored] | None,
    new_outcome: tuple[str, Stored] | None,
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


#: The differences of one recording that are shown.
MOST_DIFFERENCES = 40
#: The ways in which a file may differ, in the order in which they are shown.
CHANGES = ("changed", "added", "removed", "damaged")


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
            new_vault.store.forget(name)
    file_differences.sort(key=_rank)
    return file_differences


def _rank(difference: FileDifference) -> int:
    """Return the place in the list of a file that differs, by the way it does."""
    return CHANGES.index(difference.change)


def _is_changed(name: str, old_vault: Vault, new_vault: Vault) -> bool:
    """Return whether the bytes of a file differ.

    A file that cannot be read counts as changed, so that it is reported as damaged.
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
            return
    calls = new_calls or old_calls or []
    test = None
    if calls:
        test = calls[0].owner or calls[0].test or None
    yield FileDifference(change, label_of(name, calls), name, test, outcomes, lines)
