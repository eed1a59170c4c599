"""What adapters inherit: when an exchange has failed, and one body for a sync and an async method."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_mimic._core.seam.base import Adapter, async_method, sync_method


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"status": 200}, None),
        ({"status": 404}, None),
        *(
            ({"status": status}, f"gave {status}")
            for status in (401, 403, 408, 429, 500, 503)
        ),
        ({"error": {"type": "httpx:ReadTimeout"}}, "raised ReadTimeout"),
        ({"error": {"type": "reading"}}, "failed (reading)"),
        (
            {"status": 200, "error": {"type": "reading"}},
            "gave 200, then failed (reading)",
        ),
        ({"error": "gone"}, "failed"),
        (["error"], None),
    ],
)
def test_an_exchange_has_failed_by_its_error_or_status(
    plain: Any, words: str | None
) -> None:
    assert Adapter("toy").failure(plain) == words


def doubled(send: Any, value: int) -> Any:
    """The body of a method: an error of what it sends is answered, too."""
    try:
        got = yield send(value)
    except ValueError:
        return "refused"
    return got * 2


async def later(value: int) -> int:
    if value < 0:
        raise ValueError
    return value


def test_one_body_serves_the_sync_and_the_async_method() -> None:
    assert sync_method(doubled, abs)(-4) == 8
    assert sync_method(max, 3)(1, 2) == 3
    assert asyncio.run(async_method(doubled, later)(4)) == 8
    assert asyncio.run(async_method(doubled, later)(-4)) == "refused"
