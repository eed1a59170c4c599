"""Vault: recordings in a store, with equal outcomes shared.

Nothing is loaded before it was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from marshal import dumps, loads
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.vault.format import (
    FOLDERS,
    LEAST_PARSED_AGAIN,
    is_just_a_value,
    names_of_objects_in,
    parse_recording,
    value_in,
    wall_seconds,
)
from pytest_mimic._core.words import lazy_attribute

if TYPE_CHECKING:
    from pytest_mimic._core.vault.objects import CheckClient, Objects
    from pytest_mimic._core.vault.reading import Making, Reader
    from pytest_mimic._core.vault.recording_facts import Recording
    from pytest_mimic._core.vault.store import Store
    from pytest_mimic._core.vault.writing import Writer


class RecordedValue(NamedTuple):
    """What a recording says of which nothing but a value is recorded.

    The engine replays such calls without a decision of their own (`FunctionPlan`).

    Attributes:
        source: The fingerprint of the target's source. None: the target has no source
            in the project.
        seconds: The seconds that a replay saves, for the summary.
        inputs: The name of the list of its inputs. None: no list was made.
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
    def reader(self) -> Reader:
        """Reads recordings, and makes their outcomes.

        A run that replays plain values needs none.
        """
        from pytest_mimic._core.vault.reading import Reader

        return Reader(
            self.store,
            pickles=self._pickles,
            label=self.label,
            check_client=self._check_client,
        )

    @lazy_attribute
    def objects(self) -> Objects:
        """Loads outcomes."""
        return self.reader.objects

    @lazy_attribute
    def writer(self) -> Writer:
        """Writes and deletes recordings. A run that only replays needs none."""
        from pytest_mimic._core.vault.writing import Writer

        forbids_pickles = self._pickles == "forbid"
        return Writer(self.objects, self.replaced, forbids_pickles=forbids_pickles)

    # -- reading

    def read(self, name: str, *, skim: bool = False) -> Recording | None:
        """Return the recording of that name, or None.

        The store is read each time. For `skim` see `read_calls`.

        Raises:
            CorruptRecordingError: The file is damaged, or of another format.
            MimicError: The store cannot be read.
        """
        return self.reader.read(name, skim=skim)

    def read_value(self, name: str) -> RecordedValue | None:
        """Read a recording of one value fast, without facts that no replay needs.

        None: there is no such recording, or it holds anything but a value; `read` finds
        out which.

        Raises:
            CorruptRecordingError: The file is damaged, or of another format.
            MimicError: The store cannot be read.
        """
        content = self.store.read(name)
        if content is None:
            return None
        facts = parse_recording(content, self.label, name, skim=True)
        # A cassette has no outcomes here, and a sequence has several.
        entries = facts.get("outcomes")
        if type(entries) is not list or len(entries) != 1 or "source" not in facts:
            return None
        outcome_entry = entries[0]
        # A call that did not end is replayed as one that waits.
        if type(outcome_entry) is not dict or "end" in outcome_entry:
            return None
        making: Making | None
        if not is_just_a_value(outcome_entry):
            making = self.reader.making_of_value(name, facts)
        elif len(content) < LEAST_PARSED_AGAIN:
            # A copy of a small value by marshal is faster than a parser of JSON.
            making = loads, dumps(outcome_entry["value"]), outcome_entry["value"]
        else:
            making = value_in, content, outcome_entry["value"]
        if making is None:
            return None
        seconds, inputs = wall_seconds(outcome_entry), outcome_entry.get("inputs")
        return RecordedValue(facts["source"], seconds, inputs, *making)

    def test_of(self, name: str) -> str | None:
        """Return the test that made a recording or cassette, or None.

        Messages about the file name it. A block asks whether its cassette is that of
        another test. The errors are those of `read`.
        """
        content = self.store.read(name)
        if content is None:
            return None
        test = parse_recording(content, self.label, name, skim=True).get("test")
        return test if isinstance(test, str) else None

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

    def restore(
        self, name: str, old_content: bytes | None, *, written_content: object = ...
    ) -> bool:
        """Restore the content that was read before a `write`; None deletes the file.

        A test that fails takes back what it has recorded. With `written_content`, only
        if that still stands there: another process may have recorded since. Return
        whether the content was restored.
        """
        content_now = self.store.read(name)
        if written_content is not ... and content_now != written_content:
            return False
        if not self.store.replace(name, content_now, old_content):
            return False
        # The end of the run deletes the objects that only the content taken back named.
        self.replaced |= names_of_objects_in(content_now or b"") - names_of_objects_in(
            old_content or b""
        )
        return True
