"""Streams are recorded as far as they are read, verified, and replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from pytest_mimic._core.commands import Verb
from pytest_mimic.errors import MissingRecordingError, UnstorableOutcomeError
from unit.core.engine.runs import Runs


def read(stream: Any, count: int = 99) -> list[Any]:
    """Read so many items of a generator or async generator, and close it."""

    async def read_async() -> list[Any]:
        got = []
        async for item in stream:
            got.append(item)
            if len(got) == count:
                break
        await stream.aclose()
        return got

    if hasattr(stream, "__anext__"):
        return asyncio.run(read_async())
    got = [item for _, item in zip(range(count), stream, strict=False)]
    stream.close()
    return got


def pages(asked: list[int], stop: int = 4) -> Callable[[], Iterator[int]]:
    def pages() -> Iterator[int]:
        for number in range(stop):
            asked.append(number)
            yield number

    return pages


def pages_async(asked: list[int], stop: int = 4) -> Callable[[], AsyncIterator[int]]:
    async def pages() -> AsyncIterator[int]:
        for number in range(stop):
            asked.append(number)
            yield number

    return pages


@pytest.mark.parametrize("make", [pages, pages_async])
def test_a_longer_reading_of_the_run_stays(runs: Runs, make: Any) -> None:
    asked: list[int] = []
    runs.again("rerecord")
    stream = runs.mimic(make(asked))
    assert [read(stream(), count) for count in (1, 3, 2)] == [[0], [0, 1, 2], [0, 1]]
    runs.again("replay")
    asked.clear()
    stream = runs.mimic(make(asked))

    assert [read(stream(), count) for count in (3, 2)] == [[0, 1, 2], [0, 1]]
    with pytest.raises(MissingRecordingError, match="read further") as missed:
        read(stream(), 4)
    assert missed.value.remedies[0].verb is Verb.RERECORD
    assert asked == []


@pytest.mark.parametrize("make", [pages, pages_async])
@pytest.mark.parametrize(("count", "expected"), [(2, [0, 1]), (99, [0, 1, 2, 3, 4])])
def test_verifying_reads_as_far_as_the_recording_goes(
    runs: Runs, make: Any, count: int, expected: list[int]
) -> None:
    """Of one that has ended, one item more is asked for."""
    read(runs.mimic(make([]))(), count)
    runs.again("verify")
    asked: list[int] = []

    assert read(runs.mimic(make(asked, 9))(), 1) == [0]

    assert asked == expected
    assert bool(runs.errors()) is (count == 99)


@pytest.mark.parametrize("mode", ["record", "replay", "verify"])
@pytest.mark.parametrize("sent", ["a value", LookupError("thrown")], ids=str)
def test_what_a_reader_sends_is_refused(runs: Runs, mode: str, sent: Any) -> None:
    """In an async generator, too. Nothing is recorded of it."""

    def talk() -> Iterator[str]:
        yield "hello"
        yield "again"

    async def talk_async() -> AsyncIterator[str]:
        yield "hello"
        yield "again"

    async def send(talking: Any) -> None:
        await anext(talking)
        await (
            talking.athrow(sent) if isinstance(sent, Exception) else talking.asend(sent)
        )

    if mode != "record":
        for made in (talk, talk_async):
            read(runs.mimic(made)())
        runs.again(mode)
    talking: Any = runs.mimic(talk)()
    next(talking)

    with pytest.raises(
        UnstorableOutcomeError, match="sends or throws something into it"
    ):
        talking.throw(sent) if isinstance(sent, Exception) else talking.send(sent)
    with pytest.raises(
        UnstorableOutcomeError, match="sends or throws something into it"
    ):
        asyncio.run(send(runs.mimic(talk_async)()))
    assert len(runs.errors()) == 2
    assert bool(runs.names()) is (mode != "record")


def test_an_interrupt_ends_a_stream_that_is_verified(runs: Runs) -> None:
    """It is no outcome, and so no drift."""
    is_interrupted = False

    def pages() -> Iterator[int]:
        yield 1
        if is_interrupted:
            raise KeyboardInterrupt
        yield 2

    assert [*runs.mimic(pages)()] == [1, 2]
    runs.again("verify")
    is_interrupted = True

    with pytest.raises(KeyboardInterrupt):
        next(runs.mimic(pages)())
    assert runs.errors() == []
