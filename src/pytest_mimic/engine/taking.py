"""Gives a call its place: in the log of its owner, or among what all tests share."""

from __future__ import annotations

from collections.abc import Callable

from pytest_mimic.engine.calls import Call, Slot, key_of
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.run import Run
from pytest_mimic.values.identity import identity_of


def take(run: Run, call: Call, owner: Owner, *, in_log: bool) -> tuple[Slot, Call]:
    """Give the place of a call, and the call as it was recorded.

    Args:
        run: The run.
        call: The call, which may hold real values of earlier answers.
        owner: Whose call it is.
        in_log: Whether the line of the call, or a cassette, gives it a place in a log.

    Raises:
        MissingRecordingError: No owner runs that could have a log.
        CorruptRecordingError: The file of its recording is damaged.
    """
    if owner.mode == "live":
        return Slot("", key_of(call), "none", None, "run", None), call
    if not in_log and run.has_own(call.target, owner):
        in_log = run.log_of(owner).has_own(call)
    if in_log and not call.is_of_all:
        return _slot_in_log(run, call, owner)
    return _shared_slot(run, call, owner)


def _shared_slot(run: Run, call: Call, owner: Owner) -> tuple[Slot, Call]:
    mode = owner.mode
    if mode == "verify":
        call = _as_recorded(run, call, owner, lambda one: run.shared.find(one)[1])
    if mode == "rerecord":
        call = _as_kept(run, call, owner)
    if owner.records and call.options.ignore and not call.is_function:
        _note_joined(run, call)
    slot = run.shared.take(call, mode, owner.shared.times_asked)
    if owner.records:
        _note_asked(run, call, slot, owner)
    return slot, call


def _note_asked(run: Run, call: Call, slot: Slot, owner: Owner) -> None:
    """Count a call, and name an owner that asks a client the same twice."""
    times_asked = owner.shared.times_asked
    times_asked[slot.name] += 1
    is_again = call.has_samples and owner.name and times_asked[slot.name] == 2
    if is_again and (slot.is_real or run.shared.is_of_this_run(slot.name)):
        run.add_event("asked again", call.label(), **call.facts_of_line())


def _note_joined(run: Run, call: Call) -> None:
    """Name requests that differ in ignored parts alone, and so share a recording."""
    with_all = call.options.updated(ignore=())
    whole = identity_of(call.target, call.counted(call.described, with_all))
    joined = run.shared.joined.setdefault(call.identity, {})
    if whole in joined:
        return
    shown = f"{call.target} {call.signature}"
    joined[whole] = run.test
    # The first one is named with the second.
    named = joined if len(joined) == 2 else {whole: run.test}
    if len(joined) > 1:
        for identity, test in named.items():
            run.events.add(
                "became one", shown, test=test, cause=shown, identity=identity
            )


def _slot_in_log(run: Run, call: Call, owner: Owner) -> tuple[Slot, Call]:
    if not owner.is_here:
        raise run.refusals.without_place(call, owner)
    log, mode, recorded = run.log_of(owner), owner.mode, call
    has_effect = call.has_effect and owner.kind == "fixture"
    if mode in ("verify", "rerecord"):
        recorded = _as_recorded(run, call, owner, log.recorded.equal)
    if mode == "rerecord" and recorded is call:
        recorded = _as_kept(run, call, owner)
    if mode != "rerecord":
        call = recorded
    return log.take(call, mode, recorded, has_effect=has_effect), call


def _as_recorded(
    run: Run, call: Call, owner: Owner, is_recorded: Callable[[Call], object]
) -> Call:
    """Give a call that may hold real values of earlier answers as it was recorded."""
    if is_recorded(call):
        return call
    for asked in run.values_around(owner).candidates(call.asked):
        other = call.asking(asked)
        if is_recorded(other):
            return other
    return call


def _as_kept(run: Run, call: Call, owner: Owner) -> Call:
    """Give a call with the values that other logs keep."""
    kept = run.values_around(owner, in_written=True)
    return call.asking(kept.request_as_recorded(call.asked))
