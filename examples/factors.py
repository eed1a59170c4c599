"""An async client: prime factors from a service, all at once or as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import factors_server


async def factorise(number: int) -> list[int]:
    """All prime factors of a number, smallest first."""
    return [prime async for prime in follow(number)]


async def follow(number: int) -> AsyncIterator[int]:
    """The prime factors of a number, each when the service has found it."""
    reader, writer = await asyncio.open_connection(*factors_server.address())
    try:
        writer.write(b"%d\n" % number)
        async for line in reader:
            yield int(line)
    finally:
        writer.close()
        await writer.wait_closed()


async def common(*numbers: int) -> set[int]:
    """The primes that divide all these numbers, which the service is asked for at the same time."""
    primes = await asyncio.gather(*map(factorise, numbers))
    return set.intersection(*map(set, primes))
