"""Generators and async generators, recorded and replayed item by item."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._identity import Unstable, fingerprint
from pytest_mimic._outcome.raising import is_outcome, raise_again
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._engine.steps import RealCall, Replay
    from pytest_mimic._outcome import Outcome


# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


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


class StreamRecorder:
    """The items of a real stream so far, and its reader's replies.

    Args:
        real_call: The call that the stream completes.
        send, throw: The methods that resume the stream.
        given: The replies of a reader who has had the first items already, one for each.

    Attributes:
        resume: Makes the stream take its next step.
    """

    def __init__(
        self, real_call: RealCall, send: Callable[..., Any], throw: Callable[..., Any], given: Sequence[Reply]
    ) -> None:
        self.resume: Callable[[], Any] = partial(send, None)
        self._real_call = real_call
        self._send = send
        self._throw = throw
        self._given = given
        self._items: list[Any] = []
        self._sent: list[str | None] = []
        real_call.begun = True

    def add(self, item: Any) -> Reply | None:
        """Add a copy of an item, as it is now.

        Returns:
            The reply to it, if the reader has given it already.

        Raises:
            UnstorableOutcomeError: It cannot be stored.
        """
        self._items.append(self._real_call.copy(item))
        position = len(self._sent)
        return self._given[position] if position < len(self._given) else None

    def interrupted(self, error: BaseException) -> Reply | None:
        """Return the reply that an exception represents, raised while the reader had an item.

        Returns:
            None if the reader closed the stream.
        """
        if not is_outcome(error):  # the reader stopped, or was interrupted
            self._end(None)
        return None if isinstance(error, GeneratorExit) else Reply(error, is_thrown=True)

    def reply(self, reply: Reply) -> None:
        """Add the reader's reply to the latest item."""
        self._sent.append(reply.identity)
        self.resume = partial(self._throw if reply.is_thrown else self._send, reply.value)

    def stopped(self, error: BaseException) -> None:
        """Record the stream if it ended by itself: it returned, or raised an exception."""
        from pytest_mimic._outcome import Outcome

        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._end(Outcome.of_value(error.value if isinstance(error, StopIteration) else None))
        elif is_outcome(error):
            self._end(Outcome.of_exception(error, outer=self._real_call.outer))

    def _end(self, end: Outcome | None) -> None:
        from pytest_mimic._outcome import Outcome

        sent = self._sent if any(self._sent) else None
        try:
            self._real_call.complete(Outcome.of_stream(self._items, end, sent))
        except MimicError as refused:
            raise refused from None  # without the StopIteration that ended the stream


def record_stream(
    real_call: RealCall, real: Generator[Any, Any, Any], *, given: Sequence[Reply] = ()
) -> Generator[Any, Any, Any]:
    """Relay a real generator and record it. For `given`, see `StreamRecorder`."""
    recorder = StreamRecorder(real_call, real.send, real.throw, given)
    try:
        while True:
            try:
                with real_call.running():
                    item = recorder.resume()
            except BaseException as error:
                recorder.stopped(error)
                if isinstance(error, StopIteration):
                    return error.value
                raise
            reply = recorder.add(item)
            try:
                reply = reply or Reply((yield item))
            except BaseException as error:
                reply = recorder.interrupted(error)
                if reply is None:
                    raise
            recorder.reply(reply)
    finally:
        real.close()
        real_call.abandon()


async def record_async_stream(
    real_call: RealCall, real: AsyncGenerator[Any, Any], *, given: Sequence[Reply] = ()
) -> AsyncGenerator[Any, Any]:
    """Relay a real async generator and record it; see `record_stream`."""
    recorder = StreamRecorder(real_call, real.asend, real.athrow, given)
    try:
        while True:
            try:
                with real_call.running():
                    item = await recorder.resume()
            except BaseException as error:
                recorder.stopped(error)
                if isinstance(error, StopAsyncIteration):
                    return
                raise
            reply = recorder.add(item)
            try:
                reply = reply or Reply((yield item))
            except BaseException as error:
                reply = recorder.interrupted(error)
                if reply is None:
                    raise
            recorder.reply(reply)
    finally:
        await real.aclose()
        real_call.abandon()


