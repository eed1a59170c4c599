"""Says what becomes of a call, from the mode and from what is recorded of it."""

from __future__ import annotations

from typing import Literal, TypeAlias

Mode: TypeAlias = Literal[
    "replay", "record", "rerecord", "verify", "accept-source", "live"
]

Recorded: TypeAlias = Literal["fresh", "stale", "repeats", "empty", "none"]
"""What stands at the place of a call.

- fresh: a recording.
- stale: one that was made with other source or inputs.
- repeats: none, but equal calls before it have one, of which the last repeats.
- empty: a call of which nothing was kept.
- none: nothing.
"""

Conversation: TypeAlias = Literal["none", "new", "replayed", "real"]
"""How the calls went that this one follows from.

- none: it follows from no others.
- new: it is the first one.
- replayed: they were given recorded answers.
- real: they ran for real.
"""

Decision: TypeAlias = Literal["replay", "run", "verify", "repeat"]
"""What becomes of a call.

- replay: it gets what is recorded.
- run: it runs for real and is recorded.
- verify: it runs for real and is compared; its caller gets what is recorded.
- repeat: the same, for the sake of what it does to a database.
"""

Reason: TypeAlias = Literal["missing", "stale", "follows"]
"""Why a call is refused.

- missing: it has no recording.
- stale: its recording was made with other source or inputs.
- follows: it would have to run after calls that were replayed.
"""


def decide(
    mode: Mode,
    recorded: Recorded,
    conversation: Conversation = "none",
    *,
    has_effect: bool = False,
) -> Decision | Reason:
    """Say what becomes of a call, or why it is refused.

    Args:
        mode: The mode of the run, or of a cassette's block.
        recorded: What stands at its place.
        conversation: How the calls went that it follows from.
        has_effect: Whether a later real call may need what it does: a statement of a
            wider fixture.
    """
    if mode in ("rerecord", "live"):
        return "run"
    if mode == "record":
        if conversation == "real":
            return "run"
        if recorded == "fresh":
            return "repeat" if has_effect else "replay"
        return "follows" if conversation == "replayed" else "run"
    if recorded in ("empty", "none"):
        return "missing"
    if mode == "verify":
        return "verify"
    is_refused = recorded == "stale" and mode != "accept-source"
    return "stale" if is_refused else "replay"
