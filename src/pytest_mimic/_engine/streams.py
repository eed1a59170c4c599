"""Generators and async generators, recorded and replayed item by item."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._identity import Unstable, fingerprint
from pytest_mimic._outcome.raising import is_outcome, raise_again
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._engine.steps import Replay, Run
    from pytest_mimic._outcome import Outcome


# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Answer(NamedTuple):
    """What a reader gave back for an item: a value sent, None for a plain `next`, or an exception thrown in."""

    value: Any
    is_thrown: bool = False

    @property
    def identity(self) -> str | None:
        """What counts of it; None for a plain `next`."""
        if self.value is None:
            return None
        try:
            return fingerprint(self.value)
        except Unstable:
            return f"{type(self.value).__module__}.{type(self.value).__qualname__}"


class Tape:
    """What a real stream gave so far, and what its reader answered.

    Args:
        run: The run that the stream completes.
        send, throw: What resumes the stream.
        given: The answers of a reader who has had the first items already, one for each.

    Attributes:
        resume: What makes the stream take its next step.
    """

    def __init__(
        self, run: Run, send: Callable[..., Any], throw: Callable[..., Any], given: Sequence[Answer]
    ) -> None:
        self.resume: Callable[[], Any] = partial(send, None)
        self._run = run
        self._send = send
        self._throw = throw
        self._given = given
        self._items: list[Any] = []
        self._sent: list[str | None] = []
        run.begun = True

    def item(self, item: Any) -> None:
        """Keeps a copy of an item, as it is now.

        Raises:
            UnstorableOutcomeError: It cannot be stored.
        """
        self._items.append(self._run.copy(item))

    def given(self) -> Answer | None:
        """The answer to the latest item, where its reader has given it already."""
        position = len(self._sent)
        return self._given[position] if position < len(self._given) else None

    def interrupted(self, error: BaseException) -> Answer | None:
        """The answer that an exception thrown in for an item is; None where the reader has stopped instead."""
        if not is_outcome(error):  # the reader has stopped, or was cut short
            self._end(None)
        return None if isinstance(error, GeneratorExit) else Answer(error, is_thrown=True)

    def answer(self, answer: Answer) -> None:
        """Takes the reader's answer to the latest item."""
        self._sent.append(answer.identity)
        self.resume = partial(self._throw if answer.is_thrown else self._send, answer.value)

    def stopped(self, error: BaseException) -> None:
        """Records the stream, where what came instead of an item is an end: its return, or an exception of its own."""
        from pytest_mimic._outcome import Outcome

        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._end(Outcome.of_value(error.value if isinstance(error, StopIteration) else None))
        elif is_outcome(error):
            self._end(Outcome.of_exception(error, outer=self._run.outer))

    def _end(self, end: Outcome | None) -> None:
        from pytest_mimic._outcome import Outcome

        sent = self._sent if any(self._sent) else None
        try:
            self._run.complete(Outcome.of_stream(self._items, end, sent))
        except MimicError as refused:
            raise refused from None  # not from the StopIteration by which the stream has ended


def record_stream(
    run: Run, real: Generator[Any, Any, Any], *, given: Sequence[Answer] = ()
) -> Generator[Any, Any, Any]:
    """Hands on a real generator's items and records them; `given` as for `Tape`."""
    tape = Tape(run, real.send, real.throw, given)
    try:
        while True:
            try:
                with run.running():
                    item = tape.resume()
            except BaseException as error:
                tape.stopped(error)
                if isinstance(error, StopIteration):
                    return error.value
                raise
            tape.item(item)
            try:
                answer = tape.given() or Answer((yield item))
            except BaseException as error:
                thrown = tape.interrupted(error)
                if thrown is None:
                    raise
                answer = thrown
            tape.answer(answer)
    finally:
        real.close()
        run.abandon()


async def record_async_stream(
    run: Run, real: AsyncGenerator[Any, Any], *, given: Sequence[Answer] = ()
) -> AsyncGenerator[Any, Any]:
    """Hands on a real async generator's items and records them; see `record_stream`."""
    tape = Tape(run, real.asend, real.athrow, given)
    try:
        while True:
            try:
                with run.running():
                    item = await tape.resume()
            except BaseException as error:
                tape.stopped(error)
                if isinstance(error, StopAsyncIteration):
                    return
                raise
            tape.item(item)
            try:
                answer = tape.given() or Answer((yield item))
            except BaseException as error:
                thrown = tape.interrupted(error)
                if thrown is None:
                    raise
                answer = thrown
            tape.answer(answer)
    finally:
        await real.aclose()
        run.abandon()


