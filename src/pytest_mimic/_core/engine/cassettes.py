"""Cassettes: named, ordered lists of recordings, as a block records, replays or verifies one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.commands import rerecord
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.engine.recordings import Change, recordings_of
from pytest_mimic._core.engine.tracks import Track
from pytest_mimic._core.outcome.outcome import is_interruption
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.vault.format import imported_parts
from pytest_mimic._core.vault.objects import EMPTY
from pytest_mimic._core.vault.recording_facts import empty_place, read_calls
from pytest_mimic.errors import CassetteError, CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.recordings import Errors
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.vault.recording_facts import Recording

# What the modes of a run are called in which a block records.
_RECORDING = {Mode.RECORD: "extend", Mode.RERECORD: "record"}


class CassetteCall:
    """One call of a cassette. Its outcome is loaded when it is read.

    Attributes:
        kind: `function`, or the client's name.
        target: The function's `module:name`, or the client's name.
        duration: The duration of the real call, in seconds.
    """

    # What only the engine passes is `Any`, so that type checkers know all of a public
    # class.
    def __init__(self, entry: Any, places: Any) -> None:
        self._entry: Recording = entry
        self._places: Places = places
        self.kind: str = entry.kind
        self.target: str = entry.target
        self.duration: float = entry.stored.duration

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The structured, redacted description of the arguments."""
        return self._entry.whole().arguments

    @property
    def outcome(self) -> Any:
        """A fresh copy of the outcome: the value, the exception, or the items of the stream."""
        from pytest_mimic._core.outcome.placed_paths import PathStore

        outcome = self._entry.stored.load(PathStore(self._places))
        return {
            "value": outcome.value,
            "raised": outcome.exception,
            "stream": outcome.items,
        }[outcome.kind]

    @property
    def signature(self) -> str:
        """The call, and its status at an HTTP client: `GET /users/1 → 200`."""
        outcome = self.outcome
        status = (
            outcome.get("status")
            if isinstance(outcome, dict) and self.kind != "function"
            else None
        )
        return (
            self._entry.signature
            if status is None
            else f"{self._entry.signature} → {status}"
        )

    def match(
        self,
        only: str | Sequence[str] | None = None,
        *,
        exclude: str | Sequence[str] = (),
    ) -> bool:
        """Check whether patterns select this call; the reference has their grammar."""
        return Selector(only or (), exclude or ()).takes(
            self._entry.signature, self._entry.host
        )

    def __repr__(self) -> str:
        return f"<CassetteCall {self.kind} {self.signature}>"


