"""Generators and async generators, recorded and replayed item by item.

The rules are written once for both kinds, as scripts. A script is a generator that yields `Resume` to have the real stream
take its next step, and `Give` to give an item to the reader. `perform` carries a script out as a generator, and
`perform_async` as an async generator.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.engine.real_calls import RealCall
from pytest_mimic._core.identity.call_identity import fingerprint
from pytest_mimic._core.identity.kinds import Unstable
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.steps import Replay
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault import Stored


class Resume(NamedTuple):
    """Call (and await, in an async stream) a method of the real stream. Its result is sent into the script."""

    method: Callable[[], Any]


class Give(NamedTuple):
    """Yield an item to the reader. The value that the reader sends back is sent into the script."""

    item: Any


class Switch(NamedTuple):
    """Carry out another script from now on.

    `yield from` does not do it: it closes the other script where it should throw GeneratorExit into it (PEP 380).
    """

    script: Script
    close: Callable[[], Any] | None = None


Action = Resume | Give | Switch
Script = Generator[Action, Any, Any]


class Reply(NamedTuple):
    """The reader's reply to an item: a value it sent, None after a plain `next`, or an exception it threw in."""

    value: Any
    is_thrown: bool = False

    @property
    def identity(self) -> str | None:
        """The part of the reply that counts, None after a plain `next`."""
        if self.value is None:
            return None
        try:
            return fingerprint(self.value)
        except Unstable:
            return f"{type(self.value).__module__}.{type(self.value).__qualname__}"


def perform(script: Script, close: Callable[[], Any] | None = None) -> Generator[Any, Any, Any]:
    """Carry out a script as a generator, and then close the real stream."""
    advance: Callable[[Any], Action] = script.send
    value: Any = None
    try:
        while True:
            try:
                action = advance(value)
            except StopIteration as end:
                return end.value
            if isinstance(action, Switch):
                (script, close), value = action, None
                advance = script.send
                continue
            try:
                value = (yield action.item) if isinstance(action, Give) else action.method()
                advance = script.send
            except BaseException as error:
                advance, value = script.throw, error
    finally:  # not in the script: the garbage collector may have closed that first
        value = None  # an error refers to this frame: as a cycle, they would keep the arguments alive
        if close is not None:
            close()


async def perform_async(script: Script, close: Callable[[], Any] | None = None) -> AsyncGenerator[Any, Any]:
    """Carry out a script as an async generator, and then close the real stream."""
    advance: Callable[[Any], Action] = script.send
    value: Any = None
    try:
        while True:
            try:
                action = advance(value)
            except StopIteration:
                return
            if isinstance(action, Switch):
                (script, close), value = action, None
                advance = script.send
                continue
            try:
                value = (yield action.item) if isinstance(action, Give) else await action.method()
                advance = script.send
            except BaseException as error:
                advance, value = script.throw, error
    finally:
        value = None
        if close is not None:
            await close()


def relaying(step: RealCall, real: object) -> Script:
    """Relay a real stream, and record it or compare it with the recorded one."""
    recorded = step.recorded
    if recorded is None or recorded.stored.kind != "stream":  # a function of another kind may be recorded
        return recording(step, real)
    return verifying(step, recorded, real)


def recording(real_call: RealCall, real: Any, *, replies: Sequence[Reply] = ()) -> Script:
    """Relay a real generator or async generator and record it.

    The replies are those of a reader who has had the first items already, one for each.

    Raises:
        UnstorableOutcomeError: An item, or the end, cannot be stored.
    """
    is_async = hasattr(real, "asend")
    send, throw = (real.asend, real.athrow) if is_async else (real.send, real.throw)
    items: list[Any] = []
    sent: list[str | None] = []

    def complete(end: Outcome | None) -> None:
        try:
            real_call.complete(Outcome("stream", items=items, end=end, sent=sent if any(sent) else None))
        except MimicError as refused:
            raise refused from None  # without the StopIteration that ended the stream

    real_call.begun = True
    resume = partial(send, None)
    try:
        while True:
            try:
                with real_call.running():
                    item = yield Resume(resume)
            except (StopIteration, StopAsyncIteration) as stop:
                returned = getattr(stop, "value", None)
                complete(Outcome("value", returned))
                return returned
            except BaseException as error:
                if is_outcome(error):
                    complete(Outcome("raised", exception=error))
                raise
            items.append(real_call.copy(item))  # a copy, because the stream may change the item later
            try:
                reply = replies[len(sent)] if len(sent) < len(replies) else Reply((yield Give(item)))
            except BaseException as error:
                try:
                    if isinstance(error, GeneratorExit) and not is_async:
                        # What it does when it is closed is part of the call: it may write the rest of a file.
                        with real_call.running():
                            real.close()
                finally:
                    if not is_outcome(error):  # the reader stopped, or was interrupted
                        complete(None)
                if isinstance(error, GeneratorExit):
                    raise
                reply = Reply(error, is_thrown=True)
            sent.append(reply.identity)
            resume = partial(throw if reply.is_thrown else send, reply.value)
    finally:
        real_call.abandon()


