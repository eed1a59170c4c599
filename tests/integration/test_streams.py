"""Section 5, outcome: generators replay item by item, as far as their reader read, and coroutines in any event loop."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    def count(start, stop=3):
        ran("count", start)
        for number in range(start, stop):
            yield {"n": number}
        return "done"

    def broken(at):
        ran("broken", at)
        for number in range(at):
            yield number
        raise ValueError(f"broke at {at}")

    def endless():
        ran("endless")
        number = 0
        while True:
            yield number
            number += 1

    def plain(start):
        ran("plain", start)
        return (number * 2 for number in range(start))

    async def pages(stop):
        ran("pages", stop)
        for number in range(stop):
            yield [number]

    async def broken_pages():
        ran("broken_pages")
        yield 1
        raise KeyError("page")

    def growing():
        ran("growing")
        items = []
        for number in range(3):
            items.append(number)
            yield items

    def plain_pages(stop):
        ran("plain_pages", stop)
        return pages_inside(stop)

    async def pages_inside(stop):
        for number in range(stop):
            yield number
"""


def test_streams_replay(project):
    """Their items, return value or exception, also of async generators and those that a plain function returns."""
    project.tests("""
        import asyncio, inspect, types

        async def read(stream):
            return [item async for item in stream]

        def test_items():
            assert list(shop.count(0)) == [{"n": 0}, {"n": 1}, {"n": 2}]

        def test_each_item_as_it_was_when_it_was_read():
            assert [list(items) for items in shop.growing()] == [[0], [0, 1], [0, 1, 2]]

        def test_return_value():
            def reader():
                return (yield from shop.count(0))
            reading = reader()
            try:
                while True:
                    next(reading)
            except StopIteration as stop:
                assert stop.value == "done"

        def test_kinds():
            assert isinstance(shop.count(0), types.GeneratorType)
            assert inspect.isgeneratorfunction(shop.count)
            assert inspect.isasyncgenfunction(shop.pages)
            assert inspect.isasyncgen(shop.pages(3))

        def test_returned_by_a_plain_function():
            got, pages = shop.plain(3), shop.plain_pages(3)
            assert inspect.isgenerator(got) and list(got) == [0, 2, 4]
            assert inspect.isasyncgen(pages) and asyncio.run(read(pages)) == [0, 1, 2]

        def test_returned_and_not_read():
            shop.plain(2), shop.plain_pages(2)
            stream = shop.plain(4)
            assert inspect.isgenerator(stream)
            shop.plain(5).close()

        def test_exception():
            items = []
            with pytest.raises(ValueError, match="broke at 2"):
                for item in shop.broken(2):
                    items.append(item)
            assert items == [0, 1]

        def test_exception_of_an_async_generator():
            async def read():
                items = []
                try:
                    async for item in shop.broken_pages():
                        items.append(item)
                except KeyError as error:
                    return items, error.args
            assert asyncio.run(read()) == ([1], ("page",))

        def test_async():
            assert asyncio.run(read(shop.pages(3))) == [[0], [1], [2]]

        def test_async_stopped_early():
            async def first():
                stream = shop.pages(5)
                async for item in stream:
                    await stream.aclose()
                    return item
            assert asyncio.run(first()) == [0]
    """)
    replayed = project.round_trip(
        "shop:count",
        "shop:plain",
        "shop:broken",
        "shop:broken_pages",
        "shop:pages",
        "shop:plain_pages",
        "shop:growing",
        passed=10,
        real=[
            *(
                "count 0",
                "growing",
                "plain 3",
                "plain_pages 3",
                "plain 2",
                "plain_pages 2",
                "plain 4",
                "plain 5",
            ),
            *("broken 2", "broken_pages", "pages 3", "pages 5"),
        ],
    )

    assert [line for line in replayed.section if "not recorded" in line] == []


def test_a_generator_that_is_never_read_is_not_recorded(project):
    """Its function does not run either, as without the plugin."""
    project.ini("shop:count")
    project.test("shop.count(0)")

    run = project.record().expect(passed=1, real=[])

    assert run.vault == {}
    project.run().expect(passed=1)


