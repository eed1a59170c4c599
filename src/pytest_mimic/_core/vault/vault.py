"""Vault: recordings in a store, with equal outcomes shared.

Nothing is loaded before it was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from marshal import dumps, loads
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from pytest_mimic._core.vault.format import (
    FOLDERS,
    LONG,
    is_usual,
    parse_recording,
    references,
    value_in,
    wall_seconds,
)
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault.objects import CheckClient, Objects
    from pytest_mimic._core.vault.recording_facts import Recording, Stored
    from pytest_mimic._core.vault.store import Store
    from pytest_mimic._core.vault.writing import Cleared, Written


_Making: TypeAlias = "tuple[Callable[[Any], Any], Any, Any]"
"""The last three attributes of a `RecordedValue`."""


class RecordedValue(NamedTuple):
    """What a recording says of which nothing but a value is recorded.

    Attributes:
        source: The fingerprint of the target's source.
        seconds: What a replay saves.
        inputs: The name of the list of its inputs.
        make: Returns a fresh value.
        kept: What `make` gets, and makes the value of.
        first: The value for the first call; `...` if that has to be made, too.
    """

    source: str | None
    seconds: float
    inputs: str | None
    make: Callable[[Any], Any]
    kept: Any
    first: Any


class Vault:
    """The recordings of a project.

    Args:
        store: The files.
        pickles: `listed`, or `forbid` to load no pickle.
        label: The vault's path in messages.

    Attributes:
        replaced: The objects that re-recording has replaced, to be deleted at the end
            of the run.
    """

    def __init__(
        self,
        store: Store,
        *,
        pickles: Literal["listed", "forbid"] = "listed",
        label: str = ".mimic_vault",
        check_client: CheckClient | None = None,
    ) -> None:
        self.store = store
        self.label = label
        self.replaced: set[str] = set()
        self._pickles: Literal["listed", "forbid"] = pickles
        self._check_client = check_client

    @lazy_attribute
    def objects(self) -> Objects:
        """Loads outcomes. Not made where only plain values are replayed."""
        from pytest_mimic._core.vault.objects import Objects

        return Objects(
            self.store,
            pickles=self._pickles,
            label=self.label,
            check_client=self._check_client,
        )

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

    def read_value(self, name: str) -> RecordedValue | None:
        """Read a recording of one value fast, without facts that no replay needs.

        None: there is no such recording, or it holds anything but a value; `read` finds
        out which.

        Raises:
            CorruptRecordingError: The file is damaged, or of another format.
            MimicError: The store cannot be read.
        """
        data = self.store.read(name)
        if data is None:
            return None
        facts = parse_recording(data, self.label, name, skim=True)
        entries = facts.get("outcomes")
        if type(entries) is not list or len(entries) != 1 or "source" not in facts:
            return None
        entry = entries[0]
        if "end" in entry:
            return None
        making: _Making | None
        if not is_usual(entry):
            making = _maker_of_value(self.objects, name, facts)
        elif len(data) < LONG:
            making = loads, dumps(entry["value"]), entry["value"]
        else:
            making = value_in, data, entry["value"]
        if making is None:
            return None
        seconds, inputs = wall_seconds(entry), entry.get("inputs")
        return RecordedValue(facts["source"], seconds, inputs, *making)

    def test_of(self, name: str) -> str | None:
        """Return the test that made a recording or cassette, or None.

        The errors are those of `read`.
        """
        data = self.store.read(name)
        if data is None:
            return None
        test = parse_recording(data, self.label, name, skim=True).get("test")
        return test if isinstance(test, str) else None

    def tests_of(self, names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
        """Yield the name, the test and the bytes of each file that can be read.

        The test of a recording or cassette may be an empty text.
        """
        for name in names:
            with suppress(MimicError):
                yield name, self.test_of(name) or "", self.store.size(name) or 0

    def names(self, *, without: Set[str] = frozenset()) -> list[str]:
        """Return the names of all recordings and cassettes without some.

        They come in the store's order. No file is opened.
        """
        names: list[str] = []
        for folder in FOLDERS:
            names += self.store.names(folder, without=without)
        return [name for name in names if name.endswith(".json")]

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

        Args:
            outcome: What the call gave.
            duration: How long the real call took, in seconds.
            target: The target of the call, for the text of an error.
            paths: Stores the outcome's paths by their places.
            detached: The outcome's value may change before it is written, as in a
                cassette.

        Raises:
            UnstorableOutcomeError: A part of the outcome cannot be stored.
        """
        from pytest_mimic._core.outcome.encoding import encode
        from pytest_mimic._core.vault.recording_facts import Stored

        if paths is None:
            encoded = encode(outcome, target=target)
        else:
            encoded = encode(outcome, target=target, paths=paths)
        if encoded.pickled is not None and self._pickles == "forbid":
            raise UnstorableOutcomeError(
                f"what {target or 'the call'} gave cannot be stored without a pickle, "
                "and mimic_pickle = forbid",
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
        """Write a recording of one call, or a cassette: its objects first, each whole.

        If the outcomes equal those in the vault, the facts of the run that recorded
        them stay. If the source and the arguments are equal as well, the file is not
        touched. A cassette gets its `test` and date here. A file that `is_new` was not
        there when the call began.

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
        """Write a recording or cassette of another vault, its objects first, as it is.

        Raises:
            CorruptRecordingError: An object of the recording is missing or damaged.
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
        """Restore the content that was read before a `write`; None deletes the file.

        With `written`, only if that still stands there. Return whether the content was
        restored.
        """
        now = self.store.read(name)
        if written is not ... and now != written:
            return False
        if not self.store.replace(name, now, data):
            return False
        self.replaced |= references(now or b"") - references(data or b"")
        return True

    def delete(
        self, names: Collection[str], objects: Iterable[str] | None = None
    ) -> Cleared:
        """Delete recordings and cassettes, and objects that no other one names.

        Without `objects`, all objects are looked at.

        A crash may have left objects that no recording ever named. Temporary files of
        killed writers go, too. All objects stay while a run of another process records,
        and where a damaged recording may have named any.

        Raises:
            MimicError: A file cannot be deleted. Those before it are deleted.
        """
        from pytest_mimic._core.vault.writing import delete

        return delete(self.store, names, objects)


def _maker_of_value(
    objects: Objects, name: str, facts: dict[str, Any]
) -> _Making | None:
    """Return what makes the value of an outcome; None if there is more to it."""
    from pytest_mimic._core.vault.recording_facts import calls_of

    stored = calls_of(objects, name, facts)[0].stored
    if stored.is_tagged or stored.awaited or stored.kind != "value":
        return None
    if "pickle" in stored.entry:
        return _unpickled, stored, ...
    body = stored.readable()
    if body.keys() != {"value"}:
        return None
    value = body["value"]
    if "value" in stored.entry:
        return loads, dumps(value), value
    return _read_again, stored, value


def _unpickled(stored: Stored) -> Any:
    return stored.load().content


def _read_again(stored: Stored) -> Any:
    return stored.readable()["value"]
