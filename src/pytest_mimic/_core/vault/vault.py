"""Vault: recordings in a store, with equal outcomes shared.

Nothing is loaded before it was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from functools import cached_property
from marshal import dumps, loads
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pytest_mimic._core.vault.format import (
    FOLDERS,
    LONG,
    is_usual,
    parse_recording,
    references,
    value_in,
)
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault.objects import Objects
    from pytest_mimic._core.vault.recording_facts import Recording, Stored
    from pytest_mimic._core.vault.store import Store
    from pytest_mimic._core.vault.writing import Cleared, Written

Player: TypeAlias = tuple[Callable[[Any], Any], Any, Any]
"""A function and its argument, with which it gives a fresh copy of a value each time, and the first one, `...` if not yet loaded."""


class Vault:
    """The recordings of a project.

    `pickles` is `listed`, or `forbid` to load no pickle. Messages show the path
    `label`. `replaced` are the objects
    that re-recording has replaced, to be deleted at the end of the run.
    """

    def __init__(
        self,
        store: Store,
        *,
        pickles: Literal["listed", "forbid"] = "listed",
        label: str = ".mimic_vault",
    ) -> None:
        self.store = store
        self.label = label
        self.replaced: set[str] = set()
        self._pickles: Literal["listed", "forbid"] = pickles

    @cached_property
    def objects(self) -> Objects:
        """Loads outcomes. Not made where only plain values are replayed."""
        from pytest_mimic._core.vault.objects import Objects

        return Objects(self.store, pickles=self._pickles, label=self.label)

    # -- reading

    def read(self, name: str, *, skim: bool = False) -> Recording | None:
        """Return the recording of that name, or None.

        The store is read each time. For `skim` see `read_calls`.

        Raises:
            CorruptRecordingError: The file is damaged, or of another format.
            MimicError: The store cannot be read.
        """
        from pytest_mimic._core.vault.recording_facts import read_calls

        calls = read_calls(self.objects, name, skim=skim)
        return calls[0] if calls else None

    def read_player(
        self, name: str
    ) -> tuple[str | None, float, str | None, Player] | None:
        """Read a recording of one value that JSON holds fast: without the facts that a replay of it does not need.

        Return its source, its duration in seconds, the name of its inputs, and what
        gives the value.
        None if there is no such recording or it holds anything else, which `read` finds
        out. The errors are those of
        `read` and `Stored.load`.
        """
        data = self.store.read(name)
        if data is None:
            return None
        facts = parse_recording(data, self.label, name, skim=True)
        entries = facts.get("outcomes")
        if type(entries) is not list or len(entries) != 1 or "source" not in facts:
            return None
        player, entry = None, entries[0]
        if "end" in entry:
            return None
        if not is_usual(entry):
            player = _player(self.objects, name, facts)
        elif len(data) < LONG:
            player = loads, dumps(entry["value"]), entry["value"]
        else:
            player = value_in, data, entry["value"]
        return player and (
            facts["source"],
            entry["duration"],
            entry.get("inputs"),
            player,
        )

    def test_of(self, name: str) -> str | None:
        """Return the test that made a recording or cassette, or None.

        The errors are those of `read`.
        """
        data = self.store.read(name)
        test = (
            None
            if data is None
            else parse_recording(data, self.label, name, skim=True).get("test")
        )
        return test if isinstance(test, str) else None

    def tests_of(self, names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
        """Yield the name, the test (or an empty text) and the bytes of each recording and cassette that can be read."""
        for name in names:
            with suppress(MimicError):
                yield name, self.test_of(name) or "", self.store.size(name) or 0

    def names(self, *, without: Set[str] = frozenset()) -> list[str]:
        """Return the names of all recordings and cassettes without some, in the store's order. No file is opened."""
        return [
            name
            for folder in FOLDERS
            for name in self.store.names(folder, without=without)
            if name.endswith(".json")
        ]

    def size(self) -> tuple[int, int]:
        """Return the number of recordings and cassettes, and the bytes of all files."""
        names = self.names()
        files = [*names, *self.store.names("objects")]
        return len(names), sum(self.store.size(name) or 0 for name in files)

    # -- writing

    def stored(
        self,
        outcome: Outcome,
        duration: float,
        *,
        target: str | None = None,
        paths: PathStore | None = None,
        detached: bool = False,
    ) -> Stored:
        """Return the outcome encoded in memory. Nothing is written.

        `duration` is that of the real call, in seconds. `target` is its function, for
        the error's text. `paths` stores
        the outcome's paths by their places. If it is `detached`, the outcome's value
        may change before it is written,
        as in a cassette.

        Raises:
            UnstorableOutcomeError: A part of it cannot be stored.
        """
        from pytest_mimic._core.outcome.encoding import encode
        from pytest_mimic._core.vault.recording_facts import Stored

        encoded = encode(
            outcome, target=target, **({} if paths is None else {"paths": paths})
        )
        if encoded.pickled is not None and self._pickles == "forbid":
            raise UnstorableOutcomeError(
                f"what {target or 'the call'} gave cannot be stored without a pickle, and mimic_pickle = forbid",
                remedies=["nothing was recorded"],
                path="result",
            )
        if encoded.pickled is not None and detached:
            encoded.pickled.detach()
        facts = {"duration": float(f"{duration:.4g}"), "kind": encoded.kind}
        return Stored(self.objects, facts, encoded=encoded)

    def write(
        self,
        name: str,
        calls: Sequence[Recording],
        *,
        test: str | None = None,
        recorded: str = "",
        is_new: bool = False,
    ) -> Written:
        """Write a recording, of one call, or a cassette, its objects first, whole or not at all.

        If the outcomes equal those in the vault, the facts of the run that recorded
        them stay. If the source and
        the arguments are equal as well, the file is not touched. A cassette gets its
        `test` and date here. A file that
        `is_new` was not there when the call began.

        Raises:
            MimicError: The store cannot be written. The old content stays.
        """
        from pytest_mimic._core.vault.writing import write

        written = write(
            self.objects, name, calls, test=test, recorded=recorded, is_new=is_new
        )
        self.replaced |= written.replaced
        return written

    def copy(self, name: str, other: Vault) -> None:
        """Write a recording or cassette of another vault, its objects first, as it is there.

        Raises:
            CorruptRecordingError: One of its objects is missing or damaged there.
            MimicError: The store cannot be written.
        """
        from pytest_mimic._core.vault.objects import Origin

        data = other.store.read(name) or b""
        self.store.share()
        for each in sorted(references(data)):
            content = other.objects.map(each, Origin(name, "", None))
            if self.store.size(each) != len(content):
                self.store.write(each, [content])
        self.replaced |= references(self.store.read(name) or b"") - references(data)
        self.store.write(name, data)

    def restore(self, name: str, data: bytes | None, *, written: object = ...) -> bool:
        """Restore the content that `store.read` returned before a `write`; None deletes the file.

        With `written`, only if that still stands there. Return whether the content was
        restored.
        """
        now = self.store.read(name)
        if (written is not ... and now != written) or not self.store.replace(
            name, now, data
        ):
            return False
        self.replaced |= references(now or b"") - references(data or b"")
        return True

    def delete(
        self, names: Collection[str], objects: Iterable[str] | None = None
    ) -> Cleared:
        """Delete recordings and cassettes, and those of the objects, or of all, that no other one names.

        A crash may have left objects that no recording ever named. Temporary files of
        killed writers go, too. All
        objects stay while a run of another process records, and where a damaged
        recording may have named any.

        Raises:
            MimicError: A file cannot be deleted. Those before it are deleted.
        """
        from pytest_mimic._core.vault.writing import delete

        return delete(self.store, names, objects)


def _player(objects: Objects, name: str, facts: dict[str, Any]) -> Player | None:
    """Return what gives the value of an outcome; None if there is more to it."""
    from pytest_mimic._core.vault.recording_facts import calls_of

    stored = calls_of(objects, name, facts)[0].stored
    if stored.is_tagged or stored.awaited or stored.kind != "value":
        return None
    if "pickle" in stored.entry:
        return (lambda pickled: pickled.load().value), stored, ...
    body = stored.readable()
    if body.keys() != {"value"}:
        return None
    if "value" in stored.entry:
        return loads, dumps(body["value"]), body["value"]
    return (lambda readable: readable.readable()["value"]), stored, body["value"]
