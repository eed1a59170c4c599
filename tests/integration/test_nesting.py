"""Section 5, outcome: calls inside a call that runs for real belong to that call."""

from __future__ import annotations

SHOP = """
    from concurrent.futures import ThreadPoolExecutor

    def price(item):
        ran("price", item)
        return len(item)

    async def price_async(item):
        ran("price_async", item)
        await asyncio.sleep(0)
        return len(item)

    def total(*items):
        ran("total", *items)
        return sum(price(item) for item in items)

    def factorial(number):
        ran("factorial", number)
        return number * factorial(number - 1) if number else 1

    def tree(depth):
        ran("tree", depth)
        yield depth
        if depth:
            yield from tree(depth - 1)
            yield price("leaf" * depth)

    async def total_async(*items):
        ran("total_async", *items)
        parts = await asyncio.gather(*(asyncio.create_task(price_async(item)) for item in items))
        return sum(parts) + await asyncio.to_thread(price, "thread")

    def in_thread(item):
        ran("in_thread", item)
        got = []
        thread = threading.Thread(target=lambda: got.append(price(item)))
        thread.start()
        thread.join()
        return got

    class Worker(threading.Thread):
        def __init__(self, item):
            super().__init__()
            self.item = item

        def run(self):
            self.got = price(self.item)

    def in_own_thread(item):
        ran("in_own_thread", item)
        worker = Worker(item)
        worker.start()
        worker.join()
        assert "run" not in vars(worker)
        return worker.got

    def in_pool(*items):
        ran("in_pool", *items)
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(price, items))

    async def in_executor(item):
        ran("in_executor", item)
        return await asyncio.get_running_loop().run_in_executor(None, price, item)

    def guard(lock, item):
        return len(item)

    async def guard_async(lock, item):
        return len(item)

    def guarded(item):
        ran("guarded", item)
        return guard(threading.Lock(), item)

    async def guarded_async(item):
        ran("guarded_async", item)
        return await guard_async(threading.Lock(), item)
"""


def test_inner_calls_are_not_recorded_separately(project):
    """This holds for recursion, generators, tasks, threads and pools."""
    project.tests("""
        @pytest.mark.parametrize("call, value", [
            (lambda: shop.total("a", "bb"), 3),
            (lambda: shop.factorial(4), 24),
            (lambda: list(shop.tree(2)), [2, 1, 0, 4, 8]),
            (lambda: asyncio.run(shop.total_async("a", "bb")), 9),
            (lambda: shop.in_thread("abc"), [3]),
            (lambda: shop.in_own_thread("abc"), 3),
            (lambda: shop.in_pool("a", "bb", "ccc"), [1, 2, 3]),
            (lambda: asyncio.run(shop.in_executor("abc")), 3),
            (lambda: shop.guarded("abc"), 3),  # a lock has no identity, and the inner call needs none
            (lambda: asyncio.run(shop.guarded_async("abc")), 3),
        ])
        def test_it(call, value):
            assert call() == value
    """)
    run = project.round_trip("shop:*", passed=10)

    assert len(run.calls) == 10


def test_a_call_between_two_items_of_a_stream_is_not_nested(project):
    project.ini("shop:tree", "shop:price")
    project.test("assert [shop.price('x' * n) for n in shop.tree(1)][:2] == [1, 0]")

    run = project.record().expect(passed=1)

    assert [call.target for call in run.calls].count("shop:price") == 3
    project.replay().expect(passed=1, real=[])


def test_a_task_beside_a_recorded_call_is_not_nested(project):
    project.ini("shop:slow", "shop:price_async")
    project.module("""
        inside = asyncio.Event()
        done = asyncio.Event()

        async def price_async(item):
            ran("price_async", item)
            return len(item)

        async def slow():
            ran("slow")
            inside.set()
            await done.wait()
            return await price_async("inner")
    """)
    project.test("""
        async def beside():
            await shop.inside.wait()
            got = await shop.price_async("outer")
            shop.done.set()
            return got
        async def main():
            return await asyncio.gather(shop.slow(), beside())
        async def replayed():
            shop.inside.set()
            return await main()
        assert asyncio.run(replayed() if shop.inside.is_set() else main()) == [5, 5]
    """)
    run = project.record().expect(
        passed=1, real=["slow", "price_async outer", "price_async inner"]
    )

    assert [call.target for call in run.calls].count("shop:price_async") == 1


def test_inner_calls_of_a_cassettes_call_run_for_real(project):
    """The vault could answer them."""
    project.ini("shop:price")
    project.test("""
        assert shop.price("a") == 1
        with mimic_auto("c", targets=["shop:total"]):
            assert shop.total("a") == 1
        assert shop.price("a") == 1
    """)
    project.record().expect(passed=1, real=["price a", "total a", "price a"])
    (project.vault / "cassettes/c.json").unlink()

    project.run().expect(passed=1, real=["total a", "price a"])

    project.replay().expect(passed=1, real=[])
