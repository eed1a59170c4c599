"""Tells what becomes of a call: the rows of the summary, and of which secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_mimic.engine.calls import Body, Call, Slot, entry_of
from pytest_mimic.engine.events import Event, EventKind, Json, facts_of_time
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import RERECORD, VERIFY, facts_of
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.verifying import cause_of, new_parts
from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference

WILL_MISS = "not recorded, a replay will miss it"
_VERBS_THAT_WRITE = frozenset(
    "INSERT UPDATE DELETE MERGE REPLACE CREATE ALTER DROP TRUNCATE COPY".split()
)


class Told:
    """Hears what becomes of one call, and tells it: nothing else hangs on it.

    Args:
        run: The run, which has the events.
        call: The call.
        slot: Its place.
        owner: Whose call it is.
        log: The log in which it stands; None: all tests share it.

    Attributes:
        replayed: The row that counts the replay.
        recorded: The row that counts the recording.
    """

    replayed: Event | None = None
    recorded: Event | None = None
    # Takes what is recorded, for a test that looks at its own calls.
    _seen: Callable[[Entry], None] | None = None

    def __init__(
        self, run: Run, call: Call, slot: Slot, owner: Owner, log: Log | None
    ) -> None:
        self._run = run
        self._call = call
        self._slot = slot
        self._owner = owner
        self._log = log
        self._test = run.test

    def begun(self, entry: Entry | None) -> None:
        """Tell that the call has begun, and what is odd about the recording it found.

        Args:
            entry: The recording; None: the call is recorded.
        """
        run, call, slot = self._run, self._call, self._slot
        if run.see_call is not None and self._owner.kind != "fixture":
            self._seen = run.see_call(entry or entry_of(call, call.described))
        if entry is None:
            return
        if slot.decision == "replay":
            self.given(entry)
        repeats = slot.decision == "replay" and slot.recorded == "repeats"
        if repeats and call.conversation:
            run.add_event("repeated", call.label(), option=RERECORD)
        is_other = entry.line == call.line and entry.identity != call.identity
        if entry.imported and is_other:
            run.add_event("imported", call.label(), cause=slot.name, option=RERECORD)

    def given(self, entry: Entry) -> None:
        """Count the call among the calls that got their recorded outcome."""
        if self._slot.decision == "verify":
            self.add("verified", entry, seconds=entry.seconds, times=1)
            if self._slot.recorded == "stale":
                self.add("as before", entry, cause=self._call.target)
        else:
            self.replayed = self.add("replayed", entry, seconds=entry.seconds, times=1)

    def taken_back(self) -> None:
        """Count the call no longer among the replayed calls."""
        if self.replayed is not None:
            self._run.events.take_back(self.replayed)

    def kept(self, entry: Entry, other: Entry | None, body: Body, began: float) -> None:
        """Count the call among the recorded calls, and name what looks like a secret.

        Args:
            entry: What is recorded of it.
            other: The answer of an equal call, which stands; None: its own does.
            body: What it gave.
            began: When it began, in seconds.
        """
        run, call = self._run, self._call
        self.recorded = self.add("recorded", other, seconds=entry.seconds, began=began)
        held = {**entry.states, **body}
        for shown, mark in run.secrecy.secrets.keys_in(call.described, held):
            label, test = call.label(), self._test
            run.events.add("looks secret", label, test=test, what=shown, mark=mark)
        if run.new_test_ids is not None and call.in_log:
            run.new_test_ids.note(self._test)
        if self._seen is not None:
            self._seen(other or entry)

    def not_kept(self, what: str) -> Event:
        """Name a call whose answer does not stand."""
        label = self._call.label()
        return self._run.events.add("not recorded", label, test=self._test, what=what)

    def lost(self, what: str) -> None:
        """Name a call that is not kept, by which the run fails: the next one misses."""
        self.not_kept(f"{what}: {WILL_MISS}").facts["misses"] = True

    def compared(
        self, entry: Entry, differences: Sequence[Difference], failed: str
    ) -> None:
        """Tell whether a call that ran beside its recording gave the same.

        Args:
            entry: The recording.
            differences: Where the real call differs from it.
            failed: How the real call failed; empty: it did not.
        """
        owner, log, found = self._owner, self._log, self._owner.findings
        # One that was cancelled when it was recorded may be answered before that.
        is_drift = bool(differences) and entry.end != "waiting"
        if is_drift and self._slot.decision == "repeat":
            # Of a wider fixture, the first of its set-up is told: later statements meet
            # what it has left, and a tear-down lacks what replayed tests have not done.
            is_first = not (owner.set_up.has_ended or found.has_drifted)
            found.has_drifted = True
            is_again = log is not None and log.way == "continued"
            is_drift = is_first and not is_again
            if is_first and is_again:
                self._run.add_event("began again", owner.name, what="as another")
        if is_drift:
            self._differs(entry, differences, failed)
        else:
            self.given(entry)

    def _differs(
        self, entry: Entry, differences: Sequence[Difference], failed: str
    ) -> None:
        """Note the error of a drift, and tell what would leave it out."""
        run, call, owner = self._run, self._call, self._owner
        found = owner.findings
        is_of_fixture = self._slot.decision == "repeat"
        error = run.refusals.drift(
            call, differences, owner, failed=failed, of_fixture=is_of_fixture
        )
        if found.meets_other_state is None:
            found.meets_other_state = self._meets_other_state(failed)
        found.has_drifted |= not failed
        if found.meets_other_state:
            error.remedies, error.option = run.refusals.of_other_state(owner), VERIFY
            name, identity = owner.name, call.identity
            run.add_event("other state", name, cause=name, identity=identity)
        run.events.note_error(error)
        days = {entry.recorded: run.vault.today} if entry.recorded else {}
        sent = set[str]()
        if self._log is not None and self._slot.index is not None:
            sent = self._log.recorded.sent_behind(self._slot.index)
        new = new_parts(call, differences, run.values_around(owner), sent, days)
        error.cause = cause_of(call, differences, new)
        facts: dict[str, Json] = {"paths": [*new], **call.facts_of_line()}
        self.add("drifted", entry, call.label(), **facts, **facts_of(error))

    def _meets_other_state(self, failed: str) -> bool:
        """Whether the first drift of a log is the database, and no change of a service.

        A statement fails, or finds other rows before the log has written any.
        """
        is_statement = self._call.target == "sqlalchemy"
        if not is_statement or self._log is None or self._slot.decision != "verify":
            return False
        before = self._log.entries[: self._slot.index]
        return bool(failed) or not any(map(_writes, before))

    def add(
        self, kind: EventKind, entry: Entry | None, shown: str = "", **facts: Json
    ) -> Event:
        """Add a row that names the call, and where its recording is found."""
        run, slot, owner = self._run, self._slot, self._owner
        if not shown:
            is_on_page = run.settings.report is not None
            shown = self._call.label() if is_on_page else self._call.signature
        facts["fixture"] = owner.fixture
        if owner.fixture and not (self._log is None and slot.name):
            facts["serves"] = [owner.serves]
        facts["name"] = (entry and slot.former_file) or slot.name
        facts["identity"] = (entry or self._call).identity
        facts |= facts_of_time((entry or slot).at)
        return run.events.add(kind, shown, test=self._test, **facts)


def _writes(entry: Entry) -> bool:
    """Whether a recorded statement may change rows."""
    return entry.signature.partition(" ")[0] in _VERBS_THAT_WRITE
