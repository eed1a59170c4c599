"""Tests of concurrent coroutines and async generators. A replay needs no service."""

import asyncio
from contextlib import aclosing

from factors import common, factorise, follow

FERMAT_5 = 2**32 + 1
MERSENNE_59 = 2**59 - 1


def test_euler_was_right_about_fermat():
    assert asyncio.run(factorise(FERMAT_5)) == [641, 6700417]


def test_numbers_are_factorised_at_the_same_time():
    millionth_prime, next_prime, two_millionth = 15485863, 15485867, 32452843

    shared = asyncio.run(
        common(millionth_prime * two_millionth, millionth_prime * next_prime)
    )

    assert shared == {millionth_prime}


def test_factors_arrive_one_by_one():
    async def first() -> int:
        async with aclosing(follow(MERSENNE_59)) as primes:
            async for prime in primes:
                return prime
        raise AssertionError("no prime came")

    assert asyncio.run(first()) == 179951