class Cassette(Track):
    """A named, ordered list of recordings, as a block uses it.

    Attributes:
        name: The name, folders included, without `.json`.
        path: The cassette's file.
        mode: `record`, `replay`, `extend` (replay, and record new calls), `verify` or
            `live`.
        play_count: How many calls were replayed.
    """

    def __init__(
        self,
        state: Any,
        name: str,
        mode: Any,
        *,
        strict: bool = False,
        remedies: Any = None,
    ) -> None:
        """Open a cassette for the engine, in the `mode` of a run.

        In a `strict` one, order and completeness are checked.

        `remedies` say how to record it, if no option does.
        """
        recordings_of(state)
        file, found = f"cassettes/{name}.json", None
        self._stood: bytes | None = (
            state.vault.store.read(file) if mode.writes else None
        )
        try:
            found = None if mode is Mode.LIVE else read_calls(state.vault.objects, file)
        except CorruptRecordingError as error:
            if mode is not Mode.RERECORD:  # which replaces it whole
                error.add_remedies(remedies or ())
                state.pending.note(error)
                raise
        self.within: str = (
            f"cassette {name}{'' if found is not None else ', which does not exist'}"
        )
        # Its owner is not the test, as a wider fixture may have opened it.
        owner = Owner(file, is_test=True)
        super().__init__(state, file, owner, found or (), is_anew=mode is Mode.RERECORD)
        self.name: str = name
        self.path: Path = Path(state.settings.vault, file)
        self.mode: str = _RECORDING.get(mode) or mode.value
        self.run_mode: Any = mode
        self.play_count: int = 0
        self.remedies: Any = remedies
        # Whether the task or thread that has opened it still runs.
        self.is_running: Callable[[], bool] = _running()
        self._strict: bool = strict
        self._exists: bool = found is not None
        self._imports = {imported_parts(key) for key in self._places} - {""}
        self._order: list[int] = []  # the places of the calls that were made
        self._errors: dict[
            int, tuple[str, str] | None
        ] = {}  # by place, of the calls that were recorded
        self._writes = False  # until it is closed
        self._process = getpid()
        is_of_others = mode is Mode.RECORD and state.vault.test_of(file) != state.test
        self._test: str | None = None if is_of_others else state.test
        # Another test may use it, or another block of this one: it holds their calls,
        # too.
        self._is_shared: bool = is_of_others or (
            mode is Mode.RECORD and file in state.ledger.used
        )

    def __repr__(self) -> str:
        return f"<Cassette {self.name}, {self.mode}>"

    @property
    def calls(self) -> list[CassetteCall]:
        """The calls in order: those recorded so far, or those that can be replayed."""
        return [
            CassetteCall(entry, self._state.places)
            for entry in self._calls
            if entry is not None and entry.stored.mark != EMPTY
        ]

    @property
    def all_played(self) -> bool:
        """Whether every call of the cassette was made in this block."""
        return set(self._order) >= {
            place
            for place, entry in enumerate(self._calls)
            if entry is not None and entry.stored.mark != EMPTY
        }

    def holds(self, call: Any) -> bool:
        """Return whether a call equal to this one is in the cassette."""
        return call.key in self._places

    def take(self, call: Any, mode: Any, key: str = "") -> Any:  # noqa: ARG002
        """Return the step for the next of equal calls."""
        # In the identity of an imported call, fewer parts count.
        keys = chain(
            [call.key],
            (call.plan.imported_key(call.edge_call, one) for one in self._imports),
        )
        step = super().take(
            call, mode, next((one for one in keys if one in self._places), call.key)
        )
        is_known = step.mode == "run" and self._calls[step.number] is not None
        if step.mode == "run" and getpid() != self._process:
            what = (
                f"cassette {self.name} cannot take {call.label} from a forked process"
            )
            step.withdraw()
            raise CassetteError(
                what,
                remedies=["make the call outside of its block"],
                cassette=self.name,
            )
        if is_known and call.converses and self._is_shared:
            what = f"{call.label} cannot run for real: others use its recording in cassette {self.name}"
            remedy = "give this block a cassette of its own"
            step.withdraw()
            raise CassetteError(what, remedies=[remedy], cassette=self.name)
        self._order.append(step.number)
        self.play_count += step.mode == "replay"
        return step

    def follow(self, event: Any) -> int | None:
        """Take the place of another process's call, and return it, if there is one."""
        place = super().follow(event)
        if place is not None:
            self._order.append(place)
        self.play_count += event.is_replayed
        return place

    def leave_empty(self, real: Any) -> None:
        """Let the place of a call stay empty, so that no other outcome moves up to it."""
        empty = empty_place(self._state.vault.objects, 0)
        with self._recordings.turns:
            self._calls[real.number] = self._recordings.new_recording(
                real.call, [empty], self.owner
            )

    def _write_empty(self, call: Any) -> None:
        """Write nothing: the file is written when the block ends."""

    def _candidates(self, target: str) -> Iterable[Recording]:
        return [one for one in self._calls if one is not None and one.target == target]

    def close(self, error: BaseException | None) -> None:
        """End the block: write what was recorded, or check that everything was replayed.

        If an exception left the block, nothing is checked, so that it is seen. If it
        interrupted the block, as Ctrl-C
        does, nothing is written.

        Raises:
            CassetteError: The block is strict, and a recorded call was not made, or the
                order differs.
        """
        self._state.ledger.used.add(self.file)
        self._writes = self.run_mode.writes and not (
            error is not None and is_interruption(error)
        )
        self._write({})
        if self._strict and not self.run_mode.writes and error is None:
            self._check_played()

    def _write(self, errors: Errors) -> None:
        self._errors.update(errors)
        # Once it is closed, a stream may still be read to its end.
        if not self._writes or not (self._errors or self.run_mode is Mode.RERECORD):
            return
        places: Iterable[int] = range(len(self._calls))
        if (again := self.owner.again) and not self._is_shared:
            # Where a conversation was recorded again, what this block no longer calls
            # of it goes.
            others = (
                place
                for place in places
                if (one := self._calls[place]) and one.target not in again
            )
            places = dict.fromkeys((*self._order, *others))
        calls = [call for place in places if (call := self._calls[place]) is not None]
        state = self._state
        with self._recordings.turns:
            if state.vault.store.read(self.file) != self._stood:
                what = f"cassette {self.name} was written by another process meanwhile: it would lose calls"
                raise CassetteError(
                    what,
                    remedies=["record its tests in one process"],
                    cassette=self.name,
                )
            written = state.vault.write(
                self.file, calls, test=self._test, recorded=state.today
            )
            self._stood = written.now
            state.cassettes_made.add((self.file, written.now))
            change = state.owner.journal.setdefault(self.file, Change(written.before))
            change.note(written.now, self._errors)

    def _check_played(self) -> None:
        from pytest_mimic._core.tree.call_labels import recorded_label
        from pytest_mimic._core.words import limited

        labels = [
            recorded_label(one.target, one.arguments)
            for one in self._calls
            if one is not None
        ]
        unplayed = [
            label for place, label in enumerate(labels) if place not in self._order
        ]
        facts = [f"{label} was recorded but not made" for label in unplayed]
        at = next((at for at, place in enumerate(self._order) if at != place), None)
        if self._exists and not facts:
            if at is None:
                return
            was = labels[at] if at < len(labels) else "not made"
            facts = [
                f"call {at + 1} was {was} when recorded, {labels[self._order[at]]} now"
            ]
        what = f"cassette {self.name} {'was not replayed as it was recorded' if self._exists else 'does not exist'}"
        remedies = self.remedies or [rerecord("to record it again")]
        error = CassetteError(
            what, facts=limited(facts), remedies=remedies, cassette=self.name
        )
        error.commands = self._state.settings.commands
        error.test = self._state.test or None
        raise error


def _running() -> Callable[[], bool]:
    """Return what tells whether the task that runs now still does, or the thread; not the main one, which goes on."""
    asyncio = sys.modules.get("asyncio")
    with suppress(RuntimeError):  # no event loop runs
        if asyncio is not None and (task := asyncio.current_task()) is not None:
            return lambda: not task.done()
    thread = threading.current_thread()
    return lambda: thread is not threading.main_thread() and thread.is_alive()


for _public in (Cassette, CassetteCall):
    _public.__module__ = "pytest_mimic"