def verifying(step: RealCall, recorded: Replay, real: object) -> Script:
    """Give the items of a recorded stream, and let the real one take the same steps.

    The real items are compared as far as the reader went. Past the recorded end, the real stream is asked for one more.
    """
    live, kept = recording(step, real), replaying(recorded, lambda: real)
    is_live, reply = True, None
    try:
        while True:
            if is_live:
                is_live = yield from _reach_item(live, reply)
            try:
                given = _resume(kept, reply)
            except StopIteration as end:
                return end.value
            try:
                reply = Reply((yield given))
            except BaseException as error:
                reply = Reply(error, is_thrown=True)
    finally:
        reply = None
        live.close()


def _reach_item(script: Script, reply: Reply | None) -> Generator[Resume, Any, bool]:
    """Carry out a script up to its next item, and return whether there is one."""
    try:
        action = _resume(script, reply)
        while isinstance(action, Resume):
            try:
                value = yield action
            except BaseException as error:
                action = script.throw(error)
            else:
                action = script.send(value)
    except StopIteration:
        return False
    except BaseException as error:
        is_from_reader = reply is not None and error is reply.value
        if not (is_from_reader or is_outcome(error)):
            raise
        return False
    finally:
        del reply  # the error refers to this frame
    return True


def _resume(script: Script, reply: Reply | None) -> Action:
    """Continue a script with its reader's reply, or start it without one."""
    if reply is None:
        return next(script)
    try:
        return script.throw(reply.value) if reply.is_thrown else script.send(reply.value)
    finally:
        del reply  # the error refers to this frame


def replaying(step: Replay, real: Callable[[], Any]) -> Script:
    """Give the items of a recorded stream; continue with a real one past their end.

    The reader's replies must be the recorded ones. If they become those of another stream recorded for the same call,
    that one goes on.

    Raises:
        MissingRecordingError: The reader reads further than the recording, or replies otherwise, and the mode does not
            run the call.
    """
    outcome = step.load()
    expected = replies_to(outcome)
    replies: list[Reply] = []
    real_call: RealCall | None = None
    while real_call is None and len(replies) < len(outcome.items):
        try:
            reply = Reply((yield Give(outcome.items[len(replies)])))
        except BaseException as error:
            if not is_outcome(error):  # the reader stopped, or was interrupted
                step.unpack(outcome)
                raise
            reply = Reply(error, is_thrown=True)
        replies.append(reply)
        if len(replies) <= len(expected) and reply.identity != expected[len(replies) - 1]:
            sent = [reply.identity for reply in replies]
            other = next((one for one in step.load_others() if replies_to(one)[: len(sent)] == sent), None)
            if other is None:
                real_call = _continued(step, diverged=True)
            else:
                outcome, expected = other, replies_to(other)
    if real_call is None and outcome.end is not None:
        step.unpack(outcome)
        return step.unpack(outcome.end)
    real_call = real_call or _continued(step)
    with real_call.running():
        stream = real()
    close = getattr(stream, "aclose", None) or stream.close
    return (yield Switch(recording(real_call, stream, replies=replies), close))


def replies_to(stream: Outcome) -> list[str | None]:
    """Return the identity of the reply to each item of a recorded stream; the last item may have no reply."""
    replied = len(stream.items) - (stream.end is None)
    sent = [None if one is None else str(one) for one in stream.sent or ()]
    return [*sent, *[None] * (replied - len(sent))]


def share_beginning(one: Outcome, other: Outcome) -> bool:
    """Check whether the readers of two streams sent the same values, as far as both streams go."""
    return all(mine == theirs for mine, theirs in zip(replies_to(one), replies_to(other), strict=False))


def goes_further(one: Outcome, other: Outcome) -> bool:
    """Check whether one recording of a stream holds more of it than another."""
    if other.end is not None:
        return False
    return (len(one.items), one.end is not None) > (len(other.items), False)


def matching_stream(recorded: Sequence[Stored], outcome: Outcome, paths: PathStore | None = None) -> Stored:
    """Return the stream, of those recorded for a call, whose reader sent the same values."""
    if len(recorded) > 1 and outcome.kind == "stream":
        return next((one for one in recorded if share_beginning(one.load(paths), outcome)), recorded[0])
    return recorded[0]


def _continued(replay: Replay, *, diverged: bool = False) -> RealCall:
    """Return a real call that continues a stream past its recording, or where its reader has diverged from it.

    Raises:
        MissingRecordingError: The mode does not run it.
    """
    state, call = replay.state, replay.call
    if replay.place.keep is None:
        from pytest_mimic._core.describe.messages import read_further, strange_answer

        problem = strange_answer if diverged else read_further
        raise state.blame(problem(call.label, test=state.test), call)
    real = RealCall(state, call, replay.place)
    real.awaited = replay.stored.awaited
    return real
