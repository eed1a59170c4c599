"""Begins a call: it gets its place, and is replayed, made for real or refused."""

from __future__ import annotations

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.nesting import is_called_by
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.place import Place
from pytest_mimic.engine.real import Real
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.taking import take
from pytest_mimic.errors import MimicError


def begin(
    run: Run, call: Call, cassette: Owner | None = None
) -> tuple[Place, Real | None]:
    """Give a call its place, and the block in which it is made for real.

    None: it is replayed.

    Args:
        run: The run.
        call: The call.
        cassette: The innermost cassette around it that takes it.

    Raises:
        MissingRecordingError: It has no recording, and may not run.
        StaleRecordingError: Its recording is stale.
        CorruptRecordingError: The file of its recording is damaged.
        MimicError: It is to run, and its recording could not be written.
    """
    run.sleeps.go_on()
    owner = cassette or run.innermost
    is_typed = run.is_debugged and is_called_by("pdb")
    if is_typed:
        owner = Owner(
            owner.name, "test", "replay", file=owner.file, serves=owner.serves
        )
    try:
        in_log = call.in_log or cassette is not None
        slot, call = take(run, call, owner, in_log=in_log)
        if slot.is_real and slot.name:
            run.try_out(slot.name)
    except MimicError as error:
        raise run.refuse(error, call, owner) from None
    if run.is_child and slot.name and slot.decision in ("run", "verify", "repeat"):
        raise run.refuse(run.refusals.in_child(call), call)
    if slot.decision in ("missing", "stale"):
        raise run.refuse(run.refusals.refusal(call, slot, owner), call, owner)
    place = Place(run, call, slot, owner)
    real = None if place.decision == "replay" else Real(run, place)
    if not is_typed:
        place.told.begun(place.entry)
        place.find()
    return place, real
