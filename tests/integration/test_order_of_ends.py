"""Section 5, *Logs*: calls that overlapped end in the order in which they ended when they were recorded."""

from __future__ import annotations

import pytest

ASYNC_SHOP = """
    import asyncio
    from collections import defaultdict
    from tally import ran

    ended = defaultdict(asyncio.Event)

    async def get(number, last):
        # The higher the number, the earlier the end.
        if number < last:
            await ended[number + 1].wait()
            # The answer that came before is read first.
            for _ in range(20):
                await asyncio.sleep(0)
        ran("get", number)
        ended[number].set()
        return number
"""
FIRST_COMPLETED = """
    import asyncio, shop

    async def race():
        tasks = [asyncio.create_task(shop.get(number, 2)) for number in (1, 2)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        [first] = [one.result() for one in done]
        await asyncio.gather(*tasks)
        return first

    def test_the_first_answer_wins():
        assert asyncio.run(race()) == 2
"""
AS_COMPLETED = """
    import asyncio, shop

    async def race():
        # `as_completed` keeps coroutines in a set, and would begin them in any order.
        calls = [asyncio.ensure_future(shop.get(number, 4)) for number in (1, 2, 3, 4)]
        return [await one for one in asyncio.as_completed(calls)]

    def test_results_come_as_they_are_completed():
        assert asyncio.run(race()) == [4, 3, 2, 1]
"""
APPENDED = """
    import asyncio, shop

    async def race():
        results = []

        async def one(number):
            results.append(await shop.get(number, 3))

        await asyncio.gather(*map(one, (1, 2, 3)))
        return results

    def test_results_are_appended_as_they_come():
        assert asyncio.run(race()) == [3, 2, 1]
"""
WAYS = {
    "asyncio.wait": (ASYNC_SHOP, FIRST_COMPLETED, 2),
    "asyncio.as_completed": (ASYNC_SHOP, AS_COMPLETED, 4),
    "appended by tasks": (ASYNC_SHOP, APPENDED, 3),
}


@pytest.mark.parametrize(("shop", "test", "count"), WAYS.values(), ids=WAYS)
def test_calls_that_overlap_end_as_recorded(project, shop, test, count):
    project.ini("shop:get sequence")
    project.module(shop)
    project.tests(test)
    project.record().expect(passed=1)

    for _ in range(3):
        project.replay().expect(passed=1, real=[])


def test_calls_that_overlap_no_more_do_not_wait_for_each_other(project):
    """The code may make its calls one after another by now."""
    project.ini("shop:get sequence")
    project.module(ASYNC_SHOP)
    project.tests(AS_COMPLETED)
    project.record().expect(passed=1)

    project.tests("""
        async def one_by_one():
            return [await shop.get(number, 4) for number in (1, 2, 3, 4)]

        def test_results_come_as_they_are_completed():
            assert asyncio.run(one_by_one()) == [1, 2, 3, 4]
    """)

    project.replay(timeout=60).expect(passed=1, real=[])


# Each takes as long as it is told to; a test cancels some of them.
TIMED_SHOP = """
    import asyncio
    from tally import ran

    async def get(name, seconds):
        ran("get", name)
        await asyncio.sleep(seconds)
        if seconds < 0.02:
            raise ConnectionError(name)
        return name
"""
# What a test does with calls that overlap, and what it gets, recorded and replayed.
CANCELLING = {
    "wait_for": (
        """
        async def main():
            other = asyncio.create_task(shop.get("other", 0.2))
            try:
                await asyncio.wait_for(shop.get("slow", 60), 0.1)
            except asyncio.TimeoutError:
                return ["timeout", await other]
        """,
        ["timeout", "other"],
    ),
    "the first of three": (
        """
        async def main():
            tasks = [asyncio.create_task(shop.get(*one)) for one in (("a", 60), ("b", 0.1), ("c", 60))]
            done, left = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            return [one.result() for one in done]
        """,
        ["b"],
    ),
    "hedged": (
        """
        async def main():
            first = asyncio.create_task(shop.get("first", 60))
            await asyncio.sleep(0.05)
            second = asyncio.create_task(shop.get("second", 0.05))
            done, left = await asyncio.wait({first, second}, return_when="FIRST_COMPLETED")
            first.cancel()
            return [one.result() for one in done]
        """,
        ["second"],
    ),
    "a group with a failure": (
        """
        async def main():
            tasks = [asyncio.create_task(shop.get(*one)) for one in (("a", 60), ("bad", 0.01))]
            try:
                await asyncio.gather(*tasks)
            except ConnectionError as error:
                tasks[0].cancel()
                return [str(error)]
        """,
        ["bad"],
    ),
    "anyio": (
        """
        async def main():
            import anyio
            found = []

            async def one(name, seconds):
                found.append(await shop.get(name, seconds))
                group.cancel_scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(one, "slow", 60)
                group.start_soon(one, "quick", 0.1)
            return found
        """,
        ["quick"],
    ),
    "300 at once": (
        """
        async def main():
            found = []

            async def one(number):
                found.append(await shop.get(number, 0.6 - number / 1000))

            await asyncio.gather(*map(one, range(300)))
            return [found[0] > found[-1], len(found)]
        """,
        [True, 300],
    ),
}


@pytest.mark.parametrize(("main", "given"), CANCELLING.values(), ids=CANCELLING)
def test_tasks_that_are_cancelled_or_many_replay(project, main, given):
    if "anyio" in main:
        pytest.importorskip("anyio")
    project.ini("shop:get sequence")
    project.module(TIMED_SHOP)
    tests = f"{main}\n        def test_it(): assert asyncio.run(main()) == {given}\n"
    project.tests(tests)
    project.record().expect(passed=1)

    for _ in range(2):
        project.replay(timeout=60).expect(
            passed=1, real=[], never=["in vain", "no longer ended"]
        )
