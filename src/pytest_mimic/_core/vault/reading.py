"""Reads the recordings that a replay or a command asks for, with all their facts.

A replay of a recording with just a value needs less: `Vault.read_value`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from marshal import dumps, loads
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.vault.format import changed_file_error, is_object_name
from pytest_mimic._core.vault.headings import Heading, read_headings
from pytest_mimic._core.vault.objects import Objects, Origin
from pytest_mimic._core.vault.outcome_entries import AFTER
from pytest_mimic._core.vault.recording_facts import StoredOutcome, calls_of, read_calls

if TYPE_CHECKING:
    from pytest_mimic._core.vault.objects import CheckClient
    from pytest_mimic._core.vault.recording_facts import Recording
    from pytest_mimic._core.vault.store import Store


Making: TypeAlias = "tuple[Callable[[Any], Any], Any, Any]"
"""What makes a value: `make`, `kept` and `first` of a `RecordedValue`."""


class Reader:
    """Reads the recordings of a vault.

    Attributes:
        objects: Loads their outcomes.
        path_store: Makes a store of the paths in an outcome.
    """

    path_store: type[PathStore] = PathStore

    def __init__(
        self,
        store: Store,
        *,
        pickles: Literal["listed", "forbid"],
        label: str,
        check_client: CheckClient | None,
    ) -> None:
        self.objects: Objects = Objects(
            store, pickles=pickles, label=label, check_client=check_client
        )

    def headings(self, names: Iterable[str]) -> Iterator[Heading]:
        """Yield the tests and owners of the files that can be read.

        The names are such as `Vault.names` has returned.
        """
        return read_headings(self.objects.store, names, self.objects.vault_label)

    def read(self, name: str, *, skim: bool) -> Recording | None:
        """Return the recording of that name, or None; see `Vault.read`."""
        calls = read_calls(self.objects, name, skim=skim)
        return calls[0] if calls else None

    def read_inputs(self, name: str, *, recording: str, test: str | None) -> bytes:
        """Return a list of inputs: what the recorded call has reached and read.

        A replay sees by it whether any of that has changed since.

        Args:
            name: The list.
            recording: A recording that it belongs to; empty: it is not known.
            test: The test that made the list. None: it is not known.

        Raises:
            MimicError: The list is missing or damaged.
        """
        if not is_object_name(name):
            path = f"{self.objects.vault_label}/{recording}"
            raise changed_file_error(path, "it names no list of inputs", test=test)
        return self.objects.read(name, Origin(recording, "", test))

    def making_of_value(self, name: str, facts: dict[str, Any]) -> Making | None:
        """Return what makes the value of an outcome, for the quick way of a replay.

        None: there is more to it than a value, and the replay goes the other way.

        Args:
            name: The name of the recording.
            facts: The JSON of its file.
        """
        stored_outcome = calls_of(self.objects, name, facts)[0].stored
        if (
            stored_outcome.is_tagged
            or stored_outcome.awaited
            or stored_outcome.kind != "value"
            # The replay moves streams and generators among the arguments.
            or AFTER in stored_outcome.entry
        ):
            return None
        if "pickle" in stored_outcome.entry:
            return _value_of_pickle, stored_outcome, ...
        body = stored_outcome.readable()
        if body.keys() != {"value"}:
            return None
        value = body["value"]
        if "value" in stored_outcome.entry:
            return loads, dumps(value), value
        # The value stands in an object, which is long.
        return _read_again, stored_outcome, value


def _value_of_pickle(stored_outcome: StoredOutcome) -> Any:
    """Return a fresh value, unpickled for one call."""
    return stored_outcome.load().content


def _read_again(stored_outcome: StoredOutcome) -> Any:
    """Return a fresh value, parsed for one call of its object of JSON."""
    return stored_outcome.readable()["value"]
