"""Identical calls in flight run once: in threads, in tasks and across processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOP = """
    import asyncio
    import threading
    from tally import ran

    started = threading.Barrier(8)

    def fetch(city):
        ran("fetch", city)
        if city == "Atlantis":
            raise LookupError(city)
        threading.Event().wait(0.05)
        return [city]

    async def fetch_async(city):
        ran("fetch_async", city)
        await asyncio.sleep(0.05)
        return [city]

    def stream(count):
        ran("stream", count)
        for number in range(count):
            threading.Event().wait(0.01)
            yield number
"""


@pytest.mark.promise("the same call in flight runs once")
def test_identical_calls_in_many_threads_run_once(round_trip):
    """Each gets its own copy of the outcome, also of an exception."""
    round_trip(
        "shop:fetch",
        "shop:stream",
        test="""
            from concurrent.futures import ThreadPoolExecutor
            import threading
            import shop

            def everywhere(work):
                start = threading.Barrier(8)
                def go(_):
                    start.wait()
                    try:
                        return work()
                    except LookupError as error:
                        return error
                with ThreadPoolExecutor(8) as pool:
                    return list(pool.map(go, range(8)))

            def test_values():
                got = everywhere(lambda: shop.fetch("Oslo"))
                assert got == [["Oslo"]] * 8 and len({id(one) for one in got}) == 8

            def test_errors():
                got = everywhere(lambda: shop.fetch("Atlantis"))
                assert {(type(one), one.args) for one in got} == {(LookupError, ("Atlantis",))}
                assert len({id(one) for one in got}) == 8

            def test_streams():
                assert everywhere(lambda: list(shop.stream(3))) == [[0, 1, 2]] * 8
        """,
        passed=3,
        real=["fetch Oslo", "fetch Atlantis", "stream 3"],
    )


@pytest.mark.promise("the same call in flight runs once")
def test_identical_calls_in_tasks_and_their_threads_run_once(round_trip):
    round_trip(
        "shop:fetch_async",
        "shop:fetch",
        test="""
            import asyncio
            import shop

            def test_it():
                async def main():
                    tasks = [shop.fetch_async("Rome") for _ in range(20)]
                    threads = [asyncio.to_thread(shop.fetch, "Bern") for _ in range(5)]
                    return await asyncio.gather(*tasks, *threads)
                assert asyncio.run(main()) == [["Rome"]] * 20 + [["Bern"]] * 5
        """,
        passed=1,
    )


def test_a_cancelled_or_refused_call_keeps_no_other_waiting(project):
    project.ini("shop:slow", "shop:lock")
    project.module("""
        import asyncio, threading
        from tally import ran

        begun = []

        async def slow():
            ran("slow")
            begun.append(1)
            if len(begun) == 1:
                await asyncio.Event().wait()  # until it is cancelled
            return 1

        def lock():
            ran("lock")
            return threading.Lock()
    """)
    project.tests("""
        import asyncio, shop
        import pytest
        from pytest_mimic import UnstorableOutcomeError

        def test_cancelled():
            async def main():
                first = asyncio.create_task(shop.slow())
                await asyncio.sleep(0)
                second = asyncio.create_task(shop.slow())
                await asyncio.sleep(0)
                first.cancel()
                return await second
            assert asyncio.run(main()) == 1

        def test_refused():
            for _ in range(2):
                with pytest.raises(UnstorableOutcomeError, match="a thread lock"):
                    shop.lock()
    """)

    project.record(process=True).expect(
        passed=2, real=["slow", "slow", "lock", "lock"], never=["in flight elsewhere"]
    )


def test_rerecord_runs_each_call_again_after_one_in_flight(project):
    project.ini("shop:fetch_async")
    project.test("""
        async def main():
            return await asyncio.gather(*(shop.fetch_async("Rome") for _ in range(3)))
        asyncio.run(main())
        asyncio.run(main())
    """)

    project.run("--mimic-rerecord").expect(passed=1, real=["fetch_async Rome"] * 2)


@pytest.mark.promise("the same call in flight runs once")
def test_a_second_process_waits_and_replays(project):
    project.ini("shop:fetch")
    project.module("""
        import pathlib, time
        from tally import ran

        def fetch(city):
            ran("fetch", city)
            pathlib.Path("running").touch()
            while not pathlib.Path("waiting").exists():
                time.sleep(0.01)
            time.sleep(0.3)
            return [city]
    """)
    project.tests("""
        import pathlib, sys, time
        import shop

        def test_it(request):
            if request.config.getoption("-k") == "it":
                while not pathlib.Path("running").exists():
                    time.sleep(0.01)
                pathlib.Path("waiting").touch()
            assert shop.fetch("Oslo") == ["Oslo"]
    """)
    command = [sys.executable, "-m", "pytest", "--mimic-record"]
    both = [
        subprocess.Popen(
            [*command, *project.arguments(*more)],
            cwd=project.root,
            env=project.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for more in ((), ("-k", "it"))
    ]

    outputs = [one.communicate(timeout=300)[0] for one in both]

    assert [one.returncode for one in both] == [0, 0], outputs
    assert project.real() == ["fetch Oslo"]
    assert "1 call recorded" in outputs[0]
    assert "1 call replayed" in outputs[1]


def test_waiting_works_while_the_test_has_stopped_the_clocks(project):
    project.ini("shop:fetch")
    project.test("""
        from concurrent.futures import ThreadPoolExecutor
        monkeypatch.setattr(time, "monotonic", lambda: 0.0)
        monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(shop.fetch, ["Oslo"] * 4)) == [["Oslo"]] * 4
    """)

    project.record().expect(passed=1, real=["fetch Oslo"])