class StreamPlayer:
    """One replay of a recorded stream. The reader's replies must be the recorded ones.

    Attributes:
        replies: The reader's replies so far.
    """

    def __init__(self, step: Replay) -> None:
        self._step = step
        self._outcome: Outcome = step.load()
        self.replies: list[Reply] = []

    @property
    def has_next(self) -> bool:
        """Whether there is another item."""
        return len(self.replies) < len(self._outcome.items)

    @property
    def item(self) -> Any:
        """The next item."""
        return self._outcome.items[len(self.replies)]

    @property
    def is_complete(self) -> bool:
        """Whether the recording holds the end of the stream."""
        return self._outcome.end is not None

    def interrupted(self, error: BaseException) -> Reply:
        """Return the reply that an exception represents, raised while the reader had an item.

        Raises:
            BaseException: The exception itself, if the reader stopped or was interrupted.
        """
        if is_outcome(error):
            return Reply(error, is_thrown=True)
        self.change_arguments()
        raise error

    def reply(self, reply: Reply) -> RealCall | None:
        """Check the reader's reply to an item against the recordings.

        Returns:
            A real call, if no recording has this reply and the mode runs it.

        Raises:
            MissingRecordingError: No recording has this reply, and the mode does not run it.
        """
        self.replies.append(reply)
        position = len(self.replies) - 1
        recorded = replies_to(self._outcome)
        if position >= len(recorded) or recorded[position] == reply.identity:
            return None
        sent = [reply.identity for reply in self.replies]
        for other in self._step.load_others():
            if replies_to(other)[: len(sent)] == sent:
                self._outcome = other
                return None
        return self._step.diverged()

    def finish(self) -> Any:
        """End the stream as recorded.

        Returns:
            The stream's return value.

        Raises:
            Exception: The recorded one.
        """
        end = self._outcome.end
        assert end is not None
        self.change_arguments()
        if end.kind == "raised":
            assert end.exception is not None
            raise_again(end.exception)
        return end.value

    def change_arguments(self) -> None:
        """Change the arguments as the recorded stream did."""
        if self._outcome.changed:
            self._step.call.plan.apply(self._step.call, self._outcome.changed)


def replies_to(stream: Outcome) -> list[str | None]:
    """Return the identity of the reply to each item of a recorded stream; the last item may have none."""
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


def replay_stream(step: Replay, real: Callable[[], Any]) -> Generator[Any, Any, Any]:
    """Give a recorded generator's items. Past their end, continue with the real one if the mode runs it."""
    player = StreamPlayer(step)
    real_call: RealCall | None = None
    while real_call is None and player.has_next:
        try:
            reply = Reply((yield player.item))
        except BaseException as error:
            reply = player.interrupted(error)
        real_call = player.reply(reply)
    if real_call is None and player.is_complete:
        return player.finish()
    real_call = real_call or step.continued()
    with real_call.running():
        stream = real()
    return (yield from record_stream(real_call, stream, given=player.replies))


async def replay_async_stream(step: Replay, real: Callable[[], Any]) -> AsyncGenerator[Any, Any]:
    """Give a recorded async generator's items; see `replay_stream`."""
    player = StreamPlayer(step)
    real_call: RealCall | None = None
    while real_call is None and player.has_next:
        try:
            reply = Reply((yield player.item))
        except BaseException as error:
            reply = player.interrupted(error)
        real_call = player.reply(reply)
    if real_call is None and player.is_complete:
        player.finish()
        return
    real_call = real_call or step.continued()
    with real_call.running():
        stream = real()
    more = record_async_stream(real_call, stream, given=player.replies)
    # An async generator cannot delegate (PEP 525 has no `yield from`), so this relays by hand, as PEP 380 describes.
    reply = Reply(None)
    try:
        while True:
            item = await (more.athrow if reply.is_thrown else more.asend)(reply.value)
            try:
                reply = Reply((yield item))
            except GeneratorExit:
                raise
            except BaseException as error:
                reply = Reply(error, is_thrown=True)
    except StopAsyncIteration:
        return
    finally:
        await more.aclose()
