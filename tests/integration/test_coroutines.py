"""Coroutines are recorded when they are awaited, and replay as coroutines in any event loop."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    import asyncio
    import functools
    from tally import ran

    async def fetch(city):
        ran("fetch", city)
        await asyncio.sleep(0)
        if city == "Atlantis":
            raise LookupError(city)
        return [city]

    def plain(city):
        ran("plain", city)
        return later(city)

    async def later(city):
        await asyncio.sleep(0)
        return {"later": city}

    def decorated(function):
        @functools.wraps(function)
        def outer(*args):
            return function(*args)
        return outer

    @decorated
    async def behind(city):
        ran("behind", city)
        await asyncio.sleep(0)
        return city

    def soon(city):
        ran("soon", city)
        future = asyncio.get_running_loop().create_future()
        future.set_result(city)
        return future

    class Client:
        async def get(self, path):
            ran("get", path)
            return path

        @classmethod
        async def make(cls, name):
            ran("make", name)
            return [cls.__name__, name]

        @staticmethod
        async def ping():
            ran("ping")
            return "pong"
"""


def test_coroutines_replay_as_coroutines(round_trip):
    """Of functions and methods, and those that a plain function returns; in tasks, with gather and wait_for."""
    round_trip(
        *("shop:fetch", "shop:Client.*", "shop:plain", "shop:behind"),
        test="""
            import asyncio, inspect
            import pytest
            import shop

            # Deprecated since Python 3.14, and still used.
            @pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")
            def test_it_is_a_coroutine():
                assert inspect.iscoroutinefunction(shop.fetch) and asyncio.iscoroutinefunction(shop.fetch)
                coroutine = shop.fetch("Oslo")
                assert inspect.iscoroutine(coroutine)
                assert asyncio.run(coroutine) == ["Oslo"]

            def test_in_many_ways():
                async def main():
                    task = asyncio.create_task(shop.fetch("Rome"))
                    both = await asyncio.gather(shop.fetch("Oslo"), asyncio.wait_for(shop.fetch("Bern"), 60))
                    return both, await task
                assert asyncio.run(main()) == ([["Oslo"], ["Bern"]], ["Rome"])

            def test_its_exception():
                with pytest.raises(LookupError, match="Atlantis"):
                    asyncio.run(shop.fetch("Atlantis"))

            def test_never_awaited():
                shop.fetch("Nowhere").close()

            def test_methods():
                assert asyncio.run(shop.Client().get("/a")) == "/a"
                assert asyncio.run(shop.Client.make("x")) == ["Client", "x"]
                assert asyncio.run(shop.Client.ping()) == "pong"
                assert inspect.iscoroutinefunction(shop.Client.get)
                assert inspect.iscoroutinefunction(shop.Client.ping)

            def test_returned():
                coroutine = shop.plain("Oslo")
                assert inspect.isawaitable(coroutine)
                assert asyncio.run(coroutine) == {"later": "Oslo"}

            def test_returned_behind_a_decorator():
                async def main():
                    return await asyncio.gather(*(shop.behind(c) for c in ("Oslo", "Rome")))
                assert asyncio.run(main()) == ["Oslo", "Rome"]
        """,
        passed=7,
        real=[
            *("fetch Oslo", "fetch Rome", "fetch Bern", "fetch Atlantis", "get /a", "make x", "ping"),
            *("plain Oslo", "behind Oslo", "behind Rome"),
        ],
    )


def test_a_future_is_refused(project):
    """It belongs to its event loop."""
    project.ini("shop:soon")
    project.test("""
        async def main():
            return await shop.soon("Oslo")
        asyncio.run(main())
    """)

    run = project.record()

    run.expect(
        failed=1,
        says=["UnstorableOutcomeError: what shop:soon returned cannot be stored"],
        never=["pytest_mimic/"],
    )
    assert run.vault == {}


def test_a_cancelled_call_is_not_recorded(project):
    """Neither a timeout nor the end of the event loop leaves a recording. The summary names the call."""
    project.ini("shop:slow", "shop:endless")
    project.module("""
        import asyncio, os
        from tally import ran

        async def slow(name):
            ran("slow", name)
            while "FAST" not in os.environ:
                await asyncio.sleep(0)
            return name

        async def endless(name):
            ran("endless", name)
            while True:
                await asyncio.sleep(0)
    """)
    project.tests("""
        import asyncio
        import pytest, shop

        def test_timeout():
            async def main():
                await asyncio.wait_for(shop.slow("timeout"), 0.01)
            with pytest.raises(asyncio.TimeoutError):
                asyncio.run(main())

        def test_cancelled():
            async def main():
                task = asyncio.create_task(shop.slow("cancelled"))
                await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            asyncio.run(main())

        def test_dropped_by_hand():
            coroutine = shop.endless("dropped")
            coroutine.send(None)
            coroutine.close()

        def test_closed_in_another_context():
            import contextvars
            coroutine = shop.endless("elsewhere")
            contextvars.copy_context().run(coroutine.send, None)
            del coroutine
    """)

    run = project.record().expect(
        passed=4, real=["slow timeout", "slow cancelled", "endless dropped", "endless elsewhere"]
    )

    assert not run.vault
    assert sorted(run.section) == [
        "shop:slow(name='cancelled') was cancelled: not recorded",
        "shop:slow(name='timeout') was cancelled: not recorded",
    ]


def test_calls_replay_and_record_under_trio_and_anyio(round_trip):
    pytest.importorskip("trio")
    pytest.importorskip("anyio")
    round_trip(
        "shop:fetch",
        shop="""
            import anyio
            from tally import ran

            async def fetch(city):
                ran("fetch", city)
                await anyio.sleep(0.01)
                return [city]
        """,
        test="""
            import anyio, pytest, shop

            @pytest.mark.anyio
            @pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
            async def test_it(anyio_backend):
                got = []
                async def one():
                    got.append(await shop.fetch(anyio_backend))
                async with anyio.create_task_group() as group:
                    for _ in range(4):
                        group.start_soon(one)
                assert got == [[anyio_backend]] * 4
        """,
        passed=2,
        real=[*["fetch asyncio"] * 4, *["fetch trio"] * 4],
        plugins=("anyio",),
    )
