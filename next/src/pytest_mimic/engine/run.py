"""One run: its mode, its vault, its owners in turn, and what becomes of each call."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import (
    Call,
    failed_exchange,
    is_worth_a_wait,
)
from pytest_mimic.engine.children import Children
from pytest_mimic.engine.closing import Closing
from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.events import Event, Events, Noted
from pytest_mimic.engine.inside import Inside
from pytest_mimic.engine.keeping import Verdict
from pytest_mimic.engine.late import LateEnds
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.owners import Kept, Owner
from pytest_mimic.engine.refusals import (
    RERECORD,
    EndlessCallsError,
    Refusal,
    Refusals,
    facts_of,
)
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.engine.servers import Listening, OwnServers
from pytest_mimic.engine.shared import Shared
from pytest_mimic.engine.sleeps import Sleeps
from pytest_mimic.engine.slots import Place
from pytest_mimic.engine.steps import Step
from pytest_mimic.engine.turns import Turns
from pytest_mimic.errors import (
    MimicError,
    MissingRecordingError,
    StaleRecordingError,
)
from pytest_mimic.values.places import Places
from pytest_mimic.vault.vault import Vault, Written

if TYPE_CHECKING:
    from pytest_mimic.engine.anew import Anew

_MOST_MISSES = 1000
_RECORDING: tuple[Mode, ...] = ("record", "rerecord")


class Run:
    """The run of this process.

    Attributes:
        mode: What calls become.
        vault: Where recordings are.
        places: The folders of this run.
        commands: Writes the commands that errors name.
        events: What happened.
        inside: Which calls are a part of a real call.
        shared: What all tests share.
        secrecy: What it hides.
        servers: The servers of this process.
        refusals: Makes the errors of calls that get no outcome.
        closing: Ends owners.
        late: Ends calls of streams that the collector has found.
        anew: Notes what the next run makes anew; None: nothing is recorded.
        test: The id of the test that runs, or an empty text.
        forbids_pickles: Whether nothing may be unpickled.
        source: What a replay does about a target whose source has changed.
        inputs: The same for what a call reaches and reads.
        may_record: Whether anything may be written, whatever a test asks for.
        may_begin: Whether a cassette that does not exist is recorded unasked.
        version: Another number means that what was replayed may be another now.
    """

    def __init__(
        self,
        mode: Mode,
        vault: Vault,
        places: Places,
        commands: Commands,
        *,
        forbids_pickles: bool = False,
        source: Literal["strict", "ignore"] = "strict",
        inputs: Literal["warn", "strict", "ignore"] = "warn",
        may_record: bool = True,
        may_begin: bool = True,
        redact: Sequence[str] = (),
    ) -> None:
        self.mode = mode
        self.vault = vault
        self.places = places
        self.commands = commands
        self.events = Events()
        self.inside = Inside()
        self.shared = Shared(vault)
        self.secrecy = Secrecy(redact)
        self.refusals = Refusals(vault, commands, self.secrecy)
        self.closing = Closing(vault, self.events, self.refusals, self._change)
        self.servers = OwnServers()
        self.test = ""
        self.forbids_pickles = forbids_pickles
        self.source = source
        self.inputs = inputs
        self.may_record = may_record
        self.may_begin = may_begin
        self.version = 0
        # The calls that run for real and are shared by all tests, as they began.
        self.in_flight: list[Step] = []
        self.anew: Anew | None = None
        self._sleeps = Sleeps()
        self.late = LateEnds()
        self._children = Children(self._begin_child)
        self._owners: list[Owner] = []
        self._last_test: Owner | None = None
        self._undo_of_test: list[Written] = []
        self._misses: Counter[tuple[str, str, str]] = Counter()

    @property
    def innermost(self) -> Owner | None:
        """The innermost owner that runs now, cassettes apart."""
        return self._owners[-1] if self._owners else None

    @property
    def _test_owner(self) -> Owner | None:
        return next((one for one in self._owners if one.kind == "test"), None)

    # -- what the wrappers and edges ask

    def passes(self) -> bool:
        """Whether a call runs for real unseen: it is a part of a real call."""
        return self.inside.passes()

    def is_own_server(self, host: str | None) -> bool:
        """Whether a server of this process answers under a host, `localhost:8000`."""
        self._hear_children()
        return self.servers.has(host)

    def begin(self, call: Call, cassette: Owner | None = None) -> Step:
        """Give a call its place and say what becomes of it.

        Args:
            call: The call.
            cassette: The innermost cassette around it that takes it.

        Raises:
            MissingRecordingError: It has no recording, and may not run.
            StaleRecordingError: Its recording is stale.
            CorruptRecordingError: The file of its recording is damaged.
        """
        self._sleeps.go_on()
        self.late.end()
        owner = cassette or self.innermost
        try:
            place, call = self._place_of(
                call, owner, is_in_cassette=cassette is not None
            )
        except MimicError as error:
            self.refusals.add_command(error, owner)
            raise self.refuse(Refusal(error, ""), call, owner) from None
        decision = place.decision
        if decision == "missing" or decision == "stale" or decision == "follows":
            refusal = self.refusals.of(decision, call, place, owner)
            raise self.refuse(refusal, call, owner)
        step = Step(self, call, decision, place, owner)
        if decision == "replay":
            step.count("replayed")
            self._note_replay(call, place, owner)
        return step

    def will_run(self, kind: str, cassette: Owner | None) -> bool:
        """Whether the next call of a kind of client runs for real, whatever it is."""
        owner = cassette or self.innermost
        mode = self._mode_of(owner)
        if mode != "record" or owner is None:
            return mode == "rerecord"
        log = self.log_of(owner)
        conversation = log.conversation(kind)
        if conversation != "new":
            return conversation == "real"
        return all(entry.target != kind for entry in log.entries)

    def has_next(self, call: Call, cassette: Owner | None) -> bool:
        """Whether a call that begins now has a recording of its own in a log."""
        owner = cassette or self.innermost
        if owner is None or owner.pid != os.getpid():
            return False
        return self.log_of(owner).has_next(call)

    def _place_of(
        self, call: Call, owner: Owner | None, *, is_in_cassette: bool
    ) -> tuple[Place, Call]:
        mode = self._mode_of(owner)
        is_shared = not call.in_log and not is_in_cassette
        if call.is_of_all or is_shared:
            return self.shared.take(call, mode), call
        if owner is None:
            raise self.refusals.without_owner(call)
        if owner.pid != os.getpid():
            raise self.refusals.in_child(call)
        log = self.log_of(owner)
        has_effect = call.has_effect and owner.kind == "fixture"
        if mode == "verify" and not log.has(call):
            call = self._as_recorded(call, log, owner)
        return log.take(call, mode, has_effect=has_effect), call

    def _mode_of(self, owner: Owner | None) -> Mode:
        return self.mode if owner is None or owner.mode is None else owner.mode

    def has_written(self, file: str) -> bool:
        """Whether an owner of this run has written a log."""
        return file in self.closing.written

    def _as_recorded(self, call: Call, log: Log, owner: Owner) -> Call:
        """Give a request with recorded values where it has volatile ones."""
        if call.identify is None:
            return call
        for request in owner.real.candidates(call.describe()):
            candidate = replace(call, identity=call.identify(request))
            if log.has(candidate):
                return candidate
        return call

    def log_of(self, owner: Owner) -> Log:
        """Give the log of an owner, which is read when it is first needed.

        Raises:
            CorruptRecordingError: It is damaged.
        """
        with owner.opening:
            if owner.log is None:
                log = self._open_log(owner)
                owner.turns = Turns(log)
                owner.log = log
            return owner.log

    def _open_log(self, owner: Owner) -> Log:
        mode = self._mode_of(owner)
        log = Log(
            self.vault,
            owner.file,
            owner.serves if owner.kind == "cassette" else owner.name,
            is_made_again=self.mode == "rerecord" and mode in _RECORDING,
            of_this_run=self.closing.written.get(owner.file),
        )
        if mode in _RECORDING and owner.kind != "cassette":
            log.take_over()
            log.keep_part()
        return log

    def _note_replay(self, call: Call, place: Place, owner: Owner | None) -> None:
        assert place.entry is not None
        if failed_exchange(place.entry.body) and is_worth_a_wait(place.entry.body):
            self._sleeps.skip()
        if place.recorded == "repeats" and call.conversation:
            self._note_repeated(call, owner)

    def _note_repeated(self, call: Call, owner: Owner | None) -> None:
        assert owner is not None
        times = self.log_of(owner).times(call)
        self.events.add(
            "repeated",
            f"{call.label()}, recorded {times} times",
            test=self.test,
            option=RERECORD,
            command=self.refusals.command(RERECORD, owner),
        )

    def refuse(self, refusal: Refusal, call: Call, owner: Owner | None) -> MimicError:
        """Note the error that a call gets, and give it.

        Raises:
            EndlessCallsError: An equal call of this test was refused a thousand times.
        """
        error = refusal.error
        key = self.test, call.target, call.identity
        self._misses[key] += 1
        if self._misses[key] >= _MOST_MISSES:
            raise EndlessCallsError(_MOST_MISSES, error)
        label = call.label()
        self.events.note(error, label)
        self._sleeps.skip()
        kind = _kind_of(error)
        if kind is not None and self._misses[key] == 1:
            command = self.refusals.command(refusal.option, owner)
            facts = facts_of(refusal, command)
            self.events.add(kind, label, test=self.test, **facts)
        return error

    def note(self, error: MimicError, call: str = "") -> None:
        """Keep an error for the verdict of the phase, should the code swallow it."""
        self.refusals.add_command(error, self.innermost)
        self.events.note(error, call)

    # -- what pytest's phases tell

    def begin_test(self, nodeid: str) -> None:
        """A test begins, or a new attempt of it: what a failed one recorded goes."""
        if self._test_owner is not None:
            # A plugin makes a new attempt within one protocol of pytest.
            self.end_test(passed=False)
        last = self._last_test
        if last is not None and last.name == nodeid and last.has_failed:
            self.closing.undo(self._undo_of_test)
        self._undo_of_test = []
        self.test = nodeid
        self._owners.append(Owner(nodeid, "test"))
        self.events.is_judged_here = True

    def end_test(self, *, passed: bool, skipped: bool = False) -> None:
        """A test has ended, with its fixtures of function scope: write its log.

        Raises:
            MimicError: The log cannot be written.
        """
        owner = self._test_owner
        if owner is None:
            return
        self._last_test = owner
        owner.has_failed = not passed and not skipped
        verdict: Verdict = "skipped" if skipped else "passed" if passed else "failed"
        try:
            self._undo_of_test = self._close(owner, verdict)
        finally:
            self._owners.remove(owner)
            self.test = ""

    @contextmanager
    def owner(self, owner: Owner) -> Iterator[None]:
        """The set-up of a wider fixture in the first block, and later its tear-down.

        Raises:
            MimicError: The log of the set-up cannot be written.
        """
        self._owners.append(owner)
        owner.first_test = owner.first_test or self.test
        try:
            yield
            if not owner.is_set_up:
                owner.is_set_up = True
                self.closing.end_setup(owner, self.test)
        except BaseException:
            owner.is_set_up = True
            raise
        finally:
            self._owners.remove(owner)

    def end_owner(self, owner: Owner, *, passed: bool) -> None:
        """A wider fixture has ended: write its log.

        Raises:
            MimicError: The log cannot be written.
        """
        self._close(owner, "passed" if passed else "failed")

    def end_cassette(self, owner: Owner) -> None:
        """The block of a cassette has ended: write it, until its test should fail.

        Raises:
            MimicError: It cannot be written.
        """
        owner.left = self._close(owner, "passed")
        if self.innermost is not None:
            self.innermost.cassettes.append(owner)

    def uses(self, fixtures: Iterable[Owner]) -> None:
        """The wider fixtures whose answers the running test may hold."""
        if self._test_owner is not None:
            used = {owner.name: owner for owner in fixtures}
            self._test_owner.fixtures.update(used)

    def take_noted(self) -> list[Noted]:
        """Give the errors since the last phase, those of forked children included."""
        self._hear_children()
        return self.events.take_noted()

    def end(self) -> None:
        """No test runs any more: owners that still run have not passed.

        Raises:
            MimicError: A log cannot be written.
        """
        for owner in reversed(self._owners):
            self._close(owner, "failed")
        self._owners.clear()
        self.late.end()
        self._hear_children()

    def close(self) -> None:
        """Restore what was replaced."""
        self.inside.close()
        self._sleeps.close()
        self._children.close()

    def _close(self, owner: Owner, verdict: Verdict) -> list[Written]:
        self._hear_children()
        self.late.end()
        return self.closing.close(owner, verdict, self.test)

    def _change(self) -> None:
        self.version += 1

    # -- forked children

    def _begin_child(self, tell: Callable[[object], None]) -> None:
        self.events.tell = tell
        self.events.is_judged_here = False
        self.events.noted = []
        self.version += 1

    def _hear_children(self) -> None:
        if self.events.tell is not None:
            return
        for row in self._children.hear():
            if isinstance(row, Event):
                self.events.rows.append(row)
            elif isinstance(row, Noted):
                self.events.noted.append(row._replace(is_told=True))
            elif isinstance(row, Listening):
                self.servers.add_child(row)
            elif isinstance(row, Kept) and self.innermost is not None:
                self.innermost.kept.append(row)


def _kind_of(error: MimicError) -> Literal["missing", "stale"] | None:
    """Give the kind of event that a refused call is."""
    if isinstance(error, StaleRecordingError):
        return "stale"
    return "missing" if isinstance(error, MissingRecordingError) else None