@pytest.mark.parametrize("end", ["break", "reading.close()"])
def test_a_stream_replays_as_far_as_its_reader_read(project, end):
    """So an endless generator can be recorded.

    One that is left open is closed by the garbage collector.
    """
    project.tests(f"""
        def read():
            got = []
            reading = shop.endless()
            for number in reading:
                got.append(number)
                if number == 2:
                    {end}
            return got

        def test_it():
            assert read() == [0, 1, 2]
    """)
    project.round_trip("shop:endless", passed=1, real=["endless"])


def test_reading_further_than_the_recording_is_a_miss(project):
    project.ini("shop:endless")
    test = "import itertools, shop\n\ndef test_it():\n    assert len([*itertools.islice(shop.endless(), {})]) == {}\n"
    project.tests(test.format(2, 2))
    project.record().expect(passed=1, real=["endless"])
    project.tests(test.format(4, 4))

    says = [
        "shop:endless() was read further",
        "pytest --mimic-rerecord test_shop.py::test_it",
    ]
    project.replay().expect(failed=1, says=says, never=["pytest_mimic/"])
    project.run("--mimic-rerecord").expect(passed=1, real=["endless"])
    project.tests(test.format(1, 1))
    project.replay().expect(passed=1, real=[])


def test_the_reader_that_reads_to_the_end_is_recorded(project):
    """`zip` reads the first of two equal streams to its end, and leaves the second before it."""
    project.ini("shop:count")
    project.test("""
        pairs = list(zip(shop.count(0), shop.count(0)))
        assert pairs == [({"n": n}, {"n": n}) for n in range(3)]
    """)

    project.round_trip(passed=1, real=["count 0", "count 0"])
    project.run("--mimic-rerecord").expect(passed=1, real=["count 0", "count 0"])
    project.replay().expect(passed=1, real=[])


def test_an_async_stream_left_by_a_break_is_recorded_as_far_as_read(project):
    """At its end, asyncio.run cancels the task that closes the stream.

    No cancelled await is part of the stream.
    """
    project.ini("shop:pages_inside")
    project.tests("""
        async def first(n):
            async for page in shop.pages_inside(9):
                if page == n:
                    return page

        def test_some():
            assert asyncio.run(first(2)) == 2

        def test_fewer():
            assert asyncio.run(first(1)) == 1
    """)

    project.round_trip(passed=2)


def test_a_stream_that_nobody_reads_is_recorded_at_once(project):
    """Not with what the test does later."""
    project.ini("shop:listed")
    project.module("def listed(items):\n    return (item for item in list(items))\n")
    project.test("""
        shop.listed(items := [1])
        items.append(2)
        assert [*pathlib.Path(".mimic_vault").rglob("*.json")]
    """)

    project.round_trip(passed=1)


# -- coroutines


COROUTINES = """
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


def test_coroutines_replay_as_coroutines(project):
    """Of functions and methods, and those that a plain function returns; in tasks, with gather and wait_for."""
    project.module(COROUTINES)
    project.tests("""
        import asyncio, inspect

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
    """)
    project.round_trip(
        "shop:fetch",
        "shop:Client.*",
        "shop:plain",
        "shop:behind",
        passed=7,
        real=[
            *(
                "fetch Oslo",
                "fetch Rome",
                "fetch Bern",
                "fetch Atlantis",
                "get /a",
                "make x",
                "ping",
            ),
            *("plain Oslo", "behind Oslo", "behind Rome"),
        ],
    )


def test_a_future_is_refused(project):
    """It belongs to its event loop."""
    project.ini("shop:soon")
    project.module(COROUTINES)
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


def test_calls_replay_and_record_under_trio_and_anyio(project):
    pytest.importorskip("trio")
    pytest.importorskip("anyio")
    project.module("""
        import anyio

        async def fetch(city):
            ran("fetch", city)
            await anyio.sleep(0.01)
            return [city]
    """)
    project.tests("""
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
    """)
    project.round_trip(
        "shop:fetch",
        passed=2,
        real=[*["fetch asyncio"] * 4, *["fetch trio"] * 4],
        plugins=("anyio",),
    )


LAZY = """
    def fetch(number):
        ran("fetch", number)
        return number * 10

    def mapped(numbers):
        return map(fetch, numbers)

    def chained(numbers):
        return itertools.chain(map(fetch, numbers), enumerate(numbers))

    def endless():
        return itertools.count()


    async def late(numbers):
        return map(fetch, numbers)

    def promised(numbers):
        return late(numbers)

    async def made(numbers):
        return (fetch(number) for number in numbers)

    async def opened(numbers):
        async def read():
            for number in numbers:
                yield fetch(number)
        return read()
