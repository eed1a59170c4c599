"""Calls of functions and coroutines are carried out as the engine decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from unit.core.engine.runs import Runs


class Service:
    """A client with a plain method that returns a coroutine. Its first answer never comes, unless it is sent."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def ask(self, city: str) -> Awaitable[list[str]]:
        self.requests.append(city)
        self.sent = asyncio.Event()
        return self._answer(city, len(self.requests))

    async def _answer(self, city: str, number: int) -> list[str]:
        if number == 1:
            await self.sent.wait()
        return [city]


def test_a_plain_function_runs_again_if_its_coroutine_is_cancelled_elsewhere(runs: Runs) -> None:
    service = Service()
    ask = runs.mimic(lambda city: service.ask(city))

    async def both() -> Any:
        first = asyncio.create_task(ask("Oslo"))
        second = asyncio.create_task(ask("Oslo"))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(both()) == ["Oslo"]
    assert service.requests == ["Oslo", "Oslo"]
    runs.again("replay")
    assert asyncio.run(runs.mimic(lambda city: service.ask(city))("Oslo")) == ["Oslo"]
    assert service.requests == ["Oslo", "Oslo"]


def test_a_coroutine_that_would_wait_runs_at_once_inside_of_another_call(runs: Runs) -> None:
    """It is part of that call, which is recorded as a whole."""
    service = Service()
    ask = runs.mimic(lambda city: service.ask(city))

    async def total(coroutine: Awaitable[Any]) -> int:
        return len(await coroutine)

    async def both() -> Any:
        first, second = ask("Oslo"), ask("Oslo")
        inside = await runs.mimic(total, ignore=("coroutine",))(second)
        service.sent.set()
        return await first, inside

    assert asyncio.run(both()) == (["Oslo"], 1)
    assert service.requests == ["Oslo", "Oslo"]


@pytest.mark.parametrize("recorded", [["Oslo"], LookupError("no Oslo")], ids=["value", "exception"])
def test_a_coroutine_that_fails_while_it_is_verified_gives_what_was_recorded(
    runs: Runs, recorded: Any
) -> None:
    answers = [recorded]

    async def fetch() -> Any:
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    async def outcome() -> Any:
        try:
            return await runs.mimic(fetch)()
        except LookupError as error:
            return error.args

    asyncio.run(outcome())
    runs.again("verify")
    answers[0] = ConnectionError("no route")

    assert asyncio.run(outcome()) == (["Oslo"] if recorded == ["Oslo"] else ("no Oslo",))
    (drift,) = runs.errors()
    assert "ConnectionError" in drift
