"""The differences between two vaults, or between two recordings, as calls and outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.describe.argument_differences import Difference
from pytest_mimic._core.describe.argument_differences import differences as argument_differences
from pytest_mimic._core.describe.messages import nearest_recording
from pytest_mimic._core.describe.text import recorded_label
from pytest_mimic._core.vault import FolderStore, Recording, Vault
from pytest_mimic._core.vault.file_names import CASSETTES, FOLDERS
from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic._core.words import plural
from pytest_mimic._tools.shown.comparing import Comparer, Pair, paired
from pytest_mimic._tools.shown.git_revisions import GitStore
from pytest_mimic._tools.shown.value_lines import plain_difference
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.compare.tree_differences import TreeDifference
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
    outcomes: Sequence[TreeDifference] = ()
    lines: Sequence[str] = ()  # what is known besides, in words

    def to_plain(self) -> dict[str, Any]:
        return {
            "change": self.change,
            "call": self.call,
            "before": self.before or None,
            "file": self.file,
            "test": self.test,
            "arguments": [{"path": one.path, "old": one.old, "new": one.new} for one in self.arguments],
            "outcomes": [plain_difference(one) for one in self.outcomes],
            "lines": list(self.lines),
        }


class VaultDiff:
    """Compares two vaults."""

    def __init__(self, old: Vault, new: Vault, comparer: Comparer) -> None:
        self._old = old
        self._new = new
        self._comparer = comparer
        self._damaged: list[CallDifference] = []

    def all(self, *, takes: Callable[[str], bool] = lambda _: True) -> list[CallDifference]:
        """Return the differences: changed outcomes and calls first, then what was added and removed.

        `takes` says of the name of each recording and cassette that differs whether it counts.
        """
        names = sorted({*self._old.names(), *self._new.names()})
        changed = [name for name in names if takes(name) and not self._is_same(name)]
        for store in (self._old.store, self._new.store):
            if isinstance(store, GitStore):
                store.load(changed)
        return self.of([name for name in changed if not name.startswith(CASSETTES)], changed)

    def of(self, recordings: Iterable[str], names: Iterable[str]) -> list[CallDifference]:
        """Return the differences in these recordings, and in the cassettes among some names."""
        found: list[CallDifference] = []
        gone: dict[str, list[Recording]] = defaultdict(list)
        come: list[Recording] = []
        for name in recordings:
            old, new = self._recording(self._old, name), self._recording(self._new, name)
            if old is not None and new is not None:
                found += self._outcome(name, old, new)
            elif old is not None:
                gone[old.target].append(old)
            elif new is not None:
                come.append(new)
        for name in names:
            if name.startswith(CASSETTES):
                found += self._cassette(name, name)
        found += self._matched(gone, come)
        order = ("outcome", "call", "added", "removed", "damaged")
        return sorted([*found, *self._damaged], key=lambda one: order.index(one.change))

    def pair(self, old: str, new: str) -> list[CallDifference]:
        """Return the differences between two recordings or cassettes, by name."""
        if old.startswith(CASSETTES) and new.startswith(CASSETTES):
            return list(self._cassette(old, new))
        if old.startswith(CASSETTES) or new.startswith(CASSETTES):
            raise MimicError("a recording cannot be compared with a cassette")
        then, now = self._old.read(old), self._new.read(new)
        if then is None or now is None:
            missing = f"{self._old.label}/{old}" if then is None else f"{self._new.label}/{new}"
            raise MimicError(f"there is no recording {missing}")
        same = then.target == now.target and not argument_differences(then.arguments, now.arguments)
        return list(self._outcome(new, then, now)) if same else [self._changed_call(then, now)]

    def _is_same(self, name: str) -> bool:
        old, new = self._old.store, self._new.store
        if isinstance(old, GitStore):
            return old.is_same(name, new) if isinstance(new, GitStore) else old.has(name, new.read(name))
        return old.read(name) == new.read(name)

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

    def _compare(self, old: Recording, new: Recording) -> tuple[list[TreeDifference], list[str]]:
        then, now = ([("", stored) for stored in side.outcomes] for side in (old, new))
        return self._comparer.compare(paired(then, now))

    def _matched(
        self, gone: dict[str, list[Recording]], come: Iterable[Recording]
    ) -> Iterator[CallDifference]:
        """Yield the calls of one side: a new one with its nearest predecessor, if there is one."""
        for new in come:
            candidates = gone[new.target]
            whole = Recording.whole
            nearest = nearest_recording(candidates, new.whole().arguments, test=new.test, whole=whole)
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

    def _cassette(self, before: str, name: str) -> Iterator[CallDifference]:
        """Yield the calls that differ in a cassette, or in two; they are matched in order."""
        try:
            old, new = self._old.read_cassette(before), self._new.read_cassette(name)
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


def vault_of(path: Path, label: str) -> tuple[Path, str]:
    """Return the vault's folder for a path, and the name of the recording that the path leads to; empty for a vault.

    MimicError: there is no such file or folder.
    """
    if path.is_dir():
        return path, ""
    if not path.is_file():
        raise MimicError(f"there is no recording and no vault {label}")
    for folder in path.parents:
        if folder.name in FOLDERS:
            return folder.parent, path.relative_to(folder.parent).as_posix()
    raise MimicError(
        f"{label} is not in a vault", remedies=["give recordings and cassettes by their path in their vault"]
    )


def folder_vault(folder: Path, label: str, *, pickles: Literal["listed", "forbid"]) -> Vault:
    return Vault(FolderStore(folder), pickles=pickles, label=label)
