"""Calls that are made at the same time while recording each run, and one outcome stays."""

from __future__ import annotations

SHOP = """
    import asyncio
    import threading
    from tally import ran

    together = threading.Barrier(8)
    numbers = iter(range(100))

    def fetch(city):
        together.wait()
        number = next(numbers)
        ran("fetch", city)
        if city == "Atlantis":
            raise LookupError(city)
        return [city, number, "x" * 5_000]

    async def fetch_async(city):
        ran("fetch_async", city)
        await asyncio.sleep(0)
        return [city]

    def stream(count):
        together.wait()
        ran("stream", count)
        yield from range(count)
"""
TESTS = """
    from concurrent.futures import ThreadPoolExecutor
    import asyncio
    import threading
    import shop

    def everywhere(work):
        def go(_):
            try:
                return work()
            except LookupError as error:
                return error
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(go, range(8)))

    def test_values():
        got = everywhere(lambda: shop.fetch("Oslo"))
        assert {city for city, *_ in got} == {"Oslo"} and len({id(one) for one in got}) == 8

    def test_errors():
        got = everywhere(lambda: shop.fetch("Atlantis"))
        assert {(type(one), one.args) for one in got} == {(LookupError, ("Atlantis",))}

    def test_streams():
        assert everywhere(lambda: list(shop.stream(3))) == [[0, 1, 2]] * 8

    def test_tasks():
        async def main():
            return await asyncio.gather(*(shop.fetch_async("Rome") for _ in range(3)))
        assert asyncio.run(main()) == [["Rome"]] * 3
"""


def test_each_call_runs_and_one_outcome_is_recorded(project):
    """A replay gives all of them the outcome that stayed, each its own copy."""
    project.ini("shop:*")
    project.module(SHOP)
    project.tests(TESTS)

    recorded = project.record().expect(passed=4)

    assert sorted(recorded.real) == sorted(
        [*["fetch Oslo", "fetch Atlantis", "stream 3"] * 8, *["fetch_async Rome"] * 3]
    )
    assert len([name for name in recorded.vault if name.startswith("calls/")]) == 4
    project.replay("--mimic-fail-on-unused").expect(passed=4, real=[])
    again = project.run("--mimic-rerecord").expect(passed=4)
    assert again.vault.keys() >= {name for name in recorded.vault if name.startswith("calls/")}
    project.replay().expect(passed=4, real=[])
