"""After a miss no code waits because of it. All other waits go on as they are.

The waits that must not happen take an hour, so that a test in which one happens does not end.
"""

from __future__ import annotations

INPUTS = "warn"

SHOP = """
    import asyncio, time
    from concurrent.futures import ThreadPoolExecutor
    from tally import ran

    HOUR = 3600

    def fetch(city):
        ran("fetch", city)
        return city

    async def fetch_async(city):
        ran("fetch_async", city)
        return city

    class ShopError(Exception):
        pass

    def three_times(city):
        for _ in range(3):
            try:
                return fetch(city)
            except Exception:
                time.sleep(HOUR)
        raise ShopError

    def quietly(city):
        try:
            return fetch(city)
        except Exception:
            return None

    def in_a_thread(city):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(three_times, city).result()

    async def alone(city):
        for _ in range(3):
            try:
                return await fetch_async(city)
            except Exception:
                await asyncio.sleep(delay=0)
                await asyncio.sleep(HOUR)
        raise ShopError

    async def gathered(city):
        return await asyncio.gather(alone(city), alone(city))

    def endless(city):
        while quietly(city) is None:
            time.sleep(HOUR)
"""


def shop(project, test, **options):
    project.ini("shop:fetch", "shop:fetch_async")
    project.module(SHOP)
    project.tests(test)
    return project.run(process=True, **options)


def test_code_that_tries_again_does_not_wait(project):
    test = """
        import asyncio
        import pytest, shop

        @pytest.mark.parametrize("call", [
            lambda: shop.three_times("Oslo"),
            lambda: shop.in_a_thread("Oslo"),
            lambda: asyncio.run(shop.gathered("Oslo")),
        ])
        def test_it(call):
            call()

        def test_endless():
            shop.endless("Oslo")
    """

    run = shop(project, test)

    run.expect(
        failed=4,
        real=[],
        says=["the same missing call was made 1,000 times, so the test is ended"],
        never=["pytest_mimic/"],
    )
    assert run.section[0].startswith("4 calls missing"), run.output


def test_other_waits_go_on_as_they_are(project):
    """Those of the test itself, of another thread or task, of a fake, and after a further call."""
    test = """
        import asyncio, threading, time
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        class Slept(BaseException):
            pass

        @pytest.fixture
        def slept(monkeypatch):
            def sleep(seconds):
                raise Slept(seconds)
            sleep.__module__ = "time"
            monkeypatch.setattr(time, "sleep", sleep)

        def nap():
            exec(compile("time.sleep(7)", "library.py", "exec"), {"time": time})

        def missed():
            with pytest.raises(MissingRecordingError):
                shop.fetch("Oslo")

        def test_its_own(slept):
            missed()
            with pytest.raises(Slept):
                time.sleep(7)
            nap()

        def test_a_thread(slept):
            missed()
            found = []
            def rest():
                try:
                    nap()
                except Slept:
                    found.append("slept")
            thread = threading.Thread(target=rest)
            thread.start()
            thread.join()
            assert found == ["slept"]

        def test_a_task(slept):
            async def rest():
                with pytest.raises(Slept):
                    nap()
            async def main():
                beside = asyncio.create_task(rest())
                missed()
                await beside
            asyncio.run(main())

        def test_a_loop_without_calls(slept):
            missed()
            with pytest.raises(Slept):
                for _ in range(11):
                    nap()

        def test_a_fake(monkeypatch):
            rested = []
            monkeypatch.setattr(time, "sleep", rested.append)
            missed()
            nap()
            assert rested == [7]

        def test_all_is_restored():
            assert time.sleep.__module__ == "time" and type(time.sleep).__name__ == "builtin_function_or_method"
            assert asyncio.sleep is asyncio.tasks.sleep and not hasattr(asyncio.sleep, "__wrapped__")
    """

    shop(project, test).expect(passed=6, real=[])


def test_a_sleep_that_a_wider_fixture_puts_back_is_restored(project):
    project.write(
        "test_zlater.py",
        """
        import time

        def test_it():
            assert type(time.sleep).__name__ == "builtin_function_or_method"
        """,
    )
    test = """
        import time

        import pytest
        import shop
        from pytest_mimic import MissingRecordingError

        @pytest.fixture(scope="module")
        def no_waits():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "sleep", lambda seconds: None)
                yield

        def test_a_miss(request):
            with pytest.raises(MissingRecordingError):
                shop.fetch("Oslo")
            request.getfixturevalue("no_waits")

        def test_without_a_miss(no_waits):
            pass
    """

    shop(project, test).expect(passed=3, real=[])


def test_a_process_that_is_waited_for_is_no_retry(project):
    """`subprocess` waits with sleeps."""
    project.write(
        "tool.py",
        """
        import subprocess, sys, shop

        def run(city):
            shop.quietly(city)
            process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            try:
                process.wait(0.001)
            except subprocess.TimeoutExpired:
                process.communicate(b"x", timeout=60)
            return process.returncode
        """,
    )
    run = shop(project, "import tool\n\ndef test_it():\n    assert tool.run('Oslo') == 0\n")

    run.expect(failed=1, says=["passed only because a missing recording was swallowed"])


def test_a_loop_of_a_thread_lives_on(project):
    """Others may wait for a thread, so no wait of its own loop raises an error."""
    project.write(
        "worker.py",
        """
        import queue, threading, time, shop

        class Worker(threading.Thread):
            def __init__(self):
                super().__init__(daemon=True)
                self.jobs = queue.Queue()

            def run(self):
                while True:
                    city = self.jobs.get()
                    try:
                        shop.fetch(city)
                    except Exception:
                        time.sleep(3600)
                    self.jobs.task_done()
        """,
    )
    test = """
        import worker

        def test_it():
            one = worker.Worker()
            one.start()
            one.jobs.put("Oslo")
            one.jobs.put("Rome")
            one.jobs.join()
    """

    run = shop(project, test)

    run.expect(failed=1, says=["passed only because a missing recording was swallowed"])
    assert run.section[0].startswith("2 calls missing"), run.output
