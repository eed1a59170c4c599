"""What has changed of the inputs of calls: of the code and files that they use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.engine.account_events import ChangedInput
from pytest_mimic._core.inputs.reached_and_read import ProjectSources
from pytest_mimic._core.vault.format import is_object_name
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Account
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.inputs.input_trace import InputTrace
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Vault


class StaleInputs:
    """Compares lists of inputs with the code and files of now.

    A list has a name in the vault, and most calls of a function have the same.

    Args:
        settings: The settings of the run.
        vault: Where the lists are.
        places: The folders of the run.
        started: When the run has begun, in nanoseconds.
        running_trace: Returns the trace of the real call that the thread of now is part
            of.
    """

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        places: Places,
        *,
        started: int,
        running_trace: Callable[[], InputTrace | None],
    ) -> None:
        self._settings = settings
        self._vault = vault
        self._places = places
        self._started = started
        self._running_trace = running_trace
        # What has changed of a list, by its name: each list is compared once in a run.
        self._changed_by_list: dict[str, list[str]] = {}

    @lazy_attribute
    def sources(self) -> ProjectSources:
        """The sources of the project, as calls reach and read them."""
        return ProjectSources(
            self._places,
            self._settings.rootdir,
            self._settings.vault,
            started=self._started,
            running_trace=self._running_trace,
        )

    def stale(self, name: str, test: str) -> list[str]:
        """Return what has changed of a list where that makes its outcome stale.

        Args:
            name: The list.
            test: The running test.

        Raises:
            MimicError: The list is missing or damaged, and nothing records it again.
        """
        try:
            return self._changed_of(name, "", test)
        except MimicError as error:
            if not self._settings.mode.writes:
                raise
            return [error.what]

    def report(self, account: Account) -> None:
        """Enter into an account what has changed of its replayed calls' inputs."""
        if self._settings.inputs == "ignore":
            return
        # By the name of a list: how often each recording was replayed, with its target.
        counts_by_list: dict[str, Counter[tuple[str, str]]] = {}
        for replay in account.each_replay():
            if replay.inputs:
                counts = counts_by_list.setdefault(replay.inputs, Counter())
                counts[replay.recording, replay.target] += 1
        for name_of_list, counts in counts_by_list.items():
            try:
                recording, _ = next(iter(counts))
                changed_inputs = self._changed_of(name_of_list, recording)
            except MimicError as error:
                error.commands = self._settings.commands
                account.notes.add(str(error))
            else:
                if changed_inputs:
                    _enter_changes(account, changed_inputs, counts)

    def _changed_of(self, name: str, recording: str, test: str = "") -> list[str]:
        """Return what has changed of a list.

        Args:
            name: The list.
            recording: A recording that it belongs to; empty: the running test has made
                the list.
            test: The running test, if it has made the list.

        Raises:
            MimicError: The list is missing or damaged.
        """
        if name not in self._changed_by_list:
            list_in_json = None
            # An edited recording may name any file.
            if is_object_name(name):
                list_in_json = self._vault.store.read(name)
            # The name of a whole list ends with the digest of its bytes.
            is_whole = False
            if list_in_json is not None:
                digest = xxh3_128_hexdigest(list_in_json)
                is_whole = name.endswith(f"/{digest}.json")
            if list_in_json is None or not is_whole:
                # The vault's reader, which few runs load, raises the error of the list.
                maker: str | None = test
                if recording:
                    maker = self._vault.test_of(recording)
                reader = self._vault.reader
                list_in_json = reader.read_inputs(name, recording=recording, test=maker)
            self._changed_by_list[name] = self.sources.changed(list_in_json)
        return self._changed_by_list[name]


def _enter_changes(
    account: Account, changed_inputs: list[str], counts: Counter[tuple[str, str]]
) -> None:
    """Enter the changes of one list into the account, for the summary.

    Args:
        account: The account of the run.
        changed_inputs: The code and files that have changed.
        counts: How often each recording, of which target, was replayed.
    """
    tests = account.tests_that_replayed({recording for recording, _ in counts})
    for (recording, target), calls in counts.items():
        for changed_input in changed_inputs:
            users = tests[recording]
            account.changed_inputs.append(
                ChangedInput(recording, target, changed_input, calls, users)
            )
