"""Ends owners: what they leave in the vault, what is put back, and what is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from pytest_mimic.engine.calls import kept_failure
from pytest_mimic.engine.events import EventKind, Events, Plain
from pytest_mimic.engine.keeping import Verdict, why_not_kept
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import RERECORD, Refusals, label_of
from pytest_mimic.engine.slots import Key
from pytest_mimic.errors import MimicError
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault, Written


class Closing:
    """The ends of the owners of a run.

    Args:
        vault: Where recordings are.
        events: What happened.
        refusals: Writes the commands.
        changed: Is called where a recording is another than a replay may have seen.

    Attributes:
        written: The files that owners have written, and what they made for real.
    """

    def __init__(
        self,
        vault: Vault,
        events: Events,
        refusals: Refusals,
        changed: Callable[[], None],
    ) -> None:
        self.written: dict[str, set[Key]] = {}
        self._vault = vault
        self._events = events
        self._refusals = refusals
        self._changed = changed

    def close(self, owner: Owner, verdict: Verdict, test: str) -> list[Written]:
        """End an owner, and give what it leaves, so that it can be undone.

        Args:
            owner: The owner.
            verdict: How it has ended.
            test: The test that runs.

        Raises:
            MimicError: Its log cannot be written.
        """
        for step in list(owner.open):
            with suppress(MimicError):  # it is noted
                step.end_with_owner()
        owner.ended.set()
        below_replayed = _is_below_replayed(owner)
        written = self._judge_shared(owner, verdict, test, below_replayed)
        for cassette in owner.cassettes:
            self._end_cassette(cassette, verdict, test)
        log = owner.log
        if log is None or owner.pid != os.getpid():
            return written
        log.judge(verdict, below_replayed=below_replayed)
        try:
            in_log = self._write(owner, log, verdict)
        finally:
            log.discard_part()
        if owner.kind != "cassette":  # That waits for the verdict of its test.
            self._tell(owner, log, verdict, test)
        return [*written, in_log] if in_log is not None else written

    def _end_cassette(self, cassette: Owner, verdict: Verdict, test: str) -> None:
        log = cassette.log
        if verdict == "failed":
            self.undo(cassette.left)
        if log is not None:
            log.judge(verdict, below_replayed=False)
            self._tell(cassette, log, verdict, test)

    def end_setup(self, owner: Owner, test: str) -> None:
        """Write the log of a set-up: tests that pass may hold what it was answered.

        Raises:
            MimicError: It cannot be written.
        """
        log = owner.log
        if log is None or owner.pid != os.getpid():
            return
        before = log.found.setup if log.found else ""
        owner.setup = log.setup_digest() if log.has_new() else before
        if not log.has_new():
            return
        self._write(owner, log, "passed")
        if before and before != owner.setup:
            now = owner.setup
            self._events.add(
                "set up anew", owner.name, test=test, before=before, now=now
            )

    def undo(self, written: Iterable[Written]) -> None:
        """Put back what stood before, where nobody has written since."""
        for one in reversed(list(written)):
            self._vault.put_back(one)
            self.written.pop(one.name, None)
            self._changed()

    def _write(self, owner: Owner, log: Log, verdict: Verdict) -> Written | None:
        written = log.write(
            verdict,
            fixtures=owner.fixture_digests(),
            setup=owner.setup,
            keeps_all=owner.file in self.written,
        )
        if written is not None and verdict != "failed" and owner.ended.is_set():
            self.written.setdefault(owner.file, set()).update(log.keys())
        return written

    def _judge_shared(
        self, owner: Owner, verdict: Verdict, test: str, below_replayed: bool
    ) -> list[Written]:
        """Put back what an owner that did not pass may not leave to all tests."""
        left: list[Written] = []
        undone: list[Written] = []
        for kept in owner.kept:
            why = why_not_kept(kept.entry, verdict, below_replayed=below_replayed)
            is_replaced = verdict == "failed" and kept.written.before is not None
            (undone if why or is_replaced else left).append(kept.written)
            if is_replaced and not why:
                self._events.add("put back", test=test, name=kept.written.name)
            else:
                self._tell_outcome(kept.entry, why, owner, test)
        self.undo(undone)
        return left

    # -- what is told

    def _tell(self, owner: Owner, log: Log, verdict: Verdict, test: str) -> None:
        """Tell what became of the calls in a log."""
        real = [slot for slot in log.made if slot.is_real and slot.entry is not None]
        for slot in real:
            assert slot.entry is not None
            self._tell_outcome(slot.entry, slot.why, owner, test)
        if verdict == "failed" and any(slot.index is not None for slot in real):
            self._events.add("put back", test=test, name=log.name)
        asked = {slot.blank.identity for slot in log.made}
        unmade = {entry.identity for entry in log.leftovers()} - asked
        if unmade and owner.kind != "cassette" and verdict == "passed":
            identities: list[Plain] = [*sorted(unmade)]
            self._events.add("unmade", test=test, name=log.name, identities=identities)
        if owner.turns is not None and owner.turns.is_given_up:
            self._events.add("out of order", owner.name, test=test)

    def _tell_outcome(self, entry: Entry, why: str, owner: Owner, test: str) -> None:
        kind: EventKind = "not kept"
        failed = kept_failure(entry.body)
        if not why and not failed:
            return
        label = label_of(entry)
        if not why:
            kind = "kept failure"
            is_raised = failed.startswith("raised ")
            gave = failed if is_raised else f"gave {failed.removeprefix('status ')}"
            label = f"{label} {gave}"
        self._events.add(
            kind,
            label,
            test=test,
            what=why,
            option=RERECORD,
            command=self._refusals.command(RERECORD, owner),
        )


def _is_below_replayed(owner: Owner) -> bool:
    """Whether HTTP answers of a wider fixture that an owner uses were replayed."""
    logs = [fixture.log for fixture in owner.fixtures.values()]
    return any(
        log is not None and log.conversation("http") == "replayed" for log in logs
    )
