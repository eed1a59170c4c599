"""An async client of a service for prime factors: all factors at once, or one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import factors_server


async def factorise(number: int) -> list[int]:
    """Return all prime factors of a number, smallest first."""
    return [prime async for prime in follow(number)]


async def follow(number: int) -> AsyncIterator[int]:
    """Yield each prime factor of a number as soon as the service sends it."""
    reader, writer = await asyncio.open_connection(*factors_server.address())
    try:
        writer.write(b"%d\n" % number)
        async for line in reader:
            yield int(line)
    finally:
        writer.close()
        await writer.wait_closed()


async def common(*numbers: int) -> set[int]:
    """Return the primes that divide all numbers. The requests are concurrent."""
    primes = await asyncio.gather(*map(factorise, numbers))
    return set.intersection(*map(set, primes))
