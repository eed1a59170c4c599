"""Calls of functions and coroutines are carried out as the engine decides."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from unit.core.engine.runs import Runs


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
