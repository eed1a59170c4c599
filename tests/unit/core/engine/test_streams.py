"""The scripts of streams, carried out as generators and as async generators."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

from pytest_mimic._core.engine.streams import (
    Give,
    Resume,
    Script,
    Switch,
    goes_further,
    perform,
    perform_async,
    share_beginning,
)
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic.errors import MissingRecordingError
from unit.core.engine.runs import Runs


def echo(closed: list[str]) -> Script:
    """Give what the reader sends, after an item of its own, until it sends "stop"."""
    try:
        reply = yield Give("first")
        while reply != "stop":
            try:
                reply = yield Give(reply)
            except LookupError as error:
                reply = f"caught {error}"
        return "returned"
    finally:
        closed.append("closed")


def test_a_generator_gets_sent_values_thrown_errors_and_the_return_value() -> None:
    closed: list[str] = []
    stream: Generator[Any, Any, Any] = perform(echo(closed))

    assert [next(stream), stream.send("a"), stream.throw(LookupError("b"))] == ["first", "a", "caught b"]
    with pytest.raises(StopIteration) as stopped:
        stream.send("stop")
    assert (stopped.value.value, closed) == ("returned", ["closed"])


def test_an_async_generator_gets_sent_values_and_thrown_errors() -> None:
    closed: list[str] = []

    async def read() -> list[Any]:
        stream: AsyncGenerator[Any, Any] = perform_async(echo(closed))
        return [await stream.__anext__(), await stream.asend("a"), await stream.athrow(LookupError("b"))]

    assert asyncio.run(read()) == ["first", "a", "caught b"]
    assert closed == ["closed"]


def test_closing_a_stream_closes_the_real_one_after_a_switch() -> None:
    """`finally` of a script may still resume the real stream."""
    calls: list[str] = []

    def inner() -> Script:
        try:
            yield Give((yield Resume(lambda: "item")))
        finally:
            yield Resume(lambda: calls.append("close"))

    def outer() -> Script:
        return (yield Switch(inner()))

    stream = perform(outer())

    assert next(stream) == "item"
    stream.close()
    assert calls == ["close"]


def test_an_error_of_the_real_stream_reaches_the_script() -> None:
    def script() -> Script:
        try:
            yield Resume(lambda: 1 // 0)
        except ZeroDivisionError:
            yield Give("divided by zero")

    assert list(perform(script())) == ["divided by zero"]


def stream(items: int, sent: list[str | None] | None = None, *, ended: bool = True) -> Outcome:
    return Outcome(
        "stream", items=list(range(items)), end=Outcome("value", None) if ended else None, sent=sent
    )


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        (stream(2), stream(3), True),
        (stream(2, ["x", None]), stream(2), False),
        (stream(2, ["x", None]), stream(2, ["x", "y"]), False),
        (stream(1, ["x"]), stream(2, ["x", "y"]), True),
        (stream(2, ["x"], ended=False), stream(2, ["x", "y"]), True),
    ],
)
def test_streams_share_a_beginning_if_the_same_values_were_sent(one, other, is_shared):
    assert share_beginning(one, other) is is_shared


@pytest.mark.parametrize(
    ("one", "other", "is_further"),
    [
        (stream(2, ended=False), stream(1, ended=False), True),
        (stream(1, ended=False), stream(1, ended=False), False),
        (stream(1), stream(1, ended=False), True),
        (stream(3), stream(1), False),
    ],
)
def test_a_stream_goes_further_with_more_items_or_an_end(one, other, is_further):
    assert goes_further(one, other) is is_further


def talk() -> Generator[str, object, None]:
    reply = yield "hello"
    yield type(reply).__name__


def test_a_value_without_an_identity_counts_by_its_type_if_it_is_sent(runs: Runs) -> None:
    def reply_to(talking: Generator[Any, Any, Any], reply: object) -> Any:
        next(talking)
        return talking.send(reply)

    assert reply_to(runs.mimic(talk)(), threading.Lock()) == "lock"
    runs.again("replay")

    assert reply_to(runs.mimic(talk)(), threading.Lock()) == "lock"
    with pytest.raises(MissingRecordingError, match="is sent something else than when it was recorded"):
        reply_to(runs.mimic(talk)(), threading.Event())


def test_an_interrupt_ends_a_stream_that_is_verified(runs: Runs) -> None:
    """It is no outcome, and so no drift."""
    is_interrupted = False

    def pages() -> Generator[int, None, None]:
        yield 1
        if is_interrupted:
            raise KeyboardInterrupt
        yield 2

    assert [*runs.mimic(pages)()] == [1, 2]
    runs.again("verify")
    is_interrupted = True
    reading = runs.mimic(pages)()

    assert next(reading) == 1
    with pytest.raises(KeyboardInterrupt):
        next(reading)
    assert runs.errors() == []
