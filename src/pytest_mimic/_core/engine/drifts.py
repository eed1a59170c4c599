"""Keeps drifts for a review: the recorded and the real outcome, in the form in which a vault has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_mimic._core.outcome.encoding import Snapshot, snapshot
from pytest_mimic._core.pending.review_folder import id_of, mark_of
from pytest_mimic._core.pending.waiting import folder_of
from pytest_mimic._core.vault.file_names import CASSETTES, recording_name
from pytest_mimic._core.vault.long_parts import shortened
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault import Recording, Stored


class Drift(NamedTuple):
    """A real outcome that differs from the recorded one.

    Or one that is equal, although its source, or what the call ran and read, has changed: then accepting it notes that.

    `place` is that of the recorded one in its recording or cassette. `facts` show the differences, `paths` has their
    paths, as `volatile=` takes them; None for a difference without one.
    """

    call: Call
    recorded: Stored
    place: int
    facts: Sequence[str]
    paths: list[str | None]
    change: Literal["changed", "equal"] = "changed"


def keep(
    drift: Drift,
    state: RunState,
    encode: Callable[[], Stored],
    recording_of: Callable[[list[Stored]], Recording],
) -> None:
    """Keep a drift in the folder of `--mimic-review`, and enter it into the ledger.

    `encode` returns the outcome in its stored form, or refuses it. Then it is only described.
    """
    call = drift.call
    vault = folder_of(state.settings).drift_vault()
    problem, outcomes = "", [drift.recorded.lifted()]
    try:
        outcomes.append(encode())
    except MimicError as error:
        problem = error.what
    recording = recording_of(outcomes)
    file, before = drift.recorded.name, mark_of(drift.recorded)
    key = id_of(file, drift.place, before, *map(mark_of, outcomes[1:]), *drift.facts)
    name = recording_name(call.plan.target, key)
    vault.write(name, recording)
    vault.store.flush()
    state.ledger.enter(
        "drifts",
        {
            "id": key,
            "change": drift.change,
            "file": file,
            "place": drift.place,
            "kind": call.plan.kind,
            "target": call.plan.target,
            "call": call.label,
            "signature": call.signature,
            "host": call.host,
            "key": call.key,
            "arguments": shortened(recording.arguments)[0],
            "tests": [state.test] if state.test else [],
            "differences": list(drift.facts),
            "paths": drift.paths,
            "before": before,
            "staged": name,
            "problem": problem,
            "in_cassette": file.startswith(CASSETTES),
        },
    )


def encoded(call: Call, outcome: Outcome, encode: Callable[[Outcome], Stored]) -> Stored:
    """Return an outcome as recording would store it. MimicError: it would refuse it."""
    plan = call.plan
    if plan.kind != "function" and outcome.kind == "raised":
        raise MimicError("the real call failed, which recording would not keep")
    items: list[object] = outcome.items
    # As recording takes them, with the places of their paths.
    taken: list[object] = [
        one if isinstance(one, Snapshot) else snapshot(one, target=plan.target, paths=call.paths)
        for one in items
    ]
    outcome.items = taken
    try:
        return encode(outcome)
    finally:
        outcome.items = items
