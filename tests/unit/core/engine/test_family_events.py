"""What forked processes tell one another is plain data, in rows that carry the name of their event."""

from __future__ import annotations

import marshal
from typing import Any

import pytest

from pytest_mimic._core.engine.family_events import (
    EVENTS,
    AccountGrown,
    CallEnded,
    CallRecorded,
    CallUnended,
    ConversationBegun,
    ErrorNoted,
    NameNumbered,
    NewAnswersWritten,
    PlaceTaken,
    RecordingWritten,
    SecretsHidden,
    SecretsLearned,
    SenderNoted,
)

OWNER = (4711, 2)
FILE = "calls/http/1a2b.json"


@pytest.mark.parametrize(
    "event",
    [
        PlaceTaken(
            OWNER, FILE, "", runs=True, is_replayed=False, only_compares=True, number=1
        ),
        ConversationBegun(OWNER, "http", is_real=True),
        NewAnswersWritten(OWNER),
        RecordingWritten(None, OWNER, FILE, None, b"{}", "http", {0: None}),
        NameNumbered(OWNER, "sqlalchemy", "sqlite:///a.db"),
        CallRecorded(
            OWNER,
            "cassettes/trip.json",
            1,
            {"target": "http"},
            {"value": 1},
            has_outcome=True,
            error=("GET /a gave 503", "test_a"),
        ),
        CallEnded(OWNER),
        CallUnended(
            OWNER, OWNER, FILE, 1, "GET /a", {"target": "http"}, {"end": "open"}
        ),
        SecretsLearned(OWNER, "Begun", ["http 1a2b", 1]),
        SecretsHidden(["tok-4711"]),
        SenderNoted(("", "http", "1a2b"), {"authorization": "k-1"}, {"accept": "a"}),
        AccountGrown({"recorded": 1}),
        ErrorNoted(4711, {"kind": "MimicError", "what": "closed"}),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_comes_out_as_it_went_in(event: Any) -> None:
    row = marshal.dumps((type(event).__name__, *event))

    kind, *fields = marshal.loads(row)

    assert EVENTS[kind](*fields) == event
