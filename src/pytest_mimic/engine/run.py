"""One run: its mode, its vault, its owners in turn, and what becomes of each call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from pytest_mimic.commands import Commands
from pytest_mimic.engine import closing
from pytest_mimic.engine.books import Books
from pytest_mimic.engine.calls import Call, failed_exchange, is_worth_a_wait
from pytest_mimic.engine.children import Children
from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.events import Event, Noted
from pytest_mimic.engine.logs import Log, Verdict
from pytest_mimic.engine.owners import Kept, Owner
from pytest_mimic.engine.place import Place
from pytest_mimic.engine.refusals import RERECORD, Refusal
from pytest_mimic.engine.secrecy import Sender
from pytest_mimic.engine.servers import Listening, OwnServers
from pytest_mimic.engine.steps import Step
from pytest_mimic.errors import MimicError
from pytest_mimic.values.places import Places
from pytest_mimic.vault.vault import Vault, Written


class Run(Books):
    """The run of this process.

    Attributes:
        mode: What calls become.
        places: The folders of this run.
        servers: The servers of this process.
        forbids_pickles: Whether nothing may be unpickled.
        source: What a replay does about a target whose source has changed.
        inputs: The same for what a call reaches and reads.
        may_record: Whether anything may be written, whatever a test asks for.
        may_begin: Whether a cassette that does not exist is recorded unasked.
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
        super().__init__(vault, commands, redact)
        self.mode = mode
        self.places = places
        self.servers = OwnServers()
        self.forbids_pickles = forbids_pickles
        self.source = source
        self.inputs = inputs
        self.may_record = may_record
        self.may_begin = may_begin
        self._children = Children(self._begin_child)
        self._owners: list[Owner] = []
        self._last_test: Owner | None = None

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
        self.sleeps.go_on()
        owner = cassette or self.innermost
        is_shared = call.is_of_all or not (call.in_log or cassette)
        try:
            if is_shared:
                place = self.shared.take(call, self._mode_of(owner))
            else:
                place, call = self._place_in_log(call, owner)
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

    def _mode_of(self, owner: Owner | None) -> Mode:
        return self.mode if owner is None or owner.mode is None else owner.mode

    def _place_in_log(self, call: Call, owner: Owner | None) -> tuple[Place, Call]:
        if owner is None:
            raise self.refusals.without_owner(call)
        if owner.pid != os.getpid():
            raise self.refusals.in_child(call)
        log, mode = self.log_of(owner), self._mode_of(owner)
        if mode == "verify" and not log.has(call):
            call = _as_recorded(call, log, owner)
        has_effect = call.has_effect and owner.kind == "fixture"
        return log.take(call, mode, has_effect=has_effect), call

    def log_of(self, owner: Owner) -> Log:
        """Give the log of an owner, which is read when it is first needed.

        Raises:
            CorruptRecordingError: It is damaged.
        """
        with owner.opening:
            if owner.log is None:
                owner.log = self._open_log(owner)
            return owner.log

    def _open_log(self, owner: Owner) -> Log:
        mode, is_cassette = self._mode_of(owner), owner.kind == "cassette"
        name = owner.serves if is_cassette else owner.name
        is_made_again = mode == "rerecord"
        log = Log(self.vault, owner.file, name, is_made_again=is_made_again)
        if mode in ("record", "rerecord") and not is_cassette:
            log.keep_part()
        return log

    def _note_replay(self, call: Call, place: Place, owner: Owner | None) -> None:
        assert place.entry is not None
        if failed_exchange(place.entry.body) and is_worth_a_wait(place.entry.body):
            self.sleeps.skip()
        if place.recorded == "repeats" and call.conversation:
            assert owner is not None
            times = self.log_of(owner).times(call)
            self.events.add(
                "repeated",
                f"{call.label()}, recorded {times} times",
                test=self.test,
                option=RERECORD,
                command=self.refusals.command(RERECORD, owner),
            )

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
            closing.undo(last.left, self)
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
            owner.left = self._close(owner, verdict)
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
                closing.end_setup(owner, self)
        finally:
            owner.is_set_up = True
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
        self._hear_children()

    def close(self) -> None:
        """Restore what was replaced."""
        self.inside.close()
        self.sleeps.close()
        self._children.close()

    def _close(self, owner: Owner, verdict: Verdict) -> list[Written]:
        self._hear_children()
        return closing.close(owner, verdict, self)

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
            elif isinstance(row, Sender):
                self.secrecy.other_sender(row)
            elif isinstance(row, Kept) and self.innermost is not None:
                self.innermost.kept.append(row)


def _as_recorded(call: Call, log: Log, owner: Owner) -> Call:
    """Give a request with recorded values where it has volatile ones."""
    if call.identify is None:
        return call
    for request in owner.real.candidates(call.describe()):
        candidate = replace(call, identity=call.identify(request))
        if log.has(candidate):
            return candidate
    return call
