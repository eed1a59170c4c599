"""Keeps drifts for a review: the recorded and the real outcome, in the form in which a vault has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from pytest_mimic._core.pending.review_folder import id_of, mark_of
from pytest_mimic._core.pending.waiting import folder_of
from pytest_mimic._core.vault.file_names import CASSETTES, recording_name
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.vault import Recording, Stored


def keep(
    state: RunState,
    call: Call,
    recorded: Stored,
    place: int,
    facts: Sequence[str],
    paths: Sequence[str | None],
    *,
    encode: Callable[[], Stored],
    recording_of: Callable[[list[Stored]], Recording],
    change: Literal["changed", "equal"] = "changed",
) -> None:
    """Keep a drift in the folder of `--mimic-review`, and enter it into the ledger.

    Or an outcome that is equal, although its source, or what the call ran and read, has changed: accepting it notes that.

    `place` is that of the recorded one in its recording or cassette. `facts` show the differences, `paths` has their
    paths, as `volatile=` takes them; None for a difference without one. If `encode` refuses the new outcome, it is only
    described.
    """
    vault = folder_of(state.settings).drift_vault()
    problem, outcomes = "", [recorded.lifted()]
    try:
        outcomes.append(encode())
    except MimicError as error:
        problem = error.what
    recording = recording_of(outcomes)
    file, before = recorded.name, mark_of(recorded)
    key = id_of(file, place, before, *map(mark_of, outcomes[1:]), *facts)
    name = recording_name(call.plan.target, key)
    vault.write(name, recording)
    vault.store.flush()
    state.ledger.enter(
        "drifts",
        {
            "id": key,
            "change": change,
            "file": file,
            "place": place,
            "kind": call.plan.kind,
            "target": call.plan.target,
            "call": call.label,
            "signature": call.signature,
            "host": call.host,
            "key": call.key,
            "arguments": recording.arguments,
            "tests": [state.test] if state.test else [],
            "differences": list(facts),
            "paths": list(paths),
            "before": before,
            "staged": name,
            "problem": problem,
            "in_cassette": file.startswith(CASSETTES),
        },
    )
