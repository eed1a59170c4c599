"""Cassettes: a named, ordered list of recordings, and the blocks that record or replay one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.ambient import command
from pytest_mimic._core.engine.call import Place
from pytest_mimic._core.engine.decisions import decisions_of
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.outcome.outcome import is_interruption
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.vault.file_names import imported_parts
from pytest_mimic.errors import CassetteError, CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from asyncio import Task
    from threading import Thread

    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.ledger import RecordedError
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault.recording_facts import Recording

CassetteMode = Literal["record", "replay", "extend", "verify", "live"]
NEVER_RECORDS = "mimic_replay never records; use mimic_record or mimic_auto"
# How the mode of a cassette is that of a run.
_MODES: dict[CassetteMode, Mode] = {
    "record": Mode.RERECORD,
    "replay": Mode.REPLAY,
    "extend": Mode.RECORD,
    "verify": Mode.VERIFY,
    "live": Mode.LIVE,
}


class CassetteCall:
    """One call of a cassette. Its outcome is loaded when it is read.

    Attributes:
        kind: `function`, or the client's name.
        target: The function's `module:name`, or the client's name.
        duration: The duration of the real call, in seconds.
    """

    # What only the engine passes is `Any`, so that type checkers know all of a public class.
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
        return {"value": outcome.value, "raised": outcome.exception, "stream": outcome.items}[outcome.kind]

    @property
    def signature(self) -> str:
        """The call, and its status at an HTTP client: `GET /users/1 → 200`."""
        outcome = self.outcome
        status = outcome.get("status") if isinstance(outcome, dict) and self.kind != "function" else None
        return self._entry.signature if status is None else f"{self._entry.signature} → {status}"

    def match(self, only: str | Sequence[str] | None = None, *, exclude: str | Sequence[str] = ()) -> bool:
        """Check whether patterns select this call; the reference has their grammar."""
        return Selector(only or (), exclude or ()).takes(self._entry.signature, self._entry.host)

    def __repr__(self) -> str:
        return f"<CassetteCall {self.kind} {self.signature}>"


class Cassette:
    """A named, ordered list of recordings, as a block uses it.

    Attributes:
        name: The name, folders included, without `.json`.
        path: The cassette's file.
        mode: `record`, `replay`, `extend` (replay, and record new calls), `verify` or `live`.
        play_count: How many calls were replayed.
        owner: The owner of its calls: no test, as a wider fixture may have opened it.
    """

    def __init__(
        self, state: Any, name: str, mode: CassetteMode, *, strict: bool, only_replays: bool
    ) -> None:
        """Open a cassette for the engine.

        If it is `strict`, every recorded call must be made, in the recorded order. With `only_replays`, no option makes
        this block record.
        """
        self._state: RunState = state
        self._recordings = decisions_of(state).recordings
        self.opener: Any = _running()
        self._file = f"cassettes/{name}.json"
        self._strict = strict
        self.remedies: Sequence[str] | None = [NEVER_RECORDS] if only_replays else None
        self._guard = threading.Lock()
        self.name: str = name
        self.path: Path = Path(self._state.settings.vault, self._file)
        self.mode: CassetteMode = mode
        self.run_mode: Any = _MODES[mode]
        self.play_count: int = 0
        self.owner: Any = Owner(self._file)
        # A call has its place as soon as it begins; its entry is None until its outcome is recorded.
        self._entries: list[Recording | None] = []
        self._places: dict[str, list[int]] = {}
        self._imports: set[str] = set()
        self._order: list[int] = []
        self._errors: dict[int, RecordedError | None] = {}  # by the places of the calls that were recorded
        self._closed = False
        self._was_interrupted = False
        # What stood in a cassette that is recorded anew, by the key of the call.
        self._replaced: dict[str, list[Recording]] = {}
        self._exists = True
        self._is_shared = mode == "extend" and self._recordings.shares_cassette(self._file)
        if mode == "record":
            with suppress(CorruptRecordingError):  # a damaged file is replaced whole
                for entry in self._state.vault.calls(self._file) or ():
                    self._replaced.setdefault(str(entry.identity), []).append(entry)
        elif mode != "live":
            try:
                read = self._state.vault.calls(self._file)
            except CorruptRecordingError as error:
                if self.remedies:  # the running test does not record it
                    error.remedies += tuple(self.remedies)
                    error.data.pop("recorder", None)
                self._state.pending.note(error)
                raise
            self._exists = read is not None
            for entry in read or ():
                self._places.setdefault(str(entry.identity), []).append(len(self._entries))
                self._entries.append(entry)
            self._imports = {imported_parts(key) for key in self._places} - {""}

    def __repr__(self) -> str:
        return f"<Cassette {self.name}, {self.mode}>"

    def refuse_beside(self, other: Cassette) -> None:
        """Refuse this cassette beside another one that is open.

        Raises:
            CassetteError: A task or thread that runs at the same time has opened the other one.
        """
        # The context of an async fixture ends with its set-up, which the test follows.
        if (
            other in self._state.own_cassettes.get()
            or other.opener is self.opener
            or not _is_running(other.opener)
        ):
            return
        what = f"cassette {self.name} cannot be opened beside cassette {other.name}, of a task that runs at the same time"
        raise CassetteError(what, remedies=["open one cassette around both tasks"], cassette=self.name)

    @property
    def calls(self) -> list[CassetteCall]:
        """The calls in order: those recorded so far, or those that can be replayed."""
        return [CassetteCall(entry, self._state.places) for entry in self._entries if entry is not None]

    @property
    def all_played(self) -> bool:
        """Whether every call of the cassette was made in this block."""
        return set(self._order) >= {place for place, entry in enumerate(self._entries) if entry is not None}

    def place_of(self, call: Any, mode: Any) -> Any:
        """Return the place of the next identical call. At a client, a new first call makes all of its calls real."""
        key, extends, entry, number = self._key_of(call), mode is Mode.RECORD, None, None
        with self._guard:
            places = () if mode is Mode.RERECORD else self._places.get(key, ())
            position = self.owner.positions.get(key, 0)
            self.owner.positions[key] = position + 1
            # The last of identical calls repeats, unless a new one may be recorded.
            if places and (position < len(places) or not extends or call.plan.options.sequence is False):
                number = places[min(position, len(places) - 1)]
                entry = self._entries[number]
        is_real = mode.writes and (entry is None or self._is_stale(call, entry))
        if extends and call.converses:
            with self._recordings.guard:
                is_real = self._state.admit(self.owner, call, is_new=is_real)
            if is_real and entry is not None and self._is_shared:
                what = f"{call.label} cannot run for real: others use its recording in cassette {self.name}"
                remedy = "give this block a cassette of its own"
                raise CassetteError(what, remedies=[remedy], cassette=self.name)
        if is_real:
            with self._guard:
                if number is None:
                    number = len(self._entries)
                    self._entries.append(None)
                self._order.append(number)
            return Place(self._file, number=number, is_real=True, keep=partial(self._keep, number))
        if entry is None or number is None:
            return Place(self._file)
        self._order.append(number)
        if call.converses:
            self.owner.replayed.add(call.plan.target)
        self.play_count += mode is not Mode.VERIFY
        # To a run that verifies, a changed source alone is no reason to refuse what `mimic_replay` gives.
        is_verifying = self._state.settings.mode is Mode.VERIFY
        source = None if mode is Mode.REPLAY and is_verifying else entry.source
        return Place(self._file, entry.stored, source, number=number)

    def _is_stale(self, call: Call, entry: Recording) -> bool:
        return self._state.is_stale(call.plan, entry.source) or bool(
            self._state.stale_inputs(entry.stored.entry)
        )

    def miss(self, call: Any) -> MimicError:
        among = [one for one in self._entries if one is not None and one.target == call.plan.target]
        within = f"cassette {self.name}{'' if self._exists else ', which does not exist'}"
        return self._recordings.miss(call, among=among, within=within, remedies=self.remedies)

    def _key_of(self, call: Call) -> str:
        """Return the key by which the cassette has a call: in that of an imported one, fewer parts count."""
        if not self._imports or call.key in self._places:
            return call.key
        imported = (call.plan.imported_key(call.edge_call, match) for match in self._imports)
        return next((key for key in imported if key in self._places), call.key)

    def _keep(self, place: int, real: Step, outcome: Outcome, duration: float) -> None:
        call = real.call
        with self._guard:
            replaced = self._replaced.get(call.key)
            before = self._entries[place] or (replaced.pop(0) if replaced else None)
        stored = self._recordings.encode(real, outcome, duration, before=before and before.stored)
        made = self._recordings.new_recording(call, [stored])
        self._entries[place] = made._replace(
            identity=call.key, kind=call.plan.kind, signature=call.signature, host=call.host
        )
        if self.mode == "record" and self._state.settings.mode is Mode.REPLAY:
            self._state.ledger.unasked.append([self._state.test, call.key])
        self._errors[place] = self._recordings.error_of(call, outcome)
        with self._recordings.guard:
            self._state.ledger.count_recorded(duration)
        if self._closed:  # a stream was read to its end after the block
            self._write()

    def close(self, error: BaseException | None) -> None:
        """End the block: write what was recorded, or check that everything was replayed.

        If an exception left the block, nothing is checked, so that it is seen. If it interrupted the block, as Ctrl-C
        does, nothing is written.

        Raises:
            CassetteError: The block is strict, and a recorded call was not made, or the order differs.
        """
        self._closed = True
        self._recordings.use(self._file)
        self._recordings.cassette_users.setdefault(self._file, set()).add(self._state.test)
        if error is not None and is_interruption(error):
            self._was_interrupted = True
        self._write()
        if self._strict and self.mode in ("replay", "verify") and error is None:
            self._check_played()

    @property
    def _has_changed(self) -> bool:
        return self.mode == "record" or (self.mode == "extend" and bool(self._errors))

    def _write(self) -> None:
        if self._has_changed and not self._was_interrupted:
            again, places = self.owner.recorded_again, range(len(self._entries))
            # What was replayed has its place among the new calls, and what a conversation no longer has goes.
            order = dict.fromkeys((*self._order, *places) if again else places)
            entries = [
                entry
                for place in order
                if (entry := self._entries[place]) is not None
                and (place in self._order or self._is_shared or entry.target not in again)
            ]
            test = None if self._is_shared else self._state.test
            self._recordings.write_cassette(self._file, entries, self._errors, test=test)

    def _check_played(self) -> None:
        from pytest_mimic._core.tree.recorded_calls import call_label
        from pytest_mimic._core.words import limited

        labels = [
            entry.signature if entry.kind != "function" else call_label(entry.target, entry.arguments)
            for entry in self._entries
            if entry is not None
        ]
        unplayed = [label for place, label in enumerate(labels) if place not in self._order]
        misplaced = next((place for place, played in enumerate(self._order) if place != played), None)
        problem, facts = (
            "was not replayed as it was recorded",
            [f"{one} was recorded but not made" for one in unplayed],
        )
        if not self._exists:
            problem, facts = "does not exist", []
        elif misplaced is not None and not unplayed:
            was = labels[misplaced] if misplaced < len(labels) else "not made"
            now = labels[self._order[misplaced]]
            facts = [f"call {misplaced + 1} was {was} when recorded, {now} now"]
        elif not unplayed:
            return
        remedies = self.remedies or [f"to record it again: {command('--mimic-rerecord', self._state.test)}"]
        what = f"cassette {self.name} {problem}"
        raise CassetteError(what, facts=limited(facts), remedies=remedies, cassette=self.name)


def _running() -> Task[Any] | Thread:
    """Return the task that runs now, or the thread where no event loop runs."""
    asyncio = sys.modules.get("asyncio")
    try:
        task: Task[Any] | None = asyncio.current_task() if asyncio else None
    except RuntimeError:
        task = None
    return task or threading.current_thread()


def _is_running(opener: Task[Any] | Thread) -> bool:
    if isinstance(opener, threading.Thread):
        return opener is not threading.main_thread() and opener.is_alive()
    return not opener.done()


for _public in (Cassette, CassetteCall):
    _public.__module__ = "pytest_mimic"
