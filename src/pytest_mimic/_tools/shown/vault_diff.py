"""The differences between two vaults, as calls and outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.tree.call_labels import recorded_label
from pytest_mimic._core.tree.differing import ABSENT, Difference, argument_differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.messages import nearest_recording
from pytest_mimic._core.vault import Recording, Vault
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic._core.words import plural
from pytest_mimic._tools.shown.comparing import Comparer, Pair, paired
from pytest_mimic._tools.shown.git_revisions import GitStore
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import CassetteEntry

Change = Literal["outcome", "call", "added", "removed", "damaged"]


class CallDifference(NamedTuple):
    """A call that two vaults do not have alike."""

    # `outcome` (the same call, another outcome), `call` (its nearest predecessor differs), `added`,
    # `removed`, or `damaged` (a file that cannot be read).
    change: Change
    call: str  # the call; the new one if there are two
    file: str  # its file in the vault
    test: str | None = None
    before: str = ""  # for a changed call, the old one
    arguments: Sequence[Difference] = ()  # for a changed call, how its arguments differ
    outcomes: Sequence[Difference] = ()
    lines: Sequence[str] = ()  # what is known besides, in words

    def to_plain(self) -> dict[str, Any]:
        return {
            "change": self.change,
            "call": self.call,
            "before": self.before or None,
            "file": self.file,
            "test": self.test,
            "arguments": list(map(_plain, self.arguments)),
            "outcomes": list(map(_plain, self.outcomes)),
            "lines": list(self.lines),
        }


def _plain(one: Difference) -> dict[str, Any]:
    old, new = (None if side is ABSENT else line(side) for side in (one.old, one.new))
    return {"path": one.path, "old": old, "new": new}


class VaultDiff:
    """Compares a vault with what it was in a revision of git, of which messages show the path `label`."""

    def __init__(self, revision: GitStore, new: Vault, comparer: Comparer, *, label: str) -> None:
        self._revision = revision
        self._old = Vault(revision, pickles="forbid", label=label)
        self._new = new
        self._comparer = comparer
        self._damaged: list[CallDifference] = []

    def all(self) -> list[CallDifference]:
        """Return the differences: changed outcomes and calls first, then what was added and removed."""
        names = sorted({*self._old.names(), *self._new.names()})
        changed = [name for name in names if not self._revision.has(name, self._new.store.read(name))]
        self._revision.load(changed)
        found: list[CallDifference] = []
        gone: dict[str, list[Recording]] = defaultdict(list)
        come: list[Recording] = []
        for name in changed:
            if name.startswith(CASSETTES):
                found += self._cassette(name)
                continue
            old, new = self._recording(self._old, name), self._recording(self._new, name)
            if old is not None and new is not None:
                found += self._outcome(name, old, new)
            elif old is not None:
                gone[old.target].append(old)
            elif new is not None:
                come.append(new)
        found += self._matched(gone, come)
        order = ("outcome", "call", "added", "removed", "damaged")
        return sorted([*found, *self._damaged], key=lambda one: order.index(one.change))

    def _recording(self, vault: Vault, name: str) -> Recording | None:
        try:
            return vault.read(name)
        except MimicError as error:
            if not any(one.file == name for one in self._damaged):
                self._damaged.append(CallDifference("damaged", name, name, lines=[error.what]))
            return None

    # -- recordings

    def _outcome(self, name: str, old: Recording, new: Recording) -> Iterator[CallDifference]:
        outcomes, lines = self._compare(old, new)
        if outcomes or lines:
            yield CallDifference("outcome", _label(new), name, new.test, outcomes=outcomes, lines=lines)

    def _compare(self, old: Recording, new: Recording) -> tuple[list[Difference], list[str]]:
        then, now = ([("", stored) for stored in side.outcomes] for side in (old, new))
        return self._comparer.compare(paired(then, now))

    def _matched(
        self, gone: dict[str, list[Recording]], come: Iterable[Recording]
    ) -> Iterator[CallDifference]:
        """Yield the calls of one side: a new one with its nearest predecessor, if there is one."""
        for new in come:
            candidates = gone[new.target]
            nearest = nearest_recording(candidates, new.whole().arguments, test=new.test)
            if nearest is not None and _is_near(nearest, new):
                candidates.remove(nearest)
                yield self._changed_call(nearest, new)
            else:
                pairs = [Pair("", None, one) for one in new.outcomes[:1]]
                outcomes, lines = self._comparer.compare(pairs)
                yield CallDifference("added", _label(new), new.name, new.test, outcomes=outcomes, lines=lines)
        for left in gone.values():
            for old in left:
                yield CallDifference("removed", _label(old), old.name, old.test)

    def _changed_call(self, old: Recording, new: Recording) -> CallDifference:
        outcomes, lines = self._compare(old, new)
        found = argument_differences(old.whole().arguments, new.whole().arguments)
        if not found and old.test != new.test:
            lines = [f"recorded by {old.test} before, by {new.test} now", *lines]
        return CallDifference("call", _label(new), new.name, new.test, _label(old), found, outcomes, lines)

    # -- cassettes

    def _cassette(self, name: str) -> Iterator[CallDifference]:
        """Yield the calls that differ in a cassette; they are matched in order."""
        try:
            old, new = self._old.read_cassette(name), self._new.read_cassette(name)
        except MimicError as error:
            yield CallDifference("damaged", name, name, lines=[error.what])
            return
        test = _test_of(self._new if new is not None else self._old, name)
        shown = f"cassette {name.removeprefix(CASSETTES).removesuffix('.json')}"
        if old is None or new is None:
            calls = new or old or []
            label = f"{shown} ({plural(len(calls), 'call')})"
            yield CallDifference("added" if old is None else "removed", label, name, test)
            return
        matcher = SequenceMatcher(None, [one.key for one in old], [one.key for one in new], autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            pairs = min(b - a, d - c)
            for then, now in zip(old[a:b], new[c:d]):
                change: Change = "outcome" if tag == "equal" else "call"
                found = CallDifference(change, f"{shown}: {_entry_label(now)}", name, test)
                yield from self._in_cassette(found, then, now)
            for then in old[a + pairs : b]:
                yield CallDifference("removed", f"{shown}: {_entry_label(then)}", name, test)
            for now in new[c + pairs : d]:
                yield CallDifference("added", f"{shown}: {_entry_label(now)}", name, test)

    def _in_cassette(
        self, found: CallDifference, old: CassetteEntry, new: CassetteEntry
    ) -> Iterator[CallDifference]:
        """Yield how two calls of a cassette differ, unless they are one call with one outcome."""
        outcomes, lines = self._comparer.compare([Pair("", old.stored, new.stored)])
        found = found._replace(outcomes=outcomes, lines=lines)
        if found.change == "call":
            arguments = argument_differences(old.whole().arguments, new.whole().arguments)
            yield found._replace(before=_entry_label(old), arguments=arguments)
        elif outcomes or lines:
            yield found


def _is_near(old: Recording, new: Recording) -> bool:
    """Check whether a call may be the predecessor of another one: of the same test, or with most arguments equal."""
    if old.test == new.test or old.arguments is None or new.arguments is None:
        return True
    found = argument_differences(old.arguments, new.arguments)
    return len(found) <= len(new.arguments) // 2


def _label(recording: Recording) -> str:
    return recorded_label(recording.target, recording.arguments)


def _entry_label(entry: CassetteEntry) -> str:
    return recorded_label(entry.target, entry.arguments, signature=entry.signature)


def _test_of(vault: Vault, name: str) -> str | None:
    data = vault.store.read(name)
    return None if data is None else parse_recording(data, vault.label, name).get("test")
