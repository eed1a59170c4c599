"""Says what becomes of a call, from the mode and from what is recorded of it.

| mode | what stands at its place | what becomes of it |
|---|---|---|
| rerecord, live | anything | run |
| record | fresh, repeats | replay; a statement of a wider fixture: repeat |
| record, where calls are made | stale, empty, none | run |
| record, in a log that stands | stale, empty, none | refused |
| verify | fresh, stale, repeats | verify |
| replay | fresh, repeats | replay |
| replay | stale | refused |
| accept-source | fresh, stale, repeats | replay |
| verify, replay, accept-source | empty, none | refused |
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Mode: TypeAlias = Literal[
    "replay", "record", "rerecord", "verify", "accept-source", "live"
]

Way: TypeAlias = Literal["replayed", "made", "continued"]
"""What becomes of a log as a whole, decided when its owner begins.

- replayed: its calls are given. A run that records refuses a call that does not stand
  there.
- made: its calls run for real.
- continued: that of a wider fixture which has begun before in this run. What stands
  there is given, and what is new is made.
"""

Recorded: TypeAlias = Literal["fresh", "stale", "repeats", "empty", "none"]
"""What stands at the place of a call.

- fresh: a recording.
- stale: one that was made with other source or inputs.
- repeats: none, but equal calls before it have one, of which the last repeats.
- empty: a call of which nothing was kept.
- none: nothing.
"""

Decision: TypeAlias = Literal["replay", "run", "verify", "repeat"]
"""What becomes of a call.

- replay: it gets what is recorded.
- run: it runs for real and is recorded.
- verify: it runs for real and is compared; its caller gets what is recorded.
- repeat: the same, for the sake of what it does to a database.
"""

Reason: TypeAlias = Literal["missing", "stale"]
"""Why a call is refused.

- missing: it has no recording.
- stale: its recording was made with other source or inputs.
"""


def decide(
    mode: Mode,
    recorded: Recorded,
    way: Way = "made",
    *,
    has_effect: bool = False,
) -> Decision | Reason:
    """Say what becomes of a call, or why it is refused.

    Args:
        mode: The mode of the run, or of a cassette's block.
        recorded: What stands at its place.
        way: What becomes of its log; of what all tests share, each call is made.
        has_effect: Whether a later real call may need what it does: a statement of a
            wider fixture.
    """
    if mode in ("rerecord", "live"):
        return "run"
    is_there = recorded in ("fresh", "repeats")
    if mode == "record" and is_there:
        return "repeat" if has_effect else "replay"
    if mode == "record" and way != "replayed":
        return "run"
    if recorded in ("empty", "none"):
        return "missing"
    if mode == "verify":
        return "verify"
    if recorded == "stale" and mode != "accept-source":
        return "stale"
    return "replay"
