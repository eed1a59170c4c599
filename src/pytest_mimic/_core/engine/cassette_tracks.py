"""The outcomes of a cassette, as a block records, replays or verifies them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.commands import rerecord
from pytest_mimic._core.engine.equal_calls import Track
from pytest_mimic._core.engine.function_plan import descriptions
from pytest_mimic._core.engine.owners import Change, Owner
from pytest_mimic._core.engine.steps import recorder
from pytest_mimic._core.outcome.outcome import is_interruption
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.format import imported_parts
from pytest_mimic._core.vault.outcome_entries import EMPTY
from pytest_mimic._core.vault.recording_facts import empty_place, read_calls
from pytest_mimic._core.words import limited
from pytest_mimic.errors import CassetteError, CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.family_events import CallRecorded, PlaceTaken
    from pytest_mimic._core.engine.owners import Errors
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.vault.recording_facts import Recording

# The modes of a run in which a block records, in the words of `Cassette.mode`.
_WORDS_OF_RECORDING_MODES = {Mode.RECORD: "extend", Mode.RERECORD: "record"}


class CassetteTrack(Track):
    """The file of many calls that a block has opened.

    Attributes:
        name: The name, folders included, without `.json`.
        path: The file.
        block_owner: The owner of the calls of the block.
        run_mode: The mode in which the block takes calls.
        mode_name: That mode in a word of cassettes: `record`, `extend`, `replay`.
        is_running: Returns whether the task or thread that has opened it still runs.
    """

    def __init__(
        self,
        run: Run,
        name: str,
        mode: Mode,
        *,
        strict: bool = False,
        remedies: Sequence[str] | None = None,
    ) -> None:
        """Open a cassette in the `mode` of a run.

        Args:
            run: The run.
            name: The name of the cassette.
            mode: The mode in which the block takes calls.
            strict: Whether order and completeness are checked.
            remedies: How to record it, if no option does.

        Raises:
            CorruptRecordingError: The file is damaged, and the mode does not replace it
                as a whole.
        """
        file = f"cassettes/{name}.json"
        # The content of the file when this process read or wrote it last. What another
        # one has written meanwhile is not overwritten.
        self._known_content: bytes | None = None
        if mode.writes:
            self._known_content = run.vault.store.read(file)
        calls: list[Recording] | None = None
        try:
            if mode is not Mode.LIVE:
                calls = read_calls(run.vault.objects, file)
        except CorruptRecordingError as error:
            if mode is not Mode.RERECORD:
                error.add_remedies(remedies or ())
                run.current.pending.note(error)
                raise
        self._existed_before_block = calls is not None
        self.cassette_in_words: str = f"cassette {name}"
        if not self._existed_before_block:
            self.cassette_in_words += ", which does not exist"
        # A cassette owns its calls. The test does not, as a wider fixture may have
        # opened the cassette.
        owner = Owner(file, is_test=True)
        super().__init__(
            run, file, owner, calls or (), only_compares=mode is Mode.RERECORD
        )
        self.name: str = name
        self.path: Path = Path(run.settings.vault, file)
        self.block_owner: Owner = owner
        self.run_mode: Mode = mode
        self.mode_name: str = _WORDS_OF_RECORDING_MODES.get(mode) or mode.value
        self._play_count = 0
        self.remedies = remedies
        self.is_running: Callable[[], bool] = _check_of_running()
        self._strict = strict
        # The parts that count in the identities of its imported calls, `method-uri`:
        # `_key_of` looks for a call under each of them.
        self._imported_parts = {imported_parts(key) for key in self._places_by_key} - {
            ""
        }
        # The places of the calls that were made, in the order of the calls. A strict
        # block compares this order with that of the file.
        self._places_of_made_calls: list[int] = []
        # By the place of a call that was recorded: its failure in words, with the test;
        # None: it has not failed. The summary lists the failures. Empty: nothing was
        # recorded, so that the file is not written.
        self._errors: dict[int, tuple[str, str] | None] = {}
        # Nothing is written before the block ends.
        self._may_write = False
        self._process_of_block = getpid()
        test = run.current.test
        # A block that extends a cassette may be that of another test, or another block
        # of this test: the cassette may also hold calls that this block does not make.
        is_of_another_test = mode is Mode.RECORD and run.vault.test_of(file) != test
        # The test that the file names; None: it names no single one.
        self._test_in_file: str | None = None
        if not is_of_another_test:
            self._test_in_file = test
        was_used = mode is Mode.RECORD and file in run.account.used
        self._is_shared = is_of_another_test or was_used

    # -- what can be replayed

    @property
    def folders(self) -> Places:
        """The folders for which paths in outcomes have marks."""
        return self._run.places

    @property
    def play_count(self) -> int:
        """How many calls were replayed, in all processes."""
        self._run.current.hear_other_processes()
        return self._play_count

    def recorded_calls(self) -> list[Recording]:
        """Return the calls that have an outcome, in order."""
        self._run.current.hear_other_processes()
        recorded_calls = []
        for call in self._calls_by_place:
            if call is not None and call.stored.mark != EMPTY:
                recorded_calls.append(call)
        return recorded_calls

    def are_all_played(self) -> bool:
        """Return whether this block made every call that has an outcome.

        Calls in all processes count, as for `play_count`.
        """
        self._run.current.hear_other_processes()
        for place, call in enumerate(self._calls_by_place):
            has_outcome = call is not None and call.stored.mark != EMPTY
            if has_outcome and place not in self._places_of_made_calls:
                return False
        return True

    def holds(self, call: Call) -> bool:
        """Return whether a call equal to this one is in the cassette."""
        return call.key in self._places_by_key

    def candidates(self, target: str) -> Iterable[Recording]:
        """Return the calls of a target that a miss is compared with."""
        recorded_calls = [call for call in self._calls_by_place if call is not None]
        return [call for call in recorded_calls if call.target == target]

    # -- the next call

    def take(self, call: Call, mode: Mode, key: str = "") -> Step:
        """Return the step for the next of equal calls.

        Raises:
            CassetteError: A call that is to run would be recorded over one that others
                replay.
            MimicError: See `Track.take`.
        """
        step = super().take(call, mode, key or self._key_of(call))
        if step.mode == "run":
            self._check_may_run(call, step)
        self._places_of_made_calls.append(step.place)
        if step.mode == "replay":
            self._play_count += 1
        if step.mode == "run" and self._is_of_parent:
            # This process may be killed before the call has an outcome.
            self.leave_empty(step)
        return step

    def _key_of(self, call: Call) -> str:
        """Return the identity under which a call stands in the cassette.

        In the identity of an imported call, fewer parts count.
        """
        if call.key in self._places_by_key:
            return call.key
        for parts in self._imported_parts:
            key = call.plan.imported_key(call.edge_call, parts)
            if key in self._places_by_key:
                return key
        return call.key

    def _check_may_run(self, call: Call, step: Step) -> None:
        """Refuse to record a call over one that other tests or blocks replay.

        Of one conversation, they would get a mix of old and new answers.
        """
        replaces = self._calls_by_place[step.place] is not None
        if replaces and call.converses and self._is_shared:
            step.withdraw()
            raise CassetteError(
                f"{call.label} cannot run for real: others use its recording in"
                f" cassette {self.name}",
                remedies=["give this block a cassette of its own"],
                cassette=self.name,
            )

    def follow_other_process(self, others_call: PlaceTaken) -> int | None:
        """Take the place of another process's call.

        Returns:
            The place; None: this process knows no place of such a call.
        """
        place = super().follow_other_process(others_call)
        if place is not None:
            self._places_of_made_calls.append(place)
        self._play_count += others_call.is_replayed
        return place

    # -- calls of forked processes

    @property
    def _is_of_parent(self) -> bool:
        """Whether another process has opened the block, and writes its file."""
        return getpid() != self._process_of_block

    def follow_recorded(self, event: CallRecorded, recording: Recording) -> None:
        """Take a call that a forked process has recorded; this one writes the file."""
        self._calls_by_place[event.place] = recording
        if event.has_outcome:
            self._errors[event.place] = event.error

    def write_late(self) -> None:
        """Write the calls of other processes that have ended after the block.

        Raises:
            CassetteError: Another run has written the file.
        """
        if not self._is_of_parent:
            self._write({})

    def _tell_recorded(self, errors: Errors) -> None:
        """Tell the process that has opened the block what this one has recorded."""
        family = self._run.current.family
        for place, error in errors.items():
            call = self._calls_by_place[place]
            if call is not None and family is not None:
                family.tell_recorded(self, place, call, error)

    def leave_empty(self, real_step: Step) -> None:
        """Let the place of a call stay empty, so that no other outcome moves up."""
        empty = empty_place(self._run.vault.objects, 0)
        with self._recordings.turns:
            empty_call = recorder().recording_of(real_step.call, [empty], self.owner)
            self._calls_by_place[real_step.place] = empty_call
            if self._is_of_parent:
                self._tell_recorded({real_step.place: None})

    def _write_empty(self, call: Call) -> None:
        """Write nothing: the file is written when the block ends."""

    # -- the end of the block

    def close(self, error: BaseException | None = None) -> None:
        """End the block: write what was recorded, or check that all was replayed.

        If an exception left the block, nothing is checked, so that the exception is
        seen. If it interrupted the block, as Ctrl-C does, nothing is written.

        Raises:
            CassetteError: The block is strict, and a recorded call was not made, or the
                order differs; or another process has written the file.
        """
        self._run.account.used.add(self.file)
        self._run.current.hear_other_processes()
        is_interrupted = error is not None and is_interruption(error)
        self._may_write = self.run_mode.writes and not is_interrupted
        self._write({})
        if self._strict and not self.run_mode.writes and error is None:
            self._check_played()

    def _write(self, errors: Errors) -> None:
        """Write the cassette, if its block has ended and recorded something.

        A forked process leaves it to the one that has opened the block.

        Args:
            errors: Of the places whose outcomes are new: the failure, or None.
        """
        self._errors.update(errors)
        if self._is_of_parent:
            self._tell_recorded(errors)
            return
        # A stream may still be read to its end when the block has ended: then the file
        # is written again.
        if not self._may_write or not (self._errors or self.run_mode is Mode.RERECORD):
            return
        run = self._run
        calls = self._calls_to_keep()
        with self._recordings.turns:
            if run.vault.store.read(self.file) != self._known_content:
                raise CassetteError(
                    f"cassette {self.name} was written by another process meanwhile:"
                    " it would lose calls",
                    remedies=["record its tests in one process"],
                    cassette=self.name,
                )
            written = run.vault.writer.write(
                self.file, calls, test=self._test_in_file, recorded=run.today
            )
            self._known_content = written.now
            run.current.cassettes.written.add((self.file, written.now))
            change = run.current.owner.journal.setdefault(
                self.file, Change(written.before)
            )
            change.note(written.now, self._errors)
            if run.current.family is not None:
                # A forked process may have opened the block itself.
                self._tell_change(
                    self.file, written.before, written.now, None, self._errors
                )

    def _calls_to_keep(self) -> list[Recording]:
        """Return the calls that are written.

        Where a conversation was recorded again, what this block no longer calls of it
        goes.
        """
        real_clients = self.block_owner.clients_run_for_real
        if self._is_shared or not real_clients:
            return [call for call in self._calls_by_place if call is not None]
        places = dict.fromkeys(self._places_of_made_calls)
        for place, call in enumerate(self._calls_by_place):
            if call is not None and call.target not in real_clients:
                places[place] = None
        calls = [self._calls_by_place[place] for place in places]
        return [call for call in calls if call is not None]

    def _check_played(self) -> None:
        """Fail a strict block that has not made the recorded calls in their order."""
        problem = f"cassette {self.name} does not exist"
        facts = self._calls_not_made()
        if self._existed_before_block:
            facts = facts or self._out_of_order()
            if not facts:
                return
            problem = f"cassette {self.name} was not replayed as it was recorded"
        error = CassetteError(
            problem,
            facts=limited(facts),
            remedies=self.remedies or [rerecord("to record it again")],
            cassette=self.name,
        )
        error.commands = self._run.settings.commands
        error.test = self._run.current.test or None
        raise error

    def _calls_not_made(self) -> list[str]:
        """Return a sentence for each call that was recorded and not made."""
        facts = []
        for place, label in enumerate(self._labels()):
            if place not in self._places_of_made_calls:
                facts.append(f"{label} was recorded but not made")
        return facts

    def _out_of_order(self) -> list[str]:
        """Return a sentence for the first call that was another when recorded."""
        labels = self._labels()
        for made_count, place in enumerate(self._places_of_made_calls):
            if made_count != place:
                label_when_recorded = "not made"
                if made_count < len(labels):
                    label_when_recorded = labels[made_count]
                label_now = labels[place]
                return [
                    f"call {made_count + 1} was {label_when_recorded} when recorded,"
                    f" {label_now} now"
                ]
        return []

    def _labels(self) -> list[str]:
        """Return the recorded calls in words, in their order in the file."""
        label_of = descriptions().label_of_recorded_call
        recorded_calls = [call for call in self._calls_by_place if call is not None]
        return [label_of(call.target, call.arguments) for call in recorded_calls]


def _check_of_running() -> Callable[[], bool]:
    """Return a function that tells whether the task, or thread, of now still runs.

    Of blocks that are open at the same time, only one may be that of a running task or
    thread. The main thread goes on for ever: it does not count as one that runs.
    """
    asyncio = sys.modules.get("asyncio")
    # RuntimeError: no event loop runs.
    with suppress(RuntimeError):
        task = None if asyncio is None else asyncio.current_task()
        if task is not None:

            def is_task_running() -> bool:
                return not task.done()

            return is_task_running
    thread = threading.current_thread()

    def is_thread_running() -> bool:
        return thread is not threading.main_thread() and thread.is_alive()

    return is_thread_running