class Playback:
    """One reading of a recorded stream: what its reader answers must be what was answered."""

    def __init__(self, step: Replay) -> None:
        self._step = step
        self._outcome: Outcome = step.load()
        self.answers: list[Answer] = []

    @property
    def has_next(self) -> bool:
        """Whether there is another item."""
        return len(self.answers) < len(self._outcome.items)

    @property
    def item(self) -> Any:
        """The next item."""
        return self._outcome.items[len(self.answers)]

    @property
    def is_over(self) -> bool:
        """Whether the recording knows how the stream ended."""
        return self._outcome.end is not None

    def answer(self, answer: Answer) -> Run | None:
        """Takes the reader's answer to an item.

        Returns:
            A real run, where the answer is another than the recorded one and the mode runs it.

        Raises:
            MissingRecordingError: It is another one, and the mode does not run it.
        """
        self.answers.append(answer)
        if self._agrees(self._outcome):
            return None
        sent = [answer.identity for answer in self.answers]
        other = next((take for take in self._step.takes() if _starts(take, sent)), None)
        if other is None:
            return self._step.otherwise()
        self._outcome = other
        return None

    def _agrees(self, take: Outcome) -> bool:
        """Whether the latest answer is the recorded one, or stands where the recording stops."""
        position = len(self.answers) - 1
        sent = sent_into(take)
        return position >= len(sent) or sent[position] == self.answers[-1].identity

    def finish(self) -> Any:
        """The recorded end: its return value.

        Raises:
            Exception: The recorded one.
        """
        end = self._outcome.end
        assert end is not None
        self.change()
        if end.kind == "raised":
            assert end.exception is not None
            raise_again(end.exception)
        return end.value

    def change(self) -> None:
        """Brings the arguments into the state that the recorded stream left them in."""
        if self._outcome.changed:
            self._step.call.plan.apply(self._step.call, self._outcome.changed)


def sent_into(stream: Outcome) -> list[str | None]:
    """What was answered to each item of a recorded stream; the last one may have had no answer."""
    answered = len(stream.items) - (stream.end is None)
    sent = [None if one is None else str(one) for one in stream.sent or ()]
    return [*sent, *[None] * (answered - len(sent))]


def _starts(take: Outcome, sent: list[str | None]) -> bool:
    return sent_into(take)[: len(sent)] == sent


def share_beginning(one: Outcome, other: Outcome) -> bool:
    """Whether two streams are the same conversation, as far as both go."""
    return all(mine == theirs for mine, theirs in zip(sent_into(one), sent_into(other), strict=False))


def knows_more(one: Outcome, other: Outcome) -> bool:
    """Whether of the same stream, one recording goes further than another."""
    if other.end is not None:
        return False
    return (len(one.items), one.end is not None) > (len(other.items), False)


def replay_stream(step: Replay, real: Callable[[], Any]) -> Generator[Any, Any, Any]:
    """Gives a recorded generator's items, and past their end the real one's, where the mode runs it."""
    playback = Playback(step)
    run: Run | None = None
    while run is None and playback.has_next:
        try:
            answer = Answer((yield playback.item))
        except BaseException as error:
            if not is_outcome(error):  # the reader stopped, or was cut short
                playback.change()
                raise
            answer = Answer(error, is_thrown=True)
        run = playback.answer(answer)
    if run is None and playback.is_over:
        return playback.finish()
    run = run or step.longer()
    with run.running():
        stream = real()
    return (yield from record_stream(run, stream, given=playback.answers))


async def replay_async_stream(step: Replay, real: Callable[[], Any]) -> AsyncGenerator[Any, Any]:
    """Gives a recorded async generator's items; see `replay_stream`."""
    playback = Playback(step)
    run: Run | None = None
    while run is None and playback.has_next:
        try:
            answer = Answer((yield playback.item))
        except BaseException as error:
            if not is_outcome(error):  # the reader stopped, or was cut short
                playback.change()
                raise
            answer = Answer(error, is_thrown=True)
        run = playback.answer(answer)
    if run is None and playback.is_over:
        playback.finish()
        return
    run = run or step.longer()
    with run.running():
        stream = real()
    more = record_async_stream(run, stream, given=playback.answers)
    answer = Answer(None)
    try:
        while True:
            item = await (more.athrow if answer.is_thrown else more.asend)(answer.value)
            try:
                answer = Answer((yield item))
            except GeneratorExit:
                raise
            except BaseException as error:
                answer = Answer(error, is_thrown=True)
    except StopAsyncIteration:
        return
    finally:
        await more.aclose()
