"""Generators are recorded and replayed item by item, as far as their reader read."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    from tally import ran

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


def test_streams_replay(round_trip):
    """Their items, return value or exception, also of async generators and those that a plain function returns."""
    replayed = round_trip(
        *("shop:count", "shop:plain", "shop:broken", "shop:broken_pages", "shop:pages", "shop:plain_pages"),
        "shop:growing",
        test="""
            import asyncio, inspect, types
            import pytest
            import shop

            async def read(stream):
                return [item async for item in stream]

            def test_items():
                assert list(shop.count(0)) == [{"n": 0}, {"n": 1}, {"n": 2}]

            def test_fresh():
                next(iter(shop.count(0)))["n"] = 99
                assert next(shop.count(0)) == {"n": 0}

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

            def test_no_items():
                assert list(shop.count(3)) == []

            def test_exception():
                items = []
                with pytest.raises(ValueError, match="broke at 2"):
                    for item in shop.broken(2):
                        items.append(item)
                assert items == [0, 1]

            def test_exception_at_once():
                with pytest.raises(ValueError, match="broke at 0"):
                    next(shop.broken(0))

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
        """,
        passed=13,
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
            *("count 3", "broken 2", "broken 0", "broken_pages", "pages 3", "pages 5"),
        ],
        hash_seeds=(1, 2),
    )

    assert [line for line in replayed.section if "not recorded" in line] == []


def test_a_generator_that_is_never_read_is_not_recorded(project):
    """Its function does not run either, as without the plugin."""
    project.ini("shop:count")
    project.test("shop.count(0)")

    run = project.record().expect(passed=1, real=[])

    assert run.vault == {}
    project.run().expect(passed=1)


@pytest.mark.parametrize("end", ["break", "reading.close()", "return got"])
def test_a_stream_replays_as_far_as_its_reader_read(round_trip, end):
    """So an endless generator can be recorded. One that is left open is closed by the garbage collector."""
    round_trip(
        "shop:endless",
        test=f"""
            import shop

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
        """,
        passed=1,
        real=["endless"],
    )


def test_reading_further_than_the_recording_is_a_miss(project):
    """With --mimic-record, too. An unread one is a stream without items."""
    project.ini("shop:endless", "shop:pages_inside")
    test = """
        import asyncio, itertools
        import shop

        def test_sync():
            assert list(itertools.islice(shop.endless(), {n})) == list(range({n}))

        def test_async():
            async def read():
                got = []
                reading = shop.pages_inside(9)
                async for page in reading:
                    got.append(page)
                    if len(got) == {n}:
                        break
                await reading.aclose()
                return got
            assert asyncio.run(read()) == list(range({n}))
    """
    project.tests(test.format(n=2))
    project.record().expect(passed=2, real=["endless"])
    project.tests(test.format(n=4))

    project.replay().expect(
        failed=2,
        real=[],
        says=[
            "MissingRecordingError: shop:endless() is read further than it was when it was recorded",
            "MissingRecordingError: shop:pages_inside(stop=9) is read further than it was",
            "to record the rest: pytest --mimic-rerecord test_shop.py::test_sync",
        ],
        never=["pytest_mimic/"],
    )
    project.record().expect(failed=2, real=[], says=["is read further"])
    project.run("--mimic-rerecord").expect(passed=2, real=["endless"])
    project.replay().expect(passed=2, real=[])
    project.tests(test.format(n=1))
    project.replay().expect(passed=2, real=[])


def test_an_async_stream_that_is_cancelled_is_not_recorded(project):
    project.ini("shop:slow")
    project.module("""
        import asyncio
        from tally import ran

        async def slow():
            ran("slow")
            yield 1
            await asyncio.Event().wait()
    """)
    project.test("""
        async def read():
            async for item in shop.slow():
                assert item == 1
        async def main():
            try:
                await asyncio.wait_for(read(), 0.01)
            except asyncio.TimeoutError:
                pass
        asyncio.run(main())
    """)

    run = project.record().expect(passed=1, real=["slow"])

    assert not run.vault


def test_an_async_stream_left_by_a_break_is_recorded_as_far_as_read(project):
    """At its end, asyncio.run cancels the task that closes the stream. No cancelled await is part of the stream."""
    project.ini("shop:pages_inside")
    project.tests("""
        import asyncio, shop

        async def first(n):
            async for page in shop.pages_inside(9):
                if page == n:
                    return page

        def test_some():
            assert asyncio.run(first(2)) == 2

        def test_fewer():
            assert asyncio.run(first(1)) == 1
    """)

    project.record().expect(passed=2)
    project.replay().expect(passed=2, real=[])


def test_a_stream_in_a_reference_cycle_is_collected_silently(project) -> None:
    project.write("pytest.ini", "[pytest]\nmimic_functions =\n    shop:plain\n    shop:pages\n")
    project.tests("""
        import asyncio
        import gc
        import shop

        class Holder:
            pass

        def hold(stream):
            holder = Holder()
            holder.itself, holder.stream = holder, stream
            return holder

        def test_it():
            holder = hold(shop.plain(3))
            next(holder.stream)
            del holder
            gc.collect()

        def test_async():
            async def main():
                holder = hold(shop.pages(3))
                await holder.stream.__anext__()
                del holder
                gc.collect()
                await asyncio.sleep(0)

            asyncio.run(main())
    """)

    project.record("-W", "error").expect(passed=2)
    project.replay("-W", "error").expect(passed=2, real=[])