"""


def test_iterators_made_by_c_code_are_streams(project):
    """The items are given, the function behind them is not called again."""
    project.module(LAZY)
    project.tests("""
        def test_items():
            assert list(shop.mapped([1, 2])) == [10, 20]
            assert list(shop.chained([3])) == [30, (0, 3)]
            assert list(itertools.islice(shop.endless(), 2)) == [0, 1]
            assert next(shop.mapped([4, 5])) == 40
    """)
    project.round_trip(
        "shop:mapped",
        "shop:chained",
        "shop:endless",
        passed=1,
        real=["fetch 1", "fetch 2", "fetch 3", "fetch 4"],
    )
    project.run("--mimic-verify").expect(passed=1)


def test_streams_that_coroutines_return_are_streams(project):
    """An iterator made by C code, a generator, an async generator."""
    project.module(LAZY)
    project.tests("""
        async def read(stream):
            return [item async for item in await stream]

        def test_items():
            assert list(asyncio.run(shop.late([1, 2]))) == [10, 20]
            assert next(asyncio.run(shop.promised([3, 4]))) == 30
            assert sum(asyncio.run(shop.made([5]))) == 50
            assert asyncio.run(read(shop.opened([6, 7]))) == [60, 70]
    """)
    project.round_trip(
        "shop:late",
        "shop:promised",
        "shop:made",
        "shop:opened",
        passed=1,
        real=[f"fetch {number}" for number in (1, 2, 3, 5, 6, 7)],
    )


def test_a_stream_that_a_coroutine_returns_is_verified(project):
    project.ini("shop:late")
    project.module(LAZY)
    project.test("assert list(asyncio.run(shop.late([1, 2]))) == [10, 20]")
    project.record().expect(passed=1)
    project.run("--mimic-verify").expect(passed=1)
    project.module(LAZY.replace("number * 10", "number * 11"))

    project.run("--mimic-verify").expect(failed=1, says=["11 now"])


READERS = """
    def read(count):
        return list(itertools.islice(shop.numbers(), count))

    async def read_async(count):
        stream = shop.numbers_async()
        return [await anext(stream) for _ in range(count)]

    def test_three(): assert read(3) == [0, 1, 2]
    def test_five(): assert read(5) == [0, 1, 2, 3, 4]
    def test_four(): assert read(4) == [0, 1, 2, 3]
    def test_async():
        for count in (1, 3, 2):
            assert asyncio.run(read_async(count)) == list(range(count))
"""


def test_a_stream_that_all_tests_share_keeps_the_longest_reading(project):
    """Whoever reads further while recording reads on; recorded again, none shortens it."""
    project.module(
        """
        def numbers():
            ran("numbers")
            yield from range(1000)

        async def numbers_async():
            ran("numbers_async")
            for number in range(1000):
                yield number
        """
    )
    project.ini("shop:numbers", "shop:numbers_async")
    project.tests(READERS)
    order = ("-p", "no:randomly")
    wanted = ["numbers", "numbers", "numbers_async", "numbers_async"]

    project.record(*order).expect(passed=4, real=wanted)

    project.replay(*order).expect(passed=4, real=[])
    project.run("--mimic-rerecord", *order).expect(passed=4, real=wanted[::2])
    project.replay(*order).expect(passed=4, real=[])
    project.run("--mimic-rerecord", "test_shop.py::test_three").expect(passed=1)
    project.replay(*order).expect(passed=4, real=[])
