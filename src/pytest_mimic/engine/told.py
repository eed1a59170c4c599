"""Tells what becomes of a call: the rows of the summary, and of which secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_mimic.engine.calls import Call, Slot
from pytest_mimic.engine.events import Event, EventKind, Json, facts_of_time
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import RERECORD, VERIFY, facts_of
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.verifying import cause_of, new_parts
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference

WILL_MISS = "not recorded, a replay will miss it"


class Told:
    """Hears what becomes of one call, and tells it: nothing else hangs on it.

    Args:
        run: The run, which has the events.
        call: The call.
        slot: Its place.
        owner: Whose call it is.
        is_shared: Whether all tests share its recording.

    Attributes:
        replayed: The row that counts the replay.
        recorded: The row that counts the recording.
    """

    replayed: Event | None = None
    recorded: Event | None = None

    def __init__(
        self, run: Run, call: Call, slot: Slot, owner: Owner, *, is_shared: bool
    ) -> None:
        self._run = run
        self._call = call
        self._slot = slot
        self._owner = owner
        self._is_shared = is_shared
        self._test = run.test

    def found(self, entry: Entry) -> None:
        """Tell what is odd about the recording that the call has found."""
        run, call, slot = self._run, self._call, self._slot
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

    def kept(
        self,
        entry: Entry | None,
        held: Mapping[str, Tree],
        seconds: float,
        began: float,
    ) -> None:
        """Count the call among the recorded calls, and name what looks like a secret.

        Args:
            entry: The answer of an equal call, which stands; None: its own does.
            held: What it gave.
            seconds: How long it took.
            began: When it began, in seconds.
        """
        run, call = self._run, self._call
        self.recorded = self.add("recorded", entry, seconds=seconds, began=began)
        for shown, mark in run.secrecy.secrets.keys_in(call.described, held):
            label, test = call.label(), self._test
            run.events.add("looks secret", label, test=test, what=shown, mark=mark)
        if run.new_test_ids is not None and call.in_log:
            run.new_test_ids.note(self._test)

    def not_kept(self, what: str) -> Event:
        """Name a call whose answer does not stand."""
        label = self._call.label()
        return self._run.events.add("not recorded", label, test=self._test, what=what)

    def lost(self, what: str) -> None:
        """Name a call that is not kept, by which the run fails: the next one misses."""
        self.not_kept(f"{what}: {WILL_MISS}").facts["misses"] = True

    def differs(
        self,
        entry: Entry,
        differences: Sequence[Difference],
        *,
        failed: str,
        is_other_state: bool,
        sent: set[str],
    ) -> None:
        """Note the error of a drift, and tell what would leave it out.

        Args:
            entry: The recording.
            differences: Where the real call differs from it.
            failed: How the real call failed; empty: it did not.
            is_other_state: Whether the database is not as it was when it was recorded.
            sent: What later requests of its log send.
        """
        run, call, owner = self._run, self._call, self._owner
        is_of_fixture = self._slot.decision == "repeat"
        error = run.refusals.drift(
            call, differences, owner, failed=failed, of_fixture=is_of_fixture
        )
        if is_other_state:
            error.remedies, error.option = run.refusals.of_other_state(owner), VERIFY
            name, identity = owner.name, call.identity
            run.add_event("other state", name, cause=name, identity=identity)
        run.events.note_error(error)
        days = {entry.recorded: run.vault.today} if entry.recorded else {}
        new = new_parts(call, differences, run.values_around(owner), sent, days)
        error.cause = cause_of(call, differences, new)
        facts: dict[str, Json] = {"paths": [*new], **call.facts_of_line()}
        self.add("drifted", entry, call.label(), **facts, **facts_of(error))

    def add(
        self, kind: EventKind, entry: Entry | None, shown: str = "", **facts: Json
    ) -> Event:
        """Add a row that names the call, and where its recording is found."""
        run, slot, owner = self._run, self._slot, self._owner
        if not shown:
            is_on_page = run.settings.report is not None
            shown = self._call.label() if is_on_page else self._call.signature
        facts["fixture"] = owner.fixture
        if owner.fixture and not self._is_shared:
            facts["serves"] = [owner.serves]
        facts["name"] = (entry and slot.former_file) or slot.name
        facts["identity"] = (entry or self._call).identity
        facts |= facts_of_time((entry or slot).at)
        return run.events.add(kind, shown, test=self._test, **facts)
