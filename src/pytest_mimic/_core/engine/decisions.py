"""Decides what happens to a call, from facts alone.

Nothing is read, run or written here.

The table, in which the first row that fits decides:

| mode | recorded | conversation | decision |
|---|---|---|---|
| record, rerecord | any | `real` | run |
| record | good | any other | replay, or run again for its effect |
| record | other | `replayed` | refuse: follows replayed |
| rerecord | any | `replayed` | refuse: follows replayed |
| record, rerecord | any | any other | run |
| replay, verify | nothing | any | refuse: missing |
| replay, verify | empty | any | refuse: empty |
| verify | good, stale | any | verify |
| replay | stale | any | refuse: stale |
| replay | good | any | replay |

`follows replayed`: a service remembers what came before. So from its first call on, a
conversation is replayed, or runs for real as a whole.

The last row may hold for all equal calls of the run. Then the replay `lasts`, and a
`Player` gives them their outcome without another decision. It lasts where the identity
alone decides: a call with a place among equal ones, one in a cassette, and one that a
log shows are looked at one by one. No other row lasts: a missing call may be recorded
meanwhile, and a real one runs each time.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple, TypeAlias

from pytest_mimic._core.settings import Mode

Recorded: TypeAlias = Literal["nothing", "empty", "stale", "good"]
"""What stands in the place of a call.

`nothing`: no outcome, or one that a failed attempt of the test has recorded in this
run.
`empty`: a call began there and has none. `stale`: one of another source, or of inputs
that count. `good`: any other, also that of a call that was cancelled.
"""

Conversation: TypeAlias = Literal["none", "new", "replayed", "real"]
"""Whether the conversation of the call's owner with its service is replayed or real.

`none`: the call belongs to none. `new`: no call of it was made so far. `replayed`:
calls before this one were replayed. `real`: it is recorded as a whole.
"""


class Facts(NamedTuple):
    """All that decides about a call.

    Attributes:
        mode: The mode of the run, or of the cassette that takes the call. It is never
            `live`, in which nothing is mimicked.
        recorded: What stands in its place.
        conversation: Whether its conversation is replayed or real.
        has_effect: Whether a wider fixture makes it, at a service that keeps what calls
            do.
        by_identity: Whether nothing else than its identity tells it from other calls:
            it has no place among equal ones, no cassette takes it, and no log shows it.
    """

    mode: Mode
    recorded: Recorded
    conversation: Conversation = "none"
    has_effect: bool = False
    by_identity: bool = False


class _Decision:
    """What all decisions have in common: two are equal if their attributes are.

    Their classes are written out, because each replay loads them, and a `NamedTuple`
    takes ten times as long to make.
    """

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Return whether another decision is of the same class and attributes."""
        if type(other) is not type(self):
            return NotImplemented
        names = self.__slots__
        return all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        facts = [f"{name}={getattr(self, name)!r}" for name in self.__slots__]
        return f"{type(self).__name__}({', '.join(facts)})"


class Replay(_Decision):
    """The caller gets the recorded outcome, and nothing runs.

    Attributes:
        lasts: Each equal call of the run gets it, too.
    """

    __slots__ = ()
    lasts: ClassVar[bool] = False


class LastingReplay(Replay):
    """A replay that holds for all equal calls of the run."""

    __slots__ = ()
    lasts = True


class Run(_Decision):
    """The original runs, and its outcome is recorded."""

    __slots__ = ()


class Verify(_Decision):
    """The original runs, and the caller gets the recorded outcome.

    Attributes:
        for_effect: It runs for what it does at its service, in a recording run.
    """

    __slots__ = ("for_effect",)

    def __init__(self, *, for_effect: bool = False) -> None:
        self.for_effect = for_effect


class Refuse(_Decision):
    """The call gets an error.

    Attributes:
        reason: `missing`: nothing is recorded. `empty`: its place is empty. `stale`:
            its recording is. `follows replayed`: it cannot run for real any more.
    """

    __slots__ = ("reason",)

    def __init__(
        self, reason: Literal["missing", "empty", "stale", "follows replayed"]
    ) -> None:
        self.reason = reason


Decision: TypeAlias = "Replay | Run | Verify | Refuse"


def decide(facts: Facts) -> Decision:
    """Return what happens to a call: the first row of the module's table that fits.

    `Track.take` asks it for a call, and carries the decision out. `FunctionPlan` asks
    it once for all calls of a function: whether its players may answer.
    """
    if facts.mode.writes:
        if facts.conversation == "real":
            return Run()
        if facts.mode is Mode.RECORD and facts.recorded == "good":
            return Verify(for_effect=True) if facts.has_effect else Replay()
        if facts.conversation == "replayed":
            return Refuse("follows replayed")
        return Run()
    if facts.recorded == "nothing":
        return Refuse("missing")
    if facts.recorded == "empty":
        return Refuse("empty")
    if facts.mode is Mode.VERIFY:
        return Verify()
    if facts.recorded == "stale":
        return Refuse("stale")
    return LastingReplay() if facts.by_identity else Replay()
