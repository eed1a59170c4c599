"""The table of decisions: a row for each cell, with the sentence of the contract that it keeps."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from pytest_mimic._core.engine.decisions import (
    Facts,
    Refuse,
    Replay,
    Run,
    Verify,
    decide,
)
from pytest_mimic._core.settings import Mode

RECORDED = ("nothing", "empty", "stale", "good")
CONVERSATIONS = ("none", "new", "replayed", "real")

# The mode, what is recorded, the conversation, and what happens. A star stands for each
# word of its column that has no row above.
TABLE = [
    # "one without is a miss"
    ("replay", "nothing", "*", Refuse("missing")),
    # "a replay that comes to it is a miss, and nothing behind it moves up"
    ("replay", "empty", "*", Refuse("empty")),
    # "what a replay does when the target's normalised source has changed"
    ("replay", "stale", "*", Refuse("stale")),
    # "a call with a recording gets its outcome and the real function is not run"
    ("replay", "good", "*", Replay()),
    # "every call runs for real and is compared with its recording (none: a miss)"
    ("verify", "nothing", "*", Refuse("missing")),
    ("verify", "empty", "*", Refuse("empty")),
    ("verify", "stale", "*", Verify()),
    ("verify", "good", "*", Verify()),
    # "A recorded answer is never mixed with real ones that do not follow from it"
    ("record", "*", "real", Run()),
    # "one with a recording replays"
    ("record", "good", "*", Replay()),
    # "after one was given, the test fails, keeps its recordings"
    ("record", "*", "replayed", Refuse("follows replayed")),
    # "a call without a recording, or with a stale one, runs for real and is recorded"
    ("record", "*", "*", Run()),
    # "every call runs for real and replaces its recording"
    ("rerecord", "*", "real", Run()),
    ("rerecord", "*", "replayed", Refuse("follows replayed")),
    ("rerecord", "*", "*", Run()),
]


def row_of(cell: tuple[str, str, str]) -> Any:
    """Return what the first row of the table says that fits a cell."""
    for *row, decision in TABLE:
        if all(word in ("*", fact) for word, fact in zip(row, cell, strict=True)):
            return decision
    raise LookupError(cell)


@pytest.mark.parametrize(
    "cell",
    list(product(("replay", "verify", "record", "rerecord"), RECORDED, CONVERSATIONS)),
    ids=lambda cell: "-".join(cell),
)
def test_each_cell_has_its_decision(cell: Any) -> None:
    mode, recorded, conversation = cell

    assert decide(Facts(Mode(mode), recorded, conversation)) == row_of(cell)


def test_what_a_wider_fixture_sends_to_a_database_is_sent_each_time() -> None:
    """While recording, and it gets its recorded answers."""
    facts = Facts(Mode.RECORD, "good", "new", has_effect=True)

    assert decide(facts) == Verify(for_effect=True)
    assert decide(facts._replace(mode=Mode.REPLAY)) == Replay()
    assert decide(facts._replace(recorded="nothing")) == Run()


def test_only_a_replay_by_the_identity_alone_lasts() -> None:
    """Its equal calls need no decision, and a player gives them their outcome."""
    lasting = []
    for mode, recorded, by_identity in product(
        ("replay", "verify", "record", "rerecord"), RECORDED, (True, False)
    ):
        decision = decide(Facts(Mode(mode), recorded, by_identity=by_identity))
        if isinstance(decision, Replay) and decision.lasts:
            lasting.append((mode, recorded, by_identity))

    assert lasting == [("replay", "good", True)]
