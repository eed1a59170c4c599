"""Owners begin and end: what they leave in the vault, and what is put back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any

from pytest_mimic.engine.calls import Body, answer_of, kept_failure, raised_in
from pytest_mimic.engine.end_order import seconds_now
from pytest_mimic.engine.logs import Ending, Log, why_not_kept
from pytest_mimic.engine.nesting import NOTHING
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import RERECORD
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.verifying import RealValues
from pytest_mimic.errors import MimicError
from pytest_mimic.values.outcome import shelve_answer, unshelve
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Written
from pytest_mimic.words import plural

# In seconds: how long an end waits for threads that store what their calls gave.
_LONGEST_WAIT, _PAUSE = 30, 0.005


def begin_test(run: Run, nodeid: str) -> None:
    """A test begins, or a new attempt of it: what a failed attempt recorded goes."""
    # A plugin may make a new attempt within one protocol of pytest.
    end_test(run, "failed")
    failed = run.failed_test
    if failed is not None and failed.name == nodeid:
        _undo(run, failed.undoable_writes)
    run.sleeps.go_on()
    run.servers.ask_again()
    run.test = nodeid
    run.begin_owner(Owner(nodeid, "test", run.mode))
    run.events.is_judged_here = True


def end_test(run: Run, ending: Ending) -> None:
    """If a test runs, it has ended, with its fixtures of function scope: write its log.

    Raises:
        MimicError: The log cannot be written.
    """
    if not run.test:
        return
    owner = run.test_owner
    run.failed_test = owner if ending == "failed" else None
    if ending == "failed":
        _note_torn_down(run, owner)
    try:
        owner.undoable_writes = end(run, owner, ending)
    finally:
        run.end_owner(owner)
        run.test = ""
        run.collector.go_on()


@contextmanager
def owning(run: Run, fixture: Owner) -> Iterator[None]:
    """The set-up of a wider fixture in the first block, and later its tear-down.

    Raises:
        MimicError: The log of the set-up cannot be written.
    """
    run.begin_owner(fixture)
    # Other tests use what a test has set up that is left out.
    around = run.nesting.enter(NOTHING)
    fixture.set_up.first_test = fixture.set_up.first_test or run.test
    try:
        yield
        if not fixture.set_up.has_ended:
            _end_setup(run, fixture)
    finally:
        fixture.set_up.has_ended = True
        run.nesting.leave(around)
        run.servers.ask_again()
        run.end_owner(fixture)


def end_cassette(run: Run, cassette: Owner) -> None:
    """The block of a cassette has ended: write it, until its test should fail.

    Raises:
        MimicError: It cannot be written.
    """
    cassette.undoable_writes = end(run, cassette, "passed")
    run.innermost.cassettes.ended.append(cassette)


def end_run(run: Run) -> None:
    """No test runs any more: owners that still run have not passed.

    Raises:
        MimicError: A log cannot be written.
    """
    for owner in reversed(run.owners):
        end(run, owner, "failed")
    run.owners.clear()
    run.hear_children()


def end(run: Run, owner: Owner, ending: Ending) -> list[Written]:
    """End an owner, and give what it leaves, so that it can be undone.

    Raises:
        MimicError: Its log cannot be written.
    """
    run.hear_children()
    for real in list(owner.open_calls.values()):
        if real is not None:  # A replay ends by itself.
            with suppress(MimicError):  # it is noted
                real.end_with_owner()
    limit = seconds_now() + _LONGEST_WAIT
    while owner.storing_calls and owner.is_here and seconds_now() < limit:
        sleep(_PAUSE)
    for stored in list(owner.storing_calls):
        stored.note_lost()
    owner.ended.set()
    # Of such answers a service may no longer know what a wider fixture had made.
    below_replayed = any(
        wider.log and wider.log.way != "made" and wider.log.recorded.has_target("http")
        for wider in owner.fixtures.values()
    )
    left = _judge_shared(run, owner, ending, below_replayed=below_replayed)
    for cassette in owner.cassettes.ended:
        _judge_cassette(run, cassette, ending)
    log = owner.log
    if log is None or not owner.is_here:
        return left
    log.ending, log.is_below_replayed = ending, below_replayed
    _hide_late(run, owner)
    written = _write(run, owner, log)
    if owner.kind == "cassette":  # It is told at the end of its test.
        _keep_values(owner, log, written)
    else:
        _add_events_of_log(run, owner, log)
    return left if written is None else [*left, written]


def _note_torn_down(run: Run, test: Owner) -> None:
    """Name the fixtures of a failed test whose answers a tear-down may have undone.

    They have begun before in this run, so that their set-up got what it got then.
    """
    for fixture in test.fixtures.values():
        before, now = fixture.set_up.before, fixture.log
        if before is None or before.log is None or now is None or not now.plays:
            continue
        if len(before.log.slots) > before.set_up.calls:
            run.add_event("began again", fixture.name, what="after its tear-down")


def _hide_late(run: Run, owner: Owner) -> None:
    """Hide in earlier answers what the owner has sent as a key later.

    An answer in a file that is written already is named.
    """
    if owner.scope is None or not owner.scope.late:
        return
    late = owner.scope.late

    def hidden_in(entry: Entry | None) -> Body | None:
        """Return an answer in which it was hidden; None: it does not stand there."""
        body: Any = {} if entry is None else unshelve(entry.body, run.vault)
        answer = answer_of(body)
        hidden: Body = late.hide(answer)
        return None if hidden == answer else hidden

    for slot in owner.log.slots if owner.log is not None else ():
        hidden = hidden_in(slot.outcome)
        if hidden is not None and slot.outcome is not None:
            slot.outcome.body = {"answer": shelve_answer(hidden, run.vault)}
    written: list[Entry | None] = []
    for shared in owner.shared.written.values():
        written.append(shared.answer)
    for fixture in owner.fixtures.values():
        if fixture.log is not None:
            written += [slot.outcome or slot.entry for slot in fixture.log.slots]
    for entry in written:
        if entry is not None and hidden_in(entry) is not None:
            label = run.secrecy.secrets.label_of(entry)
            run.add_event("kept in clear", label, cause=f"what {label} gave, a key")


def _end_setup(run: Run, fixture: Owner) -> None:
    """Write the log of a set-up: tests that pass may hold what it was answered."""
    log = fixture.log
    if log is None or not fixture.is_here:
        return
    fixture.set_up.calls = len(log.slots)
    before = log.recording.setup
    fixture.set_up.digest = log.setup_digest() if log.has_new() else before
    _keep_values(fixture, log, _write(run, fixture, log))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if (before or worker) and before != fixture.set_up.digest:
        run.add_event("set up anew", fixture.name, worker=worker)


def _keep_values(owner: Owner, log: Log, written: Written | None) -> None:
    """Let later logs have the recorded values that a log keeps for real values."""
    if written is not None and not log.keep(written.recording):
        owner.real_values = RealValues()


def _write(run: Run, owner: Owner, log: Log) -> Written | None:
    fixtures = sorted(owner.fixtures.items())
    used = [(name, fixture.set_up.digest) for name, fixture in fixtures]
    try:
        return log.write(
            fixtures={name: digest for name, digest in used if digest},
            setup=owner.set_up.digest,
            is_unfinished=not owner.ended.is_set(),
        )
    except MimicError:
        for event in run.events.of_kinds("recorded"):
            if event.text("name") == log.name:
                run.events.take_back(event)
        raise


def _undo(run: Run, written: Iterable[Written]) -> None:
    """Put back what stood before, where nobody has written since."""
    for one in reversed(list(written)):
        run.shared.put_back(one)
        run.forget_replays()


def _judge_cassette(run: Run, cassette: Owner, ending: Ending) -> None:
    if ending == "failed" and cassette.undoable_writes:
        if all(written.old_content is None for written in cassette.undoable_writes):
            run.add_event("not kept", f"cassette {cassette.name}")
        _undo(run, cassette.undoable_writes)
        cassette.undoable_writes = []
    if cassette.log is not None:
        cassette.log.ending = ending
        _add_events_of_log(run, cassette, cassette.log)


def _judge_shared(
    run: Run, owner: Owner, ending: Ending, *, below_replayed: bool
) -> list[Written]:
    """Put back what an owner that did not pass may not leave to all tests."""
    left: list[Written] = []
    if ending != "failed":
        _confirm_borrowed(run, owner)
    # Threads that are not joined may still add to these.
    for written in list(owner.shared.written.values()):
        entry, before = written.answer, written.replaced
        assert entry is not None
        why = why_not_kept(entry, ending, below_replayed=below_replayed)
        is_replaced = ending == "failed" and before is not None
        if not (why or is_replaced) or not run.shared.put_back(written):
            left.append(written)
            _add_events_of_outcome(run, owner, written.name, entry, before, "")
            continue
        run.forget_replays()
        if why:
            _add_events_of_outcome(run, owner, written.name, entry, before, why)
        if is_replaced:
            run.add_event("put back", name=written.name)
    return left


def _confirm_borrowed(run: Run, owner: Owner) -> None:
    """Keep what an owner was given by others, who may fail.

    Of two owners that were given two answers, the next run would fail one.
    """
    for name, entry in list(owner.shared.borrowed.items()):
        if not run.shared.confirm(name, entry):
            label = run.secrecy.secrets.label_of(entry)
            command = run.refusals.command(RERECORD, owner)
            what = f"another answer to {label} is kept than {owner.name} was given"
            run.events.add("stray", f"{what}: {command}")


# -- what is told


def _add_events_of_log(run: Run, owner: Owner, log: Log) -> None:
    """Tell what became of the calls in a log."""
    is_replaced = False
    for slot in log.slots:
        if slot.outcome is not None:
            why = log.why_left_out(slot.outcome)
            _add_events_of_outcome(run, owner, log.name, slot.outcome, slot.entry, why)
            is_replaced = True
    if is_replaced and log.ending == "failed" and log.entries:
        run.add_event("put back", name=log.name)
    vain = log.end_order.vain
    if vain:
        what = f"({plural(vain, 'call')} waited in vain)"
        run.add_event("out of order", owner.name, what=what)


def _add_events_of_outcome(
    run: Run, owner: Owner, name: str, entry: Entry, before: Entry | None, why: str
) -> None:
    """Name an outcome that is not kept, and an error that is.

    Args:
        run: The run.
        owner: Whose call it is.
        name: The file of its recording.
        entry: The call.
        before: What was recorded of it before.
        why: Why it is not kept; empty: it is.
    """
    test = owner.set_up.first_test or run.test
    label = run.secrecy.secrets.label_of(entry)
    raised, failed = raised_in(entry.body), kept_failure(entry.body)
    if why:
        run.events.add("not kept", label, test=test, what=why, option=RERECORD)
    elif failed:
        gave = f"gave {failed.removeprefix('status ')}"
        text = f"{label} {raised if failed == raised else gave}"
        run.events.add("kept failure", text, test=test, option=RERECORD)
    had_value = before is not None and before.body and not raised_in(before.body)
    if raised and had_value and not why:
        run.events.add("lost value", f"{label} {raised}", test=test, name=name)
