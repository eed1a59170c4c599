"""Generators and async generators, recorded and replayed item by item."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._identity import Unstable, fingerprint

if TYPE_CHECKING:
    from pytest_mimic._engine import Replay, Run
    from pytest_mimic._outcome import Outcome


# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Tape:
    """What a stream gave so far, and what its reader sent.

    Attributes:
        items: A copy of each item, as it was when it was given.
        sent: For each step after the first, None or the identity of what was sent or thrown in.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.items: list[Any] = []
        self.sent: list[str | None] = []

    def item(self, item: Any) -> None:
        """Keeps a copy of an item.

        Raises:
            UnstorableOutcomeError: It cannot be stored.
        """
        self.items.append(self.run.copy(item))

    def end(self, error: BaseException | None) -> None:
        """Records the stream as ended by a return value, an exception, or (None) by its reader."""
        from pytest_mimic._outcome import Outcome

        end: Outcome | None = None
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            end = Outcome.of_value(error.value if isinstance(error, StopIteration) else None)
        elif error is not None:
            end = Outcome.of_exception(error, outer=self.run.outer)
        sent = self.sent if any(self.sent) else None
        self.run.complete(Outcome.of_stream(self.items, end, sent))


def sent_identity(value: object) -> str | None:
    """What counts of a value sent or an exception thrown into a stream; None for a plain `next`."""
    if value is None:
        return None
    try:
        return fingerprint(value)
    except Unstable:
        return f"{type(value).__module__}.{type(value).__qualname__}"


def record_stream(
    run: Run, real: Generator[Any, Any, Any], *, skip: int = 0, tape: Tape | None = None
) -> Generator[Any, Any, Any]:
    """Hands on a real generator's items and records them.

    Args:
        run: The run that this stream completes.
        real: The real generator.
        skip: How many items its reader has been given already.
        tape: What was recorded of them.
    """
    from pytest_mimic._wrap import is_outcome

    tape = tape or Tape(run)
    resume: Callable[[], Any] = partial(real.send, None)
    try:
        while True:
            try:
                with run.running():
                    item = resume()
            except BaseException as error:
                if isinstance(error, StopIteration):
                    tape.end(error)
                    return error.value
                if is_outcome(error):
                    tape.end(error)
                raise
            tape.item(item)
            if len(tape.items) <= skip:
                continue
            try:
                sent = yield item
            except GeneratorExit:
                tape.end(None)
                raise
            except BaseException as error:
                tape.sent.append(sent_identity(error))
                resume = partial(real.throw, error)
            else:
                tape.sent.append(sent_identity(sent))
                resume = partial(real.send, sent)
    finally:
        real.close()
        run.abandon()


async def record_async_stream(
    run: Run, real: AsyncGenerator[Any, Any], *, skip: int = 0, tape: Tape | None = None
) -> AsyncGenerator[Any, Any]:
    """Hands on a real async generator's items and records them; see `record_stream`."""
    from pytest_mimic._wrap import is_outcome

    tape = tape or Tape(run)
    resume: Callable[[], Any] = partial(real.asend, None)
    try:
        while True:
            try:
                with run.running():
                    item = await resume()
            except BaseException as error:
                if isinstance(error, StopAsyncIteration):
                    tape.end(error)
                    return
                if is_outcome(error):
                    tape.end(error)
                raise
            tape.item(item)
            if len(tape.items) <= skip:
                continue
            try:
                sent = yield item
            except GeneratorExit:
                tape.end(None)
                raise
            except BaseException as error:
                tape.sent.append(sent_identity(error))
                resume = partial(real.athrow, error)
            else:
                tape.sent.append(sent_identity(sent))
                resume = partial(real.asend, sent)
    finally:
        await real.aclose()
        run.abandon()


class Playback:
    """One reading of a recorded stream: what its reader sends must be what was sent."""

    def __init__(self, step: Replay) -> None:
        self.step = step
        self.outcome: Outcome = step.load()
        self.sent: list[str | None] = []

    @property
    def items(self) -> list[Any]:
        """The recorded items, fresh."""
        return self.outcome.items

    def answer(self, value: object) -> None:
        """Checks what the reader sent against what was sent while recording.

        Raises:
            MissingRecordingError: It was something else.
        """
        position = len(self.sent)
        self.sent.append(sent_identity(value))
        recorded = self.outcome.sent or []
        # A step of which nothing is known was never taken: the end of the items tells that.
        if position < len(self.outcome.items) and self.sent[-1] != (
            recorded[position] if position < len(recorded) else self._unrecorded(position)
        ):
            raise self.step.strange_answer()

    def _unrecorded(self, position: int) -> str | None:
        """The step after the last item, where the reader stopped: anything may follow."""
        ended = position == len(self.outcome.items) - 1 and self.outcome.end is None
        return self.sent[position] if ended else None

    def finish(self) -> Any:
        """The recorded end: its return value.

        Raises:
            Exception: The recorded one.
        """
        end = self.outcome.end
        assert end is not None
        if end.kind == "raised":
            assert end.exception is not None
            raise end.exception
        return end.value

    def tape(self, run: Run) -> Tape:
        """The tape that a real stream goes on with from here."""
        tape = Tape(run)
        tape.sent = [None] * len(self.sent)
        return tape


def replay_stream(step: Replay, real: Callable[[], Any]) -> Generator[Any, Any, Any]:
    """Gives a recorded generator's items, and past their end the real one's, where the mode runs it."""
    playback = Playback(step)
    for item in playback.items:
        try:
            sent = yield item
        except GeneratorExit:
            raise
        except BaseException as error:
            playback.answer(error)
        else:
            playback.answer(sent)
    if playback.outcome.end is not None:
        return playback.finish()
    run = step.longer()
    return (yield from record_stream(run, real(), skip=len(playback.items), tape=playback.tape(run)))


async def replay_async_stream(step: Replay, real: Callable[[], Any]) -> AsyncGenerator[Any, Any]:
    """Gives a recorded async generator's items; see `replay_stream`."""
    playback = Playback(step)
    for item in playback.items:
        try:
            sent = yield item
        except GeneratorExit:
            raise
        except BaseException as error:
            playback.answer(error)
        else:
            playback.answer(sent)
    if playback.outcome.end is not None:
        playback.finish()
        return
    run = step.longer()
    more = record_async_stream(run, real(), skip=len(playback.items), tape=playback.tape(run))
    try:
        async for item in more:
            yield item
    finally:
        await more.aclose()
